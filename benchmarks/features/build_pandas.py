"""The feature build beside the same features in plain pandas, on the same simulated tables.

``python -m benchmarks.features.build_pandas [CUSTOMERS] [MONTHS] [EVERY]`` simulates 50,000
customers over 12 months. Both build every weekly snapshot of history and the newest one, from
parquet files to feature files, and keep the history of all customers. If EVERY is more than 1,
pandas computes only one snapshot in EVERY, and its time is scaled to all of them; the output shows
that. Times are seconds of the processor and of the clock: the build uses all processors, pandas one.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.report import show
from features.compute.build import BuildReport, bring_up_to_date
from features.contracts.tables import TABLES
from features.fields import LINKS
from features.settings import FeatureSettings
from holdfast.arrays import Floats
from holdfast.clock import system_clock
from simulator.engine.simulator import simulate
from tests.oracle import contacts, links_at, prepare, snapshot
from tests.oracle.known import Tables

CUSTOMERS, MONTHS = 50_000, 12


def main() -> None:
    """Measure and print."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    customers, months, every = (*numbers, *(CUSTOMERS, MONTHS, 1)[len(numbers) :])
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        simulate(home / "simulation", customers, months)
        raw = home / "simulation" / "raw"
        settings = FeatureSettings(history_customers=customers)
        report: BuildReport | None = None

        def run_build() -> None:
            nonlocal report
            report = bring_up_to_date(raw, home / "features", settings, now=system_clock())

        build = _seconds(run_build)
        assert report is not None  # noqa: S101  # for the type checker
        snapshots = [*report.history, report.at]
        measured = snapshots[::-1][::every]
        tables: Tables = {}
        read = _seconds(lambda: tables.update(_read(raw)))
        computed = _seconds(lambda: _snapshots(tables, measured, home / "pandas"))
        pandas = read + computed * len(snapshots) / len(measured)
    how = (
        "all"
        if every == 1
        else f"{len(measured)} of {len(snapshots)} computed, time scaled linearly"
    )
    rows = [
        {"what": what, "processor s": processor, "clock s": clock, "snapshots": of}
        for what, (processor, clock), of in (
            ("feature build", build, "all"),
            ("plain pandas", pandas, how),
            ("ratio", pandas / build, ""),
        )
    ]
    show(
        f"Feature build, {customers:,} customers x {months} months, {len(snapshots)} snapshots",
        rows,
    )


def _read(raw: Path) -> Tables:
    return prepare(
        {
            name: pq.read_table(raw / name)
            for name in TABLES
            if (raw / name).exists() and _is_read(name)
        }
    )


def _is_read(name: str) -> bool:
    return TABLES[name].use == "features"


def _snapshots(tables: Tables, moments: list[datetime], out: Path) -> None:
    """Write every view of every snapshot as a file, as the build does."""
    for at in moments:
        cutoff = pd.Timestamp(at)
        monday = cutoff - timedelta(days=cutoff.weekday())
        frames = snapshot(tables, cutoff)
        frames["contact"] = contacts(
            tables, monday if monday < cutoff else monday - timedelta(days=7), cutoff
        )
        frames |= {f"{entity}_links": links_at(tables, entity, cutoff) for entity in LINKS}
        for view, frame in frames.items():
            (out / view).mkdir(parents=True, exist_ok=True)
            frame.to_parquet(out / view / f"{at:%Y-%m-%d}.parquet")


def _seconds(call: Callable[[], object]) -> Floats:
    """Seconds of the processor and of the clock."""
    started: Floats = np.array([time.process_time(), time.perf_counter()])
    call()
    ended: Floats = np.array([time.process_time(), time.perf_counter()])
    return ended - started


if __name__ == "__main__":
    main()
