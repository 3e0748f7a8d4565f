"""`POST /v1/decisions/check`: whether a message may be sent, asked just before it is."""

from collections.abc import Sequence
from datetime import datetime
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
    from care.consents import Screenings
    from care.delivery.go import UsesProfiling
    from care.jurisdiction import Jurisdiction
    from care.ledger.rows import DecisionRow

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
        from care.delivery.go import KnownNow, reasons_now
        from care.delivery.night import night_lets_care_run
        from care.jurisdiction import jurisdiction
        from care.ledger.forget import ERASED

        law, now = jurisdiction(self._care.jurisdiction), self._now()
        with self._ledger.using() as ledger:
            decisions = ledger.handed.look_up(set(ids))
            customers = {decision.customer_id for decision, _ in decisions.values()}
            known = KnownNow(
                consents=ledger.consents.in_force(now, customers),
                uses_profiling=self._uses_profiling(law),
                law=law,
                now=now,
                screenings=self._screenings([one for one, _ in decisions.values()], now),
                is_halted=ledger.is_halted,
                care_may_run=night_lets_care_run(self._home.nights),
            )
        checked: list[CheckedDecision] = []
        for one in ids:
            reasons, revision = [UNKNOWN], None
            if one in decisions:
                decision, state = decisions[one]
                reasons = reasons_now(decision, state, known)
                if decision.customer_id != ERASED:
                    revision = known.consents.revision(decision.customer_id)
            checked.append(
                {
                    "decision_id": one,
                    "go": not reasons,
                    "reasons": reasons,
                    "consent_revision": revision,
                }
            )
        return checked

    def _screenings(self, decisions: "Sequence[DecisionRow]", now: datetime) -> "Screenings":
        """What registers say of the customers of offers by phone; nothing is read for others."""
        from care.consents import NO_SCREENINGS, Screenings
        from care.delivery.go import asks_registers

        customers = {one.customer_id for one in decisions if asks_registers(one)}
        if not customers:
            return NO_SCREENINGS
        from features.operator.screenings import screenings_known

        return Screenings(*screenings_known(self._home.raw, now, customers))

    def _uses_profiling(self, law: "Jurisdiction") -> "UsesProfiling":
        """Whether a prediction chooses an action, by the catalogue as it is now."""
        from care.catalogue import catalogue_of, read_catalogue

        try:
            return read_catalogue(catalogue_of(self._home.root), law).uses_profiling
        except HoldfastError:
            # Nobody can know: who objects to profiling is not sent anything.
            return lambda action: True
