"""The application mounted in the service: its routes, and every error as a problem document."""

from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.access.caller import scoped
from serving.access.scope import PREDICTIONS
from serving.champion import Champion
from serving.contract.openapi import openapi
from serving.contract.problem import Problem, answer_problem
from serving.routes.predictions import PredictionsRoute
from serving.settings import ServingSettings


def make_app(champion: Champion, settings: ServingSettings) -> Starlette:
    """The application over a champion that may still have to be loaded."""
    document = to_json(openapi(settings))
    predictions = PredictionsRoute(champion, settings)

    async def contract(request: Request) -> Response:
        return Response(document, media_type="application/json")

    return Starlette(
        routes=[
            Route("/v1/predictions", scoped(predictions.post, *PREDICTIONS), methods=["POST"]),
            Route("/openapi.json", contract),
        ],
        exception_handlers={Problem: answer_problem},
    )
