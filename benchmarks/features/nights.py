# ruff: noqa: S608  # names in queries come from contracts and from paths
"""Expectations of a night's raw tables: how often clean nights raise a doubt.

``python -m benchmarks.features.nights`` takes nights of five simulated operators in, one after the
other, and counts the tables that are not as expected; nothing is wrong with any of them. Seeds and
last nights were drawn by lot after the bounds were shaped, and nothing was changed since then:
whoever changes a bound draws others. What is said of faults: ``benchmarks.night_faults``.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from benchmarks.report import show
from features.intake.expectations import Expectations
from features.intake.verdicts import NightVerdict
from features.settings import ExpectationSettings
from simulator.engine.simulator import simulate
from simulator.world.parameters import Parameters, PopulationParameters
from tests.builders.operator_nights import take_in

GROWING = Parameters(population=PopulationParameters(growth=6.0, later_line_share=0.5))
"""Six times as many customers join as are lost."""


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A simulated operator, and the midnight after the last of its nights."""

    name: str
    customers: int
    months: int
    seed: int
    last: datetime
    nights: int = 14
    parameters: Parameters = field(default_factory=Parameters)


OPERATORS = (
    Operator(
        name="small",
        customers=1_000,
        months=12,
        seed=13_263,
        last=datetime(2024, 12, 25, tzinfo=UTC),
    ),
    Operator(
        name="middle",
        customers=5_000,
        months=9,
        seed=89_658,
        last=datetime(2024, 9, 21, tzinfo=UTC),
    ),
    Operator(
        name="large",
        customers=12_000,
        months=6,
        seed=26_111,
        last=datetime(2024, 6, 15, tzinfo=UTC),
    ),
    Operator(
        name="young, its first weeks",
        customers=2_000,
        months=2,
        seed=35_888,
        last=datetime(2024, 2, 21, tzinfo=UTC),
        nights=42,
    ),
    Operator(
        name="growing to twice its size in a year",
        customers=3_000,
        months=12,
        seed=23_430,
        last=datetime(2024, 12, 15, tzinfo=UTC),
        parameters=GROWING,
    ),
)


def main() -> None:
    """Measure and print."""
    rows = []
    for operator in OPERATORS:
        rows.append(_clean(operator))
        print(f"{operator.name}: {rows[-1]['in doubt']} in doubt", file=sys.stderr, flush=True)
    show("Clean nights", rows)


def _clean(operator: Operator) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        simulate(
            folder / "operator",
            operator.customers,
            operator.months,
            operator.seed,
            parameters=operator.parameters,
        )
        nights = list(_nights(folder, operator))
    tables = [table for night in nights for table in night.tables]
    doubts = [table for table in tables if table.doubtful]
    return {
        "operator": operator.name,
        "customers": operator.customers,
        "nights to": f"{operator.last:%Y-%m-%d}",
        "table-nights": len(tables),
        # The others have too few nights behind them: nothing was expected of their rows.
        "of them with bounds": sum(table.measures[0].expected is not None for table in tables),
        "in doubt": len(doubts),
        "clean": f"{1 - len(doubts) / len(tables):.2%}",
        "nights without care": sum(not night.care_may_run for night in nights),
        "why": "; ".join(sorted({f"{table.table}: {table.reasons[0].about}" for table in doubts})),
    }


def _nights(folder: Path, operator: Operator) -> Iterator[NightVerdict]:
    """Take one night in after the other: each brings one file more."""
    raw, source, home = folder / "operator" / "raw", folder / "source", folder / "home"
    first = operator.last - timedelta(days=operator.nights)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for night in [first + timedelta(days=days) for days in range(operator.nights + 1)]:
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


if __name__ == "__main__":
    main()
