"""Risk bands: high, medium and low, by bounds in probability that belong to a model version."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from models.settings import BandSettings

Bands = NDArray[np.str_]

BAND_NAMES = ("high", "medium", "low")
_NAMES: Bands = np.array(["low", "medium", "high", ""])  # by how many bounds are reached


@dataclass(frozen=True, kw_only=True)
class BandBounds:
    """Lowest probability of the bands high and medium; below medium is low.

    Parameters
    ----------
    high, medium : float
        Probabilities in 0 to 1, ``high >= medium``.

    Examples
    --------
    >>> BandBounds(high=0.3, medium=0.1).assign(np.array([0.5, 0.1, 0.02, np.nan])).tolist()
    ['high', 'medium', 'low', '']
    """

    high: float
    medium: float

    @classmethod
    def from_shares(
        cls, probability: Floats, settings: BandSettings, weight: Floats | None = None
    ) -> Self:
        """Bounds by which the bands hold the settings' shares of customers, or fewer because of ties.

        Parameters
        ----------
        probability : (n,) float64
            Out-of-fold probabilities, no NaN.
        settings : BandSettings
            The shares.
        weight : (n,) float64, optional
            How many customers each stands for; 1 by default.
        """
        weight = np.ones(len(probability)) if weight is None else weight
        return cls(
            high=_bound(probability, weight, settings.high_share),
            medium=_bound(probability, weight, settings.high_share + settings.medium_share),
        )

    def assign(self, probability: Floats) -> Bands:
        """Band of each probability; the empty string where it is NaN."""
        reached = (probability >= self.medium).astype(np.intp) + (probability >= self.high)
        return _NAMES[np.where(np.isnan(probability), -1, reached)]


def _bound(probability: Floats, weight: Floats, share: float) -> float:
    """Lowest probability that at most this share of the customers reach; above all if none fits."""
    values, place = np.unique(probability, return_inverse=True)
    total = weight.sum()
    reaching = np.cumsum(np.bincount(place, weights=weight)[::-1])[::-1] / total
    fits = values[reaching <= share + 0.5 / total]
    return float(fits[0]) if len(fits) else float(np.nextafter(values[-1], np.inf))
