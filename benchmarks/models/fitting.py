"""Fitting one booster: holdfast, from a training table, beside a plain call of ``lightgbm.train``
with the same matrix and parameters.

``python -m benchmarks.models.fitting [ROWS] [FEATURES] [ROUNDS]`` runs them in turn. Each run has a process
of its own, so that the memory is that of the fit alone. Both must give the same booster.
"""

import hashlib
import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from benchmarks.memory import MIB, peak_mib
from benchmarks.report import show
from holdfast.arrays import Floats
from training.fitting.fit import TrainingTable, fit_booster
from training.fitting.parameters import fit_parameters
from training.settings import TrainingSettings

ROWS, FEATURES, ROUNDS, TURNS = 300_000, 100, 200, 3

LIMIT = 1.2
"""Time of holdfast over that of plain `lightgbm.train`, at most."""

Fit = Callable[[Floats, Floats, int], lgb.Booster]


@dataclass(frozen=True)
class FitCost:
    """One fit: its time, the memory it needed besides the matrix, and a digest of its booster."""

    seconds: float
    added_mib: float
    booster_sha256: str


def main() -> None:
    """Measure and print."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    rows, features, rounds = (*numbers, *(ROWS, FEATURES, ROUNDS)[len(numbers) :])
    costs: dict[str, list[FitCost]] = {name: [] for name in SIDES}
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for _ in range(TURNS):
            for name, measurements in costs.items():
                measurements.append(pool.apply(_measure, (name, rows, features, rounds)))
    if (
        len(
            {
                measured.booster_sha256
                for measurements in costs.values()
                for measured in measurements
            }
        )
        != 1
    ):
        raise SystemExit("the two ways gave different boosters")
    # The fastest of the turns: other work on the machine can only make a turn slower.
    bare = min(measured.seconds for measured in costs["bare lightgbm.train"])
    show(
        f"Fitting {rows:,} rows x {features} features, {rounds} rounds, all cores: fastest of {TURNS} turns, the same booster",
        [
            {
                "way": name,
                "seconds": min(measured.seconds for measured in measurements),
                "times bare": min(measured.seconds for measured in measurements) / bare,
                "at most": LIMIT,
                "memory added, MiB": max(measured.added_mib for measured in measurements),
                "matrix, MiB": rows * features * 8 / MIB,
            }
            for name, measurements in costs.items()
        ],
    )


def _holdfast(matrix: Floats, label: Floats, rounds: int) -> lgb.Booster:
    features = tuple(f"feature_{number}" for number in range(matrix.shape[1]))
    table = TrainingTable(matrix=matrix, label=label, group=None, features=features, categorical=())
    return fit_booster(table, rounds, TrainingSettings.read(), threads=0)


def _bare(matrix: Floats, label: Floats, rounds: int) -> lgb.Booster:
    names = [f"feature_{number}" for number in range(matrix.shape[1])]
    data = lgb.Dataset(matrix, label, feature_name=names)
    parameters = fit_parameters(TrainingSettings.read(), threads=0)
    return lgb.train(parameters, data, num_boost_round=rounds)


SIDES: dict[str, Fit] = {"holdfast": _holdfast, "bare lightgbm.train": _bare}


def _measure(name: str, rows: int, features: int, rounds: int) -> FitCost:
    matrix, label = _rows(rows, features)
    before = peak_mib()
    started = time.perf_counter()
    booster = SIDES[name](matrix, label, rounds)
    seconds = time.perf_counter() - started
    added = peak_mib() - before
    return FitCost(seconds, added, hashlib.sha256(booster.model_to_string().encode()).hexdigest())


def _rows(rows: int, features: int) -> tuple[Floats, Floats]:
    """Made-up customers: a quarter of the columns are counts, one value in ten is missing, and one
    customer in ten leaves.
    """
    random = np.random.default_rng(1)
    matrix = np.empty((rows, features))
    log_odds = np.full(rows, -2.8)
    for column in range(features):
        values = (
            random.poisson(2.0, rows).astype(np.float64)
            if column % 4 == 0
            else random.normal(size=rows)
        )
        if column < 10:
            log_odds += 0.4 * values * (values > 0)
        values[random.random(rows) < 0.1] = np.nan
        matrix[:, column] = values
    return matrix, (random.random(rows) < 1 / (1 + np.exp(-log_odds))).astype(np.float64)


if __name__ == "__main__":
    main()
