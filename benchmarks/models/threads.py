"""LightGBM's waiting threads on a busy machine: the fit of 300 rows, with and without
``OMP_WAIT_POLICY=passive``.

``python -m benchmarks.models.threads`` measures both ways in turn, while the machine does nothing
else and while it is busy. It makes the machine busy itself, with six processes per core that
compute until both ways are measured, for a few minutes at most. The boosters must be equal.
"""

import hashlib
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.report import show
from holdfast.cores import core_count

ROWS, COLUMNS, TREES, RUNS = 300, 20, 100, 3
BUSY_PER_CORE = 6
MOST_SECONDS = 240.0
"""After which a process that makes the machine busy ends by itself."""

POLICIES = ("passive", "not set")

# Without this package, which would set the variable.
_FIT = """
import hashlib, json, sys, time
import lightgbm as lgb, numpy as np
rows, columns, trees, threads = map(int, sys.argv[1:])
random = np.random.default_rng(1)
matrix = random.normal(size=(rows, columns))
label = (random.random(rows) < 1 / (1 + np.exp(-matrix[:, 0]))).astype(float)
parameters = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 5, "seed": 1,
              "deterministic": True, "force_row_wise": True, "verbosity": -1,
              "num_threads": threads}
started = time.perf_counter()
booster = lgb.train(parameters, lgb.Dataset(matrix, label), trees)
print(json.dumps([time.perf_counter() - started,
                  hashlib.sha256(booster.model_to_string().encode()).hexdigest()]))
"""


def main() -> None:
    """Measure and print."""
    threads = max(2, core_count())
    rows: list[dict[str, object]] = []
    boosters = set()
    for others in (0, BUSY_PER_CORE * core_count()):
        with _busy(others):
            load = os.getloadavg()[0]
            for policy in POLICIES:
                seconds, texts = zip(*(_fit(policy, threads) for _ in range(RUNS)), strict=True)
                boosters |= set(texts)
                rows.append(
                    {
                        "processes beside it": others,
                        "load before": load,
                        "OMP_WAIT_POLICY": policy,
                        "seconds, median": statistics.median(seconds),
                        "seconds, longest": max(seconds),
                    }
                )
    show(f"Fitting {TREES} trees on {ROWS} rows x {COLUMNS} columns, {threads} threads", rows)
    if len(boosters) != 1:
        raise SystemExit("the boosters differ")


def _fit(policy: str, threads: int) -> tuple[float, str]:
    """Seconds of one fit in a new process, imports aside, and a digest of its booster."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if policy != "not set":
        environment["OMP_WAIT_POLICY"] = policy
    sizes = map(str, (ROWS, COLUMNS, TREES, threads))
    done = subprocess.run(
        [sys.executable, "-c", _FIT, *sizes],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    seconds, digest = json.loads(done.stdout)
    return float(seconds), str(digest)


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Keep the machine busy with some processes."""
    spawned = multiprocessing.get_context("spawn")
    processes = [spawned.Process(target=_compute, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    if processes:
        time.sleep(5)  # until all have started
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _compute() -> None:
    """Compute until terminated, or `MOST_SECONDS` are over."""
    ends = time.monotonic() + MOST_SECONDS
    while time.monotonic() < ends:
        hashlib.sha256(bytes(1 << 20)).digest()


if __name__ == "__main__":
    main()
