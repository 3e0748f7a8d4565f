# ruff: noqa: S608  # names in queries come from contracts and from paths
"""Expectations of a night's raw tables: what they say of clean nights, and of faults.

``python -m benchmarks.features.nights`` takes two weeks of nights of three simulated operators in,
one after the other, and counts the tables that are not as expected; nothing is wrong with any of
them. Then it does to tonight's tables of one operator what can go wrong, fault by fault, and prints
what is made of it.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.report import show
from features.intake.expectations import Expectations
from features.intake.verdicts import NightVerdict
from features.settings import ExpectationSettings
from simulator.engine.simulator import simulate
from tests.builders.night_faults import FAULTS
from tests.builders.operator_nights import Nights, simulate_nights, take_in

NIGHTS = 14


@dataclass(frozen=True)
class Operator:
    """A simulated operator, and the midnight after the last of its nights."""

    customers: int
    months: int
    seed: int
    last: datetime


OPERATORS = (
    Operator(500, 8, 11, datetime(2024, 8, 20, tzinfo=UTC)),
    Operator(2_000, 12, 12, datetime(2024, 12, 29, tzinfo=UTC)),
    Operator(6_000, 6, 13, datetime(2024, 6, 11, tzinfo=UTC)),
)


def main() -> None:
    """Measure and print."""
    show("Clean nights", [_clean(operator) for operator in OPERATORS])
    show("Faults of tonight's tables", list(_faults()))


def _clean(operator: Operator) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        simulate(folder / "operator", operator.customers, operator.months, operator.seed)
        nights = list(_nights(folder, operator))
    tables = [table for night in nights for table in night.tables]
    doubts = [table for table in tables if table.doubtful]
    return {
        "customers": operator.customers,
        "nights to": f"{operator.last:%Y-%m-%d}",
        "table-nights": len(tables),
        "in doubt": len(doubts),
        "clean": f"{1 - len(doubts) / len(tables):.2%}",
        "nights without care": sum(not night.care_may_run for night in nights),
        "why": "; ".join(sorted({f"{table.table}: {table.reasons[0].kind}" for table in doubts})),
    }


def _nights(folder: Path, operator: Operator) -> Iterator[NightVerdict]:
    """Take one night in after the other: each brings one file more."""
    raw, source, home = folder / "operator" / "raw", folder / "source", folder / "home"
    first = operator.last - timedelta(days=NIGHTS)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for night in [first + timedelta(days=days) for days in range(NIGHTS + 1)]:
            since = night - timedelta(days=1) if night > first else datetime(1970, 1, 1, tzinfo=UTC)
            for table in sorted(path for path in raw.iterdir() if path.is_dir()):
                (source / table.name).mkdir(parents=True, exist_ok=True)
                connection.execute(
                    f"""COPY (SELECT * FROM read_parquet('{table}/*.parquet')
                    WHERE arrived_at >= '{since:%Y-%m-%d} 00:00:00+00' AND arrived_at < '{night:%Y-%m-%d} 00:00:00+00')
                    TO '{source / table.name}/{night:%Y-%m-%d}.parquet' (FORMAT parquet)"""
                )
            if night == first:
                take_in(source, home, night)
                continue
            expectations = Expectations(ExpectationSettings(stop=""), night=night)
            if verdict := take_in(source, home, night, expectations).night:
                yield verdict


def _faults() -> Iterator[dict[str, object]]:
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        simulate_nights(folder)
        for number, fault in enumerate(FAULTS):
            scratch = folder / f"fault-{number}"
            night = Nights(folder).judge(scratch, fault.apply, only=fault.tables)
            (verdict,) = [table for table in night.tables if table.table == fault.table]
            nothing = "" if verdict.verdict == "fresh" else "the table is not there"
            why = verdict.reasons[0].about if verdict.reasons else nothing
            yield {
                "table": fault.table,
                "fault": fault.name,
                "verdict": verdict.verdict,
                "used": verdict.used,
                "care may run": night.care_may_run,
                "why": why,
            }


if __name__ == "__main__":
    main()
