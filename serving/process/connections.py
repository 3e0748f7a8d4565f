"""What one connection may take: time for the head and the body of a request, bytes of a head, and a
place among those that are open.

uvicorn limits idle time and concurrent requests. Its limit of these refuses probes, too, and counts
connections that never send anything; it waits for heads and bodies forever. `LimitedProtocol` adds
what it lacks, and how connections end while a server stops.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from serving.access.guard import PROBE_PATHS
from serving.access.request_id import RequestIdMiddleware, request_id
from serving.contract.problem import Problem

# How long a connection that was just made is waited for while the server stops: its request is
# under way. One that was answered before says so by its answer's `Connection: close`.
_UNDER_WAY_SECONDS = 1.0
# How long others are: a request may have arrived already, and not have been read.
_ARRIVED_SECONDS = 0.1
_CLOSE = {"Connection": "close"}


@dataclass(frozen=True)
class ConnectionLimits:
    """Limits of each connection, and of their number.

    Parameters
    ----------
    header_seconds : float
        For the head of a request, from its first byte; for the first one, from the connection on.
    body_seconds : float
        For the body, from the end of the head.
    max_header_bytes : int
        Of a head: request line and headers.
    max_connections : int
        How many may be open in this process.
    """

    header_seconds: float
    body_seconds: float
    max_header_bytes: int
    max_connections: int


class Connections:
    """The open connections of a process.

    At the most that may be open, a new one takes the place of the one that has waited longest for a
    request, so that sockets that are only held open keep nobody out. Where none is waiting, all but
    probes are refused.

    Parameters
    ----------
    limits : ConnectionLimits
        What each may take.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self.draining = False
        """Whether every answer from now on ends its connection."""
        self.stopping = False
        """Whether connections without a request end now."""
        self._open: set[LimitedProtocol] = set()
        # In the order in which they began to wait.
        self._waiting: dict[LimitedProtocol, None] = {}

    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def add(self, connection: "LimitedProtocol") -> None:
        """One that was just made, and waits for its first request."""
        self._make_room()
        self._open.add(connection)
        self._waiting[connection] = None

    def remove(self, connection: "LimitedProtocol") -> None:
        """One that was lost, or is being closed."""
        self._open.discard(connection)
        self._waiting.pop(connection, None)

    def begin(self, connection: "LimitedProtocol") -> bool:
        """One has sent the head of a request; whether it may be answered, though it is no probe."""
        self._waiting.pop(connection, None)
        return len(self._open) <= self.limits.max_connections or self._make_room()

    def end(self, connection: "LimitedProtocol") -> None:
        """One has been answered, and waits for its next request."""
        if connection in self._open:
            self._waiting[connection] = None

    def _make_room(self) -> bool:
        """Close the one that has waited longest where as many are open as may be."""
        if len(self._open) < self.limits.max_connections:
            return True
        longest = next(iter(self._waiting), None)
        if longest is not None:
            self.remove(longest)
            longest.close()
        return longest is not None

    def drain(self) -> None:
        """End each connection with its next answer, also those that have begun."""
        self.draining = True
        for connection in self._open:
            connection.end_with_answer()


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, with limits.

    Parameters
    ----------
    open_connections : Connections
        The process's.
    **given
        What uvicorn gives.
    """

    def __init__(self, *, open_connections: Connections, **given: Any) -> None:
        super().__init__(**given)
        # Whoever configures logging: uvicorn would write whole paths, in which anything may stand.
        self.access_log = False
        self._all = open_connections
        self._limits = open_connections.limits
        self._answering = self.app
        self._refusal: Problem | None = None
        # By when what is being read must be whole: the head of a request, or its body.
        self._deadline: asyncio.TimerHandle | None = None
        # By when the caller must have read something of an answer that is held for it.
        self._reading_deadline: asyncio.TimerHandle | None = None
        self._made_at = 0.0
        self._is_used = False
        # Whether what came after the last request cannot be read.
        self._is_broken = False
        self._reads_body = False
        self._head_bytes = 0
        self._head_begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._made_at = self.loop.time()
        self._all.add(self)
        self._must_be_whole_within(self._limits.header_seconds)
        if self._all.stopping:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._all.remove(self)
        self._is_whole()
        self._is_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, and see whether a head or a body remains unfinished."""
        was_body, heads = self._reads_body, self._head_begun
        if not was_body:
            self._head_bytes += len(data)
        self._head_begun = heads or not was_body
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._reads_body:
            if self._deadline is None:
                self._must_be_whole_within(self._limits.body_seconds)
                self._read_body_in_time()
        elif self._head_begun:
            if self._head_bytes > self._limits.max_header_bytes:
                self._refuse(_too_large(self._limits.max_header_bytes))
            elif self._deadline is None:
                self._must_be_whole_within(self._limits.header_seconds)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_begun = True

    def on_headers_complete(self) -> None:
        """The head is whole: the request can be answered, or refused."""
        self._is_whole()
        if self._head_bytes > self._limits.max_header_bytes:
            # A body that came with it was counted, too.
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self._limits.max_header_bytes:
                self._refusal = _too_large(self._limits.max_header_bytes)
                # The parser stops, and uvicorn asks for the answer to what cannot be read.
                raise ValueError("the head is too large")
        may_be_answered = self._all.begin(self)
        self._is_used = self._reads_body = True
        self._head_begun, self._head_bytes = False, 0
        self.app = self._answering if may_be_answered else _unless_probe(self._answering)
        super().on_headers_complete()
        if self._all.draining:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._is_whole()
        self._reads_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, unless its head is here already."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._must_be_read()
            return
        if self.cycle.response_complete:
            self._all.end(self)
            if self._is_broken:
                self.close()
                return
        if self._all.stopping:
            self.shutdown()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or a head that is refused."""
        detail = "The request is not HTTP/1.1."
        self._refuse(self._refusal or Problem(400, detail, headers=_CLOSE, code="invalid_http"))

    def close(self) -> None:
        """Close it now."""
        self._is_whole()
        self.transport.close()

    def end_with_answer(self) -> None:
        """Close it after the answer that comes next, which says so."""
        for cycle in (self.cycle, *(cycle for cycle, _ in self.pipeline)):
            # Where the head of an answer is sent already, the next one says it.
            if cycle is not None and not cycle.response_started:
                cycle.keep_alive = False

    def shutdown(self) -> None:
        """End it now, but for a request that is here or under way."""
        if self._is_answering():
            super().shutdown()
        elif self._head_begun:
            self._must_be_whole_within(_UNDER_WAY_SECONDS)
        else:
            seconds = self._made_at + _UNDER_WAY_SECONDS - self.loop.time()
            is_new = not self._is_used and seconds > _ARRIVED_SECONDS
            self._must_be_whole_within(seconds if is_new else _ARRIVED_SECONDS)

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, also one whose caller does not read the answer."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        """Wait for the caller to read."""
        super().pause_writing()
        self._must_be_read()

    def resume_writing(self) -> None:
        """Go on, because the caller reads."""
        self._is_read()
        super().resume_writing()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _must_be_whole_within(self, seconds: float) -> None:
        self._is_whole()
        self._deadline = self.loop.call_later(seconds, self._be_late)

    def _is_whole(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _must_be_read(self) -> None:
        if self._reading_deadline is None and self.transport.get_write_buffer_size():
            seconds = self.timeout_keep_alive
            self._reading_deadline = self.loop.call_later(seconds, self.transport.abort)

    def _is_read(self) -> None:
        if self._reading_deadline is not None:
            self._reading_deadline.cancel()
            self._reading_deadline = None

    def _be_late(self) -> None:
        self._deadline = None
        if self._is_answering():
            # The answer is waited for: it says itself that a body was late.
            self._must_be_whole_within(_UNDER_WAY_SECONDS)
        elif self._head_begun:
            self._refuse(_late("head", self._limits.header_seconds))
        else:
            self.close()

    def _read_body_in_time(self) -> None:
        """Let the application know where a body is late."""
        cycle, late_at = self.cycle, self.loop.time() + self._limits.body_seconds
        receive: Callable[[], Awaitable[Any]] = cycle.receive
        seconds = self._limits.body_seconds

        async def receive_in_time() -> Message:
            if not cycle.more_body:
                return cast(Message, await receive())
            try:
                async with asyncio.timeout_at(late_at):
                    return cast(Message, await receive())
            except TimeoutError:
                raise _late("body", seconds) from None

        # Its task was made, and has not begun.
        cycle.receive = receive_in_time  # type: ignore[method-assign, assignment]

    def _refuse(self, problem: Problem) -> None:
        """Answer what cannot be read, and end the connection."""
        if self._is_answering() and not self._reads_body:
            # What came before it was read, and its answer is due.
            self._is_broken = True
            self.flow.pause_reading()
            if not self.cycle.response_started:
                self.cycle.keep_alive = False
            return
        if self._is_answering() and (self.pipeline or self.cycle.response_started):
            self.close()
            return
        if self._is_answering():
            # The request whose body is broken: its answer is this one.
            self.cycle.disconnected = True
        response = problem.response()
        # Whatever name it brought was not read, or is not to be trusted.
        named = (b"request-id", request_id(None).encode())
        lines = [b"%s: %s\r\n" % header for header in (*response.raw_headers, named)]
        head = b"".join([STATUS_LINE[problem.status], *lines])
        self.transport.write(head + b"\r\n" + bytes(response.body))
        self.close()


def _late(part: str, seconds: float) -> Problem:
    detail = f"The {part} of the request did not arrive within {seconds:g} seconds."
    return Problem(408, detail, headers=_CLOSE)


def _too_large(most_bytes: int) -> Problem:
    detail = f"The request line and headers must be at most {most_bytes} bytes."
    return Problem(431, detail, headers=_CLOSE)


def _unless_probe(app: ASGIApp) -> ASGIApp:
    """Refuse what is no probe."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        is_probe = scope["type"] == "http" and scope["path"] in PROBE_PATHS
        await (app if is_probe else _REFUSING)(scope, receive, send)

    return answer


async def _refuse_one_more(scope: Scope, receive: Receive, send: Send) -> None:
    headers = _CLOSE | {"Retry-After": "1"}
    detail = "The server has as many open connections as it may have."
    problem = Problem(503, detail, headers=headers, code="too_many_connections")
    await problem.response()(scope, receive, send)


_REFUSING = RequestIdMiddleware(_refuse_one_more)
