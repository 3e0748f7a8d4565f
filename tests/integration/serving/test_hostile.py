"""Requests of somebody who means harm: none of them breaks the service, learns anything, or writes
into its log.
"""

import gc
import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from pydantic import TypeAdapter

from features.online.settings import OnlineSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from serving.access.access import Access
from serving.access.key_store import KeyStore
from serving.contract.codes import CODES, PAGE
from serving.contract.predictions import ProblemDocument
from serving.health import Health
from serving.request_log import request_log
from serving.served.follower import ModelFollower
from serving.service import make_asgi
from serving.settings import ServingSettings
from tests.builders.clocks import clock_at
from tests.builders.hostile import (
    HOSTILE,
    MOST_BODY_BYTES,
    MOST_HEADER_BYTES,
    Hostile,
    hostile_requests,
)
from tests.builders.night import NIGHT
from tests.builders.raw_http import Answer, Caller, Running, head, running

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

REQUESTS = 10_000
GROWTH_MIB = 24
"""How much more memory there may be after all requests of the proof than after a quarter of them."""

_PROBLEM = TypeAdapter(ProblemDocument)
_INSIDE = ("Traceback", 'File "', "site-packages", ".py", "sqlite", "root:x:0:0")
_LOGGED = {
    *("time", "request_id", "key", "purpose", "method", "path", "items", "status", "milliseconds")
}


@dataclass
class Target:
    """A service with one key, and everything that it writes."""

    running: Running
    secret: str
    inside: tuple[str, ...]
    log: Path
    answers: Counter[int] = field(default_factory=Counter)
    caller: Caller | None = None

    def connection(self) -> Caller:
        """The connection that is used on as long as it is there."""
        if self.caller is None:
            self.caller = Caller(self.running.port, seconds=30)
        return self.caller

    def hang_up(self) -> None:
        if self.caller is not None:
            self.caller.close()
        self.caller = None


@pytest.fixture(scope="module")
def target(operator_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("hostile")
    home = Home(Path(shutil.copytree(operator_home.root, folder / "home")))
    issued = KeyStore(home, system_clock).create("crm", ["predictions:service", "events"])
    follower = ModelFollower(home, OnlineSettings(), clock_at(NIGHT))
    settings = {
        "max_body_bytes": MOST_BODY_BYTES,
        "max_header_bytes": MOST_HEADER_BYTES,
        "max_items": 500,
        "body_seconds": 0.2,
        "header_seconds": 0.2,
        "kept_mb": 1,
        "requests_per_minute": 10**6,
    }
    chosen = ServingSettings(**settings)  # type: ignore[arg-type]
    access = Access(home, system_clock, chosen.requests_per_minute)
    app = make_asgi(follower, Health(follower), access, chosen)
    inside = (*_INSIDE, str(folder), issued.secret, issued.secret[-43:])
    log = folder / "requests.jsonl"
    with request_log(log, fall_back=False), running(app, folder, **settings) as server:
        yield Target(server, issued.secret, inside, log)


def test_hostile_requests_are_refused_and_leave_no_trace(
    target: Target, is_proof: bool, caplog: pytest.LogCaptureFixture
) -> None:
    count = REQUESTS if is_proof else REQUESTS // 10
    process, settled = psutil.Process(), 0
    with caplog.at_level(logging.INFO):
        for number, request in enumerate(hostile_requests(7, count, target.secret)):
            if number == count // 4:
                gc.collect()
                settled = process.memory_info().rss
            _send(target, request, number)
    target.hang_up()
    gc.collect()
    if is_proof:
        # In the suite, other tests of the same process move its memory by more than a leak would.
        growth = (process.memory_info().rss - settled) / 2**20
        assert growth <= GROWTH_MIB
    # Else the requests would not reach what they are meant for.
    assert {200, 400, 401, 404, 405, 408, 413, 415, 422, 431} <= set(target.answers)
    _check_logs(target, caplog)


def _send(target: Target, request: Hostile, number: int) -> None:
    """Send a request, check what comes back, and see that the service lives."""
    caller = target.connection()
    try:
        caller.send(request.sent)
        for _ in range(request.answers):
            answer = caller.answer(has_body=request.has_body)
            _check(target, request, answer)
            if answer.closes:
                break
    except (AssertionError, OSError) as error:
        if isinstance(error, OSError) or "ended without" not in str(error):
            raise AssertionError(f"{request.kind} {number}: {request.sent[:300]!r}") from error
        # What is no HTTP at all may be answered by the end of the connection.
        assert request.kind == "bytes", request
        target.hang_up()
        return
    if not request.is_framed or answer.closes:
        target.hang_up()
    if number % 10 == 0:
        caller = target.connection()
        alive = caller.send(head("GET", "/livez", f"Request-Id: alive-{number}")).answer()
        assert (alive.status, alive.headers["request-id"]) == (200, f"alive-{number}")


def _check(target: Target, request: Hostile, answer: Answer) -> None:
    target.answers[answer.status] += 1
    assert 200 <= answer.status < 500, answer
    assert answer.headers.get("request-id"), answer
    assert "forged" not in str(answer.headers)
    assert answer.status in (400, 408, 431) or answer.headers["cache-control"] == "no-store"
    shown = f"{answer.headers} {answer.body.decode()}"
    assert not [word for word in target.inside if word in shown], answer
    if answer.status < 400:
        assert answer.headers["content-type"].startswith(("application/json", "text/"))
        return
    assert answer.headers["content-type"] == "application/problem+json"
    if request.has_body:
        problem = _PROBLEM.validate_json(answer.body, strict=True, extra="forbid")
        assert problem["status"] == answer.status
        assert problem["type"] == f"{PAGE}#{problem['code']}"
        assert problem["code"] in CODES


def _check_logs(target: Target, caplog: pytest.LogCaptureFixture) -> None:
    """Neither log holds what callers sent, and no line of one is theirs."""
    messages = "\n".join(caplog.messages)
    assert not [word for word in (HOSTILE, "forged", *target.inside) if word in messages]
    written = target.log.read_text()
    assert HOSTILE not in written
    assert target.secret not in written
    lines = [json.loads(line) for line in written.splitlines()]
    assert len(lines) >= sum(target.answers.values()) // 2
    for line in lines:
        assert set(line) == _LOGGED
        assert line["key"] in (None, "crm")
        assert line["path"] is None or line["path"].startswith(("/v1/", "/docs/"))
