"""Connections that send too slowly, too much, or nothing, and how connections end."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from serving.contract.problem import ProblemMiddleware
from tests.builders.raw_http import Answer, Running, head, running, wait_for

MOST_CONNECTIONS = 6
MEBIBYTES = 32
"""Of a large answer: more than the sockets of a connection hold."""
PATIENT = {
    "header_seconds": 600,
    "idle_seconds": 600,
    "max_header_bytes": 2_000,
    "max_connections": MOST_CONNECTIONS,
    "drain_seconds": 3.0,
}
HASTY = PATIENT | {"header_seconds": 1.0, "body_seconds": 1.0}


class Echo:
    """Answers with the body's length; `/held` once it is let go, `/unread` without the body."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for done in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{done}.complete"})
            return
        request = Request(scope, receive, send)
        if scope["path"] == "/held":
            self.held += 1
            while not self.let_go.is_set():
                await asyncio.sleep(0.02)
        if scope["path"] == "/blocked":
            self.held += 1
            self.let_go.wait(60)  # and with it everything else in the process
        if scope["path"].startswith("/large"):
            headers = {"Connection": "close"} if scope["path"] == "/large/last" else {}
            chunks = ["x" * 2**20] * MEBIBYTES
            whole = scope["path"] != "/large/chunks"
            answer = Response("".join(chunks)) if whole else StreamingResponse(chunks)
            answer.headers.update(headers)
            await answer(scope, receive, send)
            return
        size = 0 if scope["path"] == "/unread" else len(await request.body())
        await Response(str(size))(scope, receive, send)


@pytest.fixture
def echo() -> Iterator[Echo]:
    app = Echo()
    yield app
    app.let_go.set()


@pytest.fixture
def server(echo: Echo, tmp_path: Path) -> Iterator[Running]:
    with running(ProblemMiddleware(echo), tmp_path, **PATIENT) as server:
        yield server


@pytest.fixture
def hasty(echo: Echo, tmp_path: Path) -> Iterator[Running]:
    """A server that waits for a second at most."""
    with running(ProblemMiddleware(echo), tmp_path, **HASTY) as server:
        yield server


def refusal(answer: Answer, status: int, code: str) -> None:
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    assert answer.closes
    assert code == "late" or answer.headers["request-id"]


def test_requests_follow_each_other_on_one_connection(server: Running) -> None:
    caller = server.caller()
    for size in (0, 10, 100_000):
        sent = head("POST", "/", f"Content-Length: {size}") + b"x" * size
        answer = caller.send(sent).answer()
        assert (answer.status, answer.body) == (200, str(size).encode())
        assert not answer.closes


def test_a_head_that_does_not_end_is_answered_and_closed(hasty: Running) -> None:
    caller = hasty.caller().send(b"GET / HTTP/1.1\r\nHost: local")
    refusal(caller.answer(), 408, "late")
    assert caller.is_closed()


def test_a_second_head_has_its_time_too(hasty: Running) -> None:
    caller = hasty.caller()
    assert caller.get("/").status == 200
    time.sleep(2 * HASTY["header_seconds"])  # idle, which it may be for longer
    refusal(caller.send(b"GET / HTT").answer(), 408, "late")


def test_drops_do_not_prolong_a_head(hasty: Running) -> None:
    caller = hasty.caller()
    sent = 0
    with suppress(ConnectionError):
        for byte in head("GET", "/" + 1_000 * "a"):
            caller.send(bytes([byte]))
            time.sleep(0.05)
            sent += 1
    # The whole head would have taken fifty seconds.
    assert sent < 900


def test_who_connects_and_sends_nothing_is_closed_without_a_word(hasty: Running) -> None:
    assert hasty.caller().is_closed()


def test_a_body_that_does_not_come_is_a_problem_of_the_application(hasty: Running) -> None:
    caller = hasty.caller().send(head("POST", "/", "Content-Length: 10") + b"12345")
    refusal(caller.answer(), 408, "late")
    assert caller.is_closed()


def test_a_body_in_pieces_is_read(server: Running) -> None:
    caller = server.caller().send(head("POST", "/", "Content-Length: 10"))
    for _ in range(5):
        time.sleep(0.02)
        caller.send(b"12")
    assert caller.answer().body == b"10"
    assert caller.get("/").status == 200


def test_a_body_that_nobody_reads_is_not_waited_for(hasty: Running) -> None:
    caller = hasty.caller().send(head("POST", "/unread", "Content-Length: 10") + b"1")
    assert caller.answer().status == 200
    assert caller.is_closed()


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_a_head_that_is_too_large_is_refused(server: Running, end: bytes) -> None:
    caller = server.caller().send(b"GET / HTTP/1.1\r\nLong: " + b"x" * 3_000 + end)
    refusal(caller.answer(), 431, "headers_too_large")
    assert caller.is_closed()


def test_the_body_beside_a_head_is_none_of_it(server: Running) -> None:
    sent = head("POST", "/", "Content-Length: 5000") + b"x" * 5_000
    assert server.caller().send(sent).answer().body == b"5000"


def test_what_is_no_http_is_a_problem(server: Running) -> None:
    refusal(server.caller().send(b"\x16\x03\x01 hello\r\n\r\n").answer(), 400, "invalid_http")


