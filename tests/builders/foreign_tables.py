"""An operator's tables under names, values and a time zone of its own, and the mapping back."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from features.contracts.tables import TABLES
from features.raw_tables.plan import allowed_values

ZONE = "Asia/Shanghai"
"""A zone whose clocks are never set back, so that every time comes back as it was."""


def write_foreign(
    tables: Mapping[str, pa.Table],
    folder: Path,
    *,
    form: str = "csv",
    numbers: Sequence[int] = (3, 1, 2),
    zone: str | None = ZONE,
) -> Path:
    """Write tables as another system has them; returns the mapping file beside them.

    Relations are called ``T_0``, columns ``C 7``, values ``v3`` and the like, times are of `zone`
    and do not name it, and every relation has a column that no contract knows. `numbers` make the
    names others.
    """
    (folder / "own").mkdir(parents=True, exist_ok=True)
    lines = ['source = "own"', *([f'time_zone = "{zone}"'] if zone else [])]
    for place, (name, table) in enumerate(tables.items()):
        step = numbers[place % len(numbers)]
        columns, values = {}, {}
        written = {}
        for k, column in enumerate(TABLES[name].columns):
            if column not in table.column_names:
                continue
            columns[column] = f"C {(k * 31 + step) % 997}"
            values[column], written[columns[column]] = _foreign(name, column, table, zone, step)
        written["Nobody's"] = pa.array(["x"] * len(table))
        foreign = pa.table({key: written[key] for key in sorted(written)})
        relation = f"T_{place}_{step}"
        if form == "csv":
            pa_csv.write_csv(foreign, folder / "own" / f"{relation}.csv")
        else:
            pq.write_table(foreign, folder / "own" / f"{relation}.parquet")
        lines += ["", f"[tables.{name}]", f'relation = "{relation}"', f"[tables.{name}.columns]"]
        lines += [f"{column} = {json.dumps(other)}" for column, other in columns.items()]
        for column, codes in values.items():
            if codes:
                lines += [f"[tables.{name}.values.{column}]"]
                lines += [
                    f"{json.dumps(code)} = {json.dumps(value)}" for code, value in codes.items()
                ]
    path = folder / "mapping.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _foreign(
    name: str, column: str, table: pa.Table, zone: str | None, step: int
) -> tuple[dict[str, object], pa.ChunkedArray]:
    """How values are called there, and the column so written."""
    values, kind = table[column], TABLES[name].schema.columns[column].metadata["arrow"]
    if pa.types.is_timestamp(kind) and zone:
        return {}, pc.local_timestamp(values.cast(pa.timestamp("us", zone)))
    if pa.types.is_boolean(kind):
        codes = {f"on{step}": True, f"off{step}": False}
    else:
        codes = {
            f"v{k * step}": value for k, value in enumerate(allowed_values(TABLES[name], column))
        }
    if not codes:
        return {}, values
    called = {value: code for code, value in codes.items()}
    return codes, pa.chunked_array(
        [pa.array([called.get(value) for value in values.to_pylist()], pa.string())]
    )
