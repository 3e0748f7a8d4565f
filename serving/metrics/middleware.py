"""Counts every request, with how long its answer took."""

from collections.abc import Collection
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.contract.problem import problem_code
from serving.metrics.metrics import Metrics
from serving.timing import timed

OTHER = "other"
"""The route of every path that is none, because a caller may make any number of them up."""


class MetricsMiddleware:
    """Counts the requests to an application.

    Parameters
    ----------
    app : ASGI application
        What answers.
    metrics : Metrics
        Where they are counted.
    paths : collection of str
        Paths that are named; all others are `OTHER`.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: Collection[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = frozenset(paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await timed(self._app, scope, receive, send, partial(self._count, scope))

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        path = scope["path"]
        route = path if path in self._paths else OTHER
        self._metrics.count_request(route, status, seconds, problem_code(scope))
