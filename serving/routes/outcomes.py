"""`POST /v1/outcomes`: what came of decisions of care, as channels report it."""

from anyio import to_thread
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from holdfast.clock import Clock
from holdfast.errors import InputError
from serving.access.body import read_body
from serving.contract.care.outcomes import OutcomesAnswer, read_outcomes
from serving.contract.problem import Problem
from serving.request_log import note_items
from serving.routes.json_body import read_document, require_json
from serving.served.ledger import ServedLedger
from serving.settings import ServingSettings


class OutcomesRoute:
    """`POST /v1/outcomes`.

    Parameters
    ----------
    ledger : ServedLedger
        Where decisions are.
    now : Clock
        What time it is for the operator.
    settings : ServingSettings
        How much may be sent at once.
    """

    def __init__(self, ledger: ServedLedger, now: Clock, settings: ServingSettings) -> None:
        self._ledger, self._now, self._settings = ledger, now, settings

    async def post(self, request: Request) -> Response:
        """Take the outcomes of one request.

        Raises
        ------
        Problem
            What is wrong with the request; 409 where there is no ledger, 503 where it does not
            answer.
        """
        require_json(request.scope)
        body = await read_body(request.scope, request.receive, self._settings.max_body_bytes)
        return await to_thread.run_sync(self._answer, request, body)

    def _answer(self, request: Request, body: bytes) -> Response:
        try:
            outcomes = read_outcomes(read_document(body), self._settings.max_items, self._now())
        except InputError as error:
            raise Problem.from_input_error(error) from None
        note_items(request.scope, len(outcomes))
        with self._ledger.using() as ledger:
            fates = ledger.record_outcomes(outcomes)
        answer: OutcomesAnswer = {
            "outcomes": [
                {"decision_id": one.decision_id, "status": fate}
                for one, fate in zip(outcomes, fates, strict=True)
            ]
        }
        return Response(to_json(answer), media_type="application/json")
