"""Explaining in bulk: `models.reasons.explain.explain` beside LightGBM's own ``pred_contrib``,
`shap.TreeExplainer`, and woodelf where it is installed.

``python -m benchmarks.models.explanation [ROWS]`` explains the same rows with the same booster and threads
each time. Each runs in a process of its own, so that the memory is that of the explanation alone.
holdfast runs before and after LightGBM, and must be fast enough both times. Values must be equal.
A second table shows from how many rows on `TreeShap` is faster. It takes minutes: the others explain
a few hundred rows per second. Ratios are of CPU seconds, which depend little on what else runs.
"""

import importlib.util
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np

from benchmarks.memory import MIB, peak_mib
from benchmarks.report import show
from holdfast.arrays import Floats
from models.reasons.explain import BULK_ROWS, explain
from models.reasons.tree_shap import TreeShap

ROWS, FEATURES, TREES, LEAVES, THREADS = 10_000, 100, 300, 31, 2
TRAINING_ROWS = 10_000
DEPTHS = {"unlimited": -1, "6": 6}

LEAST, EQUAL = 5.0, 1e-5
"""Times as fast as LightGBM by CPU, at least; difference of their values, at most."""

FEW = (250, 500, 1000, 2000)

Explain = Callable[[lgb.Booster, Floats], Floats]


@dataclass(frozen=True)
class ExplanationCost:
    """One explanation: its elapsed time, its CPU time, and the memory it needed besides rows and
    result.
    """

    seconds: float
    cpu_seconds: float
    added_mib: float


def main() -> None:
    """Measure and print."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    count = numbers[0] if numbers else ROWS
    measured_rows = []
    spawned = multiprocessing.get_context("spawn")
    # An executor raises an error when a process is killed; a pool would wait for ever.
    with (
        tempfile.TemporaryDirectory() as directory,
        ProcessPoolExecutor(1, mp_context=spawned, max_tasks_per_child=1) as pool,
    ):
        for depth, limit in DEPTHS.items():
            pool.submit(_prepare, directory, limit, count).result()
            turns = {
                name: pool.submit(_measure, directory, turn, name.split(",")[0]).result()
                for turn, name in enumerate(_turns())
            }
            own = turns["pred_contrib"]
            # A process inherits the memory peak of the one that starts it; this one must stay small.
            apart = pool.submit(_apart, Path(directory)).result()
            for turn, (name, measured) in enumerate(turns.items()):
                measured_rows.append(
                    {
                        "depth": depth,
                        "way": name,
                        "rows per second": count / measured.seconds,
                        "rows per CPU second": count / measured.cpu_seconds,
                        "times pred_contrib": own.cpu_seconds / measured.cpu_seconds,
                        "times shap": turns["shap"].cpu_seconds / measured.cpu_seconds,
                        "greatest difference": apart[turn],
                        "memory added, MiB": measured.added_mib,
                    }
                )
        few = pool.submit(_few, directory).result()
    show(
        f"Explaining {count:,} rows x {FEATURES} features, {TREES} trees of {LEAVES} leaves, {THREADS} threads",
        measured_rows,
    )
    show(
        f"Few rows at depth 6, CPU seconds: `explain` uses TreeShap from {BULK_ROWS:,} rows on", few
    )
    ours = [row for row in measured_rows if str(row["way"]).startswith("holdfast")]
    if any(float(str(row["greatest difference"])) > EQUAL for row in ours):
        raise SystemExit("the values differ")
    if any(float(str(row["times pred_contrib"])) < LEAST for row in ours):
        raise SystemExit(f"less than {LEAST:g} times as fast as pred_contrib")


def _turns() -> list[str]:
    woodelf = ["woodelf"] if importlib.util.find_spec("woodelf") else []
    return ["holdfast", "pred_contrib", "shap", "holdfast, again", *woodelf]


def _holdfast(booster: lgb.Booster, rows: Floats) -> Floats:
    return explain([booster], rows, THREADS).contributions


def _pred_contrib(booster: lgb.Booster, rows: Floats) -> Floats:
    return np.asarray(
        booster.predict(rows, pred_contrib=True, num_threads=THREADS), dtype=np.float64
    )[:, :-1]


def _shap(booster: lgb.Booster, rows: Floats) -> Floats:
    """`shap` has no setting for threads: LightGBM, which it calls, takes all cores."""
    import shap

    explainer = shap.TreeExplainer(
        booster, feature_perturbation="tree_path_dependent", model_output="raw"
    )
    return np.asarray(explainer.shap_values(rows), dtype=np.float64)


def _woodelf(booster: lgb.Booster, rows: Floats) -> Floats:
    import pandas as pd
    from woodelf.explainer import WoodelfExplainer

    frame = pd.DataFrame(rows, columns=booster.feature_name())
    return np.asarray(WoodelfExplainer(booster).shap_values(frame, verbose=False))


SIDES: dict[str, Explain] = {
    "holdfast": _holdfast,
    "pred_contrib": _pred_contrib,
    "shap": _shap,
    "woodelf": _woodelf,
}


def _prepare(directory: str, max_depth: int, count: int) -> None:
    """Train the booster and store the rows to explain, in another process: making them needs more
    memory than holding them.
    """
    matrix, label = _rows(TRAINING_ROWS, seed=1)
    parameters = {
        "objective": "binary",
        "num_leaves": LEAVES,
        "max_depth": max_depth,
        "learning_rate": 0.05,
        "seed": 1,
    }
    parameters |= {"deterministic": True, "force_row_wise": True, "verbosity": -1}
    lgb.train(parameters, lgb.Dataset(matrix, label), TREES).save_model(
        Path(directory) / "booster.txt"
    )
    np.save(Path(directory) / "rows.npy", _rows(count, seed=2)[0])


def _measure(directory: str, turn: int, name: str) -> ExplanationCost:
    booster, rows = _booster(directory), np.load(Path(directory) / "rows.npy")
    SIDES[name](booster, rows[:1])  # loads libraries
    before = peak_mib()
    started, cpu_started = time.perf_counter(), time.process_time()
    contributions = SIDES[name](booster, rows)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    added = peak_mib() - before - contributions.nbytes / MIB
    np.save(Path(directory) / f"{turn}.npy", contributions)
    return ExplanationCost(seconds, cpu_seconds, max(added, 0.0))


def _apart(directory: Path) -> list[float]:
    """Greatest difference of each turn's values from those of pred_contrib, which is turn 1."""
    own = np.load(directory / "1.npy", mmap_mode="r")
    turns = [np.load(directory / f"{turn}.npy", mmap_mode="r") for turn in range(len(_turns()))]
    return [
        max(
            float(np.abs(turn[row : row + 10_000] - own[row : row + 10_000]).max())
            for row in range(0, len(own), 10_000)
        )
        for turn in turns
    ]


