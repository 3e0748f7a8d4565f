"""Inference: means of scores, gains of treating some rows only, and their standard errors.

Standard errors are computed from each row's influence on the figure, summed by cluster, so that the
rows of one household count as one observation.

A ranking is evaluated on rows that it was not learnt from. The gain of treating the first share
``u`` of them is ``A(u) = mean(score x [rank <= u])``. AUTOC (Yadlowsky, Fleming, Shah, Brunskill and
Wager 2021) is the mean over ``u`` of the difference between the effect among the first ``u`` and
that among all; the Qini coefficient weights it by ``u``. Both are 0 for a random ranking.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from training.evaluation.assessment import CONFIDENCE, Estimate
from training.uplift.looks import ONLY_LOOK, Look

Area = Literal["autoc", "qini"]

_LOCAL_BINS = 20


@dataclass(frozen=True)
class PointEstimate:
    """An estimate with its standard error.

    Parameters
    ----------
    value, standard_error : float
        The estimate and its standard error.
    clusters : int
        Number of independent clusters behind it.

    Examples
    --------
    >>> PointEstimate(value=0.02, standard_error=0.008, clusters=2_000).interval().low > 0
    True
    """

    value: float
    standard_error: float
    clusters: int

    def interval(self, comparisons: int = 1, look: Look = ONLY_LOOK) -> Estimate:
        """The estimate with an interval that holds jointly for so many comparisons (Bonferroni), and
        at all looks at the experiment.
        """
        critical = look.critical((1 - CONFIDENCE) / comparisons, self.clusters - 1)
        reach = critical * self.standard_error
        return Estimate(self.value, self.value - reach, self.value + reach)


def mean(score: Floats, cluster: NDArray[np.int64]) -> PointEstimate:
    """Mean of scores with its cluster-robust standard error.

    Parameters
    ----------
    score : (m,) float64
        Scores.
    cluster : (m,) int64
        Cluster of each row.
    """
    value = float(score.mean())
    return PointEstimate(value, *_error(score - value, cluster))


def difference(
    outcome: Floats, treated: Floats, control: Floats, cluster: NDArray[np.int64]
) -> PointEstimate:
    """Difference of two arms' weighted means, with its cluster-robust standard error.

    Parameters
    ----------
    outcome : (m,) float64
        Outcomes.
    treated, control : (m,) float64
        Weight of each row in the mean of each arm, 0 for rows of other arms.
    cluster : (m,) int64
        Cluster of each row.

    Examples
    --------
    >>> arm = np.array([1.0, 1.0, 0.0, 0.0])
    >>> difference(np.array([1.0, 1.0, 0.0, 1.0]), arm, 1 - arm, np.arange(4)).value
    0.5
    """
    value, influence = _difference(outcome, treated, control)
    return PointEstimate(value, *_error(influence, cluster))


def adjustment(
    score: Floats, outcome: Floats, treated: Floats, control: Floats, cluster: NDArray[np.int64]
) -> PointEstimate:
    """What adjusting for features adds to the difference of two arms' means.

    It is 0 but for chance where all features were known before the arms were drawn.

    Parameters
    ----------
    score : (m,) float64
        Doubly robust scores of the effect.
    outcome, treated, control, cluster
        As for `difference`.
    """
    value, influence = _difference(outcome, treated, control)
    own = float(score.mean())
    return PointEstimate(own - value, *_error(score - own - influence, cluster))


def _difference(outcome: Floats, treated: Floats, control: Floats) -> tuple[float, Floats]:
    """Difference of two weighted means, and each row's influence on it."""
    influence, value = np.zeros(len(outcome)), 0.0
    for sign, weight in ((1.0, treated), (-1.0, control)):
        own = float((weight * outcome).sum() / weight.sum())
        value += sign * own
        influence += sign * weight * (outcome - own) * len(outcome) / weight.sum()
    return value, influence


def ranks(ranking: Floats) -> Floats:
    """Rank of each row as a share of all, from just above 0 for the highest; ties share the mean.

    >>> ranks(np.array([5.0, 1.0, 3.0, 3.0])).tolist()
    [0.125, 0.875, 0.5, 0.5]
    """
    _, group, size = np.unique(-ranking, return_inverse=True, return_counts=True)
    middle: Floats = (np.cumsum(size) - size / 2)[group] / len(ranking)
    return middle


def gain(
    score: Floats,
    ranking: Floats,
    share: float,
    cluster: NDArray[np.int64],
    *,
    base: Floats | None = None,
    over_random: bool = False,
    other: Floats | None = None,
) -> PointEstimate:
    """Gain of treating the share of rows with the highest ranking, per row of all.

    Rows tied at the border count in part, so that their order does not matter.

    Parameters
    ----------
    score : (m,) float64
        Scores of the effect.
    ranking : (m,) float64
        Predictions to rank by, highest first, by a model not fitted on the row.
    share : float
        Share of rows to treat, 0 to 1.
    cluster : (m,) int64
        Cluster of each row.
    base : (m,) float64, optional
        Added to each row: with scores of the outcome without any action, the gain becomes the
        outcome under the policy.
    over_random : bool
        Subtract the gain of treating as many at random.
    other : (m,) float64, optional
        Another ranking: subtract the gain of treating as many by it, row by row, so that the error
        is that of the difference.
    """
    inside = _inside(ranking, share)
    own = score * (inside - share if over_random else inside)
    moved = _border_moves(score, ranking, inside, share)
    if other is not None:
        theirs = _inside(other, share)
        own = own - score * theirs
        moved = moved - _border_moves(score, other, theirs, share)
    if base is not None:
        own = own + base
    value = float(own.mean())
    return PointEstimate(value, *_error(own - value - moved, cluster))


