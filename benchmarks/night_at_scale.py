# ruff: noqa: S608  # names in queries come from contracts and from paths
"""A whole night by number of customers: time, processor and memory of every step.

``python -m benchmarks.night_at_scale [CUSTOMERS ...] [--folder FOLDER] [--months MONTHS]`` measures
`holdfast nightly` with champions of all five targets and reasons for the riskiest fifth, in a
process of its own. The champions are the same at every size: 300 trees per horizon, fitted on the
newest features of 12,000 customers to labels drawn at random.

Each size is a simulated operator with at least that many customers in its tables. Each raw table is
a file per month of arrival, with one per day in the last week. The first night takes all of it in
up to a Monday morning, with half a year of history. The next one is an ordinary night, and the
heaviest of a week: a day's rows are new, among them last week's use. The exponents show how its
time grows with the subscriptions: 1 is proportional.

What was made in FOLDER is used again, so that an interrupted run carries on; the default is a
temporary folder. A million customers need 15 GB there.
"""

import argparse
import json
import math
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from benchmarks.report import show
from features.contracts.vocabulary import ARRIVED
from features.sql.expressions import text_sql, time_sql
from holdfast.clock import CLOCK_NOTE, write_clock
from holdfast.home import Home
from models.targets import TARGETS
from pipeline.simulated_operator import simulated_features
from simulator.engine.simulator import simulate
from tests.builders.night import make_operator_version, register_champion
from training.fitting.parameters import DEFAULT_PARAMETERS

SIZES, MONTHS = (5_000, 20_000), 12
FITTED = 12_000, 7, 12
"""Customers, months and seed of the operator that the champions are fitted on."""

TREES = 300
"""Trees of each horizon's booster, of the size that `holdfast train` begins with; one that was
trained has about 100.
"""

DAY = timedelta(days=1)
_SEED = 5
_JOINED = 0.81
"""Of the customers that are simulated, the share that has joined within a year, at least."""

_ONE_NIGHT = """
import json, sys, time
from pathlib import Path
from benchmarks.memory import MIB, PeakMemory
from features.online.settings import OnlineSettings
from holdfast.clock import home_clock, system_clock
from holdfast.home import Home
from pipeline.night.config import NightConfig
from pipeline.night.nightly import run_night
from pipeline.night.options import NightOptions

steps, memory = [], []

def begin(name):
    memory.append(PeakMemory.begin())
    steps.append({"step": name, "wall s": -time.monotonic(), "processor s": -time.process_time()})

def end(step):
    memory[-1].end()
    steps[-1]["wall s"] += time.monotonic()
    steps[-1]["processor s"] += time.process_time()
    steps[-1] |= {
        "own GB": memory[-1].own_mib * MIB / 1e9,
        "with mapped files GB": memory[-1].resident_mib * MIB / 1e9,
        "about": step.about,
    }
    print(step.name, steps[-1], file=sys.stderr, flush=True)

source, home = sys.argv[1], Home(Path(sys.argv[2]))
night = run_night(
    home,
    NightOptions(source=source),
    NightConfig.read(),
    clock=home_clock(home, system_clock, source),
    online=OnlineSettings.read(),
    begin=begin,
    end=end,
)
print(json.dumps({"verdict": night.verdict, "error": night.error, "steps": steps}))
"""


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("customers", type=int, nargs="*", default=SIZES)
    options.add_argument("--folder", type=Path, help="where everything is made and kept")
    options.add_argument("--months", type=int, default=MONTHS)
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (chosen.folder or Path(temporary)).absolute()
        models = _models(folder / "models")
        measured = [
            _measure(folder / f"{customers}-{chosen.months}", customers, chosen.months, models)
            for customers in chosen.customers
        ]
    for one in measured:
        show(one["title"], one["steps"])
    if len(measured) > 1:
        show("How an ordinary night's time grows", _growth(measured))


def _models(folder: Path) -> Home:
    """A home with champions of all targets."""
    home = Home(folder / "home")
    if (folder / "done").exists():
        return home
    shutil.rmtree(home.root, ignore_errors=True)
    simulated_features(home, *FITTED)
    for target in TARGETS.values():
        version = make_operator_version(home, target, 1, DEFAULT_PARAMETERS, TREES)
        register_champion(home, version)
    (folder / "done").touch()
    return home


