"""Calibration: from a booster's raw margin to a probability that means what it says."""

from dataclasses import asdict, dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from holdfast.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PlattCalibration:
    """A logistic curve over the raw margin (Platt 1999): ``p = 1 / (1 + exp(-(slope * margin + intercept)))``.

    Parameters
    ----------
    slope : float
        At least 0, so that a higher margin never means a lower probability. 0 where the margins hold no information.
    intercept : float
        Log-odds at margin 0.
    """

    slope: float
    intercept: float

    @classmethod
    def fit(cls, margin: Floats, label: Floats) -> Self:
        """Fit the curve to margins of rows that the booster has not seen.

        Parameters
        ----------
        margin : (n,) float64
            Raw margins (log-odds), finite.
        label : (n,) float64
            0 or 1, both present.
        """
        rate = float(label.mean())
        if not 0.0 < rate < 1.0:
            raise InputError("label", "both classes are needed to calibrate", rate)
        # Standardised so that the solver's tolerance means the same for every margin scale.
        centre, spread = float(margin.mean()), float(margin.std())
        if spread == 0.0:
            return cls(slope=0.0, intercept=float(logit(rate)))
        regression = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
        regression.fit(((margin - centre) / spread)[:, None], label)
        slope = float(regression.coef_[0, 0]) / spread
        if slope <= 0.0:
            return cls(slope=0.0, intercept=float(logit(rate)))
        return cls(slope=slope, intercept=float(regression.intercept_[0]) - slope * centre)

    def probability(self, margin: Floats) -> Floats:
        """Probabilities, float64 in 0 to 1, for raw margins of any shape."""
        calibrated: Floats = expit(self.slope * margin + self.intercept)
        return calibrated

    def to_json(self) -> dict[str, object]:
        """The curve as JSON, with its kind."""
        return {"kind": "platt", **asdict(self)}

    @classmethod
    def from_json(cls, document: dict[str, object]) -> Self:
        """Read back what `to_json` wrote."""
        if document.get("kind") != "platt":
            raise InputError("calibration.kind", "must be 'platt'", document.get("kind"))
        return cls(slope=float(str(document["slope"])), intercept=float(str(document["intercept"])))
