"""Time and peak memory of the feature build by number of customers: the newest snapshot.

``python -m benchmarks.features.build [RAW ...]`` builds the newest snapshot of each raw folder
given, each in its own process. Without folders, it simulates 10,000 and 100,000 customers over 7
months; ``--full`` adds 1,000,000. The exponent shows how time grows: 1 is proportional to the rows
of the view `usage`.
"""

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import show
from simulator.engine.simulator import simulate

SIZES, FULL_SIZE, MONTHS = (10_000, 100_000), 1_000_000, 7

_ONE_BUILD = """
import json, resource, sys
from pathlib import Path
from features.compute import whole
from features.compute.build import bring_up_to_date
from features.settings import FeatureSettings
from holdfast.clock import system_clock

whole.history_mondays = lambda tables, at, zone: ()
report = bring_up_to_date(
    Path(sys.argv[1]), Path(sys.argv[2]), FeatureSettings.read(), now=system_clock()
)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"rows": report.rows["usage"], "seconds": report.seconds, "peak_gb": peak / 1e9}))
"""


def main() -> None:
    """Measure and print."""
    given = [Path(argument) for argument in sys.argv[1:] if not argument.startswith("--")]
    rows: list[dict[str, object]] = []
    before: dict[str, float] | None = None
    with _folders(given) as folders:
        for raw in folders:
            with tempfile.TemporaryDirectory(dir=raw.parent) as out:
                measured = _build(raw, Path(out))
            grown = (
                math.log(measured["seconds"] / before["seconds"])
                / math.log(measured["rows"] / before["rows"])
                if before
                else None
            )
            rows.append(
                {
                    "subscriptions": f"{int(measured['rows']):,}",
                    "seconds": measured["seconds"],
                    "peak GB": measured["peak_gb"],
                    "time exponent": "" if grown is None else grown,
                }
            )
            before = measured
    show("Feature build, newest snapshot of everybody", rows)


def _build(raw: Path, out: Path) -> dict[str, float]:
    command = [sys.executable, "-c", _ONE_BUILD, str(raw), str(out)]
    finished = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    measured: dict[str, float] = json.loads(finished.stdout)
    return measured


@contextmanager
def _folders(given: list[Path]) -> Iterator[list[Path]]:
    if given:
        yield given
        return
    sizes = (*SIZES, FULL_SIZE) if "--full" in sys.argv else SIZES
    with tempfile.TemporaryDirectory() as directory:
        for customers in sizes:
            simulate(Path(directory) / f"{customers}", customers, MONTHS)
        yield [Path(directory) / f"{customers}" / "raw" for customers in sizes]


if __name__ == "__main__":
    main()
