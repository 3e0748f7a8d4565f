"""Answers stay out of caches: what one key may read, or one language says, is not for the next caller."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FIELD = (b"cache-control", b"no-store")


class NoStoreMiddleware:
    """Says in every answer that nobody may keep it.

    Some proxies keep answers to GET requests by their URL alone, whatever `Authorization` they came
    with, and browsers write them to the disk.

    Parameters
    ----------
    app : ASGI application
        What answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_unkept(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), _FIELD]
            await send(message)

        await self._app(scope, receive, send_unkept)
