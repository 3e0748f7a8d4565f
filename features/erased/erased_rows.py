"""Rows of people who were erased: left out where raw tables are taken in, however often they come.

They are counted as read, and neither accepted nor put into quarantine, also where they break a rule.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from features.contracts.tables import Table
from features.contracts.types import Fault
from features.erased.erased_ids import ErasedIds
from features.erased.people import PERSON_KINDS, columns_of_people, refused_kinds
from features.sources import BrokenLine
from holdfast.arrays import Positions

_NONE: Positions = np.empty(0, dtype=np.int64)
_WORD = re.compile(r"[^\s,;|\"']+")


class ErasedRows:
    """Says which rows are of people who were erased.

    Parameters
    ----------
    ids : ErasedIds, optional
        Who was erased. Default: nobody.
    """

    def __init__(self, ids: ErasedIds | None = None) -> None:
        self.ids = ids or ErasedIds.nobody()
        """The list. It grows by ids of rows left out that rows of other tables refer to."""
        self.has_grown = False

    def leave_out(
        self, table: Table, rows: pa.RecordBatch, faults: list[Fault]
    ) -> tuple[Positions, list[Fault]]:
        """Positions of the rows to leave out, ascending, and the faults of the others.

        Parameters
        ----------
        table : Table
            The contract.
        rows : pyarrow.RecordBatch
            Typed by it.
        faults : list of Fault
            What is wrong with which rows.
        """
        if not self.ids.people:
            return _NONE, faults
        of_erased = np.zeros(len(rows), dtype=np.bool_)
        for column, kind in columns_of_people(table).items():
            of_erased |= self.ids.hold(kind, rows.column(column))
        gone: Positions = np.flatnonzero(of_erased).astype(np.int64)
        if not len(gone):
            return _NONE, faults
        self._note_key(table, rows.take(pa.array(gone)))
        kept = (replace(fault, at=np.setdiff1d(fault.at, gone)) for fault in faults)
        return gone, [fault for fault in kept if len(fault.at)]

    def kept_lines(self, lines: Sequence[BrokenLine]) -> list[BrokenLine]:
        """Lines that are no rows, without those in which an id of somebody who was erased stands."""
        if not self.ids.people:
            return list(lines)
        return [line for line in lines if not self._names_erased(line.text)]

    def _names_erased(self, text: str) -> bool:
        words = _WORD.findall(text)
        return any(self.ids.hold(kind, words).any() for kind in PERSON_KINDS)

    def _note_key(self, table: Table, gone: pa.RecordBatch) -> None:
        """Put ids on the list by which tables without a customer tell whose a row is."""
        key = table.key[0]
        if key in PERSON_KINDS or key not in refused_kinds():
            return
        fresh = gone.filter(pa.array(~self.ids.hold(key, gone.column(key))))
        for column, kind in columns_of_people(table).items():
            for id_, own in zip(
                fresh.column(column).to_pylist(), fresh.column(key).to_pylist(), strict=True
            ):
                owner = None if id_ is None else self.ids.owner(kind, id_)
                if owner is not None and own is not None:
                    self.ids = self.ids.with_ids_of(owner, key, self.ids.hashes(key, [own]))
                    self.has_grown = True
