"""`POST /v1/customers/view`: what an agent should see of customers."""

import logging

from anyio import to_thread
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import InputError, ModelError
from models.score_set import Purpose
from serving.access.body import read_body
from serving.access.caller import purpose
from serving.answers.customers import view_customers
from serving.answers.freshness import Freshness
from serving.contract.customers import CustomersRequest, check_customers
from serving.contract.language import choose_language
from serving.contract.problem import Problem
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.request_log import note_items
from serving.routes.json_body import read_document, require_json
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings

_log = logging.getLogger(__name__)


class CustomersRoute:
    """`POST /v1/customers/view`.

    Parameters
    ----------
    follower : ModelFollower
        Says what to predict with, and what time it is.
    settings : ServingSettings
        How much may be asked at once, and how old features may be.
    metrics : Metrics
        Where answers are counted.
    """

    def __init__(
        self,
        follower: ModelFollower,
        settings: ServingSettings,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._follower = follower
        self._metrics = metrics
        self._settings = settings

    async def post(self, request: Request) -> Response:
        """Answer one request.

        Raises
        ------
        Problem
            What is wrong with the request, or 503 while models and online store do not fit.
        """
        require_json(request.scope)
        body = await read_body(request.scope, request.receive, self._settings.max_body_bytes)
        try:
            asked = check_customers(read_document(body), self._settings.max_items)
            note_items(request.scope, len(asked["customer_ids"]))
            language = choose_language(
                asked.get("language"), request.headers.get("accept-language")
            )
            answer = await to_thread.run_sync(self._answer, asked, language, purpose(request.scope))
        except ModelError as error:
            _log.warning("cannot answer: %s", error)
            raise Problem.being_replaced() from None
        except InputError as error:
            raise Problem.from_input_error(error) from None
        return Response(
            answer, media_type="application/json", headers={"Content-Language": language}
        )

    def _answer(self, asked: CustomersRequest, language: str, why: Purpose) -> bytes:
        settings = self._settings
        freshness = Freshness(self._follower.now(), settings.stale_days, settings.withhold_days)
        view = view_customers(self._follower.current(), asked, language, freshness, why)
        self._metrics.count_entities(kept=0, computed=len(asked["customer_ids"]))
        for customer in view["customers"]:
            self._metrics.count_predictions(customer["predictions"])
            for subscription in customer["subscriptions"]:
                self._metrics.count_predictions(subscription["predictions"])
        return to_json(view)
