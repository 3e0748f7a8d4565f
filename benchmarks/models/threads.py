"""LightGBM's waiting threads on a busy machine: the fit of 300 rows, with and without
``OMP_WAIT_POLICY=passive``.

``python -m benchmarks.models.threads`` measures both ways in turn: beside whatever else runs, and
beside processes of its own that compute, one per core and then six per core. It ends by itself,
within three minutes where little else runs: a way that has not fitted all its boosters after
`MOST_SECONDS` is stopped, and the table says how many it fitted. The boosters must be equal.
"""

import hashlib
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.report import show
from holdfast.cores import core_count

ROWS, COLUMNS, TREES, RUNS = 300, 20, 100, 3
BESIDE_PER_CORE = (0, 1, 6)
MOST_SECONDS = 25.0
"""After which a way is stopped, with as many fits as it has made."""

POLICIES = ("passive", "not set")

# Without this package, which would set the variable.
_FITS = """
import hashlib, json, sys, time
import lightgbm as lgb, numpy as np
rows, columns, trees, threads, runs = map(int, sys.argv[1:])
random = np.random.default_rng(1)
matrix = random.normal(size=(rows, columns))
label = (random.random(rows) < 1 / (1 + np.exp(-matrix[:, 0]))).astype(float)
parameters = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 5, "seed": 1,
              "deterministic": True, "force_row_wise": True, "verbosity": -1,
              "num_threads": threads}
print("ready", flush=True)
for _ in range(runs):
    started, cpu_started = time.perf_counter(), time.process_time()
    booster = lgb.train(parameters, lgb.Dataset(matrix, label), trees)
    print(json.dumps([time.perf_counter() - started, time.process_time() - cpu_started,
                      hashlib.sha256(booster.model_to_string().encode()).hexdigest()]), flush=True)
"""


@dataclass(frozen=True)
class Fit:
    """One fit: its elapsed time, its CPU time, and a digest of its booster."""

    seconds: float
    cpu_seconds: float
    digest: str


def main() -> None:
    """Measure and print."""
    threads = max(2, core_count())
    rows: list[dict[str, object]] = []
    boosters = set()
    for per_core in BESIDE_PER_CORE:
        with _busy(per_core * core_count()):
            load = os.getloadavg()[0]
            for policy in POLICIES:
                fits = _fits(policy, threads)
                boosters |= {fit.digest for fit in fits}
                rows.append(
                    {
                        "processes beside it": per_core * core_count(),
                        "load before": load,
                        "OMP_WAIT_POLICY": policy,
                        "fits": len(fits),
                        "seconds, median": statistics.median(fit.seconds for fit in fits),
                        "seconds, longest": max(fit.seconds for fit in fits),
                        "CPU seconds, median": statistics.median(fit.cpu_seconds for fit in fits),
                    }
                )
    show(f"Fitting {TREES} trees on {ROWS} rows x {COLUMNS} columns, {threads} threads", rows)
    if len(boosters) != 1:
        raise SystemExit("the boosters differ")


def _fits(policy: str, threads: int) -> list[Fit]:
    """Fits in a new process, one after another, imports aside."""
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    if policy != "not set":
        environment["OMP_WAIT_POLICY"] = policy
    sizes = map(str, (ROWS, COLUMNS, TREES, threads, RUNS))
    command = [sys.executable, "-c", _FITS, *sizes]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        lines = iter(process.stdout or ())
        next(lines, None)  # its imports are done
        watch = threading.Timer(MOST_SECONDS, process.kill)
        watch.start()
        fits = [Fit(*json.loads(line)) for line in lines]
        watch.cancel()
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"fitting ended with {process.returncode}")
    if not fits:
        raise SystemExit(f"no fit ended within {MOST_SECONDS:g} seconds")
    return fits


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
    """Compute until terminated, or both ways have had their time."""
    ends = time.monotonic() + (len(POLICIES) + 1) * MOST_SECONDS
    while time.monotonic() < ends:
        hashlib.sha256(bytes(1 << 20)).digest()


if __name__ == "__main__":
    main()
