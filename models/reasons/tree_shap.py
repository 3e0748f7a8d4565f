"""Exact SHAP values of many rows at once, several times as fast as LightGBM's own.

Each leaf, with value ``w``, is a game of the features on its path. If feature ``j`` is in the
coalition, it multiplies ``w`` by ``b_j``: 1 if the row meets all the path's conditions on it, else
0. If it is not, it multiplies ``w`` by ``r_j``, the share of training rows that meet them
(path-dependent SHAP, as in LightGBM). By Owen's multilinear extension its Shapley value is

    (b_j - r_j) * integral from 0 to 1 of w * product over i != j of (t * b_i + (1 - t) * r_i) dt,

a polynomial in ``t``, which Gauss-Legendre quadrature integrates without error. A row's values
depend only on the bits ``b``. So each leaf becomes a table over the patterns of its bits, and
neighbouring leaves whose bits fit in one table are added up beforehand (the idea of Nadel and
Wettenstein's WOODELF). Explaining a row then takes a few dozen look-ups per tree.

All arithmetic is float64. NaN, zeros as missing and categories take the same side of a split as in
LightGBM's own prediction.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from holdfast.cores import core_count
from holdfast.errors import InputError

Bits = NDArray[np.int64]
Bools = NDArray[np.bool_]

_TABLE_BITS = 11
"""Most bits of a table of several leaves: a column of it fits in the processor's first cache."""
_LEAF_BITS = 12
"""Most bits of a table of one leaf; if a path has more features, only the patterns of the rows are
computed.
"""
_MARKED_BITS = 16
"""Up to so many bits, marking the patterns of the rows is faster than sorting the rows."""
_MOST_BITS = 62
_CHUNK_ROWS = 16384
_BATCH_BYTES = 256 * 1024 * 1024
_ZERO = float(np.float32(1e-35))


class UnsupportedTreesError(Exception):
    """These trees need LightGBM's own contributions."""


@dataclass(frozen=True)
class _Test:
    """The condition of a split; True leads left."""

    feature: int
    threshold: float
    categories: Bools | None
    nan_left: bool
    zero_left: bool | None

    def __call__(self, columns: Floats) -> Bools:
        values = columns[self.feature]
        if self.categories is not None:
            # Past the last category, as below the first and for NaN, the look-up ends in the False
            # behind them all.
            known = (values > -1) & (values < len(self.categories))
            return self.categories[np.where(known, values, -1).astype(np.int64)]
        left = ~(values > self.threshold) if self.nan_left else values <= self.threshold
        if self.zero_left is not None:
            zero = np.isnan(values) | (np.abs(values) <= _ZERO)
            left[zero] = self.zero_left
        return left


@dataclass(frozen=True)
class _Path:
    """The conditions on the way to a node: features in the order of their bits, and the share of
    rows that met them.
    """

    features: tuple[int, ...] = ()
    shares: tuple[float, ...] = ()

    def step(self, feature: int, share: float) -> "_Path":
        if feature not in self.features:
            return _Path((*self.features, feature), (*self.shares, share))
        met = tuple(
            old * share if known == feature else old
            for known, old in zip(self.features, self.shares, strict=True)
        )
        return _Path(self.features, met)


@dataclass(frozen=True)
class _Leaf:
    """A leaf whose path has many features."""

    path: _Path
    value: float
    nbytes: int = 0

    def add(self, bits: Bits, columns: Floats, contributions: Floats) -> None:
        shown, position = _distinct(bits, len(self.path.features))
        for feature, values in zip(
            self.path.features, _leaf_values(self.value, self.path.shares, shown), strict=True
        ):
            contributions[feature] += values.take(position)


@dataclass(frozen=True)
class _Table:
    """Neighbouring leaves: the bits of the path to them, then a bit for each of the splits between
    them.
    """

    features: tuple[int, ...]
    tests: tuple[tuple[int, _Test], ...]
    values: Floats

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def add(self, bits: Bits, columns: Floats, contributions: Floats) -> None:
        for place, test in self.tests:
            bits = bits | _shifted(test(columns), place)
        for feature, values in zip(self.features, self.values, strict=True):
            contributions[feature] += values.take(bits)


