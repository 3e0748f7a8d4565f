"""Evidence kept from one night to the next, so that a part that has not changed is not looked at
again.
"""

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import polars as pl

from features.contracts.tables import Table
from features.raw_tables.evidence import CELLS, Evidence, cells_of_part, evidence_of
from features.sources import Part

_FORM = 1
"""Raised when evidence is gathered otherwise."""

_PARTS = "holdfast.parts"


class KeptEvidence:
    """Evidence by part, that of unchanged parts from a file.

    Parameters
    ----------
    path : Path
        The file. It holds texts of cells, as the raw tables do.
    is_unchanged : callable
        Says whether a table's part is as it was when the file was written.
    """

    def __init__(self, path: Path, is_unchanged: Callable[[str, Part], bool]) -> None:
        self._is_unchanged = is_unchanged
        self._cells = pl.DataFrame(schema={"part": pl.String, **CELLS})
        self._parts: frozenset[str] = frozenset()
        if path.exists():
            about = json.loads(pl.read_parquet_metadata(path).get(_PARTS, "{}"))
            if about.get("form") == _FORM:
                self._parts, self._cells = frozenset(about["parts"]), pl.read_parquet(path)

    def gather(self, table: Table, parts: Sequence[Part]) -> Evidence:
        """Gather the evidence of a table, looking only at parts that are new or have changed."""
        new = [
            part
            for part in parts
            if _name(table, part) not in self._parts or not self._is_unchanged(table.name, part)
        ]
        cells = {_name(table, part): cells_of_part(table, part) for part in new}
        self._parts |= cells.keys()
        self._cells = pl.concat(
            [
                self._cells.filter(~pl.col("part").is_in(list(cells))),
                *(rows.select(pl.lit(name).alias("part"), *CELLS) for name, rows in cells.items()),
            ]
        )
        names = [_name(table, part) for part in parts]
        return evidence_of(self._cells.filter(pl.col("part").is_in(names)))

    def write(self, path: Path, parts: Collection[str]) -> None:
        """Write the evidence of some parts, each named as ``<table>/<part>``."""
        known = sorted(self._parts & set(parts))
        about = {"form": _FORM, "parts": known}
        self._cells.filter(pl.col("part").is_in(known)).write_parquet(
            path, metadata={_PARTS: json.dumps(about)}
        )


def _name(table: Table, part: Part) -> str:
    return f"{table.name}/{part.name}"
