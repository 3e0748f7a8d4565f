"""Raw tables taken in, what was accepted and what was quarantined, and rows damaged on purpose."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from features.contracts.tables import TABLES
from features.intake.check import DEFAULT_OPTIONS, accept
from features.intake.report import CheckReport
from features.raw_tables.options import RawOptions
from features.sources import open_source
from tests.builders.clocks import NOW

SOME = ("customers", "subscriptions", "plans", "usage_weeks", "bills", "tickets", "refunds")


def accepted_in(folder: Path) -> dict[str, pa.Table]:
    return {
        path.name: pq.ParquetDataset(path).read()
        for path in sorted(folder.iterdir())
        if path.is_dir()
    }


def quarantined_in(folder: Path) -> list[dict[str, Any]]:
    return [
        row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]


def same_rows(one: pa.Table, other: pa.Table) -> bool:
    return Counter(map(str, one.to_pylist())) == Counter(map(str, other.to_pylist()))


def run_intake(
    source: Path, out: Path, options: RawOptions = DEFAULT_OPTIONS
) -> tuple[CheckReport, dict[str, pa.Table], list[dict[str, Any]]]:
    report = accept(
        open_source(str(source)),
        out / "raw",
        quarantine=out / "quarantine",
        now=NOW,
        options=options,
    )
    for table in report.tables:
        assert table.read == table.accepted + table.quarantined
    return report, accepted_in(out / "raw"), quarantined_in(out / "quarantine")


Damage = Callable[[dict[str, Any]], None]


def with_values(**values: Any) -> Damage:
    return lambda row: row.update(values)


def damage_row(path: Path, row: int, damage: Damage) -> None:
    types = dict.fromkeys(TABLES[path.stem].columns, pa.string())
    options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
    rows = pa_csv.read_csv(
        path, parse_options=pa_csv.ParseOptions(newlines_in_values=True), convert_options=options
    ).to_pylist()
    damage(rows[row])
    names = list(rows[0])
    pa_csv.write_csv(
        pa.table({name: pa.array([one[name] for one in rows], pa.string()) for name in names}), path
    )


def blank_texts_to_null(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index("text")
    return table.set_column(
        at, table.schema.field(at), pa.array([value or None for value in table["text"].to_pylist()])
    )
