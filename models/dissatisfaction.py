"""Dissatisfaction: three targets that are never pooled, and sensitivity bands of their figures.

Only some customers are invited to a survey, fewer answer, and whether they do may depend on how
satisfied they are. Weights correct for the sampling design and for differences in observed columns.
What remains is answering *because of* satisfaction, which the answers themselves cannot show. A
sensitivity band gives the range of a figure if, among customers with equal columns, the odds of
answering of the dissatisfied are up to a given ratio larger or smaller than those of the others.

If the odds of answering are ``exp(d)`` times as large for the dissatisfied, then the odds of being
dissatisfied among those who do not answer are ``exp(-d)`` times the odds among those who answer, for
equal columns (an exponential tilt; Scharfstein, Rotnitzky and Robins 1999). An answer then
represents ``1 + o * exp(-d * label) / (1 - q + q * exp(-d))`` invitations, where ``o`` is the odds
of not answering and ``q`` the probability that an answer is a dissatisfied one, for equal columns.
At ``d = 0`` that is ``1 + o``, one over the probability of answering.
"""

from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from holdfast.errors import InputError
from models.target import Target

Flags = NDArray[np.bool_]

_ROUND_OFF = 1e-9
_FARTHEST_LOG_ODDS_RATIO = 12.0


@dataclass(frozen=True, kw_only=True)
class SurveyTarget(Target):
    """A target that survey answers define.

    Parameters
    ----------
    name, about, entity, service, horizons_days, direction, strata
        As in `Target`. The one horizon is the time in which the survey is sent.
    survey : {"relationship", "transactional"}
        Kind of survey; the first one in the horizon counts, answered or not.
    instrument, dimension : str
        The question.
    low, high : float
        Worst and best answer on the scale of `dissatisfied_to`; scores on other scales are mapped
        to it.
    dissatisfied_to : float
        Highest score that counts as dissatisfied.
    has_gap : bool
        Whether days between the cut-off and the horizon are left out, so that there is time to act.
    """

    survey: Literal["relationship", "transactional"]
    instrument: str
    dimension: str
    low: float
    high: float
    dissatisfied_to: float
    has_gap: bool

    @property
    def horizon_days(self) -> int:
        """Days in which the survey is sent."""
        return self.horizons_days[-1]

    def mapped(self, score: Floats, scale_low: Floats, scale_high: Floats) -> Floats:
        """Map scores to the target's scale.

        Parameters
        ----------
        score, scale_low, scale_high : (n,) float64
            Answers, and the worst and best answer that their scale has; the best may be the smaller
            number.

        Returns
        -------
        (n,) float64
            `low` for the worst possible answer, `high` for the best; NaN where the score is not on
            its scale or the scale has no width.
        """
        width = np.where(scale_high == scale_low, np.nan, scale_high - scale_low)
        share = (score - scale_low) / width
        share = np.where((share < -_ROUND_OFF) | (share > 1 + _ROUND_OFF), np.nan, share)
        mapped: Floats = self.low + (self.high - self.low) * share
        return mapped

    def label(self, score: Floats, scale_low: Floats, scale_high: Floats) -> Floats:
        """1 where an answer counts as dissatisfied, 0 where not, NaN where the score is off its scale.

        Parameters are those of `mapped`.
        """
        mapped = self.mapped(score, scale_low, scale_high)
        return np.where(
            np.isnan(mapped),
            np.nan,
            (mapped <= self.dissatisfied_to + _ROUND_OFF).astype(np.float64),
        )


TARGETS: dict[str, SurveyTarget] = {
    target.name: target
    for target in (
        SurveyTarget(
            name="csat_low",
            about="the customer answers the next relationship survey with 2 or less of 5",
            entity="customer",
            service="dissatisfaction_v1",
            horizons_days=(90,),
            direction="dissatisfaction",
            survey="relationship",
            instrument="csat",
            dimension="overall",
            low=1.0,
            high=5.0,
            dissatisfied_to=2.0,
            has_gap=True,
        ),
        SurveyTarget(
            name="nps_detractor",
            about="the customer answers 0 to 6 of 10 in the next relationship survey when asked whether to recommend us",
            entity="customer",
            service="dissatisfaction_v1",
            horizons_days=(90,),
            direction="dissatisfaction",
            survey="relationship",
            instrument="nps",
            dimension="overall",
            low=0.0,
            high=10.0,
            dissatisfied_to=6.0,
            has_gap=True,
        ),
        SurveyTarget(
            name="contact_csat_low",
            about="the customer answers a survey about this contact with 2 or less of 5",
            entity="contact",
            service="contact_v1",
            horizons_days=(7,),
            direction="dissatisfaction",
            survey="transactional",
            instrument="csat",
            dimension="overall",
            low=1.0,
            high=5.0,
            dissatisfied_to=2.0,
            has_gap=False,
        ),
    )
}
"""The three targets, by name."""


