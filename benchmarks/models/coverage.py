"""How often the intervals of `training.evaluation.assess` contain the true figure.

``python -m benchmarks.models.coverage [SAMPLES] [CUSTOMERS]`` draws test periods from two populations:

- a made-up one. A customer has one or several rows, which share a random effect that the model
  does not observe. Weights depend on the customer. The model is wrong on purpose. The true figure
  is that of a population some hundred times as large;
- the test period of a simulated operator, with weights, and with one row per subscription and
  cut-off of a customer. It is scored by a logistic regression fitted on other customers' earlier
  rows. The true figure is that of the whole test period.

Plain percentile intervals are shown beside ours.
"""

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.report import show
from features.settings import FeatureSettings
from holdfast.arrays import Floats
from holdfast.clock import system_clock
from holdfast.home import Home
from holdfast.logging import progress
from pipeline.features import build_features
from simulator.engine.simulator import simulate
from training.evaluation.baselines import fit_logistic
from training.evaluation.bootstrap import estimate, resample
from training.evaluation.metrics import METRICS, Evaluator, figures
from training.evaluation.ranking import Codes
from training.labelling.dataset import churn_dataset
from training.settings import AssessmentSettings, LabelSettings

SAMPLES, CUSTOMERS = 200, 2_000
CONFIDENCE = 0.9
POPULATION = 600_000
OPERATOR_CUSTOMERS, OPERATOR_MONTHS, OPERATOR_SEED = 12_000, 22, 5
TEST_CUTOFFS = 4
PROMISED = ("auc", "log_loss", "slope", "observed_over_expected", "empc_share")
"""Figures whose intervals must cover the truth in 85 to 95 % of samples at a confidence of 90 %."""


@dataclass(frozen=True)
class EvaluatedRows:
    """Evaluated rows of some customers: labels, probabilities, weights and codes of customers, (n,)
    each.
    """

    label: Floats
    probability: Floats
    weight: Floats
    customer: Codes


def population(customers: int, seed: int | Sequence[int], right: bool = False) -> EvaluatedRows:
    """Rows of made-up customers.

    Parameters
    ----------
    customers : int
        How many; each has 2.5 rows on average.
    seed : int or sequence of int
        Seed of all random numbers.
    right : bool
        Predict the risks that the labels were drawn with, averaged over the random effect.
    """
    random = np.random.default_rng(seed)
    kind, mood = random.normal(size=customers), random.normal(0, 0.8, customers)
    customer = np.repeat(np.arange(customers), 1 + random.poisson(1.5, customers))
    signal = 0.7 * kind[customer] + 0.7 * random.normal(size=len(customer))
    known = 1.1 * signal - 3.2
    label = (random.random(len(customer)) < expit(known + mood[customer])).astype(np.float64)
    weight = np.where(kind > 0.5, 2.0, np.where(kind < -0.8, 0.5, 1.0)) * random.choice(
        [0.8, 1.2], customers
    )
    probability = _over_moods(known) if right else expit(1.3 * signal - 2.9)
    return EvaluatedRows(label, probability, weight[customer], customer)


def true_figures(settings: AssessmentSettings) -> dict[str, float]:
    """Every figure, on a population so large that its sampling uncertainty is negligible."""
    everyone = population(POPULATION, 0)
    return figures(everyone.label, everyone.probability, everyone.weight, settings)


def operator_rows(customers: int, months: int, seed: int) -> EvaluatedRows:
    """The test period of a simulated operator, scored by a logistic regression fitted on other
    customers' earlier rows.
    """
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
        dataset = churn_dataset(home, LabelSettings.read(), until=system_clock())
        dataset = dataset.rows(np.flatnonzero(dataset.complete))
        names, customer = np.unique(dataset.customers, return_inverse=True)
        chosen = (np.random.default_rng(seed).random(len(names)) < 0.5)[customer]
        late = dataset.cutoffs >= np.unique(dataset.cutoffs)[-TEST_CUTOFFS]
        longest = max(dataset.labels)
        label, weight = dataset.labels[longest], dataset.weight_of(longest)
        known = ~np.isnan(label)
        learnt = np.flatnonzero(chosen & ~late & known)
        evaluated = np.flatnonzero(~chosen & late & known)
        model = fit_logistic(dataset.matrix[learnt], label[learnt], weight[learnt])
        probability = model.probability(dataset.matrix[evaluated])
    return EvaluatedRows(
        label[evaluated],
        probability,
        weight[evaluated],
        np.unique(customer[evaluated], return_inverse=True)[1],
    )


