"""The request log: who asked or changed what kind of thing, when, how much and with which result.

One JSON object per line, for an audit and for operation. It holds no attribute values and no ids
of customers: of a path that is no route it says nothing, because anything may stand there.
"""

import logging
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from logging.handlers import WatchedFileHandler
from pathlib import Path

from pydantic_core import to_json
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.clock import Clock
from holdfast.errors import InputError
from serving.access.caller import Caller
from serving.access.guard import OPEN_PATHS
from serving.settings import ServingSettings

_requests = logging.getLogger("serving.requests")
_log = logging.getLogger(__name__)

_ITEMS = "items"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@contextmanager
def request_log(path: Path, *, fall_back: bool) -> Iterator[None]:
    """Write the requests of this process into a file, to which other workers may append, too.

    The file is opened again when it was moved away, so that whoever rotates it need not tell the
    service.

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
        handler: logging.Handler = WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        if not fall_back:
            rule = f"must be a file that can be written: {error.strerror}"
            raise InputError(ServingSettings.variable("request_log"), rule, str(path)) from None
        _log.warning("the request log goes to standard error: %s", error)
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    _requests.addHandler(handler)
    _requests.setLevel(logging.INFO)
    _requests.propagate = False
    try:
        yield
    finally:
        _requests.removeHandler(handler)
        handler.close()


def note_items(request: Request, items: int) -> None:
    """Say how many customers, rows or events a request is about."""
    request.scope.setdefault("state", {})[_ITEMS] = items


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
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or not _requests.handlers:
            await self._app(scope, receive, send)
            return
        # Below, the state is changed in place.
        scope.setdefault("state", {})
        started, status = time.perf_counter(), 0

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_noted)
        finally:
            self._write(scope, status, time.perf_counter() - started)

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
        _requests.info(to_json(line).decode())
