"""Metrics: names of a model's figures, which direction is better, and how they are computed for
many weightings of the customers.

No figure depends on the order of rows (rows of equal probability share their positions), and a
weight of 2 counts as the row twice. A figure that the rows do not determine, such as the slope
where all probabilities are equal, is NaN.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import csr_array

from holdfast.arrays import Floats
from training.evaluation import ranking
from training.evaluation.profit import Campaign, maximum_profit, perfect_profit
from training.evaluation.ranking import Codes, Ranking, ratio
from training.evaluation.reliability import SURE, Deciles, Slope
from training.settings import AssessmentSettings

TOP_DECILE = 0.1


@dataclass(frozen=True)
class Metric:
    """A figure of merit.

    Parameters
    ----------
    direction : str
        ``higher`` or ``lower`` is better, or ``one``: the nearer to 1 the better.
    about : str
        What it measures, in a line.
    distance : bool
        It is a distance: at least 0, and chance makes it larger.
    """

    direction: Literal["higher", "lower", "one"]
    about: str
    distance: bool = False


METRICS: dict[str, Metric] = {
    "auc": Metric("higher", "Probability that a row with the outcome ranks above a row without"),
    "average_precision": Metric(
        "higher", "Mean precision over the positions of all hits in the ranking"
    ),
    "log_loss": Metric(
        "lower",
        "Mean negative log-likelihood; compare it with that of the share among the training rows",
    ),
    "brier": Metric("lower", "Mean squared distance between probability and outcome"),
    "slope": Metric(
        "one", "Calibration slope; below 1 the probabilities are too extreme, above 1 too cautious"
    ),
    "observed_over_expected": Metric("one", "Positives over the sum of the probabilities"),
    "ece": Metric(
        "lower",
        "Mean distance between predicted and observed shares over ten groups of equal size",
        distance=True,
    ),
    "lift_top_decile": Metric(
        "higher", "Share of hits in the riskiest tenth over the share in all rows"
    ),
    "precision_top_decile": Metric("higher", "Share of hits in the riskiest tenth"),
    "lift_capacity": Metric(
        "higher",
        "Share of hits among the riskiest that care can look after, over the share in all rows",
    ),
    "precision_capacity": Metric(
        "higher", "Share of hits among the riskiest that care can look after"
    ),
    "empc": Metric(
        "higher", "Expected maximum profit of a retention campaign, per row (Verbraken et al. 2013)"
    ),
    "empc_share": Metric("higher", "The same as a share of what a perfect ranking would earn"),
}
"""Every figure by name, in the order they are reported."""


class Evaluator:
    """Predictions for some rows, prepared to be evaluated under many weightings of the customers.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    probability : (n,) float64
        0 to 1, no NaN.
    weight : (n,) float64
        At least 0.
    customer : (n,) int64
        Codes from 0 to customers - 1.
    customers : int
        How many customers a weighting covers.
    """

    def __init__(
        self, label: Floats, probability: Floats, weight: Floats, customer: Codes, customers: int
    ) -> None:
        rows = (label, probability, weight, customer, customers)
        self.ranking, self.slope, self.deciles = Ranking(*rows), Slope(*rows), Deciles(*rows)
        self.size = self.ranking.size
        squares = (label - probability) ** 2
        sums = (np.ones(len(label)), losses(label, probability), squares)
        # Sparse although it is full: its products use one thread, and so always add in one order.
        self._sums = csr_array(
            [np.bincount(customer, weights=weight * value, minlength=customers) for value in sums]
        )

    def figures(self, counts: Floats, settings: AssessmentSettings) -> dict[str, Floats]:
        """Every figure of `METRICS`, (d,) each.

        Parameters
        ----------
        counts : (customers, d) float64
            How often each customer counts, in each of d weightings.
        settings : AssessmentSettings
            Care's capacity and what a campaign costs.
        """
        masses, campaign = self.ranking.masses(counts), Campaign.of(settings)
        mass, loss, squares = self._sums @ counts
        profit = maximum_profit(masses, campaign)
        return {
            "auc": ranking.auc(masses),
            "average_precision": ranking.average_precision(masses),
            "log_loss": ratio(loss, mass),
            "brier": ratio(squares, mass),
            "slope": self.slope.of(counts),
            "observed_over_expected": self.deciles.observed_over_expected(counts),
            "ece": self.deciles.calibration_error(counts),
            "lift_top_decile": ranking.lift_at(masses, TOP_DECILE),
            "precision_top_decile": ranking.precision_at(masses, TOP_DECILE),
            "lift_capacity": ranking.lift_at(masses, settings.care_capacity_share),
            "precision_capacity": ranking.precision_at(masses, settings.care_capacity_share),
            "empc": profit,
            "empc_share": ratio(profit, perfect_profit(masses, campaign)),
        }


def figures(
    label: Floats,
    probability: Floats,
    weight: Floats | None = None,
    settings: AssessmentSettings | None = None,
) -> dict[str, float]:
    """Every figure of `METRICS`, without resampling.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    probability : (n,) float64
        0 to 1, no NaN.
    weight : (n,) float64, optional
        At least 0; all the same where None.
    settings : AssessmentSettings, optional
        Care's capacity and what a campaign costs; the defaults of the class where None.
    """
    evaluator = Evaluator(label, probability, *_one_customer(label, weight))
    values = evaluator.figures(np.ones((1, 1)), settings or AssessmentSettings())
    return {name: float(value[0]) for name, value in values.items()}


def auc(label: Floats, score: Floats, weight: Floats | None = None) -> float:
    """Probability that a positive has a higher score than a negative, ties half; NaN where a class
    has no weight.
    """
    return float(ranking.auc(_masses(label, score, weight))[0])


def log_loss(label: Floats, probability: Floats, weight: Floats | None = None) -> float:
    """Mean negative log-likelihood, finite for probabilities of 0 and 1 too."""
    return float(np.average(losses(label, probability), weights=weight))


def top_decile_lift(label: Floats, score: Floats, weight: Floats | None = None) -> float:
    """Share of positives in the tenth with the highest scores, over the overall share; rows tied at
    the border count in part.
    """
    return float(ranking.lift_at(_masses(label, score, weight), TOP_DECILE)[0])


def expected_calibration_error(
    label: Floats, probability: Floats, weight: Floats | None = None
) -> float:
    """Mean distance between predicted and observed shares over 10 bins of equal mass, weighted by
    rows.
    """
    deciles = Deciles(label, probability, *_one_customer(label, weight))
    return float(deciles.calibration_error(np.ones((1, 1)))[0])


def losses(label: Floats, probability: Floats) -> Floats:
    """Log loss of every row: (n,), finite for probabilities of 0 and 1 too."""
    loss: Floats = -np.log(np.clip(np.where(label > 0, probability, 1.0 - probability), SURE, None))
    return loss


def _masses(label: Floats, score: Floats, weight: Floats | None) -> ranking.Masses:
    return Ranking(label, score, *_one_customer(label, weight)).masses(np.ones((1, 1)))


def _one_customer(label: Floats, weight: Floats | None) -> tuple[Floats, Codes, int]:
    return (
        np.ones(len(label)) if weight is None else weight,
        np.zeros(len(label), dtype=np.int64),
        1,
    )
