"""How long ``holdfast quickstart`` takes on public tables, as a whole: CPU and wall time, and the AUC it
reports.

Run: ``python -m benchmarks.tables.quickstart_time [--json] [--before CHECKOUT] [TABLE...]``: all tables, or
those whose names begin with a given one. With another checkout of
this repository, such as ``git worktree add ../before 0ddb12a`` makes, both are measured in turn on the same
machine. Reads the public data sets from ``HOLDFAST_REAL_DATA`` or ``../shared/data``.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import show
from benchmarks.tabular.cases import Case, cases

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Measured:
    """One run.

    Parameters
    ----------
    cpu_seconds, wall_seconds : float
        Of the whole process.
    auc : float
        As it reports it.
    """

    cpu_seconds: float
    wall_seconds: float
    auc: float


def main() -> None:
    """Run quickstart on every table, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--before", type=Path, help="another checkout to measure beside this one")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("tables", nargs="*", metavar="TABLE")
    asked = parser.parse_args()
    before, wanted = asked.before, tuple(name.lower() for name in asked.tables) or ("",)
    folder = Path(os.environ.get("HOLDFAST_REAL_DATA", "../shared/data")).resolve()
    trees = {"now": ROOT} if before is None else {_commit(before): before.resolve(), "now": ROOT}
    rows = []
    for case in cases(folder):
        if not case.name.lower().startswith(wanted):
            continue
        row: dict[str, object] = {"table": case.name}
        for name, tree in trees.items():
            measured = _measure(tree, case)
            print(f"{case.name}, {name}: {measured.cpu_seconds:.1f} s of CPU", file=sys.stderr)
            row[f"CPU s, {name}"] = f"{measured.cpu_seconds:.1f}"
            row[f"wall s, {name}"] = f"{measured.wall_seconds:.1f}"
            row[f"AUC, {name}"] = f"{measured.auc:.4f}"
        rows.append(row)
    show("Quickstart on public tables, the whole command", rows)


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _measure(tree: Path, case: Case) -> Measured:
    """Run a checkout's own quickstart in a process of its own, with a home of its own."""
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, function = project["scripts"]["holdfast"].split(":")
    start = f"from {module} import {function}; {function}()"
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory) / "home"
        arguments = _arguments(case, Path(directory))
        command = [sys.executable, "-c", start, "quickstart", *arguments, "--home", str(home)]
        started = time.monotonic()
        process = subprocess.Popen(
            [*command, "--json"], cwd=tree, env=environment, stdout=subprocess.PIPE
        )
        output = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
    if status:
        raise SystemExit(f"{case.name}: quickstart failed in {tree}")
    return Measured(usage.ru_utime + usage.ru_stime, seconds, json.loads(output)["auc"])


def _arguments(case: Case, directory: Path) -> list[str]:
    roles = case.roles
    arguments = [str(case.path), "--target", roles.target]
    arguments += [] if roles.id is None else ["--id", roles.id]
    arguments += [word for value in roles.positive for word in ("--positive", value)]
    arguments += [word for name in roles.drop for word in ("--drop", name)]
    if roles.available is not None:
        available = directory / "available.txt"
        available.write_text("\n".join(sorted(roles.available)), encoding="utf-8")
        arguments += ["--available-at-scoring", str(available)]
    return arguments


if __name__ == "__main__":
    main()
