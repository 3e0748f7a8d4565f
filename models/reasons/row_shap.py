"""Exact SHAP values of single rows by look-ups in tables that are laid out once.

The thresholds that boosters have on a feature cut its values into *cells*: within a cell, every
split sends all values to the same side. A part of a tree, such as a few neighbouring leaves, asks
less: cells that its conditions treat alike are one *class*. So its contributions are a table over
the classes of its features (`models.reasons.trees` says what a leaf contributes, and that nothing
but the conditions met counts).

Explaining a row is then: find the cell of each feature, look up the class of each feature in each
part, and add up a row of each part's table. That is a handful of array operations for all trees at
once, where LightGBM goes through every leaf of every tree for every row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from operator import mul

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from models.reasons.trees import (
    MOST_FEATURES,
    ZERO,
    Bools,
    Node,
    Path,
    SplitTest,
    UnsupportedTreesError,
    add_leaves,
    expected,
    is_leaf,
    read_trees,
    share_of,
    shifted,
    split_test,
    splits_below,
)

Places = NDArray[np.intp]

_MOST_OF_LEAVES = 256
"""Most places in a table of several leaves: larger tables are fewer, but take more memory, and longer to
fetch from it (`python -m benchmarks.models.one_row`).
"""
_MOST_OF_LEAF = 4096
"""Most places in a table of one leaf, that is, of twelve features."""
_MOST_BYTES = 32 * 1024 * 1024
"""Most memory that the tables may take."""


class RowShap:
    """Exact SHAP values on the mean raw margin of boosters, for few rows at a time.

    Parameters
    ----------
    boosters : sequence of lightgbm.Booster
        At least one, with the same features; one tree an iteration, no linear trees. Laying out the
        tables of one takes 0.1 to 1.3 seconds.

    Raises
    ------
    UnsupportedTreesError
        The trees are of another kind, or their tables would take more than 32 MB.
    """

    def __init__(self, boosters: Sequence[lgb.Booster]) -> None:
        roots = read_trees(boosters)
        self.features = boosters[0].num_feature()
        self.base = float(sum(expected(root) for root in roots))
        self._cells = _Cells(roots, self.features)
        parts: list[_Part] = []
        nbytes = 0
        for root in roots:
            # A tree of one leaf contributes nothing.
            for part in () if is_leaf(root) else _parts(self._cells, root, Path(), {}):
                parts.append(part)
                nbytes += part.values.nbytes
                if nbytes > _MOST_BYTES:
                    raise UnsupportedTreesError
        self._tables = _Tables(self._cells, parts) if parts else None
        self.nbytes = nbytes
        """Memory that the tables take."""

    def contributions(self, matrix: Floats) -> Floats:
        """Contributions of every feature to every row.

        Parameters
        ----------
        matrix : (n, k) float64
            Features in the boosters' order, NaN for missing.

        Returns
        -------
        (n, k) float64
            Log-odds. Those of a row do not depend on the rows beside it.
        """
        values = np.zeros((len(matrix), self.features))
        if self._tables is not None:
            for place, row in enumerate(matrix):
                cells = self._cells.of(row)
                values[place] = self._tables.contributions(cells, self.features)
        return values


class _Cells:
    """The cells of all k features, numbered one feature after the other.

    Parameters
    ----------
    roots : sequence of Node
        The trees.
    features : int
        k.
    """

    def __init__(self, roots: Sequence[Node], features: int) -> None:
        tests = [(split, split_test(split)) for root in roots for split in splits_below(root)]
        cuts: list[set[float]] = [set() for _ in range(features)]
        for _, test in tests:
            cuts[test.feature].update(_cuts(test))
        # A cell holds the values up to its cut; the last but one those above all cuts, the last one
        # missing values.
        typical = [np.array([*sorted(of), np.inf, np.nan]) for of in cuts]
        self.starts = np.cumsum([0, *map(len, typical)])
        self._left = {id(split): test(typical) for split, test in tests}
        self._cut_values = np.array([cut for of in cuts for cut in sorted(of)])
        self._cut_features = np.repeat(np.arange(features), [len(of) for of in cuts])
        self._first_cuts = np.cumsum([0, *map(len, cuts)])

    def left(self, split: Node) -> Bools:
        """Which of its feature's cells a split of the trees sends to the left."""
        return self._left[id(split)]

    def of(self, row: Floats) -> Places:
        """The cell of each feature of a row, (k,)."""
        passed = np.zeros(len(self._cut_values) + 1, dtype=np.intp)
        np.cumsum(row.take(self._cut_features) > self._cut_values, out=passed[1:])
        bounds = passed.take(self._first_cuts)
        cells = self.starts[:-1] + bounds[1:] - bounds[:-1]
        return np.where(np.isnan(row), self.starts[1:] - 1, cells)


