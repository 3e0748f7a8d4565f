"""The BentoML service: the models and the `/v1` application under one lifecycle."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import bentoml
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from care.settings import CareSettings
from holdfast.clock import system_clock
from serving.access.access import Access
from serving.access.guard import OPEN_PATHS, AccessMiddleware
from serving.access.request_id import RequestIdMiddleware
from serving.caches import NoStoreMiddleware
from serving.contract.problem import MOST_SECONDS, ProblemMiddleware
from serving.door import DirectRoutes, Door
from serving.health import Health, ReadinessMiddleware
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.metrics.middleware import MetricsMiddleware
from serving.request_log import RequestLogMiddleware
from serving.routes.app import OWN_LEDGER, make_app
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings

# BentoML's metrics are labelled by raw path, so that requests for invented paths fill the
# memory; its tracing exports nothing here and costs as much as the rest of a request.
_CONFIGURATION: dict[str, Any] = {
    "metrics": {"enabled": False},
    "tracing": {"excluded_urls": ".*"},
    "logging": {"access": {"enabled": False}},
    # Later than our own limit, because BentoML's answer is not a problem document.
    "traffic": {"timeout": MOST_SECONDS + 5},
}


def make_service(
    follower: ModelFollower,
    health: Health,
    access: Access,
    settings: ServingSettings,
    metrics: Metrics = NO_METRICS,
    log: Callable[[], AbstractContextManager[object]] = nullcontext,
    care: CareSettings = OWN_LEDGER,
) -> bentoml.Service[Any]:
    """The service of a home's models, which are loaded when the service starts.

    Parameters
    ----------
    follower : ModelFollower
        Loads them.
    health : Health
        Says when the service is ready.
    access : Access
        Who may send requests.
    settings : ServingSettings
        How large requests may be, and how old features.
    metrics : Metrics
        Where requests and answers are counted.
    log : callable
        Writes the request log from the start of the service to its end, unless whoever runs the
        service does.
    care : CareSettings
        Where the ledger of care lies. Default: in the home.
    """

    class Holdfast:
        """Predicts who is about to leave, and why; the contract is at /openapi.json."""

        def __init__(self) -> None:
            self._log = log()
            self._log.__enter__()
            follower.watch(metrics.serve)
            follower.refresh()
            access.start()
            follower.follow(settings.reload_seconds)

        async def __is_ready__(self) -> bool:
            return health.is_ready()

        @bentoml.on_shutdown
        def stop(self) -> None:
            follower.close()
            self._log.__exit__(None, None, None)

    service = bentoml.service(name="holdfast", workers=settings.workers, **_CONFIGURATION)(Holdfast)
    app = make_app(follower, access, settings, metrics, care)
    for middleware, options in _middleware(app, access, health, metrics):
        service.add_asgi_middleware(middleware, **options)
    service.mount_asgi_app(app, path="/")
    return service


def make_asgi(
    follower: ModelFollower,
    health: Health,
    access: Access,
    settings: ServingSettings,
    metrics: Metrics = NO_METRICS,
    care: CareSettings = OWN_LEDGER,
) -> ASGIApp:
    """The service as an ASGI application whose own paths BentoML's middleware does not cost; same
    parameters as `make_service`.
    """
    app = make_app(follower, access, settings, metrics, care)
    ours: ASGIApp = DirectRoutes(app)
    for middleware, options in reversed(_middleware(app, access, health, metrics)):
        ours = middleware(ours, **options)
    service = make_service(follower, health, access, settings, metrics, care=care)
    return Door(ours, service.to_asgi(is_main=False))


def _middleware(
    app: Starlette, access: Access, health: Health, metrics: Metrics
) -> list[tuple[Any, dict[str, Any]]]:
    """What every request to an application goes through, the outermost first."""
    paths = {route.path for route in app.routes if isinstance(route, Route)}
    counting = {"metrics": metrics, "paths": paths | OPEN_PATHS}
    return [
        *([] if metrics is NO_METRICS else [(MetricsMiddleware, counting)]),
        (RequestIdMiddleware, {}),
        (NoStoreMiddleware, {}),
        (RequestLogMiddleware, {"clock": system_clock, "paths": paths}),
        (ProblemMiddleware, {}),
        (AccessMiddleware, {"access": access}),
        (ReadinessMiddleware, {"health": health}),
    ]
