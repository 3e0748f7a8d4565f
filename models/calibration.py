"""Calibration: from a booster's raw margin to the probability of the outcome.

Three curves are fitted, with more and more freedom: Platt's has two parameters, the beta curve
three, the isotonic one as many as the rows need. With any of them a higher margin never gets a
lower probability. Rows may be weighted: a weight of 2 counts as the row twice.

`holdfast.documents` stores a calibration as JSON; ``kind`` tells which curve it is.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field
from scipy.optimize import brentq, isotonic_regression
from scipy.special import expit, log_expit, logit

from holdfast.arrays import Floats
from holdfast.errors import InputError

Slope = Annotated[float, Field(ge=0)]
"""At least 0, so that a higher margin never gets a lower probability."""

_TOLERANCE = 1e-8
"""Mean log-likelihood that Newton's method may still gain before its last step."""

_MOST_STEPS, _MOST_HALVINGS = 100, 30
"""Of Newton's method; rows that one margin parts need some twenty steps."""

_MANY_ROWS, _START_STRIDE = 5_000, 10
"""From so many rows on, Newton's method starts from what every tenth of them gives."""


@dataclass(frozen=True, kw_only=True)
class PlattCalibration:
    """A logistic curve over the raw margin (Platt 1999): ``p = 1 / (1 + exp(-(slope * margin +
    intercept)))``.

    Parameters
    ----------
    slope : float
        At least 0; 0 where the margins hold no information.
    intercept : float
        Log-odds at margin 0.
    """

    kind: Literal["platt"] = "platt"
    slope: Slope
    intercept: float

    @classmethod
    def fit(cls, margin: Floats, label: Floats, weight: Floats | None = None) -> Self:
        """Fit the curve to margins of rows that the booster has not seen.

        Parameters
        ----------
        margin : (n,) float64
            Raw margins (log-odds), finite.
        label : (n,) float64
            0 or 1, both present.
        weight : (n,) float64, optional
            At least 0; both classes keep some.
        """
        margin, label, weight = _checked(margin, label, weight)
        slopes, intercept = _regression(margin[:, None], label, weight)
        return cls(slope=float(slopes[0]), intercept=intercept)

    def probability(self, margin: Floats) -> Floats:
        """Probabilities, float64 in 0 to 1, for raw margins of any shape."""
        calibrated: Floats = expit(self.slope * margin + self.intercept)
        return calibrated


@dataclass(frozen=True, kw_only=True)
class BetaCalibration:
    """A beta curve (Kull, Silva Filho and Flach 2017): ``logit(p) = a * log(s) - b * log(1 - s) +
    intercept``.

    ``s`` is the sigmoid of the raw margin. With ``a = b`` it is Platt's curve; apart, the two ends
    of the scale bend independently, for boosters whose low risks are too extreme and whose high
    risks are not, or the other way round.

    Parameters
    ----------
    a : float
        At least 0; counts most where the margin is low.
    b : float
        At least 0; counts most where the margin is high.
    intercept : float
        Moves the whole curve, in log-odds.
    """

    kind: Literal["beta"] = "beta"
    a: Slope
    b: Slope
    intercept: float

    @classmethod
    def fit(cls, margin: Floats, label: Floats, weight: Floats | None = None) -> Self:
        """Fit the curve; same arguments as `PlattCalibration.fit`.

        As in the paper it is a logistic regression on ``log(s)`` and ``-log(1 - s)``, done again
        without a parameter whose slope is negative.
        """
        margin, label, weight = _checked(margin, label, weight)
        columns = _beta_columns(margin)
        slopes, intercept = _regression(columns, label, weight)
        return cls(a=float(slopes[0]), b=float(slopes[1]), intercept=intercept)

    def probability(self, margin: Floats) -> Floats:
        """Probabilities, float64 in 0 to 1, for raw margins of any shape."""
        calibrated: Floats = expit(
            _beta_columns(margin) @ np.array([self.a, self.b]) + self.intercept
        )
        return calibrated