def area(score: Floats, ranking: Floats, cluster: NDArray[np.int64], kind: Area) -> PointEstimate:
    """AUTOC or Qini coefficient of a ranking.

    Parameters
    ----------
    score : (m,) float64
        Scores, by models not fitted on the row.
    ranking : (m,) float64
        Predictions to rank by, highest first, by a model not fitted on the row. Where they are all
        the same there is no ranking, and the area is 0 without an error.
    """
    if np.ptp(ranking) == 0:
        # Exactly: a sum of rounding errors would have an interval above or below zero.
        return PointEstimate(0.0, 0.0, len(np.unique(cluster)))
    rank = ranks(ranking)
    weight = _weights(ranking, kind)
    value = float((weight * score).mean())
    own = weight * score - _drift(score, rank, kind)
    return PointEstimate(value, *_error(own - own.mean(), cluster))


def slope(score: Floats, predicted: Floats, cluster: NDArray[np.int64]) -> PointEstimate:
    """Slope of the best linear predictor: the share of predicted differences that is real, 0 to 1."""
    centred = predicted - predicted.mean()
    spread = float((centred**2).mean())
    if spread == 0:
        return PointEstimate(0.0, 0.0, len(np.unique(cluster)))
    value = float((centred * score).mean()) / spread
    return PointEstimate(
        value, *_error(centred * (score - score.mean() - value * centred) / spread, cluster)
    )


def combine(parts: list[tuple[PointEstimate, int]]) -> PointEstimate:
    """Combine parts that are independent given those before, weighted by their rows."""
    rows = sum(count for _, count in parts)
    value = sum(part.value * count for part, count in parts) / rows
    error = float(np.sqrt(sum((part.standard_error * count) ** 2 for part, count in parts))) / rows
    return PointEstimate(value, error, sum(part.clusters for part, _ in parts))


def average(repeats: list[PointEstimate]) -> PointEstimate:
    """Average repeats on the same rows.

    Their dependence is unknown, so that the standard error is the mean of theirs, never less.
    """
    return PointEstimate(
        float(np.mean([repeat.value for repeat in repeats])),
        float(np.mean([repeat.standard_error for repeat in repeats])),
        min(repeat.clusters for repeat in repeats),
    )


def _error(influence: Floats, cluster: NDArray[np.int64]) -> tuple[float, int]:
    _, code = np.unique(cluster, return_inverse=True)
    sums = np.bincount(code, weights=influence)
    count = len(sums)
    return float(np.sqrt((sums**2).sum() * count / max(count - 1, 1))) / len(influence), count


def _border_moves(score: Floats, ranking: Floats, inside: Floats, share: float) -> Floats:
    """What each row adds to a gain's error by moving the border, which varies from sample to sample:
    that counts as much as the effect near it.
    """
    at_border = _local_means(score, ranks(ranking))[min(int(share * _LOCAL_BINS), _LOCAL_BINS - 1)]
    moves: Floats = float(at_border) * (inside - inside.mean())
    return moves


def _inside(ranking: Floats, share: float) -> Floats:
    """Part of each row that lies in the share: 1 above the border, 0 below, a fraction at it."""
    order = np.sort(-ranking)
    size = share * len(ranking)
    border = order[min(int(np.ceil(size)) - 1, len(order) - 1)] if size > 0 else -np.inf
    above, tied = -ranking < border, -ranking == border
    inside: Floats = above + tied * ((size - above.sum()) / max(int(tied.sum()), 1))
    return inside


def _weights(ranking: Floats, kind: Area) -> Floats:
    """Weight of each row's score in the integral that the area is; tied rows share the mean."""
    count = len(ranking)
    place = (np.arange(count) + 0.5) / count
    weight = -np.log(place) if kind == "autoc" else 1 - place
    weight -= weight.mean()
    order = np.argsort(-ranking, kind="stable")
    _, group = np.unique(-ranking[order], return_inverse=True)
    shared = (np.bincount(group, weights=weight) / np.bincount(group))[group]
    result = np.empty(count)
    result[order] = shared
    return result


def _local_means(score: Floats, rank: Floats) -> Floats:
    """Mean score in equal parts of the ranking, highest first."""
    bins = np.minimum((rank * _LOCAL_BINS).astype(np.int64), _LOCAL_BINS - 1)
    size = np.bincount(bins, minlength=_LOCAL_BINS)
    sums = np.bincount(bins, weights=score, minlength=_LOCAL_BINS)
    return np.where(size > 0, sums / np.maximum(size, 1), score.mean())


def _drift(score: Floats, rank: Floats, kind: Area) -> Floats:
    """Change of an area because a row, whatever its score, moves others down the ranking."""
    edges = np.linspace(0, 1, _LOCAL_BINS + 1)
    local = _local_means(score, rank)
    # The integral of local(u) / u, or of local(u), from a rank to the end, exact for local means
    # that are steps.
    bins = np.minimum((rank * _LOCAL_BINS).astype(np.int64), _LOCAL_BINS - 1)
    if kind == "autoc":
        whole = np.concatenate([[0.0], np.log(edges[2:] / edges[1:-1])])
        rest = np.log(edges[bins + 1] / rank)
    else:
        whole, rest = np.diff(edges), edges[bins + 1] - rank
    after = np.concatenate([np.cumsum((local * whole)[::-1])[::-1][1:], [0.0]])
    drift: Floats = after[bins] + local[bins] * rest
    return drift
