"""How long the command takes to answer what needs no work, and to refuse what is mistyped, beside an
empty Python process.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.report import show
from holdfast.home import Home
from tests.builders.model_versions import publish_features
from tests.builders.registry_tables import write_registry_tables
from tests.builders.stored_history import write_history

RUNS = 5


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory() as directory:
        home, table = Home(Path(directory) / "home"), Path(directory) / "customers.csv"
        write_registry_tables(home)
        stored = Home(Path(directory) / "stored")
        write_history(stored, "2025-01-06", "2025-06-02")
        publish_features(home, service="churn_v1")
        table.write_text("id,Churn\n1,yes\n2,no\n", encoding="utf-8")
        commands = {
            "--help": ["--help"],
            "--version": ["--version"],
            "settings": ["settings"],
            "a misspelt target": ["train", "churm"],
            "a misspelt column": ["quickstart", str(table), "--target", "Chrun"],
            "a missing file": ["quickstart", "nowhere.csv", "--target", "Churn"],
            "a missing folder": ["features", "build", "nowhere"],
            "a missing home": ["train", "churn", "--home", "nowhere"],
            "a missing registry": ["models", "list", "--home", "nowhere"],
            "a test period outside the data": [
                *("train", "churn", "--test-from", "2031-01-01", "--home", str(stored.root)),
            ],
            "a simulation of nobody": ["simulate", "--out", "nowhere", "--customers", "0"],
            "no version to go back to": ["models", "rollback", "--home", str(home.root)],
            "an unknown version": ["models", "promote", "99", "--home", str(home.root)],
            "an unknown subscription": ["features", "show", "S0", "--home", str(home.root)],
        }
        holdfast = str(Path(sys.executable).with_name("holdfast"))
        rows = [{"holdfast": "python -c pass", **_medians([sys.executable, "-c", "pass"])}]
        rows += [
            {"holdfast": name, **_medians([holdfast, *arguments])}
            for name, arguments in commands.items()
        ]
    show(f"Start-up, median of {RUNS} runs", rows)


def _medians(command: list[str]) -> dict[str, float]:
    """Median seconds by the clock, and of processor time, which a busy machine changes less."""
    clock, processor = [], []
    for _ in range(RUNS):
        started, used = time.perf_counter(), _processor_seconds()
        subprocess.run(command, capture_output=True, check=False)
        clock.append(time.perf_counter() - started)
        processor.append(_processor_seconds() - used)
    return {"seconds": float(np.median(clock)), "processor seconds": float(np.median(processor))}


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
