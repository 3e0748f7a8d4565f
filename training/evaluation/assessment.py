"""Assessment: how good a model is on a test period, with intervals from resampling customers.

`training.evaluation.assess` makes it, `training.release.gate` reads it, reports show it, and it is
stored with the model version as JSON. A figure that the rows do not determine is left out of its
dictionary, so that every number here is finite.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

CONFIDENCE = 0.95
"""Of every interval that people and the gate see. It is not a setting: with wider intervals the
gate would refuse less. """


ASSESSMENT = "assessment.json"
"""Name of the document with one `Assessment` per horizon, by `horizon_name`."""


def horizon_name(horizon_days: int | None) -> str:
    """Name of a horizon in documents: its days, or the empty string for a model without one."""
    return "" if horizon_days is None else str(horizon_days)


@dataclass(frozen=True)
class Estimate:
    """A figure and its interval.

    Parameters
    ----------
    value : float
        The figure on the rows themselves.
    low, high : float
        Interval from resampling customers, of 95 %.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class AnswerRanking:
    """How well survey answers are ranked, for whom.

    Parameters
    ----------
    auc : Estimate
        Probability that a dissatisfied answer ranks above another.
    about : str
        Of whom it is the figure, in a sentence.
    """

    auc: Estimate
    about: str


ANSWERED = "answered"
"""Ranking of those who answered."""

INVITED = "invited"
"""Ranking of all who were invited."""

ANSWER_RANKINGS = {
    ANSWERED: "Unweighted AUC, of those who answered: all answers count the same",
    INVITED: (
        "Weighted AUC, of all who were invited: each answer counts for those whom it represents, as"
        " far as other columns predict who answers"
    ),
}
"""What each AUC of a survey target is about."""

ANSWERS_VARY = (
    "Both compare with single answers, which vary by the mood of the day: lasting satisfaction may"
    " be ranked better than they say"
)
"""What holds for both."""


@dataclass(frozen=True, kw_only=True)
class Decile:
    """A tenth of the rows by predicted probability, lowest first.

    Parameters
    ----------
    rows : int
        Rows.
    predicted, observed : float
        Mean predicted probability, and share of positives, weighted.
    low, high : float
        Interval of `observed` from resampling customers.
    joint_low, joint_high : float
        Bounds that the shares of all ten deciles keep jointly, with probability 99 %, if the
        predictions are right; see `training.evaluation.reliability.Deciles.joint_bounds`.
    effective_rows : float or None
        Independent rows that it is worth, see
        `training.evaluation.reliability.Deciles.effective_rows`; None in assessments from before
        this was stored.
    """

    rows: int
    predicted: float
    observed: float
    low: float
    high: float
    joint_low: float
    joint_high: float
    effective_rows: float | None = None


@dataclass(frozen=True, kw_only=True)
class CalibrationFigures:
    """Whether probabilities agree with outcomes, for some rows.

    Parameters
    ----------
    rows, positives : int
        How many there are.
    positive_customers : int or None
        Customers with a positive; None in assessments from before this was stored.
    slope : Estimate
        Slope of a logistic regression of the label on the predicted log-odds; 1 is right, below 1
        the probabilities are too extreme.
    observed_over_expected : Estimate
        Positives over the sum of probabilities; 1 is right.
    deciles : tuple of Decile
        Lowest probability first.
    """

    rows: int
    positives: int
    slope: Estimate
    observed_over_expected: Estimate
    deciles: tuple[Decile, ...]
    positive_customers: int | None = None


@dataclass(frozen=True, kw_only=True)
class BaselineComparison:
    """A baseline, on the same rows and the same resampled customers.

    Parameters
    ----------
    metrics : dict of str to Estimate
        Figures of the baseline.
    difference : dict of str to Estimate
        The model's minus the baseline's, by metric.
    """

    metrics: dict[str, Estimate]
    difference: dict[str, Estimate]


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Some of the rows.

    Parameters
    ----------
    rows, positives : int
        How many.
    positive_customers : int or None
        Customers with a positive; None in assessments from before this was stored.
    metrics : dict of str to Estimate
        Figures of these rows alone: ``auc``, ``log_loss``, ``observed_over_expected``.
    gap : Estimate or None
        AUC of these rows minus AUC of all other rows; None where too few customers have a positive,
        or a negative, in either.
    flagged : bool
        The gap's interval lies below zero by more than the tolerance: the model is clearly worse on
        these rows.
    difference : dict of str to Estimate
        Log loss of these rows minus that of each baseline on them: below zero, the model is
        better here than the baseline.
    """

    rows: int
    positives: int
    metrics: dict[str, Estimate]
    gap: Estimate | None
    flagged: bool
    difference: dict[str, Estimate]
    positive_customers: int | None = None


@dataclass(frozen=True, kw_only=True)
class Month:
    """Figures of the test rows whose cut-off lies a number of months of 28 days after the last
    training cut-off.
    """

    months_after: int
    rows: int
    positives: int
    metrics: dict[str, Estimate]


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """How good a model is on its test period, within one horizon.

    Parameters
    ----------
    horizon_days : int or None
        The horizon.
    rows, customers, positives : int
        Size of the test.
    positive_customers : int or None
        Customers with a positive: one who is lost at a dozen cut-offs is one loss. None in
        assessments from before this was stored.
    metrics : dict of str to Estimate
        By name, see `training.evaluation.metrics.METRICS`.
    baselines : dict of str to BaselineComparison
        ``constant`` (the share among the training rows, of each stratum where there are strata),
        ``logistic`` (a logistic regression on the same rows) and, where there is one
        that could score them, ``champion``. They are stored under ``rivals``.
    strata : dict of str to CalibrationFigures
        Calibration by stratum (postpaid, prepaid, fixed), and of all rows under ``all``.
    slices : dict of str to dict of str to Slice
        By column and value: billing_type, segment, region, tenure, language, age_band.
    decay : tuple of Month
        By time since training, soonest first.
    holdout : dict of str to Estimate or None
        The same metrics on the households that are never sent an offer; None where there are too
        few.
    answers : dict of str to AnswerRanking, or None
        Of a survey target, AUC of those who ``answered`` and of all who were ``invited``; None for
        other targets, and in assessments from before this was stored.
    """

    horizon_days: int | None
    rows: int
    customers: int
    positives: int
    metrics: dict[str, Estimate]
    baselines: Annotated[dict[str, BaselineComparison], Field(alias="rivals")]
    strata: dict[str, CalibrationFigures]
    slices: dict[str, dict[str, Slice]]
    decay: tuple[Month, ...]
    holdout: dict[str, Estimate] | None
    positive_customers: int | None = None
    answers: dict[str, AnswerRanking] | None = None

    @property
    def evidence(self) -> int:
        """Positives that are independent of each other: customers, where they were counted."""
        return self.positives if self.positive_customers is None else self.positive_customers
