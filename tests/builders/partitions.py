"""Tables in folders that are named for the values of columns, as Hive and Spark write them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from features.sources.names import key


def write_partitioned(
    table: pa.Table, folder: Path, columns: Sequence[str], form: str = "parquet"
) -> None:
    """Write a table, each combination of values in a folder of its own.

    Parameters
    ----------
    columns : sequence of str
        As the folders name them; the table's may be spelt otherwise.
    """
    stored = {key(name): name for name in table.column_names}
    names = [stored[key(column)] for column in columns]
    rows = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    groups: dict[tuple[Any, ...], list[int]] = {}
    for position, values in enumerate(rows):
        groups.setdefault(values, []).append(position)
    rest = table.drop_columns(names)
    for values, positions in groups.items():
        below = folder
        for column, value in zip(columns, values, strict=True):
            below = below / f"{quote(column)}={_text(value)}"
        below.mkdir(parents=True, exist_ok=True)
        some = rest.take(positions)
        if form == "parquet":
            pq.write_table(some, below / "part-0.parquet")
        else:
            pa_csv.write_csv(some, below / "part-0.csv")


def _text(value: Any) -> str:
    if value is None:
        return "__HIVE_DEFAULT_PARTITION__"
    if isinstance(value, bool):
        return str(value).lower()
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return quote(text, safe="+")
