"""Calibration: from a booster's raw margin to a probability that means what it says.

Three curves, from stiff to free: Platt's has two parameters, the beta curve three, the isotonic one
as many as the rows ask for. None of them ever gives a higher margin a lower probability. Rows may
be weighted: a weight of 2 says the same as the row twice.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self

import numpy as np
from scipy.linalg import LinAlgWarning
from scipy.optimize import brentq, isotonic_regression
from scipy.special import expit, log_expit, logit
from sklearn.linear_model import LogisticRegression

from holdfast.arrays import Floats
from holdfast.errors import InputError


class Calibration(Protocol):
    """Turns raw margins into probabilities that never decrease with the margin, and can be stored
    as JSON.
    """

    def probability(self, margin: Floats) -> Floats:
        """Probabilities, float64 in 0 to 1, for raw margins of any shape."""

    def to_json(self) -> dict[str, object]:
        """The curve as JSON, with its ``kind``."""


@dataclass(frozen=True, kw_only=True)
class PlattCalibration:
    """A logistic curve over the raw margin (Platt 1999): ``p = 1 / (1 + exp(-(slope * margin +
    intercept)))``.

    Parameters
    ----------
    slope : float
        At least 0, so that a higher margin never means a lower probability. 0 where the margins
        hold no information.
    intercept : float
        Log-odds at margin 0.
    """

    slope: float
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

    def to_json(self) -> dict[str, object]:
        """The curve as JSON, with its kind."""
        return {"kind": "platt", **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote."""
        _check_kind(document, "platt")
        return cls(slope=_slope(document, "slope"), intercept=_number(document, "intercept"))


