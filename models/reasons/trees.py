"""Boosters' trees as the two explainers read them: splits, paths to leaves, and what a leaf
contributes.

Each leaf, with value ``w``, is a game of the features on its path. If feature ``j`` is in the
coalition, it multiplies ``w`` by ``b_j``: 1 if the row meets all the path's conditions on it, else
0. If it is not, it multiplies ``w`` by ``r_j``, the share of training rows that meet them
(path-dependent SHAP, as in LightGBM). By Owen's multilinear extension its Shapley value is

    (b_j - r_j) * integral from 0 to 1 of w * product over i != j of (t * b_i + (1 - t) * r_i) dt,

a polynomial in ``t``, which Gauss-Legendre quadrature integrates without error. A row's values
depend only on the bits ``b``.

NaN, zeros as missing and categories take the same side of a split as in LightGBM's own prediction.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats

Bits = NDArray[np.int64]
Bools = NDArray[np.bool_]
Node = dict[str, Any]
"""A node as LightGBM dumps it."""

MOST_FEATURES = 62
"""Most features of a path: its bits stand in one integer."""
ZERO = float(np.float32(1e-35))
"""Smaller numbers are zero, where zeros are read as missing."""


class UnsupportedTreesError(Exception):
    """These trees need LightGBM's own contributions."""


@dataclass(frozen=True)
class SplitTest:
    """The condition of a split; True leads left."""

    feature: int
    threshold: float
    categories: Bools | None
    nan_left: bool
    zero_left: bool | None

    def __call__(self, columns: Floats | Sequence[Floats]) -> Bools:
        """Which values go left, by feature."""
        values = columns[self.feature]
        if self.categories is not None:
            # Past the last category, as below the first and for NaN, the look-up ends in the False
            # behind them all.
            known = (values > -1) & (values < len(self.categories))
            return self.categories[np.where(known, values, -1).astype(np.int64)]
        left = ~(values > self.threshold) if self.nan_left else values <= self.threshold
        if self.zero_left is not None:
            zero = np.isnan(values) | (np.abs(values) <= ZERO)
            left[zero] = self.zero_left
        return left


@dataclass(frozen=True)
class Path:
    """The conditions on the way to a node: features in the order of their bits, and the share of
    rows that met them.
    """

    features: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()

    def step(self, feature: int, share: float) -> "Path":
        """The path that goes on past a split, on the side that so large a share of the rows took."""
        if feature not in self.features:
            return Path((*self.features, feature), (*self.shares, share))
        met = tuple(
            old * share if known == feature else old
            for known, old in zip(self.features, self.shares, strict=True)
        )
        return Path(self.features, met)


def read_trees(boosters: Sequence[lgb.Booster]) -> list[Node]:
    """The roots of all trees of boosters; the sum of the trees is the mean of the boosters.

    Parameters
    ----------
    boosters : sequence of lightgbm.Booster
        At least one. Leaves of one of m boosters have an m-th of their values.

    Raises
    ------
    UnsupportedTreesError
        There is more than one tree an iteration, or a linear tree, a path has more than
        `MOST_FEATURES` features, or a node saw no training row.
    """
    roots = []
    for booster in boosters:
        model = booster.dump_model()
        if model["num_tree_per_iteration"] != 1 or model["average_output"]:
            raise UnsupportedTreesError
        roots += [tree["tree_structure"] for tree in model["tree_info"]]
    for root in roots:
        _check(root)
        for leaf in leaves_below(root):
            leaf["leaf_value"] /= len(boosters)
    return roots


def _check(node: Node, path: frozenset[int] = frozenset()) -> None:
    """Raise UnsupportedTreesError where a tree has no tables."""
    if "leaf_const" in node or len(path) > MOST_FEATURES:
        raise UnsupportedTreesError
    if not is_leaf(node):
        for side in ("left_child", "right_child"):
            if not 0 < rows_below(node[side]) <= rows_below(node):
                raise UnsupportedTreesError
            _check(node[side], path | {int(node["split_feature"])})


def is_leaf(node: Node) -> bool:
    """Whether a node is a leaf."""
    return "leaf_value" in node


def rows_below(node: Node) -> int:
    """Training rows that came to a node."""
    return int(node["leaf_count" if is_leaf(node) else "internal_count"])


def share_of(child: Node, node: Node) -> float:
    """Share of a node's training rows that went on to a child."""
    return rows_below(child) / rows_below(node)


def leaves_below(node: Node) -> list[Node]:
    """The leaves below a node, or the leaf itself."""
    if is_leaf(node):
        return [node]
    return [*leaves_below(node["left_child"]), *leaves_below(node["right_child"])]


def splits_below(node: Node) -> list[Node]:
    """A node, if it is a split, and the splits below it."""
    return (
        []
        if is_leaf(node)
        else [node, *splits_below(node["left_child"]), *splits_below(node["right_child"])]
    )


