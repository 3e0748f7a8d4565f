"""Reliability: whether probabilities agree with outcomes, for many weightings of the customers at
once.
"""

import numpy as np
from scipy.special import expit, logit
from scipy.stats import binom

from holdfast.arrays import Floats
from training.evaluation.ranking import Codes, ratio, sums_by

DECILES = 10

SURE = 1e-12
"""Probabilities are kept this far from 0 and 1 where their logarithm is needed."""

JOINT_CONFIDENCE = 0.99
"""Probability that all ten deciles lie within their bounds if the predictions are right."""

_BINS = 4096
_MOST_STEPS = 30
_LARGEST_STEP = 2.0
_TOLERANCE = 1e-9


class Slope:
    """Slope of a logistic regression of the label on the predicted log-odds: 1 is right, below 1
    the predictions are too extreme.

    Expected sums are taken over 4,096 bins of equal width in log-odds, each represented by its
    mean; observed sums over the rows themselves. So one weighting costs a fit on 4,096 points, and
    the slope changes by about 0.00001 at most.

    Parameters
    ----------
    label, probability, weight, customer, customers
        As for `training.evaluation.ranking.Ranking`.
    """

    def __init__(
        self, label: Floats, probability: Floats, weight: Floats, customer: Codes, customers: int
    ) -> None:
        log_odds = log_odds_of(probability)
        low, high = float(log_odds.min()), float(log_odds.max())
        self.varies = high > low
        place = np.zeros(len(label), dtype=np.int64)
        if self.varies:
            place = np.minimum(
                ((log_odds - low) / (high - low) * _BINS).astype(np.int64), _BINS - 1
            )
        _, place = np.unique(place, return_inverse=True)
        bins = int(place.max()) + 1
        rows = np.bincount(place, minlength=bins)
        self._points = np.bincount(place, weights=log_odds, minlength=bins) / rows
        self._centre = float(log_odds.mean())
        everyone = np.ones(len(label), dtype=bool)
        self._mass = sums_by(place, customer, weight, everyone, (bins, customers))
        once, observed = np.zeros(len(label), dtype=np.int64), weight * label
        self._level = sums_by(once, customer, observed, everyone, (1, customers))
        self._tilt = sums_by(
            once, customer, observed * (log_odds - self._centre), everyone, (1, customers)
        )

    def of(self, counts: Floats) -> Floats:
        """Slope of each weighting; NaN where it is not determined: one class, one probability, or
        classes that the probability separates.

        Parameters
        ----------
        counts : (customers, d) float64
            How often each customer counts.
        """
        if not self.varies:
            return np.full(counts.shape[1], np.nan)
        level, tilt = (self._level @ counts)[0], (self._tilt @ counts)[0]
        return _slopes(self._points - self._centre, level, tilt, self._mass @ counts)


def _slopes(points: Floats, observed_level: Floats, observed_tilt: Floats, mass: Floats) -> Floats:
    """Newton's method for all weightings together, starting at slope 1 and the log-odds of the
    observed rate.

    At the solution the observed and the expected sums of positives, and of their points, are equal.
    """
    rate = ratio(observed_level, mass.sum(axis=0))
    one_class = ~((rate > 0) & (rate < 1))
    x = points[:, None]
    slope = np.ones(mass.shape[1])
    intercept = logit(np.where(one_class, 0.5, rate))
    moving = ~one_class
    for _ in range(_MOST_STEPS):
        if not moving.any():
            break
        at = np.flatnonzero(moving)
        expected = expit(x * slope[at] + intercept[at])
        share = mass[:, at] * expected
        spread = share * (1.0 - expected)
        level, tilt = (
            observed_level[at] - share.sum(axis=0),
            observed_tilt[at] - (x * share).sum(axis=0),
        )
        h0, h1, h2 = spread.sum(axis=0), (x * spread).sum(axis=0), (x * x * spread).sum(axis=0)
        determinant = h0 * h2 - h1 * h1
        tilt_step = ratio(h0 * tilt - h1 * level, determinant)
        level_step = ratio(h2 * level - h1 * tilt, determinant)
        largest = np.maximum(np.abs(tilt_step), np.abs(level_step))
        shrink = _LARGEST_STEP / np.maximum(largest, _LARGEST_STEP)
        slope[at] += shrink * tilt_step
        intercept[at] += shrink * level_step
        moving[at] = largest > _TOLERANCE
        moving &= np.isfinite(slope)
    slope[moving | one_class] = np.nan
    return slope