def _cuts(test: SplitTest) -> list[float]:
    """The largest values of a feature before a split treats them otherwise."""
    if test.categories is not None:
        # Numbers are read as categories without their decimals, -0.5 as 0.
        return [
            cut
            for code in np.flatnonzero(test.categories).tolist()
            for cut in (_below(code) if code else -1.0, _below(code + 1))
        ]
    return [test.threshold] if test.zero_left is None else [test.threshold, _below(-ZERO), ZERO]


def _below(value: float) -> float:
    return float(np.nextafter(value, -np.inf))


@dataclass(frozen=True)
class _Part:
    """Neighbouring leaves of a tree, added up.

    Parameters
    ----------
    features : tuple of f int
        Those that decide which of the leaves a row comes to.
    codes : list of f arrays of int
        For each cell of each feature what it adds to the place in the table.
    values : (m, f) float64
        Contributions of the features, by place.
    """

    features: tuple[int, ...]
    codes: list[Places]
    values: Floats


def _parts(cells: _Cells, node: Node, path: Path, met: Mapping[int, Bools]) -> Iterator[_Part]:
    """What lies below a node, in as few parts as tables allow.

    Parameters
    ----------
    cells : _Cells
        Of all trees.
    node : Node
        Where to begin.
    path : Path
        The way to it.
    met : mapping of int to array of bool
        By feature of the path: which of its cells meet all conditions on the way.

    Raises
    ------
    UnsupportedTreesError
        The table of a single leaf is too large.
    """
    part = _part(cells, node, path, met)
    if part is not None:
        yield part
        return
    if is_leaf(node):
        raise UnsupportedTreesError
    feature, left = int(node["split_feature"]), cells.left(node)
    for side, goes in (("left_child", left), ("right_child", ~left)):
        both = met[feature] & goes if feature in met else goes
        further = path.step(feature, share_of(node[side], node))
        yield from _parts(cells, node[side], further, {**met, feature: both})


def _part(cells: _Cells, node: Node, path: Path, met: Mapping[int, Bools]) -> _Part | None:
    """All that lies below a node; None where its table would be too large."""
    conditions: dict[int, list[Bools]] = {feature: [met[feature]] for feature in path.features}
    for split in splits_below(node):
        conditions.setdefault(int(split["split_feature"]), []).append(cells.left(split))
    most = _MOST_OF_LEAF if is_leaf(node) else _MOST_OF_LEAVES
    if 2 ** len(conditions) > most or max(map(len, conditions.values())) > MOST_FEATURES:
        return None
    first: dict[int, Places] = {}  # a cell of each class
    classes: dict[int, Places] = {}  # the class of each cell
    for feature, bits in conditions.items():
        alike = sum((shifted(one, place) for place, one in enumerate(bits)), np.int64(0))
        _, first[feature], classes[feature] = np.unique(
            alike, return_index=True, return_inverse=True
        )
    size = prod(map(len, first.values()))
    if size > most:
        return None
    steps = dict(zip(first, accumulate(map(len, first.values()), mul, initial=1), strict=False))
    places = np.arange(size)
    cell = {
        feature: first[feature].take(places // steps[feature] % len(first[feature]))
        for feature in first
    }
    features = tuple(first)
    values = np.zeros((len(features), size))
    add_leaves(
        values,
        features,
        node,
        path,
        {feature: met[feature].take(cell[feature]) for feature in path.features},
        lambda split: cells.left(split).take(cell[int(split["split_feature"])]),
    )
    codes = [classes[feature] * steps[feature] for feature in features]
    return _Part(features, codes, np.ascontiguousarray(values.T))


class _Tables:
    """All parts behind each other, to be looked up at once.

    Parameters
    ----------
    cells : _Cells
        Of all trees.
    parts : sequence of _Part
        At least one.
    """

    def __init__(self, cells: _Cells, parts: Sequence[_Part]) -> None:
        widths = [len(part.features) for part in parts]
        sizes = [part.values.size for part in parts]
        self._values = np.concatenate([part.values.ravel() for part in parts])
        self._features = np.array([one for part in parts for one in part.features])
        # What follows has an entry for each feature of each part.
        self._parts = np.repeat(np.arange(len(parts)), widths)
        self._starts = np.cumsum([0, *widths[:-1]])
        self._slots = np.concatenate([np.arange(width) for width in widths])
        codes = [
            code * len(part.features) + (start if place == 0 else 0)
            for part, start in zip(parts, accumulate(sizes, initial=0), strict=False)
            for place, code in enumerate(part.codes)
        ]
        self._codes = np.concatenate(codes)
        self._code_starts = np.cumsum([0, *map(len, codes[:-1])]) - cells.starts[self._features]

    def contributions(self, cells: Places, features: int) -> Floats:
        """Contributions of so many features to a row in these cells."""
        codes = self._codes.take(cells.take(self._features) + self._code_starts)
        places = np.add.reduceat(codes, self._starts)
        values = self._values.take(places.take(self._parts) + self._slots)
        return np.bincount(self._features, values, features).astype(np.float64, copy=False)
