"""The application mounted in the service: its routes, and every error as a problem document."""

from functools import lru_cache

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.access.access import Access
from serving.access.caller import ScopedApplication, scoped
from serving.access.idempotency import idempotent
from serving.access.scope import PREDICTIONS, KeyScope
from serving.contract.codes import PAGE, codes_page
from serving.contract.openapi import openapi
from serving.contract.problem import Problem, answer_problem
from serving.events.intake import EventIntake, held_limits
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.routes.customers import CustomersRoute
from serving.routes.events import EventsRoute
from serving.routes.models import ModelsRoute
from serving.routes.predictions import PredictionsRoute
from serving.routes.scores import ScoresRoute
from serving.served.description import describe
from serving.served.follower import ModelFollower
from serving.served.snapshot import ServedModels
from serving.settings import ServingSettings


def make_app(
    follower: ModelFollower,
    access: Access,
    settings: ServingSettings,
    metrics: Metrics = NO_METRICS,
) -> Starlette:
    """The application over models that may still have to be loaded."""
    page = codes_page()

    @lru_cache(maxsize=1)
    def document(served: ServedModels) -> bytes:
        return to_json(openapi(settings, describe(served)["models"]))

    async def contract(request: Request) -> Response:
        return Response(document(follower.current()), media_type="application/json")

    async def codes(request: Request) -> Response:
        return Response(page, media_type="text/markdown")

    predictions = PredictionsRoute(follower, settings, metrics)
    customers = CustomersRoute(follower, settings, metrics)
    events = EventsRoute(
        EventIntake(follower.home, follower.now, held_limits(follower.online)), settings, metrics
    )
    take_events = idempotent(events.post, lambda: access.answers, settings.max_body_bytes)
    app = Starlette(
        routes=[
            Route(
                "/v1/predictions", ScopedApplication(predictions, *PREDICTIONS), methods=["POST"]
            ),
            Route("/v1/events", scoped(take_events, KeyScope.EVENTS), methods=["POST"]),
            Route("/v1/customers/view", scoped(customers.post, *PREDICTIONS), methods=["POST"]),
            Route("/v1/scores", scoped(ScoresRoute(follower, settings).get, *PREDICTIONS)),
            Route("/v1/models", scoped(ModelsRoute(follower).get, *PREDICTIONS)),
            Route("/openapi.json", contract),
            Route(PAGE, codes),
        ],
        exception_handlers={Problem: answer_problem},
    )
    # A redirect would lose the body of a POST.
    app.router.redirect_slashes = False
    return app
