"""`POST /v1/decisions/check`: whether a message may be sent, asked just before it is."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anyio import to_thread
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from care.settings import CareSettings
from holdfast.clock import Clock
from holdfast.errors import HoldfastError, InputError
from holdfast.home import Home
from serving.access.body import read_body
from serving.contract.care.decisions import CheckAnswer, CheckedDecision, read_decision_ids
from serving.contract.problem import Problem
from serving.request_log import note_items
from serving.routes.json_body import read_document, require_json
from serving.served.ledger import ServedLedger
from serving.settings import ServingSettings

if TYPE_CHECKING:
    from care.delivery.go import UsesProfiling
    from care.jurisdiction import Jurisdiction

UNKNOWN = "unknown"
"""Why a decision may not be sent that the ledger does not have."""


class DecisionsRoute:
    """`POST /v1/decisions/check`.

    Parameters
    ----------
    home : Home
        Whose catalogue says which actions a prediction chooses.
    ledger : ServedLedger
        Where decisions and consents are.
    care : CareSettings
        Whose rules hold.
    now : Clock
        What time it is for the operator.
    settings : ServingSettings
        How much may be asked at once.
    """

    def __init__(
        self,
        home: Home,
        ledger: ServedLedger,
        care: CareSettings,
        now: Clock,
        settings: ServingSettings,
    ) -> None:
        self._home, self._ledger, self._care = home, ledger, care
        self._now, self._settings = now, settings

    async def post(self, request: Request) -> Response:
        """Check the decisions of one request; nothing is changed.

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
            ids = read_decision_ids(read_document(body), self._settings.max_items)
        except InputError as error:
            raise Problem.from_input_error(error) from None
        note_items(request.scope, len(ids))
        answer: CheckAnswer = {"decisions": self._checked(ids)}
        return Response(to_json(answer), media_type="application/json")

    def _checked(self, ids: Sequence[str]) -> list[CheckedDecision]:
        # Imported here: a service that is never asked about care starts without it.
        from care.delivery.go import reasons_now
        from care.jurisdiction import jurisdiction

        law, now = jurisdiction(self._care.jurisdiction), self._now()
        uses_profiling = self._uses_profiling(law)
        with self._ledger.using() as ledger:
            known = ledger.handed.look_up(set(ids))
            customers = {decision.customer_id for decision, _ in known.values()}
            consents = ledger.consents.in_force(now, customers)
            is_halted = ledger.is_halted
        checked: list[CheckedDecision] = []
        for one in ids:
            reasons = [UNKNOWN]
            if one in known:
                decision, state = known[one]
                reasons = reasons_now(
                    *(decision, state, consents, uses_profiling, law, now),
                    is_halted=is_halted,
                )
            checked.append({"decision_id": one, "go": not reasons, "reasons": reasons})
        return checked

    def _uses_profiling(self, law: "Jurisdiction") -> "UsesProfiling":
        """Whether a prediction chooses an action, by the catalogue as it is now."""
        from care.catalogue import catalogue_of, read_catalogue

        try:
            return read_catalogue(catalogue_of(self._home.root), law).uses_profiling
        except HoldfastError:
            # Nobody can know: who objects to profiling is not sent anything.
            return lambda action: True
