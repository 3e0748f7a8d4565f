"""Bounds of what is usual, from comparable nights: robust, and wide where there are few."""

from dataclasses import dataclass

import numpy as np

from holdfast.arrays import Floats

FEWEST_NIGHTS = 4
"""Comparable nights below which nothing is expected."""

FEWEST_ROWS = 10
"""Rows below which shares and sizes are not compared."""

WIDTH = 5.0
"""Robust standard deviations that bounds lie from the middle."""

_MAD = 1.4826
_FEW_NIGHTS_WIDEN = 3.0
_SMALLEST_RELATIVE_SCALE = 0.03
_OUTLIERS_FROM = 8
"""From so many nights on, one of them may have been a bad one."""

_SMALLEST_BOUND = 0.5

_HIGHER = 1.5
"""Bounds leave the range of other nights by this factor."""


@dataclass(frozen=True)
class Bounds:
    """What raises no doubt, from `low` to `high`, around `middle`."""

    low: float
    middle: float
    high: float

    def hold(self, seen: float) -> bool:
        """Whether a figure raises no doubt."""
        return self.low <= seen <= self.high


def count_bounds(past: Floats, others: Floats, *, weeks: float) -> Bounds | None:
    """Bounds of a count, from the counts of comparable nights.

    Counts scatter at least as much as independent events do: the doubled square root of such a
    count has a standard deviation of one.

    Parameters
    ----------
    past : (n,) float64
        Counts of nights on the same weekday.
    others : (m,) float64
        Counts of spans of the same length that ended on any day: bills, for one, are written on
        days of the month.
    weeks : float
        Length of the spans. Of whole weeks, the weekday does not matter; of several, the spans of
        weekly nights overlap, and tell as little as fewer nights would.

    Returns
    -------
    Bounds or None
        None for fewer than `FEWEST_NIGHTS`.
    """
    if len(past) < FEWEST_NIGHTS:
        return None
    roots = 2 * np.sqrt(past + 3 / 8)
    middle = float(np.median(roots))
    scale = max(1.0, _spread(roots), _SMALLEST_RELATIVE_SCALE * middle)
    width = WIDTH * scale * _widened(len(past) / max(weeks, 1))
    low, high = _range(past)
    if len(others):
        low = min(low, float(others.min())) if weeks >= 1 else low
        high = max(high, _range(others)[1])
    low = min(_count(middle - width), low / _HIGHER)
    return Bounds(
        # A bound that rounds to no rows is none.
        low=low if low >= _SMALLEST_BOUND else 0.0,
        middle=float(np.median(past)),
        high=max(_count(middle + width), _HIGHER * high, high + WIDTH * _spread(past)),
    )


def share_bounds(
    counts: Floats, rows: Floats, tonight: float, floor: float, others: Floats
) -> Bounds | None:
    """Bounds of a share, from the shares of comparable nights.

    Parameters
    ----------
    counts, rows : (n,) float64
        On each night, how many rows had it, of how many.
    tonight : float
        Rows of the night to be judged.
    floor : float
        A difference up to this raises no doubt.
    others : (m,) float64
        Shares of other nights, on any weekday, with about as many rows.

    Returns
    -------
    Bounds or None
        None where there are too few nights, or too few rows on them or tonight.
    """
    some = rows > 0
    counts, rows = counts[some], rows[some]
    if len(rows) < FEWEST_NIGHTS or tonight < FEWEST_ROWS or rows.sum() < FEWEST_ROWS:
        return None
    shares = counts / rows
    middle = float(np.median(shares)) if rows.min() >= FEWEST_ROWS else counts.sum() / rows.sum()
    smoothed = (middle * rows.sum() + 0.5) / (rows.sum() + 1)
    sampling = np.sqrt(smoothed * (1 - smoothed) * (1 / tonight + 1 / rows.sum()))
    width = max(floor, WIDTH * _widened(len(rows)) * float(np.hypot(sampling, _spread(shares))))
    low, high = _range_of_all(shares, others)
    return Bounds(min(middle - width, low), middle, max(middle + width, high))


