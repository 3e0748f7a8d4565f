"""Answers about entities, kept while nothing they depend on has changed.

An answer depends on the models served, the records in the online store, what was asked, and the time
at which its features become stale. A kept answer carries the first two as its *state*, and the last
as a time; it counts only while both hold, so that nothing has to be told of a change.
"""

import threading
from collections.abc import Hashable
from dataclasses import dataclass

from cachetools import LRUCache

State = tuple[Hashable, ...]
"""What is served, and the versions of the stores that are read, compared by equality."""

_OVERHEAD_BYTES = 500
"""Memory of an entry beside its answer, roughly."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer about one entity.

    Parameters
    ----------
    state : State
        What it was made from, read before the answer was made.
    until : float
        When it stops counting, in seconds since 1970.
    body : bytes
        Its predictions as JSON, without the brackets of the list.
    """

    state: State
    until: float
    body: bytes

    @property
    def bytes(self) -> int:
        """Memory that it takes, roughly."""
        return len(self.body) + _OVERHEAD_BYTES


class KeptAnswers:
    """The answers used last, to any thread.

    Parameters
    ----------
    most_bytes : int
        Memory that they may take together; 0 to keep none.
    """

    def __init__(self, most_bytes: int) -> None:
        self._kept: LRUCache[Hashable, KeptAnswer] = LRUCache(
            most_bytes, getsizeof=lambda answer: answer.bytes
        )
        self._using = threading.Lock()

    def get(self, key: Hashable, state: State, now: float) -> bytes | None:
        """The answer to a question about an entity; None where none is kept that counts.

        Parameters
        ----------
        key : hashable
            Entity and question.
        state : State
            What there is now.
        now : float
            The time, in seconds since 1970.
        """
        with self._using:
            answer = self._kept.get(key)
        if answer is None or answer.state != state or now >= answer.until:
            return None
        return answer.body

    def put(self, key: Hashable, answer: KeptAnswer) -> None:
        """Keep an answer, in place of an older one to the same question."""
        if answer.bytes <= self._kept.maxsize:
            with self._using:
                self._kept[key] = answer