@dataclass(frozen=True, kw_only=True)
class BetaCalibration:
    """A beta curve (Kull, Silva Filho and Flach 2017): ``logit(p) = a * log(s) - b * log(1 - s) +
    intercept``.

    ``s`` is the sigmoid of the raw margin. With ``a = b`` it is Platt's curve; apart, the two ends
    of the scale bend each in its own way, which a booster that is too sure of low risks and not of
    high ones needs.

    Parameters
    ----------
    a : float
        At least 0; rules where the margin is low.
    b : float
        At least 0; rules where the margin is high.
    intercept : float
        Moves the whole curve, in log-odds.
    """

    a: float
    b: float
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

    def to_json(self) -> dict[str, object]:
        """The curve as JSON, with its kind."""
        return {"kind": "beta", **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote."""
        _check_kind(document, "beta")
        return cls(
            a=_slope(document, "a"),
            b=_slope(document, "b"),
            intercept=_number(document, "intercept"),
        )


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

    margins: tuple[float, ...]
    probabilities: tuple[float, ...]

    @classmethod
    def fit(cls, margin: Floats, label: Floats, weight: Floats | None = None) -> Self:
        """Fit the curve; same arguments as `PlattCalibration.fit`.

        Isotonic regression gives steps; a knot stands in the middle of each (centred isotonic
        regression, Oron and Flournoy 2017), so that the curve rises between them and rows keep
        their order. Steps of 0 and 1, which finitely many rows cannot show, move inside by one row
        among all of them plus two.
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

    def to_json(self) -> dict[str, object]:
        """The curve as JSON, with its kind."""
        return {
            "kind": "isotonic",
            "margins": list(self.margins),
            "probabilities": list(self.probabilities),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote."""
        _check_kind(document, "isotonic")
        margins, probabilities = _numbers(document, "margins"), _numbers(document, "probabilities")
        if len(margins) != len(probabilities):
            raise InputError(
                "calibration.probabilities",
                f"must be as many as margins, {len(margins)}",
                len(probabilities),
            )
        if not margins or np.any(np.diff(margins) <= 0):
            raise InputError(
                "calibration.margins", "must be strictly rising, and at least one", margins
            )
        if (
            np.any(np.diff(probabilities) < 0)
            or not 0.0 < probabilities[0] <= probabilities[-1] < 1.0
        ):
            raise InputError(
                "calibration.probabilities",
                "must never fall, strictly between 0 and 1",
                probabilities,
            )
        return cls(margins=margins, probabilities=probabilities)


@dataclass(frozen=True, kw_only=True)
class ShiftedCalibration:
    """Another curve, moved in log-odds: what rows of a kind have when only how often it happens
    sets them apart.

    Parameters
    ----------
    base : PlattCalibration, BetaCalibration or IsotonicCalibration
        The curve of all rows.
    shift : float
        Log-odds that these rows have more.
    """

    base: Calibration
    shift: float

    @classmethod
    def fit(
        cls, base: Calibration, margin: Floats, label: Floats, weight: Floats | None = None
    ) -> Self:
        """Shift a curve until the sum of probabilities is the number of positives; arguments as of
        the other curves.
        """
        margin, label, weight = _checked(margin, label, weight)
        log_odds = logit(base.probability(margin))
        positives = float(weight @ label)
        # The sum grows with the shift from 0 to all rows, so that there is just one.
        far = float(np.max(np.abs(log_odds))) + 40.0
        return cls(
            base=base,
            shift=float(
                brentq(lambda shift: float(weight @ expit(log_odds + shift)) - positives, -far, far)
            ),
        )

    def probability(self, margin: Floats) -> Floats:
        """Probabilities, float64 in 0 to 1, for raw margins of any shape."""
        calibrated: Floats = expit(logit(self.base.probability(margin)) + self.shift)
        return calibrated

    def to_json(self) -> dict[str, object]:
        """The curve as JSON, with its kind."""
        return {"kind": "shifted", "shift": self.shift, "base": self.base.to_json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read back what `to_json` wrote; InputError where it cannot be."""
        _check_kind(document, "shifted")
        base = document.get("base")
        if not isinstance(base, Mapping) or base.get("kind") not in KINDS:
            raise InputError(
                "calibration.base", f"must be a calibration of kind {', '.join(KINDS)}", base
            )
        return cls(base=calibration_from_json(base), shift=_number(document, "shift"))


KINDS: dict[str, type[PlattCalibration] | type[BetaCalibration] | type[IsotonicCalibration]] = {
    "platt": PlattCalibration,
    "beta": BetaCalibration,
    "isotonic": IsotonicCalibration,
}
"""Every kind of curve that is fitted from rows alone, by its name, stiffest first."""


def calibration_from_json(document: Mapping[str, Any]) -> Calibration:
    """Read back any calibration.

    Parameters
    ----------
    document : mapping of str to JSON
        What `to_json` of a calibration wrote.

    Raises
    ------
    InputError
        The kind is unknown, or a parameter is missing or out of its range.
    """
    kind = document.get("kind")
    if kind == "shifted":
        return ShiftedCalibration.from_json(document)
    if kind not in KINDS:
        raise InputError("calibration.kind", f"must be one of {', '.join(KINDS)} or shifted", kind)
    return KINDS[kind].from_json(document)


def _checked(margin: Floats, label: Floats, weight: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Rows that count, with weights of mean 1 where none were given."""
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
    # Standardised so that the solver's tolerance means the same for every margin scale.
    centre = np.average(columns, axis=0, weights=weight)
    spread = np.sqrt(np.average((columns - centre) ** 2, axis=0, weights=weight))
    varies = spread > 0.0
    slopes = np.zeros(columns.shape[1])
    if not varies.any():
        return slopes, float(logit(np.average(label, weights=weight)))
    regression = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000, solver="newton-cholesky")
    # Weights of mean 1, so that their scale does not move the solver's tolerance either.
    with warnings.catch_warnings():
        # Margins that say next to nothing leave the matrix singular; the solver then turns to
        # another one by itself.
        warnings.simplefilter("ignore", LinAlgWarning)
        regression.fit(
            (columns - centre)[:, varies] / spread[varies],
            label,
            sample_weight=weight / weight.mean(),
        )
    slopes[varies] = regression.coef_[0] / spread[varies]
    return slopes, float(regression.intercept_[0] - slopes @ centre)


def _log_loss(log_odds: Floats, label: Floats, weight: Floats) -> float:
    return -float(np.average(log_expit(np.where(label > 0, log_odds, -log_odds)), weights=weight))


def _beta_columns(margin: Floats) -> Floats:
    return np.stack([log_expit(margin), -log_expit(-margin)], axis=-1)


def _check_kind(document: Mapping[str, Any], kind: str) -> None:
    if document.get("kind") != kind:
        raise InputError("calibration.kind", f"must be {kind!r}", document.get("kind"))


def _number(document: Mapping[str, Any], name: str) -> float:
    return _as_number(document.get(name), name)


def _slope(document: Mapping[str, Any], name: str) -> float:
    slope = _number(document, name)
    if slope < 0.0:
        raise InputError(f"calibration.{name}", "must be at least 0", slope)
    return slope


def _numbers(document: Mapping[str, Any], name: str) -> tuple[float, ...]:
    values = document.get(name)
    if not isinstance(values, list):
        raise InputError(f"calibration.{name}", "must be a list of numbers", values)
    return tuple(_as_number(value, name) for value in values)


def _as_number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(
            f"calibration.{name}", "must be a finite number", "null" if value is None else value
        )
    return float(value)
