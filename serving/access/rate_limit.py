"""How many requests a key may send in a minute, whichever worker they reach.

All workers count in one store. Counting each request there would cost more than the request, so a
worker takes requests from the store in advance and spends them by itself. It takes one at first,
and twice as many each time that it has soon spent what it took, up to a fiftieth of the limit; what
it has not spent within five seconds is lost. So no more requests pass than were counted, and a
caller may be refused early by what other workers have taken and not spent.
"""

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from anyio import to_thread
from limits.errors import StorageError
from limits.storage import MemoryStorage
from sqlalchemy.exc import SQLAlchemyError

from serving.contract.problem import Problem

_TAKEN_SECONDS = 5.0
_SOON_SECONDS = 1.0
_LARGEST_SHARE = 50
_ALONE_SECONDS = 10.0  # until a store that did not answer is asked again
_WINDOW_SECONDS = 60
_FAILURES = (StorageError, SQLAlchemyError)

_log = logging.getLogger(__name__)


Window = tuple[int, float, int, float]
"""A sliding window: requests in the last minute by the clock, and the seconds for which they still
count; requests in the running one, and the seconds until those count no more.
"""


class RequestCounts(Protocol):
    """Where requests are counted: the part of a storage of `limits` that is used here."""

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        """Count some requests of a key unless that would pass the limit in a window of `expiry`
        seconds; whether they were counted.
        """

    def get_sliding_window(self, key: str, expiry: int) -> Window:
        """What was counted of a key."""


@dataclass(slots=True)
class Allowance:
    """What is left to a key after a request.

    Parameters
    ----------
    limit : int
        Requests in a minute.
    remaining : int
        Requests that are left, as far as this worker knows.
    reset_seconds : int
        Seconds until there may be more.
    """

    limit: int
    remaining: int
    reset_seconds: int

    def headers(self) -> dict[str, str]:
        """As header fields, by version 10 of the IETF's draft for rate limits."""
        return {name.decode(): value.decode() for name, value in self.raw_headers()}

    def raw_headers(self) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
        """The same, as a server sends them."""
        state = b'"minute";r=%d;t=%d' % (self.remaining, self.reset_seconds)
        policy = b'"minute";q=%d;w=%d' % (self.limit, _WINDOW_SECONDS)
        return (b"ratelimit-policy", policy), (b"ratelimit", state)


@dataclass
class _Taken:
    """What a worker has taken from the store for one key."""

    amount: int = 0
    left: int = 0
    taken_at: float = -math.inf
    remaining: int = 0
    more_at: float = -math.inf
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)


class RateLimiter:
    """Counts the requests of keys, in one process of the service.

    Parameters
    ----------
    store : RequestCounts or None
        Where all workers count; None where there is none, and each counts alone.
    per_minute : int
        Most requests of a key in a minute.
    elapsed : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        store: RequestCounts | None,
        per_minute: int,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._alone: RequestCounts = MemoryStorage()
        self._store = store or self._alone
        self._alone_until = -math.inf
        self._limit = per_minute
        self._most = max(1, per_minute // _LARGEST_SHARE)
        self._elapsed = elapsed
        self._by_key: defaultdict[str, _Taken] = defaultdict(_Taken)

    async def count(self, name: str, key: str) -> Allowance:
        """Count one request of a key.

        Parameters
        ----------
        name : str
            The key's name, for the caller.
        key : str
            What it is counted by.

        Raises
        ------
        Problem
            429, where it is one too many; it says when to try again.
        """
        taken = self._by_key[key]
        if not self._has_some(taken):
            async with taken.taking:
                # Another request may have taken some meanwhile, or was refused.
                if not self._has_some(taken) and self._elapsed() >= taken.more_at:
                    await to_thread.run_sync(self._take, key, taken)
            if not self._has_some(taken):
                raise self._refusal(name, taken)
        taken.left -= 1
        return self._allowance(taken)

    def _has_some(self, taken: _Taken) -> bool:
        return taken.left > 0 and self._elapsed() < taken.taken_at + _TAKEN_SECONDS

    def _take(self, key: str, taken: _Taken) -> None:
        soon = self._elapsed() < taken.taken_at + _SOON_SECONDS
        amount = min(2 * taken.amount, self._most) if soon and taken.amount else 1
        if self._elapsed() >= self._alone_until:
            try:
                self._take_from(self._store, key, taken, amount)
                return
            except _FAILURES as error:
                # A store that does not answer must not stop the service.
                self._alone_until = self._elapsed() + _ALONE_SECONDS
                _log.warning("counts requests in this worker alone: %s", type(error).__name__)
        self._take_from(self._alone, key, taken, amount)

    def _take_from(self, store: RequestCounts, key: str, taken: _Taken, amount: int) -> None:
        while amount and not store.acquire_sliding_window_entry(
            key, self._limit, _WINDOW_SECONDS, amount
        ):
            amount //= 2
        window = store.get_sliding_window(key, _WINDOW_SECONDS)
        taken.amount = taken.left = amount
        taken.taken_at = self._elapsed()
        taken.remaining = max(0, self._limit - int(used(window)))
        taken.more_at = taken.taken_at + seconds_until_one_fits(window, self._limit)

    def _allowance(self, taken: _Taken) -> Allowance:
        return Allowance(self._limit, taken.remaining + taken.left, _WINDOW_SECONDS)

    def _refusal(self, name: str, taken: _Taken) -> Problem:
        wait = max(1, math.ceil(taken.more_at - self._elapsed()))
        headers = Allowance(self._limit, 0, wait).headers() | {"Retry-After": str(wait)}
        detail = (
            f"The key {name} may send {self._limit} requests in a minute; "
            f"send this one again after {wait} s."
        )
        return Problem(429, detail, headers=headers)


def used(window: Window) -> float:
    """Requests in the sliding window, where those of the last minute count by the share of it that
    the window still covers.
    """
    last, last_left, running, _ = window
    return last * last_left / _WINDOW_SECONDS + running


def seconds_until_one_fits(window: Window, limit: int) -> float:
    """Seconds until the sliding window holds less than `limit` requests, if none are added."""
    last, last_left, running, running_left = window
    if used(window) < limit:
        return 0.0
    if running < limit:
        return last_left - (limit - running) * _WINDOW_SECONDS / last
    # All of the running minute count until it is the last one.
    return running_left - _WINDOW_SECONDS * limit / running
