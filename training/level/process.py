"""A Gaussian process of the level: a season that comes back every year, a slow random walk, and what
lasts for some weeks, all partly common to all product lines.

The shifts are some tens of points, so that their covariance is inverted for every set of amplitudes
on a grid, and the results are averaged by marginal likelihood. The uncertainty of the
amplitudes is in the band that way, no optimum has to be found, and the same points give the same
numbers. scikit-learn's `GaussianProcessRegressor` takes one optimum of the same likelihood, and has no
kernel for part of the columns, which pooling over lines needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from holdfast.arrays import Floats
from models.level.revision import Shift

SEASON = (0.0, 0.1, 0.2, 0.35)
"""Standard deviations of the season that are averaged over, in log-odds."""

WALK = (0.2, 0.4)
"""Standard deviations of a year of the walk, in log-odds."""

SHOCK = (0.1, 0.2)
"""Standard deviations of what lasts for some weeks, such as a rival's offer or an outage, in log-odds.

Some tens of noisy points do not tell a small walk or shock from none. With amplitudes near 0 on the
grid, the likelihood took those, and bands of 90 % held the truth two times in three on ten simulated
operators (seeds 101 to 105 and 201 to 205 of `benchmarks.models.level`).
"""

SHOCK_DAYS = 60.0
"""Days after which a third of a shock is left."""

OWN = (0.1, 0.4)
"""Shares of the variance of all three that are each line's own."""

CONSTANT = 0.2
"""Standard deviation of the level of the training rows, in log-odds."""

_YEAR_DAYS = 365.25


@dataclass(frozen=True)
class Points:
    """Shifts as arrays.

    Parameters
    ----------
    years : (n,) float64
        When.
    line : (n,) int64
        Which line, by its position.
    shift, error : (n,) float64
        What was seen, and its standard error.
    """

    years: Floats
    line: NDArray[np.int64]
    shift: Floats
    error: Floats

    @classmethod
    def of(cls, shifts: Sequence[Shift], lines: Sequence[str]) -> "Points":
        """Shifts of lines."""
        return cls(
            np.array([years_of(one.cutoff) for one in shifts]),
            np.array([lines.index(one.line) for one in shifts], dtype=np.int64),
            np.array([one.shift for one in shifts]),
            np.array([one.error for one in shifts]),
        )


def years_of(time: str) -> float:
    """A time (ISO 8601, with a time zone) in years."""
    return datetime.fromisoformat(time).timestamp() / 86_400 / _YEAR_DAYS


def predict(
    points: Points, lines: int, at_years: float, horizon_days: int
) -> tuple[Floats, Floats]:
    """The level of each line at a time.

    Parameters
    ----------
    points : Points
        What was seen; at least one.
    lines : int
        How many lines there are.
    at_years : float
        When.
    horizon_days : int
        Outcomes of cut-offs that are less than a horizon apart are partly the same, and so are their
        errors.

    Returns
    -------
    mean : (lines,) float64
        In log-odds.
    covariance : (lines, lines) float64
        Of its errors.
    """
    years = np.concatenate([points.years, np.full(lines, at_years)])
    line = np.concatenate([points.line, np.arange(lines)])
    season, walk, shock = _kernels(years, points.years.min())
    same = line[:, None] == line[None, :]
    seen = len(points.years)
    noise = _noise(points, horizon_days)
    likelihoods, means, covariances = [], [], []
    for of_season, of_walk, of_shock, own in product(SEASON, WALK, SHOCK, OWN):
        prior = of_season**2 * season + of_walk**2 * walk + of_shock**2 * shock + CONSTANT**2
        prior = prior * (1.0 - own + own * same)
        root = cholesky(prior[:seen, :seen] + noise, lower=True)
        solved = solve_triangular(
            root, np.column_stack([points.shift, prior[:seen, seen:]]), lower=True
        )
        white, gain = solved[:, 0], solved[:, 1:]
        likelihoods.append(-0.5 * white @ white - np.log(np.diagonal(root)).sum())
        means.append(gain.T @ white)
        covariances.append(prior[seen:, seen:] - gain.T @ gain)
    share = np.exp(np.array(likelihoods) - max(likelihoods))
    share /= share.sum()
    mean = share @ np.array(means)
    apart = np.array(means) - mean
    covariance = np.einsum("k,kij->ij", share, np.array(covariances)) + np.einsum(
        "k,ki,kj->ij", share, apart, apart
    )
    return mean, covariance


def _kernels(years: Floats, begin: float) -> tuple[Floats, Floats, Floats]:
    """A season of variance 1, a walk of variance 1 a year, and shocks of variance 1."""
    apart = years[:, None] - years[None, :]
    season = np.exp(-2.0 * np.sin(np.pi * apart) ** 2)
    since = years - begin
    walk = np.minimum(since[:, None], since[None, :])
    shock = np.exp(-np.abs(apart) * _YEAR_DAYS / SHOCK_DAYS)
    return season, walk, shock


def _noise(points: Points, horizon_days: int) -> Floats:
    apart = np.abs(points.years[:, None] - points.years[None, :]) * _YEAR_DAYS
    shared = np.clip(1.0 - apart / horizon_days, 0.0, 1.0)
    same = points.line[:, None] == points.line[None, :]
    errors = points.error[:, None] * points.error[None, :]
    noise: Floats = errors * shared * same + 1e-6 * np.eye(len(apart))
    return noise
