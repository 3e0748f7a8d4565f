"""The BentoML service: the champion and the `/v1` application under one lifecycle."""

from typing import Any

import bentoml

from serving.access.access import Access
from serving.access.guard import AccessMiddleware
from serving.champion import Champion
from serving.contract.problem import MOST_SECONDS, ProblemMiddleware
from serving.health import Health
from serving.routes.app import make_app
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
    champion: Champion, health: Health, access: Access, settings: ServingSettings
) -> bentoml.Service[Any]:
    """The service of a champion, which is loaded when the service starts.

    Parameters
    ----------
    champion : Champion
        The champion to serve.
    health : Health
        Says when the service is ready.
    access : Access
        Who may send requests.
    settings : ServingSettings
        How large requests may be.
    """

    class Holdfast:
        """Predicts who is about to leave, and why; the contract is at /openapi.json."""

        def __init__(self) -> None:
            champion.refresh()
            access.start()
            champion.follow(settings.reload_seconds)

        async def __is_ready__(self) -> bool:
            return health.is_ready()

        @bentoml.on_shutdown
        def stop(self) -> None:
            champion.close()

    service = bentoml.service(name="holdfast", **_CONFIGURATION)(Holdfast)
    service.add_asgi_middleware(ProblemMiddleware)
    service.add_asgi_middleware(AccessMiddleware, access=access)
    service.mount_asgi_app(make_app(champion, settings), path="/")
    return service
