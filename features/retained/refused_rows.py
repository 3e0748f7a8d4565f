"""Rows that are not taken in, however often they come: those of people who were erased, those that
are older than raw rows are kept, and what other systems say of our own decisions.

They are counted as read, and neither accepted nor put into quarantine, also where they break a rule.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from features.contracts.tables import Table
from features.contracts.types import Fault
from features.erased.erased_rows import ErasedRows
from features.retained.kept_since import EVERYTHING, KeptSince
from features.retained.old_rows import are_old
from features.retained.own_decisions import NO_DECISIONS, OwnDecisions
from features.sources import BrokenLine
from holdfast.arrays import Positions


class RefusedRows:
    """Says which rows are not taken in.

    Parameters
    ----------
    erased : ErasedRows, optional
        Rows of people who were erased. Default: nobody was.
    kept : KeptSince
        Since when rows are kept.
    own : OwnDecisions
        Decisions of our own care.
    """

    def __init__(
        self,
        erased: ErasedRows | None = None,
        kept: KeptSince = EVERYTHING,
        own: OwnDecisions = NO_DECISIONS,
    ) -> None:
        self._erased = erased or ErasedRows()
        self._kept = kept
        self._own = own

    def leave_out(
        self, table: Table, part: str, rows: pa.RecordBatch, faults: list[Fault]
    ) -> tuple[Positions, list[Fault]]:
        """Positions of the rows to leave out, ascending, and the faults of the others.

        Parameters
        ----------
        table : Table
            The contract.
        part : str
            Name of the part that they stand in.
        rows : pyarrow.RecordBatch
            Typed by it.
        faults : list of Fault
            What is wrong with which rows.
        """
        gone, faults = self._erased.leave_out(table, rows, faults)
        since = self._kept.rows_since(table)
        refused = self._own.are_told_by_others(table, part, rows)
        if since:
            refused |= are_old(rows, since)
        others: Positions = np.flatnonzero(refused)
        if not len(others):
            return gone, faults
        kept = (replace(fault, at=np.setdiff1d(fault.at, others)) for fault in faults)
        return np.union1d(gone, others), [fault for fault in kept if len(fault.at)]

    def kept_lines(self, lines: Sequence[BrokenLine]) -> list[BrokenLine]:
        """Lines that are no rows, without those in which an id of somebody who was erased stands."""
        return self._erased.kept_lines(lines)