def is_silent(days_since_answer: Floats) -> Flags:
    """Whether customers are silent: no answer to any survey in the last 182 days.

    Parameters
    ----------
    days_since_answer : (n,) float64
        The feature of that name, which covers 182 days; NaN where there was no answer.

    Examples
    --------
    >>> is_silent(np.array([12.0, np.nan])).tolist()
    [False, True]
    """
    return np.isnan(days_since_answer)


@dataclass(frozen=True)
class OddsRatios:
    """Odds ratios of answering, of the dissatisfied against others with equal columns, that data
    leave possible.

    Parameters
    ----------
    least : float
        At least 0 and at most 1.
    most : float
        At least 1; infinite where data set no limit.

    Raises
    ------
    InputError
        A limit is on the wrong side of 1: a band always contains its estimate.
    """

    least: float
    most: float

    def __post_init__(self) -> None:
        if not 0 <= self.least <= 1:
            raise InputError("least", "must lie in 0 to 1", self.least)
        if not self.most >= 1:
            raise InputError("most", "must be at least 1", self.most)


ANY_ODDS_RATIO = OddsRatios(0.0, float("inf"))
"""Data set no limit."""


@dataclass(frozen=True, kw_only=True)
class SensitivityBand:
    """A figure of all who were invited, and its range if satisfaction itself affects who answers.

    Parameters
    ----------
    odds_ratio : float
        At least 1. For equal columns, the odds of answering of the dissatisfied are assumed to be
        between ``1 / odds_ratio`` and `odds_ratio` times those of the others.
    least, most : float
        These limits, or narrower ones that data set.
    low, estimate, high : float
        The figure at `most`, at 1 and at `least`: the likelier the dissatisfied are to answer, the
        fewer of them are among those who do not.
    """

    odds_ratio: float
    least: float
    most: float
    low: float
    estimate: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def to_json(self) -> dict[str, float]:
        """The band as JSON."""
        return asdict(self)


def tilted_weights(
    label: Floats,
    design: Floats,
    response: Floats,
    log_odds_ratio: float,
    expected: Floats | None = None,
) -> Floats:
    """How many customers each answer represents, if satisfaction affects the odds of answering.

    Parameters
    ----------
    label : (n,) float64
        Of answered rows: 1 dissatisfied, 0 not.
    design : (n,) float64
        How many customers each invitation represents, positive, in any unit.
    response : (n,) float64
        How many invitations each answer represents by observed columns, at least 1.
    log_odds_ratio : float
        Log odds ratio of answering, of the dissatisfied against others with equal columns; 0 for
        no difference.
    expected : (n,) float64, optional
        Probability that an answer is a dissatisfied one, for equal columns, in 0 to 1, such as a
        model's. Default: the same for all, so that the answers represent as many as without a tilt.

    Returns
    -------
    (n,) float64
        Positive, in the unit of `design`; ``design * response`` at `log_odds_ratio` 0.

    Raises
    ------
    InputError
        A weight is out of range, or there is not one for each label.
    """
    _check(label, design, response)
    unanswered = response - 1.0
    if expected is None:
        mass = float((design * unanswered).sum())
        expected = np.full(
            len(label), float((design * unanswered * label).sum()) / mass if mass > 0 else 0.5
        )
    elif len(expected) != len(label) or not ((expected >= 0) & (expected <= 1)).all():
        raise InputError("expected", "must be one probability in 0 to 1 for each label")
    shrink = np.exp(-log_odds_ratio)
    tilt = np.where(label == 1, shrink, 1.0) / (1.0 - expected + expected * shrink)
    weights: Floats = design * (1.0 + unanswered * tilt)
    return weights