@dataclass(frozen=True)
class _Branch:
    """A split, both of whose sides are too large for one table."""

    test: _Test
    place: int
    repeated: bool
    left: "_Part"
    right: "_Part"
    nbytes: int

    def add(self, bits: Bits, columns: Floats, contributions: Floats) -> None:
        left = _shifted(self.test(columns), self.place)
        mask = 1 << self.place
        if self.repeated:
            self.left.add(bits & (left | ~mask), columns, contributions)
            self.right.add(bits & ~left, columns, contributions)
        else:
            self.left.add(bits | left, columns, contributions)
            self.right.add(bits | (left ^ mask), columns, contributions)


_Part = _Leaf | _Table | _Branch


class TreeShap:
    """Exact SHAP values on the raw margin of a booster.

    Parameters
    ----------
    booster : lightgbm.Booster
        One tree an iteration, no linear trees.

    Raises
    ------
    UnsupportedTreesError
        The trees are of another kind, a path has more than 62 features, or a node saw no training
        row.
    """

    def __init__(self, booster: lgb.Booster) -> None:
        model = booster.dump_model()
        if model["num_tree_per_iteration"] != 1 or model["average_output"]:
            raise UnsupportedTreesError
        self._roots = [tree["tree_structure"] for tree in model["tree_info"]]
        for root in self._roots:
            _check(root)
        self.features = int(model["max_feature_idx"]) + 1
        self.base = float(sum(_expected(root) for root in self._roots))

    def contributions(self, matrix: Floats, threads: int) -> Floats:
        """Contributions of every feature to every row.

        Parameters
        ----------
        matrix : (n, k) float64
            Features in the booster's order, NaN for missing.
        threads : int
            Threads that may be used; 0 for all. The result does not depend on it.

        Returns
        -------
        (n, k) float64
            Log-odds. Beside them, memory is needed for a batch of tables and for a few thousand
            rows a thread.

        Raises
        ------
        InputError
            The matrix has another number of columns than the booster has features.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.features:
            raise InputError(
                "matrix", f"must have the booster's {self.features} features", matrix.shape
            )
        values = np.zeros(matrix.shape, dtype=np.float64)
        with ThreadPoolExecutor(threads or core_count()) as pool:
            for trees in _batches(self._roots):

                def add(start: int, trees: list[_Part] = trees) -> None:
                    rows = slice(start, start + _CHUNK_ROWS)
                    columns = np.ascontiguousarray(matrix[rows].T, dtype=np.float64)
                    added = np.zeros(columns.shape)
                    bits = np.zeros(columns.shape[1], dtype=np.int64)
                    for tree in trees:
                        tree.add(bits, columns, added)
                    values[rows] += added.T

                list(pool.map(add, range(0, len(matrix), _CHUNK_ROWS)))
        return values


def _batches(roots: Sequence[dict[str, Any]]) -> Iterator[list[_Part]]:
    """Trees with their tables, until a batch's fill `_BATCH_BYTES`; without the trees of one leaf,
    which contribute nothing.
    """
    trees: list[_Part] = []
    filled = 0
    for root in roots:
        if _is_leaf(root):
            continue
        trees.append(_part(root, _Path()))
        filled += trees[-1].nbytes
        if filled > _BATCH_BYTES:
            yield trees
            trees, filled = [], 0
    if trees:
        yield trees


def _check(node: dict[str, Any], path: frozenset[int] = frozenset()) -> None:
    """Raise UnsupportedTreesError where a tree has no tables."""
    if "leaf_const" in node or len(path) > _MOST_BITS:
        raise UnsupportedTreesError
    if not _is_leaf(node):
        for side in ("left_child", "right_child"):
            if not 0 < _rows(node[side]) <= _rows(node):
                raise UnsupportedTreesError
            _check(node[side], path | {int(node["split_feature"])})


def _distinct(bits: Bits, places: int) -> tuple[Bits, Bits]:
    """The different patterns of so many bits, in order, and where among them each one is."""
    if places > _MARKED_BITS:
        shown, position = np.unique(bits, return_inverse=True)
        return shown, position
    marked = np.zeros(1 << places, dtype=np.bool_)
    marked[bits] = True
    return np.flatnonzero(marked), (np.cumsum(marked) - 1).take(bits)


def _shifted(left: Bools, place: int) -> Bits:
    bits = left.astype(np.int64)
    bits <<= place
    return bits


def _is_leaf(node: dict[str, Any]) -> bool:
    return "leaf_value" in node


def _rows(node: dict[str, Any]) -> int:
    return int(node["leaf_count" if _is_leaf(node) else "internal_count"])


def _share(child: dict[str, Any], node: dict[str, Any]) -> float:
    return _rows(child) / _rows(node)


def _leaves(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node] if _is_leaf(node) else _leaves(node["left_child"]) + _leaves(node["right_child"])


def _splits(node: dict[str, Any]) -> list[dict[str, Any]]:
    return (
        []
        if _is_leaf(node)
        else [node, *_splits(node["left_child"]), *_splits(node["right_child"])]
    )


def _expected(root: dict[str, Any]) -> float:
    if _is_leaf(root):
        return float(root["leaf_value"])
    return sum(leaf["leaf_value"] * (_rows(leaf) / _rows(root)) for leaf in _leaves(root))


def _test(split: dict[str, Any]) -> _Test:
    feature, default_left, missing = (
        int(split["split_feature"]),
        bool(split["default_left"]),
        split["missing_type"],
    )
    if split["decision_type"] == "==":
        codes = [int(code) for code in split["threshold"].split("||")]
        categories = np.zeros(max(codes) + 2, dtype=np.bool_)
        categories[codes] = True
        return _Test(feature, 0.0, categories, nan_left=False, zero_left=None)
    threshold = float(split["threshold"])
    # Where training saw no NaN, LightGBM reads it as zero.
    nan_left = default_left if missing == "NaN" else threshold >= 0
    return _Test(feature, threshold, None, nan_left, default_left if missing == "Zero" else None)


def _part(node: dict[str, Any], path: _Path) -> _Part:
    splits = _splits(node)
    known = len(path.features)
    if known + len(splits) <= (_TABLE_BITS if splits else _LEAF_BITS):
        return _table(node, splits, path)
    if not splits:
        return _Leaf(path, float(node["leaf_value"]))
    feature = int(node["split_feature"])
    left, right = (
        _part(node[side], path.step(feature, _share(node[side], node)))
        for side in ("left_child", "right_child")
    )
    repeated = feature in path.features
    place = path.features.index(feature) if repeated else known
    return _Branch(_test(node), place, repeated, left, right, left.nbytes + right.nbytes)


def _table(node: dict[str, Any], splits: Sequence[dict[str, Any]], path: _Path) -> _Table:
    known = len(path.features)
    places = {split["split_index"]: known + number for number, split in enumerate(splits)}
    features = tuple(
        dict.fromkeys((*path.features, *(int(split["split_feature"]) for split in splits)))
    )
    patterns = np.arange(1 << (known + len(splits)), dtype=np.int64)
    values = np.zeros((len(features), len(patterns)))

    def descend(node: dict[str, Any], path: _Path, met: dict[int, Bools]) -> None:
        if _is_leaf(node):
            own = np.zeros(len(patterns), dtype=np.int64)
            for place, feature in enumerate(path.features):
                own |= _shifted(met[feature], place)
            leaf = _leaf_table(float(node["leaf_value"]), path.shares)
            for feature, row in zip(path.features, leaf, strict=True):
                values[features.index(feature)] += row.take(own)
            return
        feature = int(node["split_feature"])
        left = (patterns >> places[node["split_index"]] & 1).astype(np.bool_)
        for side, goes in (("left_child", left), ("right_child", ~left)):
            both = met[feature] & goes if feature in met else goes
            descend(
                node[side], path.step(feature, _share(node[side], node)), {**met, feature: both}
            )

    descend(
        node,
        path,
        {
            feature: (patterns >> place & 1).astype(np.bool_)
            for place, feature in enumerate(path.features)
        },
    )
    return _Table(
        features, tuple((places[split["split_index"]], _test(split)) for split in splits), values
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


def _leaf_table(value: float, shares: Sequence[float]) -> Floats:
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


def _leaf_values(value: float, shares: Sequence[float], patterns: Bits) -> Floats:
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
