"""A request that changes something takes effect once, over a file that workers share."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.home import Home
from serving.access.body import read_body
from serving.access.caller import Caller, set_caller
from serving.access.database import open_requests
from serving.access.idempotency import (
    IN_PROGRESS,
    KEPT,
    Attempt,
    IdempotentAnswers,
    KeptAnswer,
    idempotent,
)
from serving.contract.problem import Problem, answer_problem
from tests.builders.clocks import NOW


class Worker:
    """One worker's route, which counts what it does, and a caller of it."""

    def __init__(self, home: Path) -> None:
        self.now = NOW
        self.done: list[bytes] = []
        self.caller = "crm"
        self.work: Callable[[bytes], Response] = lambda body: JSONResponse({"n": len(self.done)})
        self.begun, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        store = IdempotentAnswers(open_requests(Home(home), durable=True), self._clock)
        route = Route("/things", idempotent(self._post, lambda: store, 100), methods=["POST"])
        app = Starlette(routes=[route], exception_handlers={Problem: answer_problem})

        async def called(scope: Any, receive: Any, send: Any) -> None:
            set_caller(scope, Caller.of_key(self.caller, frozenset()))
            await app(scope, receive, send)

        transport = httpx.ASGITransport(called, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://worker")

    def _clock(self) -> datetime:
        return self.now

    async def _post(self, request: Request) -> Response:
        body = await read_body(request.scope, request.receive, 100)
        self.begun.set()
        await self.gate.wait()
        answer = self.work(body)
        self.done.append(body)
        return answer

    async def post(self, body: str = "{}", key: str | None = "k1") -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.client.post("/things", content=body, headers=headers)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return Worker(tmp_path)


@pytest.mark.anyio
async def test_the_first_answer_is_given_again_by_every_worker(
    worker: Worker, tmp_path: Path
) -> None:
    first = await worker.post()
    other = Worker(tmp_path)
    again = [await worker.post(), await other.post()]
    assert first.status_code == 200
    assert "idempotency-replayed" not in first.headers
    for answer in again:
        assert (answer.status_code, answer.content) == (200, first.content)
        assert answer.headers["content-type"] == first.headers["content-type"]
        assert answer.headers["idempotency-replayed"] == "true"
    assert (worker.done, other.done) == ([b"{}"], [])


@pytest.mark.anyio
async def test_another_body_under_the_same_key_is_refused(worker: Worker) -> None:
    await worker.post()
    refused = await worker.post('{"x": 1}')
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert (await worker.post('{"x": 1}', "k2")).status_code == 200
    worker.caller = "another"
    assert (await worker.post('{"x": 1}')).status_code == 200
    assert len(worker.done) == 3


@pytest.mark.anyio
async def test_without_a_key_every_request_counts(worker: Worker) -> None:
    for _ in range(2):
        assert (await worker.post(key=None)).status_code == 200
    assert len(worker.done) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("key", ["", "a b", "a" * 256])
async def test_a_key_that_is_none_is_refused(worker: Worker, key: str) -> None:
    refused = await worker.post(key=key)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_idempotency_key")
    assert worker.done == []


@pytest.mark.anyio
async def test_one_worker_at_a_time(worker: Worker, tmp_path: Path) -> None:
    other = Worker(tmp_path)
    worker.gate.clear()
    first = asyncio.create_task(worker.post())
    await asyncio.wait_for(worker.begun.wait(), 60)
    refused = await other.post()
    assert (refused.status_code, refused.json()["code"]) == (409, "in_progress")
    assert refused.headers["retry-after"] == "1"
    worker.gate.set()
    assert (await first).status_code == 200
    assert (await other.post()).headers["idempotency-replayed"] == "true"


@pytest.mark.anyio
async def test_what_changed_nothing_may_be_sent_again(worker: Worker) -> None:
    def refuse(body: bytes) -> Response:
        raise Problem(422, "no")

    def fail(body: bytes) -> Response:
        raise RuntimeError

    succeed = worker.work
    for work, status in ((refuse, 422), (fail, 500), (lambda body: Response(None, 503), 503)):
        worker.work = work
        assert (await worker.post()).status_code == status
    worker.work = succeed
    assert (await worker.post('{"corrected": 1}')).status_code == 200


@pytest.mark.anyio
async def test_an_answer_is_kept_for_a_day(worker: Worker) -> None:
    await worker.post()
    worker.now = NOW + KEPT
    assert "idempotency-replayed" in (await worker.post()).headers
    worker.now = NOW + KEPT + timedelta(seconds=1)
    assert "idempotency-replayed" not in (await worker.post()).headers


@pytest.mark.anyio
async def test_a_body_too_large_is_refused_before_anything(worker: Worker) -> None:
    assert (await worker.post("x" * 101)).status_code == 413
    assert (await worker.post("{}")).status_code == 200


def test_a_request_lost_with_its_worker_is_taken_over(tmp_path: Path) -> None:
    now = [NOW]
    store = IdempotentAnswers(open_requests(Home(tmp_path), durable=True), lambda: now[0])
    lost = store.begin("crm", "k", b"digest")
    now[0] += IN_PROGRESS
    with pytest.raises(Problem, match="being worked on"):
        store.begin("crm", "k", b"digest")
    now[0] += timedelta(seconds=1)
    mine = store.begin("crm", "k", b"digest")
    assert isinstance(lost, Attempt)
    assert isinstance(mine, Attempt)
    # Had it only been slow, what it says now comes too late.
    store.finish(lost, KeptAnswer(200, None, b"late"))
    store.give_up(lost)
    store.finish(mine, KeptAnswer(201, None, b"mine"))
    assert store.begin("crm", "k", b"digest") == KeptAnswer(201, None, b"mine")
