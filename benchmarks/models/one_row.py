"""Explaining one row at a time, as a server does: `models.reasons.row_shap.RowShap` beside LightGBM's own
``pred_contrib``.

``python -m benchmarks.models.one_row [--json]`` explains the same rows with the same boosters, one by one, in one
process. It prints the processor time for each row, what laying out the tables takes, and the
greatest difference of the values, which must be below 1e-9.
"""

import time
from collections.abc import Callable

import lightgbm as lgb
import numpy as np

from benchmarks.report import show
from holdfast.arrays import Floats
from models.reasons.row_shap import RowShap
from models.reasons.trees import UnsupportedTreesError

TRAINING_ROWS, FEATURES, ROWS = 5_000, 100, 300
BOOSTERS = {
    "100 trees of 15 leaves, depth 6": (100, {"num_leaves": 15, "max_depth": 6}),
    "300 trees of 31 leaves, depth 6": (300, {"num_leaves": 31, "max_depth": 6}),
    "300 trees of 31 leaves, depth 8": (300, {"num_leaves": 31, "max_depth": 8}),
    "300 trees of 31 leaves, any depth": (300, {"num_leaves": 31}),
}
EQUAL = 1e-9

_PARAMETERS = {"objective": "binary", "verbosity": -1, "num_threads": 1, "seed": 1}


def main() -> None:
    """Measure and print."""
    random = np.random.default_rng(1)
    matrix = random.normal(size=(TRAINING_ROWS, FEATURES))
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    signal = np.nan_to_num(matrix) @ random.normal(size=FEATURES)
    label = (signal + 5 * random.normal(size=TRAINING_ROWS) > 0).astype(float)
    measured: list[dict[str, object]] = []
    differences = []
    for name, (trees, parameters) in BOOSTERS.items():
        booster = lgb.train(_PARAMETERS | parameters, lgb.Dataset(matrix, label), trees)
        figures = _measure(booster, matrix[:ROWS])
        measured.append({"booster": name, **figures})
        differences.append(figures.get("greatest difference", 0.0))
    show(f"Explaining one row of {FEATURES} features", measured)
    if max(differences) > EQUAL:
        raise SystemExit("the values differ")


def _measure(booster: lgb.Booster, matrix: Floats) -> dict[str, float]:
    def own(row: Floats) -> Floats:
        return np.asarray(booster.predict(row, pred_contrib=True, num_threads=1), dtype=np.float64)

    microseconds = {"pred_contrib, CPU us": _cpu_us(own, matrix)}
    started = time.process_time()
    try:
        trees = RowShap([booster])
    except UnsupportedTreesError:
        # The server leaves these to LightGBM.
        return microseconds
    laid_out = time.process_time() - started
    difference = np.abs(trees.contributions(matrix) - own(matrix)[:, :-1]).max()
    return microseconds | {
        "tables, CPU us": _cpu_us(trees.contributions, matrix),
        "laying out, CPU s": laid_out,
        "tables, MB": trees.nbytes / 1e6,
        "greatest difference": float(difference),
    }


def _cpu_us(explain: Callable[[Floats], Floats], matrix: Floats) -> float:
    """Processor time for each row."""
    rows = [matrix[[place]] for place in range(len(matrix))]
    explain(rows[0])
    started = time.process_time()
    for row in rows:
        explain(row)
    return 1e6 * (time.process_time() - started) / len(rows)


if __name__ == "__main__":
    main()
