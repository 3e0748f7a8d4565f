"""Packed records: one compact record per entity and feature view, in LMDB.

A record is the time of its values (microseconds since 1970 in UTC, int64) followed by the values as float64, NaN for missing.
LMDB gives what a feature server needs from an embedded engine: readers in any number of processes beside one writer, no torn
reads, and a store that is whole after a crash. An older record never overwrites a newer one; an equally old one is a correction.
"""

import json
import os
import threading
from collections.abc import Iterator, Sequence
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
_ROWS_PER_TRANSACTION = 100_000
_VIEWS = b"__views__"
_DOCUMENTS = b"__documents__"

_environments: dict[Path, lmdb.Environment] = {}
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
        self._environment = _open(directory.absolute(), create)

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
        records = np.empty((len(ids), 1 + len(columns)), dtype="<f8")
        records[:, 0] = times.astype("datetime64[us]").astype("<i8").view("<f8")
        records[:, 1:] = matrix
        written = 0
        self._declare(view, columns)
        for start in range(0, len(ids), _ROWS_PER_TRANSACTION):
            stop = start + _ROWS_PER_TRANSACTION
            written += self._write_newer(view, ids[start:stop], records[start:stop])
        return written

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
        with self._environment.begin(buffers=True) as transaction:
            if self._columns(view, transaction) != list(columns):
                raise ModelError(f"feature view {view}", "is not in the online store with the columns asked for")
            database = self._database(view, transaction)
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
        with self._environment.begin() as transaction:
            columns = self._columns(view, transaction)
        if columns is None:
            raise ModelError(f"feature view {view}", "is not in the online store; materialize it first")
        return columns

    def drop(self, view: str) -> None:
        """Remove a view and its records, if it is there."""
        with self._environment.begin(write=True) as transaction:
            if self._columns(view, transaction) is not None:
                transaction.drop(self._database(view, transaction), delete=False)
                transaction.delete(view.encode(), db=self._environment.open_db(_VIEWS, txn=transaction))

    def put_document(self, name: str, document: object) -> None:
        """Store a JSON document beside the records, such as the layout of a feature service."""
        with self._environment.begin(write=True) as transaction:
            database = self._environment.open_db(_DOCUMENTS, txn=transaction)
            transaction.put(name.encode(), json.dumps(document, ensure_ascii=False).encode(), db=database)

    def get_document(self, name: str) -> object:
        """Read back a document; None where there is none."""
        with self._environment.begin() as transaction:
            text = self._get(_DOCUMENTS, name, transaction)
        return None if text is None else json.loads(text)

    def _declare(self, view: str, columns: Sequence[str]) -> None:
        with self._environment.begin(write=True) as transaction:
            known = self._columns(view, transaction)
            if known == list(columns):
                return
            if known is not None:
                transaction.drop(self._database(view, transaction), delete=False)
            views = self._environment.open_db(_VIEWS, txn=transaction)
            self._environment.open_db(_records_of(view), txn=transaction)
            transaction.put(view.encode(), json.dumps(list(columns)).encode(), db=views)

    def _write_newer(self, view: str, ids: Sequence[str], records: Floats) -> int:
        with self._environment.begin(write=True, buffers=True) as transaction:
            database = self._database(view, transaction)
            times = records[:, 0].copy().view("<i8")

            def newer() -> Iterator[tuple[bytes, memoryview]]:
                for row, entity in enumerate(ids):
                    key = _key(entity)
                    if key is None:
                        raise InputError("id", f"must be 1 to {MAX_ID_BYTES} bytes long in UTF-8", entity)
                    known = transaction.get(key, db=database)
                    if known is None or int.from_bytes(known[:8], "little", signed=True) <= times[row]:
                        yield key, records[row].data

            with transaction.cursor(db=database) as cursor:
                _, written = cursor.putmulti(newer())
        return int(written)

    def _columns(self, view: str, transaction: lmdb.Transaction) -> list[str] | None:
        text = self._get(_VIEWS, view, transaction)
        return None if text is None else list(json.loads(text))

    def _get(self, database: bytes, name: str, transaction: lmdb.Transaction) -> bytes | None:
        try:
            handle = self._environment.open_db(database, txn=transaction, create=False)
        except lmdb.NotFoundError:
            return None
        found = transaction.get(name.encode(), db=handle)
        return None if found is None else bytes(found)

    def _database(self, view: str, transaction: lmdb.Transaction) -> "lmdb._Database":
        return self._environment.open_db(_records_of(view), txn=transaction, create=False)


def _open(directory: Path, create: bool) -> lmdb.Environment:
    # LMDB forbids opening one store twice in a process: its locks would die with the second handle.
    with _opening:
        if directory not in _environments:
            if create:
                directory.mkdir(parents=True, exist_ok=True)
            try:
                _environments[directory] = lmdb.open(
                    str(directory),
                    map_size=_MAP_BYTES,
                    max_dbs=_MAX_VIEWS + 2,
                    create=create,
                    readonly=not os.access(directory, os.W_OK),
                )
            except lmdb.Error as error:
                raise ModelError(str(directory), f"holds no readable online store: {error}") from None
        return _environments[directory]


def _records_of(view: str) -> bytes:
    return b"records/" + view.encode()


def _key(entity: str) -> bytes | None:
    """The record's key; None for what can be no id."""
    key = entity.encode("utf-8", "replace")
    return key if 0 < len(key) <= MAX_ID_BYTES else None
