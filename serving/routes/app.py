"""The `/v1` application: reads a request, has it answered without holding up others, writes the
answer.
"""

import logging
import os
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from pydantic_core import to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.errors import InputError, ModelError
from serving.access.body import read_body
from serving.champion import Champion
from serving.contract.predictions import PredictionsRequest, check_request, parse_json
from serving.contract.problem import Problem, answer_problem
from serving.routes.openapi import openapi
from serving.routes.predictions import predict
from serving.settings import ServingSettings

# What takes longer than some milliseconds goes to a thread; below that, the way there and back
# costs more than it saves.
_INLINE_BYTES = 16_384
_INLINE_COST = 40
_COST_OF_REASONS = 20  # explaining a row, in scored rows

T = TypeVar("T")

_log = logging.getLogger(__name__)


def make_app(champion: Champion, settings: ServingSettings) -> Starlette:
    """The application over a champion that may still have to be loaded."""
    document = to_json(openapi(settings))

    async def contract(request: Request) -> Response:
        return Response(document, media_type="application/json")

    return Starlette(
        routes=[
            Route("/v1/predictions", _Predictions(champion, settings).post, methods=["POST"]),
            Route("/openapi.json", contract),
        ],
        exception_handlers={Problem: answer_problem},
    )


class _Predictions:
    def __init__(self, champion: Champion, settings: ServingSettings) -> None:
        self._champion = champion
        self._settings = settings
        self._limiter = CapacityLimiter(os.cpu_count() or 1)

    async def post(self, request: Request) -> Response:
        body = await read_body(request, self._settings.max_body_bytes)
        try:
            asked = await self._call(len(body) > _INLINE_BYTES, lambda: self._parse(body))
            answer = await self._answer(asked)
        except ModelError as error:
            _log.warning("cannot answer: %s", error)
            raise Problem(
                503,
                "Model or feature store are being replaced; ask again.",
                headers={"Retry-After": "1"},
            ) from None
        except InputError as error:
            raise Problem.from_input_error(error) from None
        return Response(answer, media_type="application/json")

    def _parse(self, body: bytes) -> PredictionsRequest:
        try:
            document = parse_json(body)
        except ValueError as error:
            raise Problem(400, f"The body must be JSON in UTF-8: {error}") from None
        return check_request(document, self._settings.max_items)

    async def _answer(self, asked: PredictionsRequest) -> bytes:
        items = len(asked["customer_ids"] if "customer_ids" in asked else asked["rows"])
        cost = items * (_COST_OF_REASONS if asked["reasons"] else 1)

        def answer() -> bytes:
            return to_json(predict(self._champion.current(), asked))

        try:
            return await self._call(cost > _INLINE_COST, answer)
        except ModelError:
            # Model or records were replaced since the last refresh: take what is there now, once.
            await self._call(True, self._champion.refresh)
            return await self._call(cost > _INLINE_COST, answer)

    async def _call(self, slow: bool, function: Callable[[], T]) -> T:
        if slow:
            return await to_thread.run_sync(function, abandon_on_cancel=True, limiter=self._limiter)
        return function()
