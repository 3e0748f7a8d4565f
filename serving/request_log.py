"""The request log: who asked or changed what kind of thing, when, how much and with which result.

One JSON object per line, for an audit and for operation. It holds no attribute values and no ids
of customers: of a path that is no route it says nothing, because anything may stand there.
"""

import asyncio
import logging
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pydantic_core import to_json
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.clock import Clock
from holdfast.errors import InputError
from serving.access.caller import Caller
from serving.access.guard import OPEN_PATHS
from serving.settings import ServingSettings
from serving.timing import timed

_log = logging.getLogger(__name__)

WAIT_SECONDS = 0.05
"""How long a line may wait for others, to be written with them."""

_ITEMS = "items"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class LogFile:
    """A file that lines are appended to, several of them at once.

    A line is written a few milliseconds after it was added, and with `flush`: who kills the process
    in between loses it. The file is opened again when it was moved away, so that whoever rotates it
    need not tell the service.

    Parameters
    ----------
    path : Path or None
        The file; made where it does not exist. None for standard error.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: BinaryIO | None = None if path is None else path.open("ab", buffering=0)
        self._lines: list[bytes] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def add(self, line: bytes) -> None:
        """Add a line, given with its end, from a task."""
        self._lines.append(line)
        loop = asyncio.get_running_loop()
        # The loop in which it waited before may have ended.
        if loop is not self._loop:
            self._loop = loop
            loop.call_later(WAIT_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what was added."""
        self._loop = None
        lines, self._lines = b"".join(self._lines), []
        if not lines:
            return
        try:
            if self._path is None or self._file is None:
                sys.stderr.write(lines.decode())
                return
            if _was_moved(self._path, self._file):
                self._file.close()
                self._file = self._path.open("ab", buffering=0)
            self._file.write(lines)
        except OSError as error:
            _log.error("cannot write the request log: %s", error)

    def close(self) -> None:
        """Write what was added, and add no more."""
        self.flush()
        if self._file is not None:
            self._file.close()


def _was_moved(path: Path, file: BinaryIO) -> bool:
    try:
        now = path.stat()
    except FileNotFoundError:
        return True
    opened = os.fstat(file.fileno())
    return (now.st_dev, now.st_ino) != (opened.st_dev, opened.st_ino)


_open: list[LogFile] = []


@contextmanager
def request_log(path: Path, *, fall_back: bool) -> Iterator[LogFile]:
    """Write the requests of this process into a file, to which other workers may append, too.

    Parameters
    ----------
    path : Path
        The file; made where it does not exist.
    fall_back : bool
        Whether to write to standard error where the file cannot be written.

    Raises
    ------
    InputError
        The file cannot be written, and there is no falling back.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = LogFile(path)
    except OSError as error:
        if not fall_back:
            rule = f"must be a file that can be written: {error.strerror}"
            raise InputError(ServingSettings.variable("request_log"), rule, str(path)) from None
        _log.warning("the request log goes to standard error: %s", error)
        file = LogFile(None)
    _open.append(file)
    try:
        yield file
    finally:
        _open.remove(file)
        file.close()


def note_items(scope: Scope, items: int) -> None:
    """Say how many customers, rows or events a request is about."""
    scope.setdefault("state", {})[_ITEMS] = items


class RequestLogMiddleware:
    """Logs each request when it has been answered, but for probes and other open paths.

    Parameters
    ----------
    app : ASGI application
        What answers.
    clock : Clock
        What time it is.
    paths : collection of str
        Paths of the routes. Others are not named.
    """

    def __init__(self, app: ASGIApp, clock: Clock, paths: Collection[str]) -> None:
        self._app = app
        self._clock = clock
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or not _open:
            await self._app(scope, receive, send)
            return
        await timed(self._app, scope, receive, send, partial(self._write, scope))

    def _write(self, scope: Scope, status: int, seconds: float) -> None:
        caller: Caller | None = scope["state"].get("caller")
        line = {
            "time": self._clock().isoformat(timespec="milliseconds"),
            "request_id": scope.get("request_id"),
            "key": caller and caller.name,
            "purpose": caller and caller.purpose,
            # A caller may send anything as a method, too.
            "method": scope["method"] if scope["method"] in _METHODS else None,
            "path": scope["path"] if scope["path"] in self._paths else None,
            "items": scope["state"].get(_ITEMS),
            # Null where the caller left before the answer.
            "status": status or None,
            "milliseconds": round(1000 * seconds, 3),
        }
        written = to_json(line) + b"\n"
        for file in _open:
            file.add(written)