def expected(root: Node) -> float:
    """Mean value of a tree over its training rows."""
    if is_leaf(root):
        return float(root["leaf_value"])
    return sum(
        leaf["leaf_value"] * (rows_below(leaf) / rows_below(root)) for leaf in leaves_below(root)
    )


def split_test(split: Node) -> SplitTest:
    """The condition of a split."""
    feature, default_left, missing = (
        int(split["split_feature"]),
        bool(split["default_left"]),
        split["missing_type"],
    )
    if split["decision_type"] == "==":
        codes = [int(code) for code in split["threshold"].split("||")]
        categories = np.zeros(max(codes) + 2, dtype=np.bool_)
        categories[codes] = True
        return SplitTest(feature, 0.0, categories, nan_left=False, zero_left=None)
    threshold = float(split["threshold"])
    # Where training saw no NaN, LightGBM reads it as zero.
    nan_left = default_left if missing == "NaN" else threshold >= 0
    return SplitTest(
        feature, threshold, None, nan_left, default_left if missing == "Zero" else None
    )


@lru_cache
def _quadrature(features: int) -> tuple[Floats, Floats]:
    """Points and weights that integrate a polynomial of degree ``features - 1`` over 0 to 1 without
    error.
    """
    points, weights = np.polynomial.legendre.leggauss((features + 1) // 2)
    return (points + 1) / 2, weights / 2


def _factors(shares: Sequence[float]) -> tuple[Floats, Floats]:
    """Factors of each feature at each point, (d, m, 2) for bits 0 and 1, and the weights of the m
    points.
    """
    points, weights = _quadrature(len(shares))
    missed = (1 - points) * np.asarray(shares)[:, None]
    return np.stack([missed, missed + points], axis=2), weights


def leaf_table(value: float, shares: Sequence[float]) -> Floats:
    """A leaf's contributions for all patterns of its d bits, (d, 2^d)."""
    factors, weights = _factors(shares)
    product = (weights * value)[:, None]
    for factor in factors:
        product = (factor[:, :, None] * product[:, None, :]).reshape(len(weights), -1)
    values = np.empty((len(shares), product.shape[1]))
    for place, (factor, share) in enumerate(zip(factors, shares, strict=True)):
        others = product.reshape(len(weights), -1, 2, 1 << place) / factor[:, None, :, None]
        np.multiply(
            others.sum(axis=0), [[-share], [1 - share]], out=values[place].reshape(others.shape[1:])
        )
    return values


def leaf_values(value: float, shares: Sequence[float], patterns: Bits) -> Floats:
    """A leaf's contributions for some patterns of its d bits, (d, n)."""
    factors, weights = _factors(shares)
    bits = [patterns >> place & 1 for place in range(len(shares))]
    product = np.repeat((weights * value)[:, None], len(patterns), axis=1)
    for factor, bit in zip(factors, bits, strict=True):
        product *= factor[:, bit]
    values = np.empty((len(shares), len(patterns)))
    for place, (factor, bit) in enumerate(zip(factors, bits, strict=True)):
        values[place] = (bit - shares[place]) * (product / factor[:, bit]).sum(axis=0)
    return values


def add_leaves(
    values: Floats,
    features: Sequence[int],
    node: Node,
    path: Path,
    met: Mapping[int, Bools],
    goes_left: Callable[[Node], Bools],
) -> None:
    """Add up what the leaves below a node contribute, for m different patterns of conditions.

    Parameters
    ----------
    values : (f, m) float64
        Gets the contributions of each feature to each pattern.
    features : sequence of f int
        All features of the paths to the leaves.
    node : Node
        Where to begin.
    path : Path
        The way to it.
    met : mapping of int to (m,) bool
        By feature of the path: which patterns meet all its conditions on it.
    goes_left : callable
        From a split to the patterns that go left, (m,).
    """
    if is_leaf(node):
        own = np.zeros(values.shape[1], dtype=np.int64)
        for place, feature in enumerate(path.features):
            own |= shifted(met[feature], place)
        leaf = leaf_table(float(node["leaf_value"]), path.shares)
        for feature, row in zip(path.features, leaf, strict=True):
            values[features.index(feature)] += row.take(own)
        return
    feature, left = int(node["split_feature"]), goes_left(node)
    for side, goes in (("left_child", left), ("right_child", ~left)):
        both = met[feature] & goes if feature in met else goes
        further = path.step(feature, share_of(node[side], node))
        add_leaves(values, features, node[side], further, {**met, feature: both}, goes_left)


def shifted(bits: Bools, place: int) -> Bits:
    """Bits at a place of an integer."""
    moved = bits.astype(np.int64)
    moved <<= place
    return moved
