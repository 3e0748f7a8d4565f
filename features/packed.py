"""Packed records: one compact record per entity and feature view, in LMDB.

A record is the time of its values (microseconds since 1970 in UTC, int64) followed by the values as float64, NaN for missing.
LMDB gives what a feature server needs from an embedded engine: readers in any number of processes beside one writer, no torn
reads, and a store that is whole after a crash. An older record never overwrites a newer one; an equally old one is a correction.
"""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import lmdb
import numpy as np
from numpy.typing import NDArray

from holdfast.errors import InputError, ModelError

Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]

MAX_ID_BYTES = 480
_MAP_BYTES = 2**36  # address space, not memory or disk
_MAX_VIEWS = 126
_MAX_READERS = 1022  # processes and threads that read at one moment
_ROWS_PER_TRANSACTION = 100_000
_VIEWS = b"__views__"
_DOCUMENTS = b"__documents__"

_stores: dict[tuple[int, int], "_Opened"] = {}
_opening = threading.Lock()


class PackedStore:
    """The packed records below one directory.

    Parameters
    ----------
    directory : Path
        Where LMDB's files lie.
    create : bool
        Make the store where there is none.

    Raises
    ------
    ModelError
        There is no store to read, or it is damaged.
    """

    def __init__(self, directory: Path, *, create: bool = False) -> None:
        self._opened = _open(directory.absolute(), create)

    def write(self, view: str, columns: Sequence[str], ids: Sequence[str], times: Times, matrix: Floats) -> int:
        """Write records, each unless a newer one is there.

        Parameters
        ----------
        view : str
            Feature view. Other columns than before empty it first.
        columns : sequence of str
            The k columns of the view, in record order.
        ids : sequence of str
            The n entities, at most 480 bytes each in UTF-8.
        times : (n,) datetime64[us]
            When the values were true, UTC.
        matrix : (n, k) float64
            The values, NaN for missing.

        Returns
        -------
        int
            How many records were written.
        """
        records = _records(columns, times, matrix)
        written = 0
        with _telling_errors():
            self._declare(view, columns)
            for start in range(0, len(ids), _ROWS_PER_TRANSACTION):
                stop = start + _ROWS_PER_TRANSACTION
                written += self._write_newer(view, ids[start:stop], records[start:stop])
        return written

    def replace(self, view: str, columns: Sequence[str], ids: Sequence[str], times: Times, matrix: Floats) -> None:
        """Make these records the view's only ones, whatever their times; readers see all of the old or all of the new.

        Parameters and errors as in `write`.
        """
        views = self._opened.make_database(_VIEWS)
        database = self._opened.make_database(_records_of(view))
        records = _records(columns, times, matrix)
        with _telling_errors(), self._opened.environment.begin(write=True) as transaction:
            transaction.drop(database, delete=False)
            transaction.put(view.encode(), json.dumps(list(columns)).encode(), db=views)
            with transaction.cursor(db=database) as cursor:
                cursor.putmulti((_checked_key(entity), records[row].data) for row, entity in enumerate(ids))

    def read(self, view: str, columns: Sequence[str], ids: Sequence[str]) -> tuple[Floats, Times]:
        """Read records as they were at one moment.

        Parameters
        ----------
        view : str
            Feature view.
        columns : sequence of str
            All columns of the view, in record order.
        ids : sequence of str
            The n entities.

        Returns
        -------
        matrix : (n, k) float64
            NaN for missing values and for entities not in the store.
        times : (n,) datetime64[us]
            NaT for entities not in the store.

        Raises
        ------
        ModelError
            The view is not in the store, or has other columns.
        """
        records = np.full((len(ids), 1 + len(columns)), np.nan, dtype="<f8")
        records[:, 0] = np.full(len(ids), np.datetime64("NaT", "us")).view("<f8")
        size = records.shape[1] * 8
        views, database = self._opened.database(_VIEWS), self._opened.database(_records_of(view))
        with self._opened.reading() as transaction:
            if _columns(view, views, transaction) != list(columns):
                raise ModelError(f"feature view {view}", "is not in the online store with the columns asked for")
            for row, entity in enumerate(ids):
                key = _key(entity)
                found = None if key is None else transaction.get(key, db=database)
                if found is not None:
                    if len(found) != size:
                        raise ModelError(f"feature view {view}", f"holds a record that is not {size} bytes long", len(found))
                    records[row] = np.frombuffer(found, dtype="<f8")
        return records[:, 1:].copy(), records[:, 0].copy().view("datetime64[us]")

    def columns(self, view: str) -> list[str]:
        """The view's columns in record order.

        Raises
        ------
        ModelError
            The view is not in the store.
        """
        views = self._opened.database(_VIEWS)
        with self._opened.reading() as transaction:
            columns = _columns(view, views, transaction)
        if columns is None:
            raise ModelError(f"feature view {view}", "is not in the online store; materialize it first")
        return columns

    def drop(self, view: str) -> None:
        """Remove a view and its records, if it is there."""
        views, database = self._opened.database(_VIEWS), self._opened.database(_records_of(view))
        if views is None or database is None:
            return
        with self._opened.environment.begin(write=True) as transaction:
            transaction.drop(database, delete=False)
            transaction.delete(view.encode(), db=views)

    def put_document(self, name: str, document: object) -> None:
        """Store a JSON document beside the records, such as the layout of a feature service."""
        documents = self._opened.make_database(_DOCUMENTS)
        with self._opened.environment.begin(write=True) as transaction:
            transaction.put(name.encode(), json.dumps(document, ensure_ascii=False).encode(), db=documents)

    def get_document(self, name: str) -> object:
        """Read back a document; None where there is none."""
        documents = self._opened.database(_DOCUMENTS)
        with self._opened.reading() as transaction:
            text = None if documents is None else transaction.get(name.encode(), db=documents)
        return None if text is None else json.loads(bytes(text))

    def _declare(self, view: str, columns: Sequence[str]) -> None:
        views = self._opened.make_database(_VIEWS)
        database = self._opened.make_database(_records_of(view))
        with self._opened.environment.begin(write=True) as transaction:
            known = _columns(view, views, transaction)
            if known == list(columns):
                return
            if known is not None:
                transaction.drop(database, delete=False)
            transaction.put(view.encode(), json.dumps(list(columns)).encode(), db=views)

    def _write_newer(self, view: str, ids: Sequence[str], records: Floats) -> int:
        database = self._opened.make_database(_records_of(view))
        with self._opened.environment.begin(write=True, buffers=True) as transaction:
            times = records[:, 0].copy().view("<i8")

            def newer() -> Iterator[tuple[bytes, memoryview]]:
                for row, entity in enumerate(ids):
                    key = _checked_key(entity)
                    known = transaction.get(key, db=database)
                    if known is None or int.from_bytes(known[:8], "little", signed=True) <= times[row]:
                        yield key, records[row].data

            with transaction.cursor(db=database) as cursor:
                _, written = cursor.putmulti(newer())
        return int(written)


