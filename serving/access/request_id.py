"""`Request-Id`: one name for a request, in its answer and in the log."""

import re
from secrets import token_hex

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.headers import header

_HEADER = b"request-id"

_SANE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


def request_id(given: str | None) -> str:
    """The caller's own id where it is short and plain, else a new one."""
    return given if given is not None and _SANE.fullmatch(given) else token_hex(16)


class RequestIdMiddleware:
    """Names every request: the name stands in the scope under ``request_id`` and in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = scope["request_id"] = request_id(header(scope, _HEADER))
        field = (_HEADER, name.encode())

        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), field]
            await send(message)

        await self._app(scope, receive, send_named)
