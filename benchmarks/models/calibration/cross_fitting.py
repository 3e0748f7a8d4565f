"""Whether a calibration on cross-fitted margins of all customers meets the level of risk better than
one on a fifth of the customers, who are held out.

``python -m benchmarks.models.calibration.cross_fitting [CUSTOMERS] [MONTHS] [SEED ...]`` simulates an operator for each
seed, and prints observed over expected and slope on its test period for both calibrations, by horizon
and product line, beside how much the true risk changed between the training rows and the test period,
which no calibration can know. Both have the default parameters.
"""

import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.models.gate import risk_moved, true_risk
from benchmarks.report import show
from features.settings import FeatureSettings
from holdfast.arrays import Floats, Positions
from holdfast.clock import system_clock
from holdfast.home import Home
from models.churn import CHURN, LINES
from models.scorer import Scorer
from models.version import ModelVersion
from pipeline.features import build_features
from simulator.engine.simulator import simulate
from training.counting import customers_with
from training.evaluation.assess import EVERYBODY
from training.evaluation.ranking import Codes
from training.evaluation.reliability import Slope
from training.fitting.calibrate import choose_calibration
from training.fitting.constraints import constrained, constraints_of
from training.fitting.fit import fit_early_stopped
from training.fitting.horizon_models import (
    FEWEST_FOR_OWN_CALIBRATION,
    customer_codes,
    fit_horizon_models,
    table_of,
)
from training.fitting.parameters import DEFAULT_PARAMETERS, Parameters
from training.labelling.dataset import Dataset, churn_dataset
from training.labelling.periods import PeriodSplit, period_split
from training.operator.columns import meanings_of
from training.settings import TrainingConfig

CUSTOMERS, MONTHS, SEEDS = 6_000, 18, (1, 2, 3, 4, 5)

KINDS = (EVERYBODY, *LINES.names)


def main() -> None:
    """Simulate operators, and print both calibrations of each."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    customers, months = (*numbers, *(CUSTOMERS, MONTHS)[len(numbers) :])[:2]
    rows: list[dict[str, object]] = []
    config = TrainingConfig.read()
    for seed in numbers[2:] or SEEDS:
        dataset, risk = _operator(customers, months, seed, config)
        rows += ({"seed": seed, **row} for row in compared(dataset, risk, config))
    title = f"Calibration on the test period, {customers:,} customers, {months} months"
    show(title, rows)
    show(
        "Observed over expected: root mean square of its logarithm",
        [
            {
                "product line": kind,
                **{
                    name: float(
                        np.sqrt(np.mean(np.log([float(str(row[name])) for row in of_kind]) ** 2))
                    )
                    for name in ("held-out fifth", "cross-fitted")
                },
            }
            for kind in KINDS
            if (of_kind := [row for row in rows if row["product line"] == kind])
        ],
    )


def _operator(
    customers: int, months: int, seed: int, config: TrainingConfig
) -> tuple[Dataset, pl.DataFrame]:
    """The labelled rows of a simulated operator, and its true risk."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        simulate(folder / "operator", customers, months, seed)
        home = Home(folder / "home")
        build_features(
            home,
            FeatureSettings.read(),
            now=system_clock(),
            source=str(folder / "operator" / "raw"),
        )
        dataset = churn_dataset(home, config.labels, until=system_clock())
        return dataset, true_risk(folder / "operator")


