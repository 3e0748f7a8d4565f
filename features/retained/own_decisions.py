"""Decisions of our own care, as far as other systems speak of them under our own ids.

Which arm was drawn, with which probability and when, is the ledger's to say, and whether the line was lost
is computed for all arms by one rule. A system that carried a decision out knows neither: its row would
replace ours, and leave the experiment without the arm that it was about.
"""

from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from features.contracts.tables import Table

OWN_CARE_PART = "holdfast_care.parquet"
"""File of a raw table that our own care gave back (see `pipeline.care.nightly.export`)."""


class OwnDecisions:
    """Says which rows other systems have of our own decisions.

    Parameters
    ----------
    ids : pyarrow.Array
        Ids of the decisions; text.
    """

    def __init__(self, ids: pa.Array) -> None:
        self._ids = ids

    @classmethod
    def read(cls, exported: Path) -> Self:
        """Read those that were given back.

        Parameters
        ----------
        exported : Path
            Folder of what our own care gave back; it may be absent.
        """
        path = exported / "care_contacts" / OWN_CARE_PART
        if not path.exists():
            return cls(pa.array([], pa.string()))
        return cls(pc.unique(pq.read_table(path, columns=["contact_id"])["contact_id"]))

    def are_told_by_others(
        self, table: Table, part: str, rows: pa.RecordBatch
    ) -> NDArray[np.bool_]:
        """Which rows are not taken in: contacts that are ours, and whether their line was lost.

        Parameters
        ----------
        table : Table
            The contract.
        part : str
            Name of the part that they stand in; what we gave back ourselves is taken in.
        rows : pyarrow.RecordBatch
            n rows, typed by the contract.

        Returns
        -------
        (n,) bool
        """
        nothing = np.zeros(len(rows), dtype=np.bool_)
        if table.name not in ("care_contacts", "care_outcomes") or part == OWN_CARE_PART:
            return nothing
        if not len(self._ids):
            return nothing
        ours = pc.is_in(rows.column("contact_id"), value_set=self._ids)
        if table.name == "care_outcomes":
            ours = pc.and_(ours, pc.fill_null(pc.equal(rows.column("outcome"), "churned"), False))
        told: NDArray[np.bool_] = ours.to_numpy(zero_copy_only=False).astype(np.bool_)
        return told


NO_DECISIONS = OwnDecisions(pa.array([], pa.string()))
