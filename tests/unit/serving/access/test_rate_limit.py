import asyncio
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits.errors import StorageError

from serving.access.rate_limit import (
    RateLimiter,
    Window,
    seconds_until_one_fits,
    used,
)
from serving.contract.problem import Problem


class Counts:
    """Stands for the store of all workers: counts what is taken, up to a limit, for ever."""

    def __init__(self) -> None:
        self.taken: deque[int] = deque()
        self.error: Exception | None = None

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        if self.error is not None:
            raise self.error
        fits = sum(self.taken) + amount <= limit
        if fits:
            self.taken.append(amount)
        return fits

    def get_sliding_window(self, key: str, expiry: int) -> Window:
        return 0, 60.0, sum(self.taken), 70.0


class Worker:
    """One worker's limiter, and its clock."""

    def __init__(self, counts: Counts, per_minute: int) -> None:
        self.now = 0.0
        self.limiter = RateLimiter(counts, per_minute, lambda: self.now)

    def passed(self, requests: int) -> int:
        """How many of some requests pass."""

        async def ask() -> int:
            return sum([await self._passes() for _ in range(requests)])

        return asyncio.run(ask())

    async def _passes(self) -> bool:
        try:
            await self.limiter.count("crm", "crm@1")
        except Problem:
            return False
        return True


def test_what_is_taken_in_advance_doubles_up_to_a_fiftieth_of_the_limit() -> None:
    counts = Counts()
    assert Worker(counts, 400).passed(100) == 100
    assert list(counts.taken)[:5] == [1, 2, 4, 8, 8]
    assert max(counts.taken) == 8


def test_a_slow_caller_wastes_nothing() -> None:
    counts = Counts()
    worker = Worker(counts, 6_000)
    for second in range(60):
        worker.now = 2.0 * second
        assert worker.passed(1) == 1
    assert set(counts.taken) == {1}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 40)), max_size=40), st.integers(1, 300))
def test_workers_together_pass_no_more_than_the_limit(
    bursts: list[tuple[int, int]], limit: int
) -> None:
    counts = Counts()
    workers = [Worker(counts, limit) for _ in range(4)]
    passed = sum(workers[number].passed(requests) for number, requests in bursts)
    asked = sum(requests for _, requests in bursts)
    assert passed <= sum(counts.taken) <= limit
    # What is lost is what the workers hold.
    assert passed >= min(asked, limit - 4 * max(1, limit // 50))


def test_a_limit_is_used_up_by_one_worker_to_the_last_request() -> None:
    for limit in (1, 7, 100, 1_000):
        assert Worker(Counts(), limit).passed(limit + 5) == limit


def test_what_was_not_spent_in_five_seconds_is_taken_anew() -> None:
    counts = Counts()
    worker = Worker(counts, 1_000)
    worker.passed(4)
    before = sum(counts.taken)
    worker.now = 5.0
    worker.passed(1)
    assert sum(counts.taken) == before + 1


def test_one_request_too_many_says_when_the_next_may_come() -> None:
    worker = Worker(Counts(), 10)
    worker.passed(10)
    with pytest.raises(Problem) as refused:
        asyncio.run(worker.limiter.count("crm", "crm@1"))
    assert refused.value.status == 429
    assert refused.value.headers == {
        "ratelimit-policy": '"minute";q=10;w=60',
        "ratelimit": '"minute";r=0;t=10',
        "Retry-After": "10",
    }
    assert "key crm may send 10 requests in a minute" in refused.value.detail
    # Until then the store is not asked.
    worker.limiter._store.error = StorageError(OSError())  # type: ignore[attr-defined]
    assert worker.passed(5) == 0


def test_an_answer_tells_what_is_left() -> None:
    worker = Worker(Counts(), 100)
    allowances = [asyncio.run(worker.limiter.count("crm", "crm@1")) for _ in range(3)]
    assert [allowance.remaining for allowance in allowances] == [99, 98, 97]


def test_without_its_store_a_worker_counts_alone(caplog: pytest.LogCaptureFixture) -> None:
    counts = Counts()
    counts.error = StorageError(OSError("s3cret"))
    worker = Worker(counts, 10)
    assert worker.passed(20) == 10
    assert "counts requests in this worker alone" in caplog.text
    assert "s3cret" not in caplog.text


windows = st.tuples(
    st.integers(0, 1_000), st.floats(0, 60), st.integers(0, 1_000), st.floats(0, 60)
).map(lambda drawn: (drawn[0], drawn[1], drawn[2], drawn[1] + 60))


def later(window: Window, seconds: float) -> Window:
    """The window after some seconds without a request."""
    last, last_left, running, running_left = window
    if seconds < last_left:
        return last, last_left - seconds, running, running_left - seconds
    return running, max(0.0, running_left - seconds), 0, running_left - seconds + 60


@given(windows, st.integers(1, 500))
def test_after_the_wait_one_more_fits_and_not_much_earlier(window: Window, limit: int) -> None:
    wait = seconds_until_one_fits(window, limit)
    assert 0 <= wait <= 120
    assert used(later(window, wait + 1e-6)) < limit
    if wait > 1e-3:
        assert used(later(window, wait - 1e-3)) >= limit - 1e-9