def size_bounds(
    means: Floats,
    deviations: Floats,
    counts: Floats,
    tonight: float,
    floor: float,
    others: Floats,
) -> Bounds | None:
    """Bounds of a mean logarithm, from those of comparable nights.

    Parameters
    ----------
    means, deviations, counts : (n,) float64
        On each night, mean and standard deviation of how many values.
    tonight : float
        Values of the night to be judged.
    floor : float
        A difference up to this raises no doubt.
    others : (m,) float64
        Means of other nights, on any weekday, with about as many rows.

    Returns
    -------
    Bounds or None
        None where there are too few nights, or too few values on them or tonight.
    """
    some = counts > 0
    means, deviations, counts = means[some], deviations[some], counts[some]
    if len(means) < FEWEST_NIGHTS or tonight < FEWEST_ROWS or counts.sum() < FEWEST_ROWS:
        return None
    middle = float(np.median(means))
    sampling = float(np.sqrt(np.average(deviations**2, weights=counts) / tonight))
    width = max(floor, WIDTH * _widened(len(means)) * float(np.hypot(sampling, _spread(means))))
    low, high = _range_of_all(means, others)
    return Bounds(min(middle - width, low), middle, max(middle + width, high))


def usual_shares(
    shares: Floats, rows: Floats, tonight: float, floor: float, others: Floats
) -> tuple[Floats, float] | None:
    """What shares values usually have, and how far tonight's may lie from them.

    The distance of two distributions is the share of rows that would have to have other values
    (total variation).

    Parameters
    ----------
    shares : (n, k) float64
        On each night, the shares of the values.
    rows : (n,) float64
        Rows of each night.
    tonight, floor : float
        As in `share_bounds`.
    others : (m, k) float64
        Shares on other nights, on any weekday, with about as many rows.

    Returns
    -------
    usual : (k,) float64
        Shares.
    bound : float
        The greatest distance that raises no doubt. Both None where there are too few nights, or too
        few rows on them or tonight.
    """
    some = rows >= FEWEST_ROWS
    shares, rows = shares[some], rows[some]
    if len(rows) < FEWEST_NIGHTS or tonight < FEWEST_ROWS:
        return None
    usual: Floats = np.average(shares, axis=0, weights=rows)
    distances = distance(shares, usual)
    scatter = np.sqrt(usual * (1 - usual) * (1 / tonight + 1 / rows.sum()))
    sampling = 0.5 * np.sqrt(2 / np.pi) * float(scatter.sum()) + 2 / np.sqrt(tonight)
    farthest = _range_of_all(distances, distance(others, usual))[1]
    return usual, max(floor, sampling, _HIGHER * farthest * _widened(len(rows)))


def distance(shares: Floats, usual: Floats) -> Floats:
    """Total variation between distributions, the last axis of `shares`, and one more."""
    return np.asarray(0.5 * np.abs(shares - usual).sum(axis=-1))


def _spread(values: Floats) -> float:
    return _MAD * float(np.median(np.abs(values - np.median(values))))


def _widened(nights: float) -> float:
    return 1 + _FEW_NIGHTS_WIDEN / nights


def _range(past: Floats) -> tuple[float, float]:
    """Least and greatest, but for one bad night."""
    ordered = np.sort(past)
    bad = 1 if len(past) >= _OUTLIERS_FROM else 0
    return float(ordered[bad]), float(ordered[-1 - bad])


def _range_of_all(past: Floats, others: Floats) -> tuple[float, float]:
    """Least and greatest of comparable nights, but for one bad night, and of all others."""
    low, high = _range(past)
    return min(low, float(others.min(initial=low))), max(high, float(others.max(initial=high)))


def _count(root: float) -> float:
    return max(0.0, (max(root, 0.0) / 2) ** 2 - 3 / 8)
