"""Comparisons with do-not-call registers, as rows of the raw table."""

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.contracts.tables import TABLES
from features.operator.screenings import SCREENINGS


def write_screenings(
    raw: Path, *rows: tuple[str, str, str, datetime], name: str = "by_hand"
) -> None:
    """Write a part of the table: customer, register, result, and when, which is when it arrived."""
    folder = raw / SCREENINGS
    folder.mkdir(parents=True, exist_ok=True)
    names = ("customer_id", "register", "result", "happened_at", "arrived_at")
    table = pa.Table.from_pylist(
        [dict(zip(names, (*row, row[-1]), strict=True)) for row in rows],
        TABLES[SCREENINGS].arrow_schema,
    )
    pq.write_table(table, folder / f"{name}.parquet")