def compared(
    dataset: Dataset, risk: pl.DataFrame, config: TrainingConfig
) -> Iterator[dict[str, object]]:
    """Both calibrations on the test period, by horizon and product line."""
    split = period_split(dataset, config.labels)
    constraints = constraints_of(meanings_of(CHURN.service, CHURN.direction))
    parameters = constrained(DEFAULT_PARAMETERS, constraints)
    strata = LINES.of(dataset.matrix[:, dataset.features.index(LINES.feature)])
    codes = customer_codes(dataset)
    cross_fitted = _cross_fitted(dataset, split, parameters, config)
    learnt, test = (
        [datetime.fromisoformat(f"{at}+00:00") for at in np.unique(dataset.cutoffs[rows])]
        for rows in (split.learnt, split.test)
    )
    for days in CHURN.horizons_days:
        held_out = _held_out(dataset, split, days, parameters, config, strata)
        label, weight = dataset.labels[days][split.test], dataset.weight_of(days)[split.test]
        for kind in KINDS:
            chosen = ~np.isnan(label) & ((strata[split.test] == kind) | (kind == EVERYBODY))
            of_kind = label[chosen], weight[chosen], codes[split.test][chosen]
            yield {
                "days": days,
                "product line": kind,
                "losses": int(label[chosen].sum()),
                "held-out fifth": _ratio(held_out[chosen], *of_kind),
                "cross-fitted": _ratio(cross_fitted[days][chosen], *of_kind),
                "slope, held-out fifth": _slope(held_out[chosen], *of_kind),
                "slope, cross-fitted": _slope(cross_fitted[days][chosen], *of_kind),
                "true risk, test over training": risk_moved(
                    risk, learnt, test, kind, int(dataset.facts["gap_days"]), days
                ),
            }


def _ratio(probability: Floats, label: Floats, weight: Floats, _: Codes) -> float:
    return float((weight @ label) / (weight @ probability))


def _slope(probability: Floats, label: Floats, weight: Floats, customer: Codes) -> float:
    everyone = np.ones((int(customer.max()) + 1, 1))
    return float(Slope(label, probability, weight, customer, len(everyone)).of(everyone)[0])


def _cross_fitted(
    dataset: Dataset, split: PeriodSplit, parameters: Parameters, config: TrainingConfig
) -> dict[int, Floats]:
    """Probabilities of the test rows by horizon, as `holdfast train` fits them."""
    horizon_models = fit_horizon_models(dataset, split.learnt, CHURN, [parameters], config).models
    version = ModelVersion(
        name=CHURN.name,
        service=CHURN.service,
        features=dataset.features,
        horizon_models=horizon_models,
        strata=CHURN.strata,
    )
    scores = Scorer(version, threads=0).score_all(np.ascontiguousarray(dataset.matrix[split.test]))
    return {
        days: score.probability for days, score in zip(CHURN.horizons_days, scores, strict=True)
    }


def _held_out(
    dataset: Dataset,
    split: PeriodSplit,
    days: int,
    parameters: Parameters,
    config: TrainingConfig,
    strata: np.ndarray,
) -> Floats:
    """Probabilities of the test rows, of a booster of four fifths of the customers that the others
    calibrate, too.
    """
    known = ~np.isnan(dataset.labels[days])
    train, rest = (table_of(dataset, days, rows) for rows in (split.fit, split.tune))
    booster, _ = fit_early_stopped(train, rest, parameters, config.fitting, 0)

    def margin(rows: Positions) -> Floats:
        matrix = np.ascontiguousarray(dataset.matrix[rows])
        return np.asarray(booster.predict(matrix, raw_score=True), dtype=np.float64)

    calibrating = split.tune[known[split.tune]]
    margins, label = margin(calibrating), dataset.labels[days][calibrating]
    weight, customer = dataset.weight_of(days)[calibrating], customer_codes(dataset)[calibrating]
    seed = config.fitting.seed
    shared = choose_calibration(margins, label, weight, customer, seed).calibration
    of_test = margin(split.test)
    probability = shared.probability(of_test)
    for kind in LINES.names:
        own = strata[calibrating] == kind
        if customers_with(label[own] == 1, customer[own]) >= FEWEST_FOR_OWN_CALIBRATION:
            choice = choose_calibration(
                margins[own], label[own], weight[own], customer[own], seed, shared
            )
            chosen = strata[split.test] == kind
            probability[chosen] = choice.calibration.probability(of_test[chosen])
    return probability


if __name__ == "__main__":
    main()