@pytest.mark.parametrize("chunk", [b"zz\r\nx", b"1\r\nxx\r\n", b"-1\r\n"])
def test_a_body_that_is_no_http_is_a_problem(server: Running, chunk: bytes) -> None:
    sent = head("POST", "/", "Transfer-Encoding: chunked")
    caller = server.caller().send(sent + chunk)
    refusal(caller.answer(), 400, "invalid_http")
    assert caller.is_closed()
    caller = server.caller().send(sent)
    time.sleep(0.05)
    refusal(caller.send(chunk).answer(), 400, "invalid_http")
    assert caller.is_closed()


def test_what_comes_before_something_that_is_no_http_is_answered(
    server: Running, echo: Echo
) -> None:
    caller = server.caller().send(head("GET", "/held") + b"\x16\x03\x01 hello\r\n\r\n")
    wait_for(lambda: echo.held == 1)
    echo.let_go.set()
    answer = caller.answer()
    assert answer.status == 200
    assert answer.closes
    assert caller.is_closed()


def test_an_answer_under_way_outlives_a_late_second_head(hasty: Running, echo: Echo) -> None:
    caller = hasty.caller().send(head("GET", "/held") + b"GET /")
    time.sleep(3 * HASTY["header_seconds"])
    echo.let_go.set()
    assert caller.answer().status == 200


def test_sockets_that_are_held_open_keep_nobody_out(server: Running) -> None:
    kept = [server.caller().send(b"GET / HT") for _ in range(5 * MOST_CONNECTIONS)]
    for path in ("/livez", "/"):
        assert server.caller().get(path).status == 200
    assert kept[0].is_closed()
    assert kept[-1].send(b"TP/1.1\r\nHost: localhost\r\n\r\n").answer().status == 200


def test_where_all_are_being_answered_only_probes_are(server: Running, echo: Echo) -> None:
    busy = [server.caller().send(head("GET", "/held")) for _ in range(MOST_CONNECTIONS)]
    wait_for(lambda: echo.held == MOST_CONNECTIONS)
    refused = server.caller().get("/")
    refusal(refused, 503, "too_many_connections")
    assert refused.headers["retry-after"] == "1"
    assert server.caller().get("/livez").status == 200
    echo.let_go.set()
    assert [caller.answer().status for caller in busy] == [200] * MOST_CONNECTIONS
    assert busy[0].get("/").status == 200


def test_an_idle_connection_is_closed_in_time(echo: Echo, tmp_path: Path) -> None:
    with running(ProblemMiddleware(echo), tmp_path, idle_seconds=1) as server:
        caller = server.caller()
        assert caller.get("/").status == 200
        assert caller.is_closed()


@pytest.mark.parametrize("path", ["/large", "/large/last", "/large/chunks"])
def test_who_does_not_read_the_answer_is_cut_off(echo: Echo, tmp_path: Path, path: str) -> None:
    with running(ProblemMiddleware(echo), tmp_path, idle_seconds=1) as server:
        server.caller().send(head("GET", path))
        wait_for(lambda: server.connections.count() == 1)
        wait_for(lambda: server.connections.count() == 0)
        assert server.caller().get("/").status == 200


def test_who_reads_a_large_answer_gets_all_of_it(server: Running) -> None:
    assert len(server.caller().get("/large").body) == MEBIBYTES * 2**20


def test_a_drain_ends_connections_with_their_answers(server: Running, echo: Echo) -> None:
    idle, silent, used, held = (server.caller() for _ in range(4))
    assert not idle.get("/").closes
    assert not used.get("/").closes
    held.send(head("GET", "/held"))
    wait_for(lambda: echo.held == 1)
    server.stop(signal.SIGTERM)
    wait_for(lambda: server.connections.draining)
    assert used.get("/").closes
    assert used.is_closed()
    # Whoever connects now is still answered, and told not to stay.
    assert server.caller().get("/").closes
    assert idle.is_closed()
    assert silent.is_closed()
    # The drain is over. What had begun is finished.
    assert server.thread.is_alive()
    echo.let_go.set()
    assert held.answer().closes
    server.end()


def test_idle_callers_do_not_hold_up_the_end(server: Running) -> None:
    callers = [server.caller() for _ in range(4)]
    assert {caller.get("/").status for caller in callers[:2]} == {200}
    server.stop(signal.SIGTERM)
    # Three seconds of drain. Were they waited for, it took ten more.
    assert server.end() < 3 + 7


def test_a_request_that_has_arrived_when_idle_connections_are_closed_is_answered(
    server: Running, echo: Echo
) -> None:
    idle = server.caller()
    assert idle.get("/").status == 200
    server.caller().send(head("GET", "/blocked"))
    wait_for(lambda: echo.held == 1)
    server.stop(signal.SIGINT)
    idle.send(head("GET", "/"))
    time.sleep(0.5)  # it is there, and the end is due
    echo.let_go.set()
    assert idle.answer().closes
    server.end()


def test_a_request_under_way_at_the_end_is_answered(server: Running) -> None:
    caller = server.caller().send(b"GET / HTTP/1.1\r\n")
    server.stop(signal.SIGINT)
    wait_for(lambda: server.connections.stopping)
    assert caller.send(b"Host: localhost\r\n\r\n").answer().closes
    server.end()