@dataclass(frozen=True, kw_only=True)
class IsotonicCalibration:
    """A curve of any rising shape through knots, linear between them and level outside.

    Parameters
    ----------
    margins : tuple of float
        Knots, strictly rising, at least one.
    probabilities : tuple of float
        Probability at each knot, never falling, strictly between 0 and 1.
    """

    kind: Literal["isotonic"] = "isotonic"
    margins: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = len(self.margins) and np.all(np.diff(self.margins) > 0)
        if not rising:
            raise ValueError("margins must be strictly rising, and at least one")
        if len(self.probabilities) != len(self.margins):
            raise ValueError(f"probabilities must be as many as margins, {len(self.margins)}")
        between = self.probabilities[0] > 0.0 and self.probabilities[-1] < 1.0
        if np.any(np.diff(self.probabilities) < 0) or not between:
            raise ValueError("probabilities must never fall, strictly between 0 and 1")

    @classmethod
    def fit(cls, margin: Floats, label: Floats, weight: Floats | None = None) -> Self:
        """Fit the curve; same arguments as `PlattCalibration.fit`.

        Isotonic regression gives steps. A knot is placed at the centre of each (centred isotonic
        regression, Oron and Flournoy 2017), so that the curve rises between them and rows keep
        their order. Steps of 0 and 1, which finitely many rows cannot prove, are moved inwards to 1
        / (n + 2) and its complement, for rows of total weight n.
        """
        margin, label, weight = _checked(margin, label, weight)
        values, place = np.unique(margin, return_inverse=True)
        mass = np.bincount(place, weights=weight)
        share = np.bincount(place, weights=weight * label) / mass
        fitted = isotonic_regression(share, weights=mass)
        starts = fitted.blocks[:-1]
        centres = np.add.reduceat(mass * values, starts) / np.add.reduceat(mass, starts)
        # Rounding may take a mean of equal margins past its neighbour's.
        centres = np.clip(centres, values[starts], values[fitted.blocks[1:] - 1])
        least = 1.0 / (mass.sum() + 2.0)
        probabilities = np.clip(fitted.x[starts], least, 1.0 - least)
        return cls(
            margins=tuple(map(float, centres)), probabilities=tuple(map(float, probabilities))
        )

    def probability(self, margin: Floats) -> Floats:
        """Probabilities, float64 strictly between 0 and 1, for raw margins of any shape."""
        calibrated: Floats = np.interp(margin, self.margins, self.probabilities)
        return calibrated


FittedCalibration = Annotated[
    PlattCalibration | BetaCalibration | IsotonicCalibration, Field(discriminator="kind")
]
"""A curve that is fitted from rows alone."""


@dataclass(frozen=True, kw_only=True)
class ShiftedCalibration:
    """Another curve, moved in log-odds: for rows that differ from all others only in how often the
    outcome happens.

    Parameters
    ----------
    shift : float
        Log-odds that these rows have more.
    base : PlattCalibration, BetaCalibration or IsotonicCalibration
        The curve of all rows.
    """

    kind: Literal["shifted"] = "shifted"
    shift: float
    base: FittedCalibration

    @classmethod
    def fit(
        cls,
        base: "FittedCalibration | ShiftedCalibration",
        margin: Floats,
        label: Floats,
        weight: Floats | None = None,
    ) -> Self:
        """Shift a curve until the sum of probabilities is the number of positives; arguments as of
        the other curves.
        """
        margin, label, weight = _checked(margin, label, weight)
        log_odds = logit(base.probability(margin))
        shift = _shift(log_odds, float(weight @ label), weight)
        if isinstance(base, ShiftedCalibration):
            return cls(base=base.base, shift=base.shift + shift)
        return cls(base=base, shift=shift)

    def probability(self, margin: Floats) -> Floats:
        """Probabilities, float64 in 0 to 1, for raw margins of any shape."""
        calibrated: Floats = expit(logit(self.base.probability(margin)) + self.shift)
        return calibrated


Calibration = Annotated[
    PlattCalibration | BetaCalibration | IsotonicCalibration | ShiftedCalibration,
    Field(discriminator="kind"),
]
"""Turns raw margins into probabilities that never fall with the margin."""

KINDS: dict[str, type[PlattCalibration] | type[BetaCalibration] | type[IsotonicCalibration]] = {
    "platt": PlattCalibration,
    "beta": BetaCalibration,
    "isotonic": IsotonicCalibration,
}
"""Every kind of curve that is fitted from rows alone, by its name, fewest parameters first."""