def _measure(folder: Path, customers: int, months: int, models: Home) -> dict[str, Any]:
    """The figures of one size."""
    source, held_back, home = folder / "source", folder / "last_day", Home(folder / "home")
    if not (folder / "raw_done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        _make_raw(folder, customers, months)
        (folder / "raw_done").touch()
    done = folder / "nights.json"
    if not done.exists():
        nights = _both_nights(folder, source, held_back, home, models)
        done.write_text(json.dumps(nights))
    nights = json.loads(done.read_text())
    lines = pq.read_metadata(
        home.features / "operator" / "tables" / "usage" / "newest.parquet"
    ).num_rows
    return {
        "title": f"A night of {_joined(source):,} customers, {lines:,} subscriptions, {months} months",
        "subscriptions": lines,
        "ordinary": _sum(nights["ordinary"]),
        "steps": [
            {"night": "first", **_sum(nights["first"])},
            *(
                {"night": "ordinary", **step}
                for step in [*nights["ordinary"], _sum(nights["ordinary"])]
            ),
        ],
    }


def _both_nights(
    folder: Path, source: Path, held_back: Path, home: Home, models: Home
) -> dict[str, list[dict[str, Any]]]:
    """Run the first night and the ordinary one; begun anew where one was interrupted, because a
    night that is carried on takes less.
    """
    tonight = datetime.fromisoformat((folder / "tonight").read_text())
    first_done = folder / "first.json"
    if not first_done.exists():
        for path in held_back.glob("*/*.parquet"):
            (source / path.parent.name / path.name).unlink(missing_ok=True)
        shutil.rmtree(home.root, ignore_errors=True)
        home.root.mkdir()
        _copy_database(models.tracking, home.tracking)
        shutil.copytree(models.artifacts, home.artifacts)
        write_clock(source / CLOCK_NOTE, tonight - DAY)
        first_done.write_text(json.dumps(_night(source, home)))
    first = json.loads(first_done.read_text())
    first_done.unlink()
    for path in held_back.glob("*/*.parquet"):
        (source / path.parent.name / path.name).hardlink_to(path)
    write_clock(source / CLOCK_NOTE, tonight)
    return {"first": first, "ordinary": _night(source, home)}


def _copy_database(of: Path, to: Path) -> None:
    """Copy MLflow's database, with what lies in the log beside it as long as it is open here."""
    with closing(sqlite3.connect(of)) as source, closing(sqlite3.connect(to)) as copy:
        source.backup(copy)


def _make_raw(folder: Path, customers: int, months: int) -> None:
    """Simulate an operator, and divide its raw tables as one that adds a file each day."""
    simulation = simulate(folder / "simulation", math.ceil(customers / _JOINED), months, _SEED)
    # The last Tuesday, on whose eve last week's use arrived.
    tonight = datetime.fromisoformat(simulation.simulation.end) - 6 * DAY
    (folder / "tonight").write_text(tonight.isoformat())
    raw, source = simulation.folder / "raw", folder / "source"
    for table in sorted(path for path in raw.iterdir() if path.is_dir()):
        _divide(table, source / table.name, tonight)
    shutil.rmtree(simulation.folder)
    for path in list(source.glob(f"*/{tonight - DAY:%Y-%m-%d}_*.parquet")):
        place = folder / "last_day" / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)


def _divide(table: Path, out: Path, tonight: datetime) -> None:
    """Write a table's rows that had arrived by tonight as a file per month of arrival, and one per
    day in the last week.
    """
    out.mkdir(parents=True)
    first, week = tonight - timedelta(days=365), tonight - 7 * DAY
    with duckdb.connect() as connection:
        # One thread writes rows in the order in which they were.
        connection.execute("SET threads = 1; SET memory_limit = '2GB'; SET TimeZone = 'UTC'")
        parts = f"""
            SELECT *, CASE
                WHEN {ARRIVED}::TIMESTAMP < {time_sql(week)}
                THEN strftime(greatest({ARRIVED}::TIMESTAMP, {time_sql(first)}), '%Y-%m')
                ELSE strftime({ARRIVED}, '%Y-%m-%d')
            END AS part
            FROM read_parquet({text_sql(str(table / "*.parquet"))})
            WHERE {ARRIVED}::TIMESTAMP < {time_sql(tonight)}
        """
        connection.execute(
            f"COPY ({parts}) TO {text_sql(str(out))}"
            " (FORMAT parquet, PARTITION_BY (part), FILENAME_PATTERN 'rows_{i}', OVERWRITE_OR_IGNORE)"
        )
    for path in list(out.glob("part=*/*.parquet")):
        part = path.parent.name.removeprefix("part=")
        path.rename(out / f"{part}_{path.name}")
    for directory in list(out.glob("part=*")):
        directory.rmdir()
    if not any(out.iterdir()):
        shutil.copy(next(table.glob("*.parquet")), out)


def _night(source: Path, home: Home) -> list[dict[str, Any]]:
    """Run a night; its steps with their figures."""
    finished = subprocess.run(
        [sys.executable, "-c", _ONE_NIGHT, str(source), str(home.root)],
        stdout=subprocess.PIPE,
        check=True,
    )
    # DuckDB shows its progress before, because it takes `python -c` for a person at a prompt.
    night = json.loads(finished.stdout.splitlines()[-1])
    if night["verdict"] == "stopped":
        raise SystemExit(f"the night was stopped: {night['error']}")
    steps: list[dict[str, Any]] = night["steps"]
    for step in steps:
        if step["about"].startswith("nobody was scored"):
            raise SystemExit(step["about"])
    return steps


def _sum(steps: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "step": "all",
        "wall s": sum(step["wall s"] for step in steps),
        "processor s": sum(step["processor s"] for step in steps),
        **{name: max(step[name] for step in steps) for name in ("own GB", "with mapped files GB")},
        "about": "",
    }


def _growth(measured: list[dict[str, Any]]) -> list[dict[str, object]]:
    return [
        {
            "subscriptions": f"{before['subscriptions']:,} to {after['subscriptions']:,}",
            **{
                f"{name} exponent": math.log(after["ordinary"][name] / before["ordinary"][name])
                / math.log(after["subscriptions"] / before["subscriptions"])
                for name in ("wall s", "processor s")
            },
        }
        for before, after in pairwise(measured)
    ]


def _joined(source: Path) -> int:
    with duckdb.connect() as connection:
        files = text_sql(str(source / "customers" / "*.parquet"))
        counted = connection.execute(
            f"SELECT count(DISTINCT customer_id) FROM read_parquet({files})"
        ).fetchone()
    return counted[0] if counted else 0


if __name__ == "__main__":
    main()
