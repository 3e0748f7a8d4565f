"""What two workers of a service share: one limit, and one attempt at each request."""

import os
import subprocess
import sys
from pathlib import Path

PER_MINUTE, KEYS = 100, 10

_WORKER = """
import asyncio, sys
from pathlib import Path
from holdfast.clock import system_clock
from holdfast.home import Home
from serving.access.database import open_requests
from serving.access.idempotency import Attempt, IdempotentAnswers
from serving.access.rate_limit import RateLimiter
from serving.access.rate_storage import SqliteCounts
from serving.contract.problem import Problem

home, limit, keys = Home(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3])

async def passed():
    limiter = RateLimiter(SqliteCounts(open_requests(home, durable=False), lambda: 1030.0), limit)
    count = 0
    for _ in range(limit):
        try:
            await limiter.count("crm", "crm")
            count += 1
        except Problem:
            pass
    return count

def begun():
    answers, count = IdempotentAnswers(open_requests(home, durable=True), system_clock), 0
    for key in range(keys):
        try:
            count += isinstance(answers.begin("crm", str(key), b"digest"), Attempt)
        except Problem:
            pass
    return count

print(asyncio.run(passed()), begun())
"""


def test_two_processes_share_one_limit_and_one_attempt_at_each_request(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, tmp_path, str(PER_MINUTE), str(KEYS)],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[4])},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    counts = [worker.communicate(timeout=120)[0].split() for worker in workers]
    passed, begun = (sum(map(int, column)) for column in zip(*counts, strict=True))
    # What a worker has taken and not used may be lost: a fiftieth of the limit at most.
    assert PER_MINUTE - 2 * (PER_MINUTE // 50) <= passed <= PER_MINUTE
    assert begun == KEYS
