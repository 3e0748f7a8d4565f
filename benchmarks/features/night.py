"""An ordinary night beside a first one: one day's rows taken in, against all of them.

``python -m benchmarks.features.night [CUSTOMERS] [MONTHS]`` simulates 20,000 customers over 12
months and writes each raw table as a file per month of arrival, and one per day in the last days,
as an operator does that adds a file each night and joins the old ones. The ordinary night finds the
files of all days but the last taken in and the snapshot of the day before built. It takes in the
last day's files, and computes the newest snapshot. The first night takes all files in, and computes
the same snapshot. Both keep no history, whose past Mondays neither would compute. Times are seconds
of the processor and of the clock, in a process each.
"""

import json
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.report import show
from features.contracts.vocabulary import ARRIVED
from simulator.engine.simulator import simulate

CUSTOMERS, MONTHS = 20_000, 12
DAYS = timedelta(days=7)
"""Days at the end of which each has a file of its own."""

_STEPS = ("taking in", "features")

_ONE_NIGHT = """
import json, sys, time
from pathlib import Path
from features.compute import whole
from features.compute.build import bring_up_to_date
from features.intake.check import accept
from features.settings import FeatureSettings
from features.sources import open_source
from holdfast.clock import system_clock

source, home = sys.argv[1], Path(sys.argv[2])
whole.history_mondays = lambda tables, at, zone: ()
now, times = system_clock(), [(time.monotonic(), time.process_time())]
accept(open_source(source), home / "raw", quarantine=home / "quarantine", now=now)
times.append((time.monotonic(), time.process_time()))
bring_up_to_date(home / "raw", home / "features", FeatureSettings.read(), now=now)
times.append((time.monotonic(), time.process_time()))
print(json.dumps(times))
"""


def main() -> None:
    """Measure and print."""
    numbers = [int(argument) for argument in sys.argv[1:]]
    customers, months = (*numbers, *(CUSTOMERS, MONTHS)[len(numbers) :])
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        simulate(root / "simulation", customers, months)
        last = write_parts(root / "simulation" / "raw", root / "source")
        held_back = root / "last_day"
        _move(root / "source", held_back, last)
        _night(root / "source", root / "home")
        _move(held_back, root / "source", last)
        ordinary = _night(root / "source", root / "home")
        first = _night(root / "source", root / "first")
    rows = [
        {"night": name, "step": step, "processor s": seconds[1], "clock s": seconds[0]}
        for name, night in (("first", first), ("ordinary", ordinary))
        for step, seconds in night.items()
    ]
    sums = [
        [sum(times[i] for times in night.values()) for i in (0, 1)] for night in (first, ordinary)
    ]
    rows.append(
        {
            "night": "first / ordinary",
            "step": "both",
            "processor s": sums[0][1] / sums[1][1],
            "clock s": sums[0][0] / sums[1][0],
        }
    )
    show(f"An ordinary night, {customers:,} customers x {months} months, a file per day", rows)


def write_parts(raw: Path, out: Path) -> str:
    """Write each table in parts by its arrival, and name the last day's.

    What arrived before the simulation began, such as customers of long standing, is one part.
    """
    simulation = json.loads((raw.parent / "simulation.json").read_text())
    begin, end = (datetime.fromisoformat(simulation[name]) for name in ("start", "end"))
    by_day = pa.scalar(end - DAYS, pa.timestamp("us", "UTC"))
    for folder in sorted(path for path in raw.iterdir() if path.is_dir()):
        table = pq.read_table(folder)
        before = pa.scalar(begin - DAYS, by_day.type)
        arrived = pc.if_else(pc.less(table[ARRIVED], before), before, table[ARRIVED])
        parts = pc.if_else(
            pc.less(arrived, by_day),
            pc.strftime(arrived, "%Y-%m"),
            pc.strftime(arrived, "%Y-%m-%d"),
        )
        (out / folder.name).mkdir(parents=True)
        for part in pc.unique(parts).to_pylist():
            rows = table.filter(pc.equal(parts, part))
            pq.write_table(rows, out / folder.name / f"{part}.parquet")
    return f"{end - timedelta(days=1):%Y-%m-%d}.parquet"


def _move(source: Path, target: Path, name: str) -> None:
    for path in source.glob(f"*/{name}"):
        (target / path.parent.name).mkdir(parents=True, exist_ok=True)
        path.rename(target / path.parent.name / name)


def _night(source: Path, home: Path) -> dict[str, tuple[float, float]]:
    """Clock and processor seconds of each step."""
    finished = subprocess.run(
        [sys.executable, "-c", _ONE_NIGHT, str(source), str(home)],
        stdout=subprocess.PIPE,
        check=True,
    )
    # DuckDB shows its progress before, because it takes `python -c` for a person at a prompt.
    times = json.loads(finished.stdout.splitlines()[-1])
    return {
        step: (after[0] - before[0], after[1] - before[1])
        for step, before, after in zip(_STEPS, times[:-1], times[1:], strict=True)
    }


if __name__ == "__main__":
    main()
