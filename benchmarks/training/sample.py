"""What it costs in accuracy that a training of a large operator reads a sample of its customers, and
fits on a sample of their rows.

``nice python -m benchmarks.training.sample [CUSTOMERS] [--months N]`` simulates an operator whose
customers are more than holdfast keeps history of by default, and keeps history of all of them. It fits the model
that is evaluated twice: on the rows of as many customers as the default, sampled as always, and on all rows of all
customers. Both predict the same test rows. Printed are the AUC of both, and the difference with an
interval that resamples customers.
"""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.report import show
from benchmarks.training.cost import SEED, built
from features.settings import FeatureSettings
from holdfast.arrays import Floats, Positions
from holdfast.clock import system_clock
from models.churn import CHURN
from models.scorer import Scorer
from models.version import ModelVersion
from training.evaluation.bootstrap import estimate, resample
from training.evaluation.ranking import Ranking, auc
from training.fitting import sampling
from training.fitting.constraints import constrained, constraints_of
from training.fitting.horizon_models import binned, customer_codes, fit_horizon_models
from training.fitting.parameters import OPERATOR_SETS
from training.labelling.dataset import Dataset
from training.labelling.periods import customer_share, period_split
from training.operator.columns import meanings_of
from training.operator.dataset import target_dataset
from training.settings import TrainingConfig

MOST_LOST = 0.003
"""AUC that the sample may lose."""


def fitted(dataset: Dataset, rows: Positions, config: TrainingConfig) -> ModelVersion:
    """The model that a training evaluates, from some rows."""
    constraints = constraints_of(meanings_of(CHURN.service, CHURN.direction))
    sets = [constrained(one, constraints) for one in OPERATOR_SETS]
    bins = binned(dataset, rows)
    return ModelVersion(
        name=CHURN.name,
        service=CHURN.service,
        features=dataset.features,
        horizon_models=fit_horizon_models(dataset, rows, CHURN, sets, config, bins=bins).models,
        strata=CHURN.strata,
    )


@contextmanager
def _all_rows() -> Iterator[None]:
    most = 1 << 40
    with mock.patch.multiple(
        sampling, FEWEST_NEGATIVES=most, MOST_POSITIVES=most, MOST_ROWS=2 * most
    ):
        yield


def compared(customers: int, months: int) -> list[dict[str, object]]:
    """A row per horizon."""
    config = TrainingConfig.read()
    with tempfile.TemporaryDirectory() as directory:
        home = built(Path(directory), customers, months, SEED, history_customers=customers)
        dataset = target_dataset(home, CHURN, config, until=system_clock()).dataset
        split = period_split(dataset, config.labels)
        share = FeatureSettings().history_customers / customers
        read = split.learnt[_shuffled_share(dataset)[split.learnt] < share]
        few = fitted(dataset, read, config)
        with _all_rows():
            everything = fitted(dataset, split.learnt, config)
        matrix = np.ascontiguousarray(dataset.matrix[split.test])
        scores = [
            [one.probability for one in Scorer(version, threads=0).score_all(matrix)]
            for version in (few, everything)
        ]
        return [
            {"days": days, "rows": len(read), "of": len(split.learnt)}
            | _difference(dataset, split.test, days, *probabilities)
            for days, *probabilities in zip(CHURN.horizons_days, *scores, strict=True)
        ]


def _shuffled_share(dataset: Dataset) -> Floats:
    """A number from 0 to 1 per customer, other than that by which they are split for tuning."""
    return customer_share(np.char.add(dataset.customers, " is read"))


def _difference(
    dataset: Dataset, test: Positions, days: int, few: Floats, everything: Floats
) -> dict[str, object]:
    known = ~np.isnan(dataset.labels[days][test])
    rows = test[known]
    customer = np.unique(customer_codes(dataset)[rows], return_inverse=True)[1]
    customers = int(customer.max()) + 1
    rankings = [
        Ranking(
            dataset.labels[days][rows],
            probability[known],
            dataset.weight_of(days)[rows],
            customer,
            customers,
        )
        for probability in (few, everything)
    ]

    def figures(counts: Floats) -> dict[str, Floats]:
        ours, best = (auc(ranking.masses(counts)) for ranking in rankings)
        return {"sampled": ours, "all": best, "difference": ours - best}

    values = resample(customers, 200, 0, figures, len(rows), "Resampling customers")
    difference = estimate(values["difference"])
    return {
        "AUC, sampled": float(values["sampled"][0]),
        "AUC, all rows": float(values["all"][0]),
        "difference": None if difference is None else difference.value,
        "low": None if difference is None else difference.low,
        "high": None if difference is None else difference.high,
        "at most lost": MOST_LOST,
    }


def main() -> None:
    """Compare and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("customers", type=int, nargs="?", default=100_000)
    options.add_argument("--months", type=int, default=26)
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    show(
        f"A sample of customers and rows beside all rows, {chosen.customers:,} customers",
        compared(chosen.customers, chosen.months),
    )


if __name__ == "__main__":
    main()
