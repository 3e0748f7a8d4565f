"""What happens inside one write transaction of the packed store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import lt

import lmdb
import numpy as np

from features.packed.record import (
    TIME_BYTES,
    absent_numbers,
    checked_keys,
    key_of,
    microseconds_of,
    pack_numbers,
    unpack_numbers,
)
from holdfast.arrays import Floats, Microseconds, Times

_EVER = np.array([np.iinfo(np.int64).min], dtype="<i8").tobytes()


class PackedUpdate:
    """States and records in the one write transaction; get it from `PackedStore.updating`."""

    def __init__(
        self,
        transaction: lmdb.Transaction,
        views: "Mapping[str, ViewDatabases]",
        widths: Mapping[str, int],
        states: "Mapping[str, lmdb._Database]",
        others: "Mapping[str, lmdb._Database | None]",
    ) -> None:
        self._transaction = transaction
        self._views = views
        self._widths = widths
        self._states = states
        self._others = others

    def get_state(self, kind: str, entity: str) -> str | None:
        """An entity's state document as it was put; None where there is none."""
        key = key_of(entity)
        text = None if key is None else self._transaction.get(key, db=self._states[kind])
        return None if text is None else bytes(text).decode()

    def put_state(self, kind: str, entity: str, document: str) -> None:
        """Replace an entity's state document.

        Raises
        ------
        InputError
            The id is empty or too long.
        """
        self._transaction.put(checked_keys([entity])[0], document.encode(), db=self._states[kind])

    def delete_state(self, kind: str, entity: str) -> None:
        """Remove an entity's state document, if there is one."""
        key = key_of(entity)
        if key is not None:
            self._transaction.delete(key, db=self._states[kind])

    def states(self, kind: str) -> list[tuple[str, str]]:
        """All ids and state documents of a kind, in the order of ids."""
        with self._transaction.cursor(db=self._states[kind]) as cursor:
            return [(bytes(key).decode(), bytes(text).decode()) for key, text in cursor]

    def has(self, view: str, entity: str) -> bool:
        """Whether a view, one that may be put or asked about, has a record of an entity."""
        key, of = key_of(entity), self._views.get(view)
        database = self._others[view] if of is None else of.records
        return (
            key is not None
            and database is not None
            and self._transaction.get(key, db=database) is not None
        )

    def read(self, view: str, ids: Sequence[str]) -> tuple[Floats, Times]:
        """Read whole records, with what this update has put; results as in `PackedStore.read`."""
        get, database, width = self._transaction.get, self._views[view].records, self._widths[view]
        absent = absent_numbers(width)
        records = [
            absent if key is None else get(key, absent, database) for key in map(key_of, ids)
        ]
        microseconds, matrix = unpack_numbers(view, records, width)
        return matrix.copy(), microseconds.astype("datetime64[us]")

    def put(self, view: str, ids: Sequence[str], times: Times, matrix: Floats) -> int:
        """Put records, each unless a newer one is there; all else as `PackedStore.write`."""
        microseconds = microseconds_of(times)
        return put_newer(
            self._transaction,
            self._views[view],
            checked_keys(ids),
            microseconds,
            pack_numbers(microseconds, matrix),
        )


@dataclass(frozen=True)
class ViewDatabases:
    """Where a view's records lie.

    Parameters
    ----------
    name : bytes
        The view.
    records : lmdb._Database
        Its records by entity.
    newest : lmdb._Database
        For every view a time that none of its records is newer than.
    """

    name: bytes
    records: "lmdb._Database"
    newest: "lmdb._Database"


def put_newer(
    transaction: lmdb.Transaction,
    view: ViewDatabases,
    keys: Sequence[bytes],
    microseconds: Microseconds,
    records: Sequence[bytes],
) -> int:
    """Put records, each unless a newer one is there.

    Parameters
    ----------
    transaction : lmdb.Transaction
        A write transaction that gives buffers.
    view : ViewDatabases
        Where to.
    keys : sequence of n bytes
        In any order; where one repeats, its newest record counts, and the later of equally new
        ones.
    microseconds : (n,) int64
        The records' times.
    records : sequence of n bytes
        The records.

    Returns
    -------
    int
        How many were put.
    """
    if not keys:
        return 0
    # Rising keys fill the tree's pages one after the other, and no key of theirs repeats.
    if not all(map(lt, keys, keys[1:])):
        rows = _newest_rows(keys, microseconds)
        keys, microseconds, records = (
            [keys[row] for row in rows],
            microseconds[rows],
            [records[row] for row in rows],
        )
    all_newer = _raise_newest(transaction, view, microseconds)
    with transaction.cursor(db=view.records) as cursor:
        if not cursor.last() or bytes(cursor.key()) < keys[0]:
            # Where all of them come last, LMDB fills its pages instead of splitting them in halves.
            cursor.putmulti(zip(keys, records, strict=True), append=True)
            return len(keys)
        if all_newer:
            cursor.putmulti(zip(keys, records, strict=True))
            return len(keys)
        get, database = transaction.get, view.records
        known = np.frombuffer(
            b"".join([get(key, _EVER, database)[:TIME_BYTES] for key in keys]), dtype="<i8"
        )
        newer = known <= microseconds
        cursor.putmulti(compress(zip(keys, records, strict=True), newer.tolist()))
        return int(newer.sum())


def _raise_newest(
    transaction: lmdb.Transaction, view: ViewDatabases, microseconds: Microseconds
) -> bool:
    """Keep the time that no record is newer than.

    Returns whether no record is newer than any of these: then none need be read.
    """
    stored = transaction.get(view.name, db=view.newest)
    if stored is None and transaction.stat(view.records)["entries"]:
        return False  # records of a release that did not keep it
    newest = bytes(stored) if stored is not None else _EVER
    before = int(np.frombuffer(newest, dtype="<i8")[0])
    if microseconds.max() > before:
        transaction.put(view.name, microseconds.max().astype("<i8").tobytes(), db=view.newest)
    return bool(microseconds.min() >= before)


def _newest_rows(keys: Sequence[bytes], microseconds: Microseconds) -> list[int]:
    times = microseconds.tolist()
    rising = sorted(range(len(keys)), key=lambda row: (keys[row], times[row]))
    return [
        row
        for row, after in zip(rising, [*rising[1:], None], strict=True)
        if after is None or keys[row] != keys[after]
    ]
