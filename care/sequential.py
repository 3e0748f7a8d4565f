"""Looking at a campaign more than once without seeing what is not there.

An interval that is meant for one look covers far less when it is read every week. Two remedies:

- with a declared end and a plan of looks, *alpha spending* (Lan and DeMets 1983) divides the chance
  of a false claim over the looks, most of it on the last (O'Brien and Fleming 1979);
- without an end, an *asymptotic confidence sequence* (Waudby-Smith, Arbour, Sinha, Kennedy and
  Ramdas 2024, Annals of Statistics 52(6)) holds at all looks together, and is wider.
"""

from collections.abc import Sequence
from math import erfc, log, pi, sqrt
from statistics import NormalDist

import numpy as np

from holdfast.arrays import Floats
from holdfast.errors import InputError

_NORMAL = NormalDist()
_GRID = 401
"""Points of the grid that the chance of not having stopped yet is integrated on."""

_FARTHEST = 8.0
"""Standard errors beyond which nothing is worth integrating."""


def spending_bounds(
    information: Sequence[float], alpha: float = 0.05, spent_by: Sequence[float] | None = None
) -> Floats:
    """How many standard errors an effect must lie from zero at each planned look.

    Parameters
    ----------
    information : sequence of float, n
        Information at each look, such as matured households, ascending, above 0. Only its ratios
        count.
    alpha : float
        Chance of a false claim over all looks together, two-sided, between 0 and 1.
    spent_by : sequence of float, n, optional
        Where the campaign stands in its course at each look, ascending within (0, 1]: 1 at its end.
        It is stated before, so that nobody has to know how much information the end will have (Lan
        and DeMets 1989). Default: the information, whose last is at most 1 then.

    Returns
    -------
    (n,) float64
        Bounds on the absolute z statistic. Each side spends ``2 - 2 Phi(z(1 - alpha / 4) / sqrt(t))``
        until share ``t``, which resembles O'Brien and Fleming's (Lan and DeMets 1983).

    Raises
    ------
    InputError
        Information does not ascend above 0, `spent_by` does not ascend within (0, 1], or alpha lies
        outside (0, 1).

    Examples
    --------
    >>> spending_bounds([0.2, 0.4, 0.6, 0.8, 1.0]).round(2)
    array([4.88, 3.36, 2.68, 2.29, 2.03])
    """
    known = np.asarray(information, dtype=np.float64)
    shares = known if spent_by is None else np.asarray(spent_by, dtype=np.float64)
    if not len(known) or np.any(np.diff(known, prepend=0.0) <= 0):
        raise InputError("information", "must ascend above 0", information)
    if len(shares) != len(known) or np.any(np.diff(shares, prepend=0.0) <= 0) or shares[-1] > 1:
        raise InputError("spent_by", "must be shares that ascend above 0 up to 1", shares.tolist())
    if not 0 < alpha < 1:
        raise InputError("alpha", "must lie between 0 and 1", alpha)
    known = known / known[-1]
    critical = _NORMAL.inv_cdf(1 - alpha / 4)
    spent = np.array([4 * (1 - _NORMAL.cdf(critical / sqrt(share))) for share in shares])
    bounds = np.empty(len(known))
    # In the score's scale, steps between looks are independent; it begins at 0 for certain.
    places, weights = np.zeros(1), np.ones(1)
    for look, share in enumerate(known):
        step = sqrt(share - (known[look - 1] if look else 0.0))
        allowed = float(spent[look] - (spent[look - 1] if look else 0.0))
        edge = _edge(places, weights, step, allowed)
        bounds[look] = edge / sqrt(share)
        places, weights = _not_stopped(places, weights, step, min(edge, _FARTHEST * sqrt(share)))
    return bounds


def sequence_half_width(
    observed: float, standard_error: float, expected: float, alpha: float = 0.05
) -> float:
    """Half the width of an interval that covers at all looks together.

    Parameters
    ----------
    observed : float
        Observations so far, such as matured households, at least 1.
    standard_error : float
        Of the estimate from those, 0 or more.
    expected : float
        Observations at which it is to be narrowest, at least 1.
    alpha : float
        Chance that it misses the effect at any look, between 0 and 1.

    Returns
    -------
    float
        In the unit of the standard error (their equation 14, with rho chosen for `expected`).

    Raises
    ------
    InputError
        Fewer than one observation, or alpha lies outside (0, 1).
    """
    if observed < 1 or expected < 1:
        raise InputError("observed", "must be at least 1, as must expected", (observed, expected))
    if not 0 < alpha < 1:
        raise InputError("alpha", "must lie between 0 and 1", alpha)
    rho2 = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / expected
    spread = (observed * rho2 + 1) / (observed * rho2)
    return standard_error * sqrt(spread * log((observed * rho2 + 1) / alpha**2))


def _edge(places: Floats, weights: Floats, step: float, allowed: float) -> float:
    """Distance that the score passes at the next look, either way, with the chance allowed."""

    def chance(edge: float) -> float:
        above = _upper_tail((edge - places) / step) + _upper_tail((edge + places) / step)
        return float(weights @ above)

    low, high = 0.0, 2 * _FARTHEST
    for _ in range(44):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) > allowed else (low, middle)
    return high


def _not_stopped(
    places: Floats, weights: Floats, step: float, edge: float
) -> tuple[Floats, Floats]:
    """The score's distribution after a look at which it stayed within the edge."""
    grid = np.linspace(-edge, edge, _GRID)
    distance = (grid[:, None] - places[None, :]) / step
    density = np.exp(-(distance**2) / 2) @ weights / (step * sqrt(2 * pi))
    simpson = np.full(_GRID, 2.0)
    simpson[1::2], simpson[[0, -1]] = 4.0, 1.0
    return grid, density * simpson * (grid[1] - grid[0]) / 3


def _upper_tail(z: Floats) -> Floats:
    return np.array([erfc(value / sqrt(2)) / 2 for value in z])
