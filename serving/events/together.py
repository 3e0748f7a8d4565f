"""Work of several threads that is done together, because each time it waits for the disk."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(eq=False)
class _Waiting(Generic[T, R]):
    given: T
    result: R | Exception | None = field(default=None)


class Together(Generic[T, R]):
    """Does what threads ask for in groups: while one is worked on, the next one gathers.

    Parameters
    ----------
    work : callable
        From what was given by the threads of a group, in the order in which they came, to the result
        of each, or the error to raise in its thread. It is called by one thread at a time. What
        it raises itself is raised in all of them.
    most : int
        Most threads in a group.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R | Exception]], most: int) -> None:
        self._work = work
        self._most = most
        self._gathering = threading.Lock()
        self._working = threading.Lock()
        self._waiting: list[_Waiting[T, R]] = []

    def do(self, given: T) -> R:
        """The result for what is given, once its group is done."""
        mine: _Waiting[T, R] = _Waiting(given)
        with self._gathering:
            self._waiting.append(mine)
        # Whoever comes next works for all who have gathered meanwhile; in a long line, others come
        # first.
        while mine.result is None:
            with self._working:
                if mine.result is None:
                    self._do_group()
        if isinstance(mine.result, Exception):
            raise mine.result
        return mine.result

    def _do_group(self) -> None:
        with self._gathering:
            group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        try:
            results = self._work([one.given for one in group])
        except Exception as error:
            results = [error] * len(group)
        for one, result in zip(group, results, strict=True):
            one.result = result
