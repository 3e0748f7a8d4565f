"""How long the command takes for ``--help`` and for a missing table, beside an empty Python
process.
"""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.report import show

RUNS = 7


def main() -> None:
    """Measure and print."""
    holdfast = str(Path(sys.executable).with_name("holdfast"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "holdfast --help": [holdfast, "--help"],
        "holdfast quickstart nowhere.csv": [holdfast, "quickstart", "nowhere.csv", "--target", "x"],
    }
    show(
        "Start-up, median of 7 runs",
        [
            {"command": name, "seconds": _median_seconds(command)}
            for name, command in commands.items()
        ],
    )


def _median_seconds(command: list[str]) -> float:
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=False)
        times.append(time.perf_counter() - started)
    return float(np.median(times))


if __name__ == "__main__":
    main()
