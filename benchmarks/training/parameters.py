"""What other parameters than the default sets of an operator's features would predict, and cost.

``nice python -m benchmarks.training.parameters [SEED...] [--customers N] [--months N]`` simulates an
operator for every seed, and cross-fits a model of churn for each horizon on the rows before the test
period: with the sets of flat tables, with those of an operator, and with others between them. Printed is, for each, the
log loss and AUC of margins from boosters that did not learn from the row's customer, and processor
seconds with one thread; then the mean over operators and horizons of the differences from the sets of flat tables. Test
rows are not looked at.
"""

import argparse
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.report import show
from benchmarks.training.cost import SEED, built
from holdfast.clock import system_clock
from models.boosters.average import mean_of
from models.churn import CHURN
from training.evaluation.folds import stratified_customer_folds
from training.evaluation.metrics import auc, log_loss
from training.fitting.constraints import constrained, constraints_of
from training.fitting.fit import TrainingTable, cross_fit
from training.fitting.horizon_models import FOLDS, binned, customer_codes, table_of
from training.fitting.parameters import DEFAULT_SETS, OPERATOR_SETS, Parameters
from training.fitting.sampling import sample_rows
from training.labelling.periods import period_split
from training.operator.columns import meanings_of
from training.operator.dataset import target_dataset
from training.settings import TrainingConfig

BY_COLUMN = {"force_row_wise": False, "force_col_wise": True}

FLAT, OURS = "of flat tables", "of an operator"

TRIED: Mapping[str, tuple[Parameters, ...]] = {
    FLAT: DEFAULT_SETS,
    OURS: OPERATOR_SETS,
    **{
        f"features {share}, step {step}": tuple(
            {**one, **BY_COLUMN, "feature_fraction": share, "learning_rate": step}
            for one in DEFAULT_SETS
        )
        for share, step in ((0.3, 0.05), (0.45, 0.05), (0.6, 0.075), (0.6, 0.1))
    },
}


@dataclass(frozen=True)
class Tried:
    """What some parameter sets predict within one horizon."""

    seed: int
    days: int
    parameters: str
    log_loss: float
    auc: float
    rounds: str
    cpu_seconds: float


def tried(customers: int, months: int, seed: int) -> list[Tried]:
    """Cross-fit all parameter sets on the rows of one operator.

    Parameters
    ----------
    customers, months, seed : int
        Of the simulated operator.
    """
    config = TrainingConfig.read()
    with tempfile.TemporaryDirectory() as directory:
        home = built(Path(directory), customers, months, seed)
        dataset = target_dataset(home, CHURN, config, until=system_clock()).dataset
    learnt = period_split(dataset, config.labels).learnt
    bins = binned(dataset, learnt)
    constraints = constraints_of(meanings_of(CHURN.service, CHURN.direction))
    codes = customer_codes(dataset)
    number = np.random.default_rng(config.fitting.seed).random(len(dataset.ids))
    cutoff = np.unique(dataset.cutoffs, return_inverse=True)[1].astype(np.int64)
    rows_of = []
    for days in CHURN.horizons_days:
        label = dataset.labels[days]
        known = learnt[~np.isnan(label[learnt])]
        sample = sample_rows(label[known], cutoff[known], number[known])
        rows = known[sample.chosen]
        table = replace(
            table_of(dataset, days, rows),
            weight=dataset.weight_of(days)[rows] * sample.stands_for,
            bins=(bins, rows),
        )
        for name, sets in TRIED.items():
            ours = [constrained(one, constraints) for one in sets]
            figures = _cross_fitted(table, codes[rows], ours, config)
            rows_of.append(Tried(seed=seed, days=days, parameters=name, **figures))
    return rows_of


def _cross_fitted(
    table: TrainingTable,
    customers: NDArray[np.int64],
    sets: list[dict[str, object]],
    config: TrainingConfig,
) -> dict[str, Any]:
    settings = config.fitting
    folds = list(stratified_customer_folds(table.label, customers, FOLDS, settings.seed))
    started = time.process_time()
    fits = [cross_fit(table, folds, settings, 1, one) for one in sets]
    seconds = time.process_time() - started
    margin = mean_of([fit.margin(table.matrix, fit.rounds, 1) for fit in fits])
    return {
        "log_loss": log_loss(table.label, expit(margin), table.weight),
        "auc": auc(table.label, margin, table.weight),
        "rounds": " + ".join(str(fit.rounds) for fit in fits),
        "cpu_seconds": seconds,
    }


def main() -> None:
    """Compare and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("seeds", type=int, nargs="*", default=[SEED])
    options.add_argument("--customers", type=int, default=12_000)
    options.add_argument("--months", type=int, default=26)
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    rows: list[Tried] = []
    for seed in chosen.seeds:
        rows += tried(chosen.customers, chosen.months, seed)
        show(f"Seed {seed}", [vars(row) for row in rows if row.seed == seed])
    show(
        "Differences from the sets of flat tables, means",
        [_against_flat(rows, name) for name in TRIED],
    )


def _against_flat(rows: list[Tried], name: str) -> dict[str, object]:
    flat, ours = ([row for row in rows if row.parameters == one] for one in (FLAT, name))
    pairs = list(zip(ours, flat, strict=True))
    losses = np.array([one.log_loss / other.log_loss - 1 for one, other in pairs])
    aucs = np.array([one.auc - other.auc for one, other in pairs])
    return {
        "parameters": name,
        "log loss, %": round(100 * float(losses.mean()), 3),
        "standard error, %": round(100 * float(losses.std(ddof=1) / np.sqrt(len(pairs))), 3),
        "AUC": round(float(aucs.mean()), 5),
        "standard error": round(float(aucs.std(ddof=1) / np.sqrt(len(pairs))), 5),
        "of the CPU": round(
            sum(one.cpu_seconds for one, _ in pairs) / sum(other.cpu_seconds for _, other in pairs),
            2,
        ),
    }


if __name__ == "__main__":
    main()
