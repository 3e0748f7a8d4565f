"""A limit to the time that requests may take, looked after for all of them at once.

A timer of its own for each request would cost more than the rest of a short one.
"""

import asyncio
from types import TracebackType


class TimeLimit:
    """Cancels tasks that stay too long within it: a context manager for any number of them at once.

    Parameters
    ----------
    seconds : float
        How long; tasks may stay up to an eighth longer.

    Raises
    ------
    TimeoutError
        At its end, in a task that it has cancelled.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> None:
        task = _current_task()
        loop = task.get_loop()
        self._ends[task] = loop.time() + self._seconds
        # The loop in which it looked before may have ended.
        if loop is not self._loop:
            self._loop = loop
            loop.call_later(self._seconds / 8, self._look, loop)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        task = _current_task()
        del self._ends[task]
        if task in self._late:
            self._late.discard(task)
            # Somebody else may have cancelled it, too.
            if task.uncancel() == 0 and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for task, end in self._ends.items():
            if end <= now and task not in self._late:
                self._late.add(task)
                task.cancel()
        if self._ends:
            loop.call_later(self._seconds / 8, self._look, loop)
        else:
            self._loop = None


def _current_task() -> "asyncio.Task[object]":
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a time limit holds for tasks alone")
    return task