def _few(directory: str) -> list[dict[str, object]]:
    booster, (rows, _) = _booster(directory), _rows(max(FEW), seed=3)
    return [
        {
            "rows": count,
            "pred_contrib": _cpu_seconds(lambda shown: _pred_contrib(booster, shown), rows[:count]),
            "TreeShap": _cpu_seconds(
                lambda shown: TreeShap([booster]).contributions(shown, THREADS), rows[:count]
            ),
        }
        for count in FEW
    ]


def _cpu_seconds(call: Callable[[Floats], object], rows: Floats) -> float:
    started = time.process_time()
    call(rows)
    return time.process_time() - started


def _booster(directory: str) -> lgb.Booster:
    return lgb.Booster(model_file=Path(directory) / "booster.txt")


def _rows(count: int, seed: int) -> tuple[Floats, Floats]:
    """Made-up customers: a quarter of the columns are counts, a tenth have missing values, and half
    of them influence leaving.
    """
    weights = np.random.default_rng(0).normal(size=FEATURES) * (np.arange(FEATURES) % 2)
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(count, FEATURES))
    matrix[:, ::4] = np.round(np.exp(matrix[:, ::4]))
    matrix[:, 1::10][random.random((count, FEATURES // 10)) < 0.2] = np.nan
    known = np.nan_to_num(matrix)
    log_odds = (
        0.15 * known @ weights + 0.3 * known[:, 0] * known[:, 1] + np.sin(2 * known[:, 2]) - 2
    )
    return matrix, (random.random(count) < 1 / (1 + np.exp(-log_odds))).astype(np.float64)


if __name__ == "__main__":
    main()