def customers_of(rows: EvaluatedRows, customers: int, seed: int | Sequence[int]) -> EvaluatedRows:
    """Rows of customers who are drawn with replacement."""
    order = np.argsort(rows.customer, kind="stable")
    start = np.searchsorted(rows.customer[order], np.arange(int(rows.customer.max()) + 2))
    drawn = np.random.default_rng(seed).integers(0, len(start) - 1, customers)
    positions = np.concatenate([order[start[one] : start[one + 1]] for one in drawn])
    code = np.repeat(np.arange(customers), np.diff(start)[drawn])
    return EvaluatedRows(
        rows.label[positions], rows.probability[positions], rows.weight[positions], code
    )


def covered(
    samples: int,
    customers: int,
    sample: Callable[[int], EvaluatedRows],
    truth: Mapping[str, float],
    settings: AssessmentSettings,
) -> dict[str, NDArray[np.bool_]]:
    """Whether each sample's interval contains the true figure, by figure: (2, samples), for our
    intervals and for plain percentiles.
    """
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    hits: dict[str, list[tuple[bool, bool]]] = {name: [] for name in METRICS}
    with progress("Sampling test periods", samples) as advance:
        for number in range(samples):
            rows = sample(number)
            evaluator = Evaluator(
                rows.label, rows.probability, rows.weight, rows.customer, customers
            )
            drawn = resample(
                customers,
                settings.draws,
                number,
                partial(evaluator.figures, settings=settings),
                evaluator.size,
                "",
            )
            for name, values in drawn.items():
                interval = estimate(values, CONFIDENCE, distance=METRICS[name].distance)
                low, high = np.nanquantile(values[1:], tails)
                in_use = interval is not None and interval.low <= truth[name] <= interval.high
                hits[name].append((in_use, bool(low <= truth[name] <= high)))
            advance(1)
    return {name: np.array(values, dtype=bool).T for name, values in hits.items()}


def main() -> None:
    """Measure and print."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    samples, customers = (*numbers, *(SAMPLES, CUSTOMERS)[len(numbers) :])
    settings = AssessmentSettings.read()
    everyone = operator_rows(OPERATOR_CUSTOMERS, OPERATOR_MONTHS, OPERATOR_SEED)
    for where, sample, truth in (
        (
            "a made-up population",
            lambda number: population(customers, [1, number]),
            true_figures(settings),
        ),
        (
            f"a simulated operator ({int(everyone.customer.max()) + 1:,} customers evaluated)",
            lambda number: customers_of(everyone, customers, [2, number]),
            figures(everyone.label, everyone.probability, everyone.weight, settings),
        ),
    ):
        covered_by_metric = covered(samples, customers, sample, truth, settings)
        show(
            f"{CONFIDENCE:.0%} intervals of {samples} test periods of {customers:,} customers from {where}",
            [
                {
                    "figure": name,
                    "truth": truth[name],
                    "covered": float(hits[0].mean()),
                    "covered by plain percentiles": float(hits[1].mean()),
                    "required": "0.85 to 0.95" if name in PROMISED else "",
                }
                for name, hits in covered_by_metric.items()
            ],
        )


def _over_moods(known: Floats) -> Floats:
    """Risk averaged over the random effect, by Gauss-Hermite quadrature."""
    points, weights = np.polynomial.hermite_e.hermegauss(15)
    risk: Floats = expit(known[:, None] + 0.8 * points) @ (weights / weights.sum())
    return risk


if __name__ == "__main__":
    main()
