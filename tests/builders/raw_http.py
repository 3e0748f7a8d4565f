"""HTTP as bytes on a socket, for callers that no client library plays, and a server in a thread for
them.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from features.online.settings import OnlineSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from serving.health import Health
from serving.process.connections import Connections
from serving.process.http_server import HttpServer
from serving.process.listening import bind, listen
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings

HOST = "127.0.0.1"


@dataclass
class Answer:
    """One answer as it was sent."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def closes(self) -> bool:
        """Whether it says that the connection ends."""
        return "close" in self.headers.get("connection", "")

    def json(self) -> Any:
        return json.loads(self.body)


class Caller:
    """One connection."""

    def __init__(self, port: int, seconds: float = 30) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=seconds)
        self._read = self.socket.makefile("rb")

    def send(self, data: bytes) -> "Caller":
        self.socket.sendall(data)
        return self

    def get(self, path: str) -> Answer:
        return self.send(head("GET", path)).answer()

    def answer(self, *, has_body: bool = True) -> Answer:
        """The next answer; it must come."""
        line = self._read.readline()
        assert line, "the connection ended without an answer"
        headers = {}
        while (header := self._read.readline().strip()) != b"":
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = self._read.read(int(headers["content-length"])) if has_body else b""
        return Answer(int(line.split()[1]), headers, body)

    def is_closed(self) -> bool:
        """Wait until the server closes the connection; False where it sends something."""
        try:
            return self._read.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._read.close()
        self.socket.close()


def head(method: str, path: str, *lines: str) -> bytes:
    """The head of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


@dataclass
class Running:
    """A server that runs in a thread."""

    port: int
    server: HttpServer
    thread: threading.Thread
    callers: list[Caller] = field(default_factory=list)

    @property
    def connections(self) -> Connections:
        return self.server._connections

    def caller(self) -> Caller:
        self.callers.append(Caller(self.port))
        return self.callers[-1]

    def stop(self, sig: int) -> None:
        self.server.handle_exit(sig, None)

    def end(self, seconds: float = 30) -> float:
        """Wait for the end; how long it took, in seconds."""
        began = time.monotonic()
        self.thread.join(seconds)
        assert not self.thread.is_alive()
        return time.monotonic() - began


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so; it must become so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextmanager
def running(app: ASGIApp, folder: Path, **chosen: Any) -> Iterator[Running]:
    """A server of any application, on a port of its own."""
    health = Health(ModelFollower(Home(folder), OnlineSettings(), system_clock))
    serves = threading.Event()
    server = HttpServer(app, ServingSettings(**chosen), health, serves.set)
    bound = bind(HOST, 0)
    listen(bound)
    port = bound.getsockname()[1]
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    assert serves.wait(30)
    server_in_thread = Running(port, server, thread)
    try:
        yield server_in_thread
    finally:
        for caller in server_in_thread.callers:
            caller.close()
        server.should_exit = server.force_exit = True
        thread.join(30)
