"""Tables of operators as they come: what is refused of them, and what features are made from them.

``python -m benchmarks.features.operators_tables`` takes in the views of a made-up operator whose
tables are shaped like TMF629, 637, 620, 666, 678, 621 and 681 (`tests.builders.tmf_tables`), and of
a made-up monthly dump like IBM's telco table (`tests.builders.wide_dump`). The views rename columns
and translate values that have an equal in the contracts; the others pass as they are written. It
prints rows refused by table and reason, values replaced, and how many features have a value for
anybody. ``--joined`` gives every product as a subscription, for contracts that know nothing else.
"""

import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.report import show
from features.compute.build import bring_up_to_date
from features.fields import VIEWS
from features.intake.check import accept
from features.intake.report import CheckReport
from features.settings import FeatureSettings
from features.sources import open_source
from tests.builders.tmf_tables import NOW, write_tmf_database
from tests.builders.wide_dump import DUMPED, write_wide_dump


def main() -> None:
    """Measure and print."""
    sums = []
    for name, write, now in (
        ("TMF-shaped", _write_tmf, NOW),
        ("IBM-telco-like dump", write_wide_dump, DUMPED),
    ):
        with tempfile.TemporaryDirectory() as directory:
            home = Path(directory)
            report = accept(
                open_source(write(home)), home / "raw", quarantine=home / "quarantine", now=now
            )
            bring_up_to_date(home / "raw", home / "features", FeatureSettings(), now=now)
            computed = _features(home / "features" / "tables")
        show(f"{name}: rows by table", list(_tables(report)))
        show(f"{name}: why rows are refused", list(_reasons(report)) or [{"rows refused": 0}])
        show(f"{name}: values replaced", list(_replaced(report)) or [{"values replaced": 0}])
        sums.append(_summary(name, report, now) | computed)
    show("Operators' tables", sums)


def _write_tmf(folder: Path) -> str:
    return write_tmf_database(folder, split="--joined" not in sys.argv)


def _summary(name: str, report: CheckReport, now: datetime) -> dict[str, object]:
    read = sum(table.read for table in report.tables)
    refused = sum(table.quarantined for table in report.tables)
    return {
        "operator": name,
        "to": f"{now:%Y-%m-%d}",
        "rows": read,
        "refused": refused,
        "share": f"{refused / read:.1%}",
    }


def _tables(report: CheckReport) -> Iterator[dict[str, object]]:
    for table in report.tables:
        yield {
            "table": table.table,
            "rows": table.read,
            "accepted": table.accepted,
            "refused": table.quarantined,
        }


def _reasons(report: CheckReport) -> Iterator[dict[str, object]]:
    for table in report.tables:
        for rule in table.rules:
            yield {
                "table": table.table,
                "column": rule.column,
                "rule": rule.rule,
                "rows": rule.rows,
            }


def _replaced(report: CheckReport) -> Iterator[dict[str, object]]:
    for table in report.tables:
        for value in getattr(table, "replaced", ()):  # contracts before that quarantined them
            yield {
                "table": table.table,
                "column": value.column,
                "rule": value.rule,
                "written": value.value,
                "read as": value.became,
                "rows": value.rows,
            }


def _features(tables: Path) -> dict[str, object]:
    """Lines that have features, lines with a bill, and features that have a value for anybody."""
    valued = total = 0
    for name, view in VIEWS.items():
        path = tables / name / "newest.parquet"
        if path.exists():
            rows = pq.read_table(path, columns=list(view.columns))
            valued += sum(rows[column].null_count < len(rows) for column in view.columns)
            total += len(view.columns)
    links = pq.read_table(tables / "subscription_links" / "newest.parquet").to_pandas()
    bills = pq.read_table(tables / "billing_live" / "newest.parquet").to_pandas()
    billed = bills.loc[bills["last_bill"].notna(), "account_id"]
    return {
        "lines": len(links),
        "with a bill": int(links["linked_account"].isin(billed).sum()),
        "features with a value": f"{valued} of {total}",
    }


if __name__ == "__main__":
    main()
