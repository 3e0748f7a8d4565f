"""The application mounted in the service: its routes, and every error as a problem document."""

from collections.abc import Sequence
from functools import lru_cache, partial

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from care.consents import ConsentStatement
from care.settings import CareSettings
from features.erased.erased_ids import ErasedFile
from holdfast.clock import Clock
from serving.access.access import Access
from serving.access.caller import Endpoint, ScopedApplication, scoped
from serving.access.idempotency import idempotent
from serving.access.scope import CARE, PREDICTIONS, KeyScope
from serving.contract.codes import PAGE, codes_page
from serving.contract.openapi import openapi
from serving.contract.problem import Problem, answer_problem
from serving.events.intake import EventIntake, held_limits
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.routes.campaigns import CampaignsRoute
from serving.routes.consents import ConsentsRoute
from serving.routes.customers import CustomersRoute
from serving.routes.decisions import DecisionsRoute
from serving.routes.events import EventsRoute
from serving.routes.jobs import JobsRoute
from serving.routes.models import ModelsRoute
from serving.routes.outcomes import OutcomesRoute
from serving.routes.predictions import PredictionsRoute
from serving.routes.scores import ScoresRoute
from serving.served.description import describe
from serving.served.follower import ModelFollower
from serving.served.ledger import ServedLedger
from serving.served.snapshot import ServedModels
from serving.settings import ServingSettings

OWN_LEDGER = CareSettings()
"""The ledger lies in the home."""


def make_app(
    follower: ModelFollower,
    access: Access,
    settings: ServingSettings,
    metrics: Metrics = NO_METRICS,
    care: CareSettings = OWN_LEDGER,
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
    ledger = ServedLedger(follower.home, care)
    intake = EventIntake(
        *(follower.home, follower.now, held_limits(follower.online)),
        consented=partial(_record_events, ledger, follower.now),
    )
    events = EventsRoute(intake, settings, metrics)
    consents = ConsentsRoute(
        ledger, ErasedFile(follower.home.erased), intake, follower.now, settings
    )
    outcomes = OutcomesRoute(ledger, follower.now, settings)
    decisions = DecisionsRoute(follower.home, ledger, care, follower.now, settings)
    campaigns = CampaignsRoute(ledger, follower.now, settings)
    jobs = JobsRoute(ledger, follower.now, settings)

    def once(endpoint: Endpoint) -> Endpoint:
        return idempotent(endpoint, lambda: access.answers, settings.max_body_bytes)

    app = Starlette(
        routes=[
            Route(
                "/v1/predictions", ScopedApplication(predictions, *PREDICTIONS), methods=["POST"]
            ),
            Route("/v1/events", scoped(once(events.post), KeyScope.EVENTS), methods=["POST"]),
            Route("/v1/consents", scoped(once(consents.post), KeyScope.CONSENTS), methods=["POST"]),
            Route("/v1/outcomes", scoped(once(outcomes.post), KeyScope.OUTCOMES), methods=["POST"]),
            Route("/v1/campaigns", scoped(campaigns.get, *CARE)),
            Route(
                "/v1/campaigns/approve",
                scoped(once(campaigns.approve), KeyScope.CARE_APPROVE),
                methods=["POST"],
            ),
            Route("/v1/campaigns/measure", scoped(once(jobs.measure), *CARE), methods=["POST"]),
            Route("/v1/jobs", scoped(jobs.get, *CARE)),
            Route(
                "/v1/decisions/check",
                scoped(decisions.post, KeyScope.DECISIONS),
                methods=["POST"],
            ),
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


def _record_events(
    ledger: ServedLedger, now: Clock, statements: Sequence[ConsentStatement]
) -> None:
    with ledger.using() as opened:
        opened.consents.record(statements, "event", now())
