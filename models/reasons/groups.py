"""Groups of features whose contributions are added up, such as those that share a reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from holdfast.arrays import Floats, Positions


@dataclass(frozen=True, eq=False)
class FeatureGroups:
    """k features in g groups; get it from `group_features`.

    Parameters
    ----------
    names : tuple of str
        The groups, in the order of their first features.
    members : tuple of tuple of int
        Positions of each group's features.
    padded : (g, m) intp
        The same, each group's first feature repeated behind its last one.
    """

    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    padded: Positions
    _sorted: Positions
    _starts: Positions

    def sums(self, contributions: Floats) -> Floats:
        """Sum of each group's columns, (n, g), of an (n, k) matrix."""
        if len(self._starts) == 0:
            return np.empty((len(contributions), 0))
        sums: Floats = np.add.reduceat(contributions[:, self._sorted], self._starts, axis=1)
        return sums


def group_features(keys: Sequence[str]) -> FeatureGroups:
    """Features by the key of their group.

    Parameters
    ----------
    keys : sequence of k str
        Key of each feature's group, in the order of the columns.

    Examples
    --------
    >>> groups = group_features(["price", "network", "price"])
    >>> groups.names, groups.members
    (('price', 'network'), ((0, 2), (1,)))
    >>> groups.sums(np.array([[1.0, 10.0, 100.0]])).tolist()
    [[101.0, 10.0]]
    """
    return _group_features(tuple(keys))


# A server groups the features of the same few models for every answer.
@lru_cache(maxsize=64)
def _group_features(keys: tuple[str, ...]) -> FeatureGroups:
    members: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        members.setdefault(key, []).append(position)
    sizes = [len(positions) for positions in members.values()]
    padded = [of + of[:1] * (max(sizes) - len(of)) for of in members.values()]
    return FeatureGroups(
        tuple(members),
        tuple(map(tuple, members.values())),
        np.array(padded, dtype=np.intp).reshape(len(sizes), max(sizes, default=1)),
        np.array([one for of in members.values() for one in of], dtype=np.intp),
        np.cumsum([0, *sizes[:-1]], dtype=np.intp)[: len(sizes)],
    )
