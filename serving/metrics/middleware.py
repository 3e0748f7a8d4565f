"""Counts every request, with how long its answer took."""

import time
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.contract.problem import problem_code
from serving.metrics.metrics import Metrics

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
            path = scope["path"]
            route = path if path in self._paths else OTHER
            seconds = time.perf_counter() - started
            self._metrics.count_request(route, status, seconds, problem_code(scope))
