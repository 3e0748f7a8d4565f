"""Common random numbers: every number has an address and depends on it alone, not on the policy.

There are two kinds of address. *Dense* draws give one number per slot of a block in a week, whether
or not the slot is in use (Philox, keyed by seed and purpose, its counter set by block and week).
*Sparse* draws hash the identity of one event (seed, purpose, who, when), so that rare events need no
array.
"""

from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_COUNTERS = 2**64
_SHARED = 0
"""The counter for what all blocks share; block numbers are counted from 1."""


class Draws:
    """Random numbers of one block, or of what all blocks share.

    Parameters
    ----------
    seed : int
        Seed of the simulation, 0 or more.
    block : int or None
        Number of the block; None for what all blocks share.
    replica : int
        0 for the simulation's own future. Each other number gives dense draws of its own, and the
        same sparse ones: who is who, and who likes which action, stays as it is.
    """

    def __init__(self, seed: int, block: int | None = None, replica: int = 0) -> None:
        self.seed = seed
        self._block = _SHARED if block is None else block + 1
        self._replica = replica

    @property
    def block(self) -> int:
        """Number of the block."""
        return self._block - 1

    def generator(self, purpose: str, week: int = 0) -> np.random.Generator:
        """Create the generator at an address, for draws whose count does not depend on the state.

        Parameters
        ----------
        purpose : str
            What the numbers are for. Every purpose has its own stream.
        week : int
            Week number; those of the burn-in are negative.
        """
        key = np.array([self.seed, crc32(purpose.encode())], dtype=np.uint64)
        counter = np.array([0, self._replica, self._block, (week + 1) % _COUNTERS], dtype=np.uint64)
        return np.random.Generator(np.random.Philox(key=key, counter=counter))

    def uniform(self, purpose: str, week: int, slots: int) -> Array:
        """Draw one number in [0, 1) for each slot."""
        return self.generator(purpose, week).random(slots, dtype=np.float32)

    def normal(self, purpose: str, week: int, slots: int) -> Array:
        """Draw one standard normal number for each slot."""
        return self.generator(purpose, week).standard_normal(slots, dtype=np.float32)

    def at(self, purpose: str, *keys: Array | int) -> Array:
        """Draw one number in (0, 1) for each event, from its identity.

        Parameters
        ----------
        purpose : str
            What the number is for.
        *keys : array of int, or int
            Identity of the event. The block is not part of it, so that numbers must be global.

        Returns
        -------
        array of float
            One number per event.

        Examples
        --------
        >>> Draws(seed=1).at("delivered", np.array([4711, 4712])).round(3).tolist()
        [0.177, 0.715]
        """
        state = _stream(self.seed, purpose)
        for key in keys:
            state = _mix(state ^ (np.asarray(key, dtype=np.int64).astype(np.uint64) * _GOLDEN))
        return ((state >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


@lru_cache(maxsize=1024)
def _stream(seed: int, purpose: str) -> Array:
    """Where the numbers of one purpose begin."""
    return _mix(np.array([seed ^ (crc32(purpose.encode()) << 24)], dtype=np.uint64))


def _mix(value: Array) -> Array:
    """One round of splitmix64."""
    value = value + _GOLDEN
    value = (value ^ (value >> np.uint64(30))) * _MIX[0]
    value = (value ^ (value >> np.uint64(27))) * _MIX[1]
    mixed: Array = value ^ (value >> np.uint64(31))
    return mixed


def whole(mean: Array, uniform: Array) -> Array:
    """Round to whole numbers at random, up with the probability of the fraction: means are kept."""
    return np.floor(mean + uniform).astype(np.int64)


def pick(uniform: Array, weights: Array) -> Array:
    """Choose one of the columns of `weights` for each row, with probability proportional to them.

    Parameters
    ----------
    uniform : array of shape (n,)
        Numbers in [0, 1).
    weights : array of shape (n, k) or (k,)
        Not negative, some positive in each row.
    """
    edges = np.cumsum(weights, axis=-1)
    chosen: Array = (np.asarray(uniform)[:, None] * edges[..., -1:] >= edges).sum(axis=1)
    return np.minimum(chosen, weights.shape[-1] - 1)