class Deciles:
    """Tenths of the weight by probability, lowest first; the same tenths for every weighting of the
    customers.

    Where a limit between two tenths falls within rows of one probability, these rows belong to both
    in fractions. So the order of rows does not matter, and a weight of 2 counts as the row twice.

    Parameters
    ----------
    label, probability, weight, customer, customers
        As for `training.evaluation.ranking.Ranking`.
    """

    def __init__(
        self, label: Floats, probability: Floats, weight: Floats, customer: Codes, customers: int
    ) -> None:
        decile, row, fraction = _fractions(probability, weight)
        shape = (DECILES, customers)
        self.rows = np.bincount(decile, weights=fraction, minlength=DECILES)
        everyone = np.ones(len(row), dtype=bool)
        mass = weight[row] * fraction
        self._mass = sums_by(decile, customer[row], mass, everyone, shape)
        self._positive = sums_by(decile, customer[row], mass * label[row], everyone, shape)
        self._expected = sums_by(decile, customer[row], mass * probability[row], everyone, shape)
        risk = np.clip(probability[row], SURE, 1.0 - SURE)
        self._spread = sums_by(
            decile, customer[row], mass * np.sqrt(risk * (1.0 - risk)), everyone, shape
        )
        self._variance = np.bincount(
            decile, weights=mass**2 * risk * (1.0 - risk), minlength=DECILES
        )

    def observed(self, counts: Floats) -> Floats:
        """Share of positives: (10, d), NaN where a decile has no weight."""
        return ratio(self._positive @ counts, self._mass @ counts)

    def predicted(self, counts: Floats) -> Floats:
        """Mean predicted probability: (10, d), NaN where a decile has no weight."""
        return ratio(self._expected @ counts, self._mass @ counts)

    def observed_over_expected(self, counts: Floats) -> Floats:
        """Positives over the sum of probabilities: (d,)."""
        return ratio((self._positive @ counts).sum(axis=0), (self._expected @ counts).sum(axis=0))

    def calibration_error(self, counts: Floats) -> Floats:
        """Mean distance between predicted and observed shares, by weight: (d,)."""
        apart = np.abs(self._expected @ counts - self._positive @ counts).sum(axis=0)
        return ratio(apart, (self._mass @ counts).sum(axis=0))

    def joint_bounds(
        self, correlation: float, confidence: float = JOINT_CONFIDENCE
    ) -> tuple[Floats, Floats]:
        """Bounds within which the observed shares of all ten deciles lie with this probability if
        the predictions are right.

        A decile's bounds are those of the share of as many independent rows as it is worth
        (`effective_rows`), see `share_bounds`. For the ten together each has the tenth root of the
        confidence (Sidak), which is wider than needed where deciles hold rows of the same
        customers.

        Parameters
        ----------
        correlation : float
            ``rho``, 0 to 1, from `customer_correlation`.
        confidence : float
            Of all ten.

        Returns
        -------
        tuple of (10,) float64
            Lower and upper bounds; NaN where a decile has no rows.
        """
        chance = self.predicted(np.ones((self._mass.shape[1], 1)))[:, 0]
        return share_bounds(chance, self.effective_rows(correlation), confidence ** (1.0 / DECILES))

    def effective_rows(self, correlation: float) -> Floats:
        """How many independent rows each decile is worth: (10,), at least 1, whole; NaN where a
        decile has no rows.

        Were a decile's predictions right, and rows of one customer correlated by ``rho``, its sum
        of positives would have the variance ::

            V = sum of w^2 p (1 - p) over rows + rho * sum of w_i s_i w_j s_j over pairs i != j of
            rows of one customer,

        with ``s = sqrt(p (1 - p))`` (a design effect after Kish). So it is worth ``n = W^2 q (1 -
        q) / V`` independent rows, where ``W`` is the decile's weight and ``q`` its mean prediction.

        Parameters
        ----------
        correlation : float
            ``rho``, 0 to 1, from `customer_correlation`.
        """
        once = np.ones((self._mass.shape[1], 1))
        mass, chance = (self._mass @ once)[:, 0], self.predicted(once)[:, 0]
        together = np.asarray(self._spread.power(2).sum(axis=1)).ravel() - self._variance
        variance = self._variance + correlation * np.maximum(together, 0.0)
        worth: Floats = np.maximum(
            np.round(ratio(mass**2 * chance * (1.0 - chance), variance)), 1.0
        )
        return worth


