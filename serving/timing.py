"""How long requests took, and how they were answered: for whoever counts or logs them."""

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


async def timed(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    tell: Callable[[int, float], None],
) -> None:
    """Let an application answer an HTTP request, then tell its status and seconds.

    Parameters
    ----------
    app : ASGI application
        What answers. It may change ``scope["state"]``, which is there.
    scope, receive, send
        The request.
    tell : callable
        Told the HTTP status, 0 where the caller left before the answer, and how long it took to the
        end of the answer, in seconds; also where the application raises.
    """
    # Below, the state is changed in place.
    scope.setdefault("state", {})
    started, status = time.perf_counter(), 0

    async def send_noted(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        await send(message)

    try:
        await app(scope, receive, send_noted)
    finally:
        tell(status, time.perf_counter() - started)
