"""The door: requests to our own paths go straight to our application, all others through BentoML.

BentoML's middleware costs more than the rest of a request. `bentoml serve` has no door, and gives
the same answers through it.
"""

from inspect import isroutine
from typing import Any, cast

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
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


class DirectRoutes:
    """Starlette's routes found by their whole path, without its own middleware and search.

    Everything that is no route, such as a method that one does not take, is left to Starlette.

    Parameters
    ----------
    app : Starlette
        Its routes have no parameters in their paths.
    """

    def __init__(self, app: Starlette) -> None:
        self._app = app
        self._endpoints = {
            (method, route.path): _application(route.endpoint)
            for route in app.routes
            if isinstance(route, Route)
            for method in route.methods or ()
            if method != "HEAD"
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        asked = scope.get("method", ""), scope.get("path", "")
        await self._endpoints.get(asked, self._app)(scope, receive, send)


def _application(endpoint: Any) -> ASGIApp:
    """A route's endpoint as an ASGI application, as Starlette takes both kinds."""
    if not isroutine(endpoint):
        return cast(ASGIApp, endpoint)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

    return answer
