"""The door: requests to our own paths go straight to our application, all others through BentoML.

BentoML's middleware costs more than the rest of a request. `bentoml serve` has no door, and gives
the same answers through it.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

OURS = ("/v1/", "/openapi.json", "/docs/")
"""How paths begin that BentoML has no part in."""


class Door:
    """An ASGI application of two.

    Parameters
    ----------
    ours : ASGI application
        Answers paths of `OURS`.
    bento : ASGI application
        Answers all others, such as `/livez`, and has the lifespan.
    """

    def __init__(self, ours: ASGIApp, bento: ASGIApp) -> None:
        self._ours = ours
        self._bento = bento

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].startswith(OURS):
            await self._ours(scope, receive, send)
        else:
            await self._bento(scope, receive, send)
