"""What was answered before, kept while nothing that it depends on has changed.

Two things are kept, for one snapshot of what is served:

- the predictions of an entity as they stand in an answer. They depend on the records of several
  stores and on the time: they carry the versions of the stores, read before the records, and when
  they stop counting;
- scores and reasons of a row of features. They depend on nothing but the row, so they hold, too,
  where a store was written but not this row.

Nothing has to be told of a change: what no longer fits is made anew.
"""

import threading
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cachetools import LRUCache

from serving.answers.scores import HorizonScore
from serving.served.snapshot import ServedModels

V = TypeVar("V")

_OVERHEAD_BYTES = 500
"""Memory of an entry beside its content, roughly."""


class Kept(Generic[V]):
    """The values used last, to any thread.

    Parameters
    ----------
    most_bytes : int
        Memory that they may take together; 0 to keep none.
    """

    def __init__(self, most_bytes: int) -> None:
        self._values: LRUCache[Hashable, tuple[V, int]] = LRUCache(
            most_bytes, getsizeof=lambda entry: entry[1]
        )
        self._using = threading.Lock()

    def get(self, key: Hashable) -> V | None:
        """The value kept, if any."""
        with self._using:
            entry = self._values.get(key)
        return None if entry is None else entry[0]

    def put(self, key: Hashable, value: V, bytes: int) -> None:
        """Keep a value in place of an older one, with the memory that it takes roughly."""
        size = bytes + _OVERHEAD_BYTES
        if size <= self._values.maxsize:
            with self._using:
                self._values[key] = (value, size)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An entity's predictions.

    Parameters
    ----------
    versions : tuple of int
        Versions of the stores, read before the records that it was made from.
    until : float
        When it stops counting, in seconds since 1970.
    body : bytes
        The predictions as JSON, without the brackets of the list.
    """

    versions: tuple[int, ...]
    until: float
    body: bytes

    def counts(self, versions: tuple[int, ...], now: float) -> bool:
        """Whether it is what would be answered now."""
        return self.versions == versions and now < self.until


@dataclass(frozen=True, slots=True)
class KeptScores:
    """Scores of a row within the horizons asked, and when they were made (ISO 8601)."""

    scores: list[HorizonScore]
    scored_at: str


class KeptOfModels:
    """What is kept for one snapshot of what is served.

    Parameters
    ----------
    served : ServedModels
        The snapshot.
    most_bytes : int
        Memory that all of it may take; 0 to keep nothing.
    """

    def __init__(self, served: ServedModels, most_bytes: int) -> None:
        self.served = served
        self.answers: Kept[KeptAnswer] = Kept(most_bytes // 2)
        self.scores: Kept[KeptScores] = Kept(most_bytes // 2)
        self.heads: dict[str, bytes] = {}
        """What stands before the predictions of an answer, by language."""

    def bodies(
        self,
        entities: Iterable[Hashable],
        about: Hashable,
        versions: tuple[int, ...] | None,
        now: float,
    ) -> dict[Any, bytes]:
        """Predictions that are kept, as `KeptAnswer.body`, by entity.

        Parameters
        ----------
        entities : iterable
            Who is asked about.
        about : hashable
            What is asked about each.
        versions : tuple of int or None
            Versions of the stores; None where they have none.
        now : float
            What time it is, in seconds since 1970.
        """
        if versions is None:
            return {}
        answers = self.answers
        return {
            entity: answer.body
            for entity in entities
            if (answer := answers.get((entity, about))) is not None and answer.counts(versions, now)
        }