def prevalence_at(
    label: Floats,
    design: Floats,
    response: Floats,
    log_odds_ratio: float,
    expected: Floats | None = None,
) -> float:
    """Share of dissatisfied among all who were invited, at one log odds ratio.

    Parameters are those of `tilted_weights`.
    """
    return float(
        np.average(label, weights=tilted_weights(label, design, response, log_odds_ratio, expected))
    )


def prevalence_band(
    label: Floats,
    design: Floats,
    response: Floats,
    odds_ratio: float,
    expected: Floats | None = None,
    possible: OddsRatios = ANY_ODDS_RATIO,
) -> SensitivityBand:
    """Share of dissatisfied among all who were invited, with its sensitivity band.

    Parameters
    ----------
    label, design, response, expected
        As in `tilted_weights`.
    odds_ratio : float
        The largest plausible odds ratio, either way; at least 1.
    possible : OddsRatios
        Narrower limits that data set.

    Raises
    ------
    InputError
        The odds ratio is below 1, a weight is out of range, or there are no answers.

    Examples
    --------
    Of ten invitations five were answered, one of them by a dissatisfied customer.

    >>> label = np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    >>> band = prevalence_band(label, np.ones(5), np.full(5, 2.0), odds_ratio=3.0)
    >>> [round(value, 3) for value in (band.low, band.estimate, band.high)]
    [0.138, 0.2, 0.314]
    """
    if not 1.0 <= odds_ratio < np.inf:
        raise InputError("odds_ratio", "must be at least 1", odds_ratio)
    least, most = max(1.0 / odds_ratio, possible.least), min(odds_ratio, possible.most)
    low, estimate, high = (
        prevalence_at(label, design, response, float(np.log(at)), expected)
        for at in (most, 1.0, least)
    )
    return SensitivityBand(
        odds_ratio=odds_ratio, least=least, most=most, low=low, estimate=estimate, high=high
    )


def calibration_band(
    label: Floats,
    probability: Floats,
    design: Floats,
    response: Floats,
    odds_ratio: float,
    expected: Floats | None = None,
    possible: OddsRatios = ANY_ODDS_RATIO,
) -> SensitivityBand:
    """Observed over expected of all who were invited, with its sensitivity band.

    It is 1 where probabilities are right on average.

    Parameters
    ----------
    probability : (n,) float64
        Predictions for answered rows; the expected share of all who were invited is estimated from
        them by weights without a tilt.
    label, design, response, odds_ratio, expected, possible
        As in `prevalence_band`.
    """
    mean = float(np.average(probability, weights=design * response))
    if not mean > 0:
        raise InputError("probability", "must not all be 0", mean)
    band = prevalence_band(label, design, response, odds_ratio, expected, possible)
    return replace(band, low=band.low / mean, estimate=band.estimate / mean, high=band.high / mean)


def odds_ratio_that_explains(
    prevalence: float,
    label: Floats,
    design: Floats,
    response: Floats,
    expected: Floats | None = None,
) -> float | None:
    """The odds ratio of answering at which a given share of all who were invited is dissatisfied.

    Parameters
    ----------
    prevalence : float
        The share, in 0 to 1.
    label, design, response, expected
        As in `tilted_weights`.

    Returns
    -------
    float or None
        Below 1 where the dissatisfied would have to answer less often; None where no odds ratio
        gives that share.
    """
    from scipy.optimize import brentq

    def gap(tilt: float) -> float:
        return prevalence_at(label, design, response, tilt, expected) - prevalence

    if gap(-_FARTHEST_LOG_ODDS_RATIO) < 0 or gap(_FARTHEST_LOG_ODDS_RATIO) > 0:
        return None
    return float(np.exp(brentq(gap, -_FARTHEST_LOG_ODDS_RATIO, _FARTHEST_LOG_ODDS_RATIO)))


def _check(label: Floats, design: Floats, response: Floats) -> None:
    if len(label) == 0:
        raise InputError("label", "must hold at least one answer")
    if not np.isin(label, (0.0, 1.0)).all():
        raise InputError("label", "must be 0 or 1 in every answered row")
    if len(design) != len(label) or not ((design > 0) & np.isfinite(design)).all():
        raise InputError("design", "must be one positive weight for each label")
    if len(response) != len(label) or not ((response >= 1) & np.isfinite(response)).all():
        raise InputError("response", "must be one weight of at least 1 for each label")
