"""Packed records: one compact record per entity and feature view, in LMDB.

LMDB gives what a feature server needs from an embedded engine: readers in any number of processes
beside one writer, no torn reads, and a store that is whole after a crash. An older record never
overwrites a newer one; an equally old one is a correction.

A write is on disk when its call returns. Every transaction is synced by itself: a power cut, like a
`kill -9`, leaves the store as the last finished transaction made it, at any point of any write. A
writer killed between putting its last transaction on disk and announcing it to readers leaves one
that is finished but unseen: it shows, whole, when the next writer begins.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lmdb

from features.packed.environment import PackedEnvironment, open_environment
from features.packed.forgetting import forget, scrub_deleted
from features.packed.record import (
    MAX_ID_BYTES,
    Record,
    Text,
    absent_numbers,
    absent_texts,
    checked_keys,
    declare_numbers,
    declare_texts,
    declared,
    key_of,
    microseconds_of,
    pack_numbers,
    pack_texts,
    positions,
    unpack_numbers,
    unpack_texts,
)
from features.packed.update import PackedUpdate, ViewDatabases, put_newer
from holdfast.arrays import Floats, Microseconds, Times
from holdfast.errors import ModelError

__all__ = [
    "MAX_ID_BYTES",
    "Floats",
    "PackedReading",
    "PackedStore",
    "PackedUpdate",
    "Text",
    "Times",
    "ViewRequest",
]

_ROWS_PER_TRANSACTION = 100_000
_VIEWS = b"__views__"
_NEWEST = b"__newest__"
_DOCUMENTS = b"__documents__"
_SCRUBBED = "scrubbed"


@dataclass(frozen=True)
class ViewRequest:
    """Which records to read of one view.

    Parameters
    ----------
    view : str
        A view of numbers.
    columns : tuple of str
        Which of its columns, in the order to read them.
    ids : sequence of (str or None)
        The n entities; None is nobody.
    """

    view: str
    columns: tuple[str, ...]
    ids: Sequence[Text]


class PackedReading:
    """The store as it was at one time; get it from `PackedStore.reading`."""

    def __init__(
        self,
        transaction: lmdb.Transaction,
        views: "lmdb._Database | None",
        databases: "Mapping[str, lmdb._Database | None]",
    ) -> None:
        self._transaction = transaction
        self._views = views
        self._databases = databases

    def read(self, view: str, columns: Sequence[str], ids: Sequence[Text]) -> tuple[Floats, Times]:
        """Read records of numbers; as `PackedStore.read`."""
        stored, chosen = self._require(view, tuple(columns), texts=False)
        microseconds, values = unpack_numbers(
            view, self._records(view, ids, absent_numbers(len(stored))), len(stored)
        )
        return values[:, chosen].copy(), microseconds.astype("datetime64[us]")

    def read_texts(
        self, view: str, columns: Sequence[str], ids: Sequence[Text]
    ) -> tuple[list[list[Text]], Times]:
        """Read records of texts; as `PackedStore.read_texts`."""
        stored, chosen = self._require(view, tuple(columns), texts=True)
        microseconds, texts = unpack_texts(
            view, self._records(view, ids, absent_texts(len(stored))), len(stored)
        )
        if not isinstance(chosen, slice):
            texts = [[row[position] for position in chosen] for row in texts]
        return texts, microseconds.astype("datetime64[us]")

    def declarations(self, views: Sequence[str]) -> list[bytes | None]:
        """The stored declarations of views; None for a view that is not in the store."""
        return [_declaration(view, self._views, self._transaction) for view in views]

    def records(self, view: str, keys: Sequence[bytes | None], absent: bytes) -> list[Record]:
        """Records as they are stored; `absent` where there is none.

        They are valid while the reading lasts.
        """
        get, database = self._transaction.get, self._databases[view]
        return [absent if key is None else get(key, absent, database) for key in keys]

    def _require(
        self, view: str, columns: tuple[str, ...], texts: bool
    ) -> "tuple[tuple[str, ...], slice | list[int]]":
        declaration = _declaration(view, self._views, self._transaction)
        if declaration is not None and self._databases[view] is not None:
            holds_texts, stored = declared(declaration)
            chosen = positions(stored, columns)
            if holds_texts == texts and chosen is not None:
                return stored, chosen
        kind = "texts" if texts else "numbers"
        raise ModelError(
            f"feature view {view}",
            f"is not in the online store with the columns asked for, as {kind}",
        )

    def _records(self, view: str, ids: Sequence[Text], absent: bytes) -> list[Record]:
        return self.records(view, list(map(key_of, ids)), absent)


class PackedStore:
    """The packed records below one directory; any thread of any process may use it.

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
        self._opened: PackedEnvironment = open_environment(directory.absolute(), create=create)

    @property
    def environment(self) -> PackedEnvironment:
        """The open environment, which all stores over the same files share."""
        return self._opened

    def write(
        self, view: str, columns: Sequence[str], ids: Sequence[str], times: Times, matrix: Floats
    ) -> int:
        """Write records of numbers, each unless a newer one is there.

        Parameters
        ----------
        view : str
            Feature view. Other columns than before empty it first.
        columns : sequence of str
            The k columns of the view, in record order.
        ids : sequence of str
            The n entities, at most 480 bytes each in UTF-8; where one repeats, its newest row
            counts.
        times : (n,) datetime64[us]
            When the values were true, UTC; none missing.
        matrix : (n, k) float64
            The values, NaN for missing.

        Returns
        -------
        int
            How many entities have the record given here now.

        Raises
        ------
        InputError
            An id or a time cannot be stored; nothing was written.
        """
        return self._write(
            view,
            declare_numbers(columns),
            ids,
            times,
            lambda microseconds, rows: pack_numbers(microseconds, matrix[rows]),
        )

    def write_texts(
        self,
        view: str,
        columns: Sequence[str],
        ids: Sequence[str],
        times: Times,
        texts: Sequence[Sequence[Text]],
    ) -> int:
        """Write records of texts, each unless a newer one is there.

        Parameters, result and errors as in `write`; `texts` has n rows of k texts, None for
        missing.
        """
        return self._write(
            view,
            declare_texts(columns),
            ids,
            times,
            lambda microseconds, rows: pack_texts(microseconds, texts[rows]),
        )

    def replace(
        self, view: str, columns: Sequence[str], ids: Sequence[str], times: Times, matrix: Floats
    ) -> None:
        """Make these records the view's only ones, whatever their times.

        Readers see all of the old or all of the new.

        Parameters and errors as in `write`.
        """
        keys, microseconds = checked_keys(ids), microseconds_of(times)
        declarations, databases = self._opened.make_database(_VIEWS), self._databases(view)
        with self._opened.writing() as transaction:
            _empty(transaction, databases)
            transaction.put(view.encode(), declare_numbers(columns), db=declarations)
            put_newer(
                transaction, databases, keys, microseconds, pack_numbers(microseconds, matrix)
            )

    def read(self, view: str, columns: Sequence[str], ids: Sequence[Text]) -> tuple[Floats, Times]:
        """Read records of numbers as they were at one time.

        Parameters
        ----------
        view : str
            Feature view.
        columns : sequence of str
            The k columns wanted, in the order wanted; the view may have more.
        ids : sequence of (str or None)
            The n entities; one may repeat, None is nobody.

        Returns
        -------
        matrix : (n, k) float64
            NaN for missing values and for entities not in the store.
        times : (n,) datetime64[us]
            UTC; NaT for entities not in the store.

        Raises
        ------
        ModelError
            The view is not in the store, or lacks a column.
        """
        return self.read_views([ViewRequest(view, tuple(columns), ids)])[0]

    def read_views(self, requests: Sequence[ViewRequest]) -> list[tuple[Floats, Times]]:
        """Read several views, all as they were at one time; results and errors as in `read`."""
        with self.reading([request.view for request in requests]) as reading:
            return [
                reading.read(request.view, request.columns, request.ids) for request in requests
            ]

    def read_texts(
        self, view: str, columns: Sequence[str], ids: Sequence[Text]
    ) -> tuple[list[list[Text]], Times]:
        """Read records of texts as they were at one time.

        Parameters and errors as in `read`.

        Returns
        -------
        texts : list of n lists of k (str or None)
            None for missing values and for entities not in the store.
        times : (n,) datetime64[us]
            UTC; NaT for entities not in the store.
        """
        with self.reading([view]) as reading:
            return reading.read_texts(view, columns, ids)

    @contextmanager
    def reading(self, views: Sequence[str]) -> Iterator[PackedReading]:
        """Read any of these views while the context lasts, all as they were at its start.

        Keep it short: records overwritten meanwhile take up space until the last reading ends.
        """
        # Handles must be open before the transaction begins.
        declarations = self._opened.database(_VIEWS)
        databases = {view: self._opened.database(_records_of(view)) for view in views}
        with self._opened.reading() as transaction:
            yield PackedReading(transaction, declarations, databases)

    @contextmanager
    def updating(
        self,
        views: Mapping[str, Sequence[str]],
        states: Sequence[str] = (),
        others: Sequence[str] = (),
    ) -> Iterator[PackedUpdate]:
        """Read and write states and records in one transaction.

        All of it is on disk when the context ends, or, if it raises, nothing.

        It is the store's only writer while it lasts, among all threads and processes: what it reads
        stays true until it ends. Write through it alone; another write of the same thread would
        wait for it forever.

        Parameters
        ----------
        views : mapping of str to sequence of str
            The views of numbers that may be read and put, with all their columns in record order. A
            view that is not in the store is made.
        states : sequence of str
            The kinds of state documents that may be read and put, such as the entity they are of.
        others : sequence of str
            Further views, of numbers or texts, that may be asked whether they have a record.

        Raises
        ------
        ModelError
            A view has other columns.
        """
        declarations = self._opened.make_database(_VIEWS)
        databases = {view: self._databases(view) for view in views}
        documents = {state: self._opened.make_database(_states_of(state)) for state in states}
        asked = {view: self._opened.database(_records_of(view)) for view in others}
        with self._opened.writing() as transaction:
            for view, columns in views.items():
                wanted, stored = (
                    declare_numbers(columns),
                    _declaration(view, declarations, transaction),
                )
                if stored is None:
                    transaction.put(view.encode(), wanted, db=declarations)
                elif stored != wanted:
                    raise ModelError(
                        f"feature view {view}",
                        "must have these columns in the online store",
                        list(columns),
                    )
            yield PackedUpdate(
                transaction,
                databases,
                {view: len(columns) for view, columns in views.items()},
                documents,
                asked,
            )

    def columns(self, view: str) -> list[str]:
        """The view's columns in record order.

        Raises
        ------
        ModelError
            The view is not in the store.
        """
        views = self._opened.database(_VIEWS)
        with self._opened.reading() as transaction:
            declaration = _declaration(view, views, transaction)
        if declaration is None:
            raise ModelError(
                f"feature view {view}", "is not in the online store; materialize it first"
            )
        return list(declared(declaration)[1])

    def drop(self, view: str) -> None:
        """Remove a view and its records, if it is there."""
        declarations = self._opened.database(_VIEWS)
        if declarations is None or self._opened.database(_records_of(view)) is None:
            return
        databases = self._databases(view)
        with self._opened.writing() as transaction:
            _empty(transaction, databases)
            transaction.delete(view.encode(), db=declarations)

    def states(self, kind: str) -> list[tuple[str, str]]:
        """All ids and state documents of a kind, in the order of ids."""
        database = self._opened.database(_states_of(kind))
        with self._opened.reading() as transaction:
            if database is None:
                return []
            with transaction.cursor(db=database) as cursor:
                return [(bytes(key).decode(), bytes(text).decode()) for key, text in cursor]

    def read_states(self, kind: str, ids: Sequence[str]) -> list[str | None]:
        """State documents of some ids; None where there is none."""
        database = self._opened.database(_states_of(kind))
        with self._opened.reading() as transaction:
            found = [
                None if key is None or database is None else transaction.get(key, db=database)
                for key in map(key_of, ids)
            ]
            return [None if text is None else bytes(text).decode() for text in found]

    def views(self) -> list[str]:
        """Names of all views in the store, in order."""
        declarations = self._opened.database(_VIEWS)
        if declarations is None:
            return []
        with self._opened.reading() as transaction, transaction.cursor(declarations) as cursor:
            return [bytes(name).decode() for name in cursor.iternext(values=False)]

    def forget(
        self, records: Mapping[str, Iterable[str]], states: Mapping[str, Iterable[str]]
    ) -> int:
        """Delete records of entities by view, and states by kind; how many were there. What stood
        in them stays in LMDB's file until `scrub`.
        """
        named = [(_records_of(view), ids) for view, ids in records.items()]
        named += [(_states_of(kind), ids) for kind, ids in states.items()]
        return forget(self._opened, named)

    def scrub(self, wait_seconds: float = 10.0) -> bool:
        """Overwrite in the file what was deleted; False where readers keep it for longer than the
        wait.
        """
        # Readers that nobody can see (see `PackedEnvironment`) notice two writes.
        for _ in range(2):
            self.put_document(_SCRUBBED, None)
        return scrub_deleted(self._opened, wait_seconds)

    def put_document(self, name: str, document: object) -> None:
        """Store a JSON document beside the records, such as the layout of a feature service."""
        documents = self._opened.make_database(_DOCUMENTS)
        with self._opened.writing() as transaction:
            transaction.put(
                name.encode(), json.dumps(document, ensure_ascii=False).encode(), db=documents
            )

    def get_document(self, name: str) -> object:
        """Read back a document; None where there is none."""
        documents = self._opened.database(_DOCUMENTS)
        with self._opened.reading() as transaction:
            text = None if documents is None else transaction.get(name.encode(), db=documents)
            return None if text is None else json.loads(bytes(text))

    def _write(
        self,
        view: str,
        declaration: bytes,
        ids: Sequence[str],
        times: Times,
        pack: Callable[[Microseconds, slice], list[bytes]],
    ) -> int:
        keys, microseconds = checked_keys(ids), microseconds_of(times)
        declarations, databases = self._opened.make_database(_VIEWS), self._databases(view)
        written = 0
        for start in range(0, max(len(keys), 1), _ROWS_PER_TRANSACTION):
            rows = slice(start, start + _ROWS_PER_TRANSACTION)
            records = pack(microseconds[rows], rows)
            with self._opened.writing() as transaction:
                known = _declaration(view, declarations, transaction)
                if known != declaration:
                    if known is not None:
                        _empty(transaction, databases)
                    transaction.put(view.encode(), declaration, db=declarations)
                written += put_newer(
                    transaction, databases, keys[rows], microseconds[rows], records
                )
        return written

    def _databases(self, view: str) -> ViewDatabases:
        make = self._opened.make_database
        return ViewDatabases(view.encode(), make(_records_of(view)), make(_NEWEST))


def _empty(transaction: lmdb.Transaction, view: ViewDatabases) -> None:
    transaction.drop(view.records, delete=False)
    transaction.delete(view.name, db=view.newest)


def _declaration(
    view: str, views: "lmdb._Database | None", transaction: lmdb.Transaction
) -> bytes | None:
    stored = None if views is None else transaction.get(view.encode(), db=views)
    return None if stored is None else bytes(stored)


def _records_of(view: str) -> bytes:
    return b"records/" + view.encode()


def _states_of(kind: str) -> bytes:
    return b"state/" + kind.encode()
