"""Requests counted together, in SQLite and in Redis."""

import asyncio
import uuid
from pathlib import Path

import pytest
from pydantic import SecretStr

from holdfast.errors import InputError
from holdfast.home import Home
from serving.access.database import open_requests
from serving.access.rate_limit import RateLimiter
from serving.access.rate_storage import SqliteCounts, redis_counts
from serving.contract.problem import Problem
from tests.builders.servers import REDIS_URL, require_redis


class Counts(SqliteCounts):
    """Counts in a file, at a time that a test sets."""

    def __init__(self, home: Path) -> None:
        self.now = 0.0
        super().__init__(open_requests(Home(home), durable=False), lambda: self.now)

    def hits(self, limit: int, cost: int, times: int = 1) -> int:
        """How often a cost is counted."""
        return sum(self.acquire_sliding_window_entry("crm", limit, 60, cost) for _ in range(times))


def test_requests_of_the_last_window_weigh_less_and_less(tmp_path: Path) -> None:
    counts = Counts(tmp_path)
    counts.now = 6_000.0
    assert counts.hits(100, 1, 150) == 100
    counts.now = 6_060.0
    assert counts.hits(100, 1) == 0
    counts.now = 6_090.0
    assert counts.hits(100, 1, 80) == 50
    counts.now = 6_180.0
    assert counts.hits(100, 101) == 0
    assert counts.hits(100, 100) == 1


def test_all_or_nothing_is_counted(tmp_path: Path) -> None:
    counts = Counts(tmp_path)
    assert counts.hits(10, 7, 2) == 1
    assert counts.hits(10, 3) == 1


@pytest.mark.anyio
async def test_redis_counts_for_several_machines() -> None:
    require_redis()
    key = uuid.uuid4().hex
    machines = [RateLimiter(redis_counts(SecretStr(REDIS_URL)), 60) for _ in range(2)]
    passed = 0
    for number in range(100):
        try:
            await machines[number % 2].count("crm", key)
            passed += 1
        except Problem:
            pass
    assert 58 <= passed <= 60


@pytest.mark.anyio
async def test_a_redis_that_is_gone_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("redis")
    limiter = RateLimiter(redis_counts(SecretStr("redis://:s3cret@127.0.0.1:1")), 5)
    await asyncio.gather(*(limiter.count("crm", "crm") for _ in range(5)))
    assert "counts requests in this worker alone" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_url_of_no_redis_is_refused_without_its_password() -> None:
    with pytest.raises(InputError, match="HOLDFAST_SERVING_RATE_STORE") as refused:
        redis_counts(SecretStr("http://:s3cret@127.0.0.1"))
    assert "s3cret" not in str(refused.value)