def _checked(margin: Floats, label: Floats, weight: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Rows with a weight above 0; all weights are 1 where none were given."""
    if not np.all(np.isfinite(margin)):
        raise InputError("margin", "must be finite", float(margin[~np.isfinite(margin)][0]))
    if weight is None:
        weight = np.ones(len(margin))
    elif not np.all(np.isfinite(weight) & (weight >= 0)):
        raise InputError(
            "weight",
            "must be finite and at least 0",
            float(weight[~(np.isfinite(weight) & (weight >= 0))][0]),
        )
    counts = weight > 0
    margin, label, weight = margin[counts], label[counts], weight[counts]
    rate = float(np.average(label, weights=weight)) if len(label) else math.nan
    if not 0.0 < rate < 1.0:
        raise InputError("label", "both classes are needed to calibrate", rate)
    return margin, label, weight


def _shift(log_odds: Floats, positives: float, weight: Floats) -> float:
    """What must be added to log-odds so that the weighted sum of probabilities is `positives`."""

    # The sum rises with the shift from 0 to the weight of all rows, so there is one solution.
    def excess(shift: float) -> float:
        return float(weight @ expit(log_odds + shift)) - positives

    shift = 0.0
    for _ in range(_MOST_STEPS):
        share = expit(log_odds + shift)
        slope = float(weight @ (share * (1.0 - share)))
        step = (positives - float(weight @ share)) / slope if slope > 0.0 else math.inf
        if not abs(step) < 1.0:
            break
        shift += step
        if abs(step) < 1e-10:
            return shift
    far = float(np.max(np.abs(log_odds))) + 40.0
    return float(brentq(excess, -far, far))


def _regression(columns: Floats, label: Floats, weight: Floats) -> tuple[Floats, float]:
    """The logistic regression with slopes of at least 0: slopes and intercept.

    The log loss is convex, so where the free fit has a negative slope the best allowed one has a
    slope of 0.
    """
    free, intercept = _free_regression(columns, label, weight)
    if np.all(free >= 0.0):
        return free, intercept
    best = (np.zeros(columns.shape[1]), float(logit(np.average(label, weights=weight))))
    if columns.shape[1] > 1:
        losses = [_log_loss(columns @ best[0] + best[1], label, weight)]
        for position in range(columns.shape[1]):
            slope, alone = _free_regression(columns[:, [position]], label, weight)
            slopes = np.zeros(columns.shape[1])
            slopes[position] = slope[0]
            loss = _log_loss(columns @ slopes + alone, label, weight)
            if slope[0] > 0.0 and loss < min(losses):
                losses.append(loss)
                best = (slopes, alone)
    return best


def _free_regression(columns: Floats, label: Floats, weight: Floats) -> tuple[Floats, float]:
    # Standardised so that the tolerance means the same for every margin scale.
    centre = np.average(columns, axis=0, weights=weight)
    spread = np.sqrt(np.average((columns - centre) ** 2, axis=0, weights=weight))
    varies = spread > 0.0
    slopes = np.zeros(columns.shape[1])
    standardised = ((columns - centre)[:, varies] / spread[varies]).T
    fitted = _newton(
        np.concatenate([np.ones((1, len(label))), standardised]), label, weight / weight.sum()
    )
    slopes[varies] = fitted[1:] / spread[varies]
    return slopes, float(fitted[0] - slopes @ centre)


def _newton(columns: Floats, label: Floats, weight: Floats) -> Floats:
    """Coefficients of a logistic regression without penalty, by Newton's method.

    For two or three columns, which are fitted some hundred times in a training, this is a fraction
    of what a general solver takes.

    Parameters
    ----------
    columns : (k, n) float64
        The first is constant, 1.
    label : (n,) float64
        0 or 1, both present.
    weight : (n,) float64
        Above 0, 1 together.
    """
    sign = np.where(label > 0, 1.0, -1.0)

    def likelihood_of(log_odds: Floats) -> float:
        return float(weight @ log_expit(sign * log_odds))

    coefficients = _start(columns, label, weight)
    log_odds = coefficients @ columns
    likelihood = likelihood_of(log_odds)
    rate = float(weight @ label)
    if likelihood < rate * np.log(rate) + (1.0 - rate) * np.log1p(-rate):
        # Some rows may be parted by a margin where all are not: such a start is worse than none.
        coefficients = np.zeros(len(columns))
        coefficients[0] = logit(rate)
        log_odds = coefficients @ columns
        likelihood = likelihood_of(log_odds)
    for _ in range(_MOST_STEPS):
        share = expit(-sign * log_odds)
        gradient = columns @ (weight * sign * share)
        curvature = (columns * (weight * share * (1.0 - share))) @ columns.T
        # The shortest step where margins with hardly any information leave the matrix singular.
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        gain = float(gradient @ step)
        for halved in range(_MOST_HALVINGS):
            tried = coefficients + step / 2**halved
            log_odds = tried @ columns
            reached = likelihood_of(log_odds)
            if reached >= likelihood:
                break
        else:
            return coefficients
        coefficients, likelihood = tried, reached
        if gain <= _TOLERANCE:
            break
    return coefficients


def _start(columns: Floats, label: Floats, weight: Floats) -> Floats:
    """Coefficients to start from: those of some of the rows where there are many, else a constant."""
    few = slice(None, None, _START_STRIDE)
    share = np.average(label[few], weights=weight[few])
    if len(label) >= _MANY_ROWS and 0.0 < share < 1.0:
        return _newton(columns[:, few], label[few], weight[few] / weight[few].sum())
    coefficients = np.zeros(len(columns))
    coefficients[0] = logit(weight @ label)
    return coefficients


def _log_loss(log_odds: Floats, label: Floats, weight: Floats) -> float:
    return -float(np.average(log_expit(np.where(label > 0, log_odds, -log_odds)), weights=weight))


def _beta_columns(margin: Floats) -> Floats:
    return np.stack([log_expit(margin), -log_expit(-margin)], axis=-1)
