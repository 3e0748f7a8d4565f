"""Exact SHAP values of many rows at once, several times as fast as LightGBM's own.

A row's values depend only on which conditions of the trees it meets (`models.reasons.trees`). So
each leaf becomes a table over the patterns of its conditions, and neighbouring leaves whose patterns
fit in one table are added up beforehand (the idea of Nadel and Wettenstein's WOODELF). Explaining a
row then takes a few dozen look-ups per tree. All arithmetic is float64.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from holdfast.arrays import Floats
from holdfast.cores import core_count
from holdfast.errors import InputError
from models.reasons.trees import (
    Bits,
    Bools,
    Node,
    Path,
    SplitTest,
    add_leaves,
    expected,
    is_leaf,
    leaf_values,
    read_trees,
    share_of,
    shifted,
    split_test,
    splits_below,
)

_TABLE_BITS = 11
"""Most bits of a table of several leaves: a column of it fits in the processor's first cache."""
_LEAF_BITS = 12
"""Most bits of a table of one leaf; if a path has more features, only the patterns of the rows are
computed.
"""
_MARKED_BITS = 16
"""Up to so many bits, marking the patterns of the rows is faster than sorting the rows."""
_CHUNK_ROWS = 16384
_BATCH_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class _Leaf:
    """A leaf whose path has many features."""

    path: Path
    value: float
    nbytes: int = 0

    def add(self, bits: Bits, columns: Floats, contributions: Floats) -> None:
        shown, position = _distinct(bits, len(self.path.features))
        for feature, values in zip(
            self.path.features, leaf_values(self.value, self.path.shares, shown), strict=True
        ):
            contributions[feature] += values.take(position)


@dataclass(frozen=True)
class _Table:
    """Neighbouring leaves: the bits of the path to them, then a bit for each of the splits between
    them.
    """

    features: tuple[int, ...]
    tests: tuple[tuple[int, SplitTest], ...]
    values: Floats

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def add(self, bits: Bits, columns: Floats, contributions: Floats) -> None:
        for place, test in self.tests:
            bits = bits | shifted(test(columns), place)
        for feature, values in zip(self.features, self.values, strict=True):
            contributions[feature] += values.take(bits)


@dataclass(frozen=True)
class _Branch:
    """A split, both of whose sides are too large for one table."""

    test: SplitTest
    place: int
    repeated: bool
    left: "_Part"
    right: "_Part"
    nbytes: int

    def add(self, bits: Bits, columns: Floats, contributions: Floats) -> None:
        left = shifted(self.test(columns), self.place)
        mask = 1 << self.place
        if self.repeated:
            self.left.add(bits & (left | ~mask), columns, contributions)
            self.right.add(bits & ~left, columns, contributions)
        else:
            self.left.add(bits | left, columns, contributions)
            self.right.add(bits | (left ^ mask), columns, contributions)


_Part = _Leaf | _Table | _Branch


class TreeShap:
    """Exact SHAP values on the mean raw margin of boosters.

    Parameters
    ----------
    boosters : sequence of lightgbm.Booster
        At least one, with the same features; one tree an iteration, no linear trees.

    Raises
    ------
    UnsupportedTreesError
        The trees are of another kind, a path has more than 62 features, or a node saw no training
        row.
    """

    def __init__(self, boosters: Sequence[lgb.Booster]) -> None:
        self._roots = read_trees(boosters)
        self.features = boosters[0].num_feature()
        self.base = float(sum(expected(root) for root in self._roots))

    def contributions(self, matrix: Floats, threads: int) -> Floats:
        """Contributions of every feature to every row.

        Parameters
        ----------
        matrix : (n, k) float64
            Features in the boosters' order, NaN for missing.
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
            The matrix has another number of columns than the boosters have features.
        """
        if matrix.ndim != 2 or matrix.shape[1] != self.features:
            raise InputError(
                "matrix", f"must have the boosters' {self.features} features", matrix.shape
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


def _batches(roots: Sequence[Node]) -> Iterator[list[_Part]]:
    """Trees with their tables, until a batch's fill `_BATCH_BYTES`; without the trees of one leaf,
    which contribute nothing.
    """
    trees: list[_Part] = []
    filled = 0
    for root in roots:
        if is_leaf(root):
            continue
        trees.append(_part(root, Path()))
        filled += trees[-1].nbytes
        if filled > _BATCH_BYTES:
            yield trees
            trees, filled = [], 0
    if trees:
        yield trees


def _distinct(bits: Bits, places: int) -> tuple[Bits, Bits]:
    """The different patterns of so many bits, in order, and where among them each one is."""
    if places > _MARKED_BITS:
        shown, position = np.unique(bits, return_inverse=True)
        return shown, position
    marked = np.zeros(1 << places, dtype=np.bool_)
    marked[bits] = True
    return np.flatnonzero(marked), (np.cumsum(marked) - 1).take(bits)


def _part(node: Node, path: Path) -> _Part:
    splits = splits_below(node)
    known = len(path.features)
    if known + len(splits) <= (_TABLE_BITS if splits else _LEAF_BITS):
        return _table(node, splits, path)
    if not splits:
        return _Leaf(path, float(node["leaf_value"]))
    feature = int(node["split_feature"])
    left, right = (
        _part(node[side], path.step(feature, share_of(node[side], node)))
        for side in ("left_child", "right_child")
    )
    repeated = feature in path.features
    place = path.features.index(feature) if repeated else known
    return _Branch(split_test(node), place, repeated, left, right, left.nbytes + right.nbytes)


def _table(node: Node, splits: Sequence[Node], path: Path) -> _Table:
    known = len(path.features)
    places = {split["split_index"]: known + number for number, split in enumerate(splits)}
    features = tuple(
        dict.fromkeys((*path.features, *(int(split["split_feature"]) for split in splits)))
    )
    patterns = np.arange(1 << (known + len(splits)), dtype=np.int64)
    values = np.zeros((len(features), len(patterns)))

    def goes_left(split: Node) -> Bools:
        return (patterns >> places[split["split_index"]] & 1).astype(np.bool_)

    met = {
        feature: (patterns >> place & 1).astype(np.bool_)
        for place, feature in enumerate(path.features)
    }
    add_leaves(values, features, node, path, met, goes_left)
    return _Table(
        features,
        tuple((places[split["split_index"]], split_test(split)) for split in splits),
        values,
    )