class _Opened:
    """An open LMDB environment and the databases in it."""

    def __init__(self, environment: lmdb.Environment) -> None:
        self.environment = environment
        self._databases: dict[bytes, lmdb._Database] = {}
        self._opening = threading.Lock()

    def database(self, name: bytes) -> "lmdb._Database | None":
        """Handle of a named database, None where it does not exist."""
        try:
            return self._handle(name, create=False)
        except lmdb.NotFoundError:
            return None

    def make_database(self, name: bytes) -> "lmdb._Database":
        """Handle of a named database, made where it does not exist."""
        return self._handle(name, create=True)

    @contextmanager
    def reading(self) -> Iterator[lmdb.Transaction]:
        """A read transaction."""
        # Readers that were killed keep their slots until somebody clears them: whoever finds none left does.
        with _telling_errors():
            try:
                transaction = self.environment.begin(buffers=True)
            except lmdb.ReadersFullError:
                self.environment.reader_check()
                transaction = self.environment.begin(buffers=True)
            with transaction:
                yield transaction

    def _handle(self, name: bytes, create: bool) -> "lmdb._Database":
        # LMDB lets one transaction of a process at a time open handles: they are opened apart from all reading, and kept.
        with self._opening:
            if name not in self._databases:
                self._databases[name] = self.environment.open_db(name, create=create)
            return self._databases[name]


def _open(directory: Path, create: bool) -> _Opened:
    # LMDB forbids opening one store twice in a process: its locks would die with the second handle. A store is known by its
    # file, not its name, since a home may be moved, or removed and made anew.
    with _opening:
        known = _stores.get(_file_of(directory))
        if known is not None:
            return known
        if create:
            directory.mkdir(parents=True, exist_ok=True)
        writable = os.access(directory, os.W_OK)
        try:
            environment = lmdb.open(
                str(directory),
                map_size=_MAP_BYTES,
                max_dbs=_MAX_VIEWS + 2,
                max_readers=_MAX_READERS,
                create=create,
                readonly=not writable,
            )
            environment.reader_check()
        except lmdb.Error as error:
            raise ModelError(str(directory), f"holds no readable online store: {error}") from None
        opened = _stores[_file_of(directory)] = _Opened(environment)
        return opened


def _file_of(directory: Path) -> tuple[int, int]:
    try:
        found = (directory / "data.mdb").stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def _columns(view: str, views: "lmdb._Database | None", transaction: lmdb.Transaction) -> list[str] | None:
    text = None if views is None else transaction.get(view.encode(), db=views)
    return None if text is None else list(json.loads(bytes(text)))


def _records_of(view: str) -> bytes:
    return b"records/" + view.encode()


def _records(columns: Sequence[str], times: Times, matrix: Floats) -> Floats:
    records = np.empty((len(times), 1 + len(columns)), dtype="<f8")
    records[:, 0] = times.astype("datetime64[us]").astype("<i8").view("<f8")
    records[:, 1:] = matrix
    return records


@contextmanager
def _telling_errors() -> Iterator[None]:
    try:
        yield
    except lmdb.Error as error:
        raise ModelError("online store", f"cannot be used: {error}") from None


def _checked_key(entity: str) -> bytes:
    key = _key(entity)
    if key is None:
        raise InputError("id", f"must be 1 to {MAX_ID_BYTES} bytes long in UTF-8", entity)
    return key


def _key(entity: str) -> bytes | None:
    """The record's key; None for what can be no id."""
    key = entity.encode("utf-8", "replace")
    return key if 0 < len(key) <= MAX_ID_BYTES else None
