"""What counting costs a request: `python -m benchmarks.serving.metrics_cost`.

The middleware and the counters of a request that is answered from what is kept, in this process, over
an application that does nothing, with the client counting in files as it does in the service.
"""

import asyncio
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics.exposition import exposing, make_metrics
from serving.metrics.metrics import Metrics
from serving.metrics.middleware import MetricsMiddleware
from serving.settings import ServingSettings

_REQUESTS, _TURNS = 20_000, 7
_ROUTE = "/v1/predictions"


def main() -> None:
    """Print microseconds of processor time for each request: the least of some turns."""
    settings = ServingSettings(metrics_port=0)
    with exposing(settings):
        metrics = make_metrics(settings)
        bare = _microseconds(_app(lambda: None))
        counted = _microseconds(MetricsMiddleware(_counting(metrics), metrics, {_ROUTE}))
    print(f"counting a request costs {counted - bare:.1f} microseconds of processor time")


def _app(count: Callable[[], None]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        count()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    return app


def _counting(metrics: Metrics) -> ASGIApp:
    return _app(lambda: metrics.count_entities(kept=1, computed=0))


def _microseconds(app: ASGIApp) -> float:
    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        pass

    async def ask() -> None:
        for _ in range(_REQUESTS):
            await app({"type": "http", "path": _ROUTE, "state": {}}, receive, send)

    seconds = []
    for _ in range(_TURNS):
        started = time.process_time()
        asyncio.run(ask())
        seconds.append(time.process_time() - started)
    return min(seconds) / _REQUESTS * 1e6


if __name__ == "__main__":
    main()