def share_bounds(
    chance: Floats, rows: Floats, confidence: float, tolerance: float = 0.0
) -> tuple[Floats, Floats]:
    """Bounds within which observed shares lie if the true shares are those predicted, or differ
    from them by no more than a tolerance.

    They are the quantiles of the binomial share of `rows` at ``(1 - c) / 2``, of the lowest
    tolerated probability, and at ``(1 + c) / 2``, of the highest. Whatever the number of rows,
    they hold all shares within the tolerance; the more rows, the closer they come to it.

    Parameters
    ----------
    chance : (n,) float64
        Predicted shares, 0 to 1; NaN gives NaN.
    rows : (n,) float64
        Independent rows that each share comes from, whole, at least 1.
    confidence : float
        ``c``, of each bound by itself.
    tolerance : float
        Relative: a true share of ``(1 - tolerance)`` to ``(1 + tolerance)`` times the predicted
        one is tolerated.

    Examples
    --------
    >>> low, high = share_bounds(np.array([0.2]), np.array([1e9]), confidence=0.99, tolerance=0.1)
    >>> low.round(3).tolist(), high.round(3).tolist()
    ([0.18], [0.22])
    """
    tail = (1.0 - confidence) / 2.0
    lowest, highest = chance * (1.0 - tolerance), np.minimum(chance * (1.0 + tolerance), 1.0)
    low = np.minimum(binom.ppf(tail, rows, lowest) / rows, lowest)
    high = np.maximum(binom.isf(tail, rows, highest) / rows, highest)
    return low, high


def customer_correlation(
    label: Floats, probability: Floats, weight: Floats, customer: Codes
) -> float:
    """Correlation of the deviations from the predictions between rows of one customer: 0 to 1.

    The mean product of deviations over pairs of rows of one customer, divided by its value if both
    rows were the same: with ``e = w (y - p)`` and ``s = w sqrt(p (1 - p))``, the sum of ``e_i e_j``
    over the sum of ``s_i s_j``; 0 where no customer has two.
    """
    risk = np.clip(probability, SURE, 1.0 - SURE)
    deviation, spread = weight * (label - probability), weight * np.sqrt(risk * (1.0 - risk))

    def pairs(value: Floats) -> float:
        return float((np.bincount(customer, weights=value) ** 2).sum() - (value**2).sum())

    possible = pairs(spread)
    return (
        float(np.clip(pairs(deviation) / possible, 0.0, 1.0))
        if possible > 1e-9 * float((spread**2).sum())
        else 0.0
    )


def log_odds_of(probability: Floats) -> Floats:
    """Log-odds, finite for probabilities of 0 and 1 too."""
    odds: Floats = logit(np.clip(probability, SURE, 1.0 - SURE))
    return odds


def _fractions(probability: Floats, weight: Floats) -> tuple[Codes, Codes, Floats]:
    """Which fraction of which row lies in which decile: decile, row and fraction, one entry for
    each fraction above 0.
    """
    _, value = np.unique(probability, return_inverse=True)
    mass: Floats = np.bincount(value, weights=weight).astype(np.float64)
    end = np.cumsum(mass)
    start = np.concatenate([[0.0], end[:-1]])
    edges = np.linspace(0.0, end[-1], DECILES + 1)
    deciles, rows, fractions = [], [], []
    for decile in range(DECILES):
        inside = np.minimum(end, edges[decile + 1]) - np.maximum(start, edges[decile])
        # A remainder from rounding at a limit does not count.
        fraction = np.where(inside > 1e-9 * mass, np.minimum(ratio(inside, mass), 1.0), 0.0)[value]
        inside_rows = np.flatnonzero(fraction)
        deciles.append(np.full(len(inside_rows), decile, dtype=np.int64))
        rows.append(inside_rows)
        fractions.append(fraction[inside_rows])
    return np.concatenate(deciles), np.concatenate(rows), np.concatenate(fractions)
