"""`POST /v1/consents`: what customers consent to and withdraw, into the one store that care asks."""

import hashlib
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from anyio import to_thread
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from care.consents import ConsentStatement
from features.erased.erased_ids import ErasedFile
from holdfast.clock import Clock
from holdfast.errors import HoldfastError, HomeError, InputError
from serving.access.body import read_body
from serving.contract.care.consents import ConsentsAnswer, TakenConsent, read_consents
from serving.contract.problem import Problem
from serving.events.intake import EventIntake
from serving.request_log import note_items
from serving.routes.json_body import read_document, require_json
from serving.served.ledger import ServedLedger
from serving.settings import ServingSettings

if TYPE_CHECKING:
    from care.ledger.consents import RecordedConsent
    from serving.contract.events import EventDocument

_log = logging.getLogger(__name__)


class ConsentsRoute:
    """`POST /v1/consents`.

    Parameters
    ----------
    ledger : ServedLedger
        The store of consents.
    erased : ErasedFile
        Of whom nothing is taken.
    intake : EventIntake
        Tells live features, which say whom marketing may see predictions of.
    now : Clock
        What time it is for the operator.
    settings : ServingSettings
        How much may be sent at once.
    """

    def __init__(
        self,
        ledger: ServedLedger,
        erased: ErasedFile,
        intake: EventIntake,
        now: Clock,
        settings: ServingSettings,
    ) -> None:
        self._ledger, self._erased, self._intake = ledger, erased, intake
        self._now, self._settings = now, settings

    async def post(self, request: Request) -> Response:
        """Take the statements of one request: all of them, or none.

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
        now = self._now()
        try:
            statements = read_consents(read_document(body), self._settings.max_items, now)
        except InputError as error:
            raise Problem.from_input_error(error) from None
        note_items(request.scope, len(statements))
        erased = self._are_erased([one.customer_id for one in statements])
        kept = [one for one, is_gone in zip(statements, erased, strict=True) if not is_gone]
        with self._ledger.using() as ledger:
            recorded = ledger.consents.record(kept, "request", now)
        self._tell_features(kept, recorded)
        fates = iter(recorded)
        taken: list[TakenConsent] = [
            {"status": "erased"}
            if is_gone
            else {"status": "taken" if next(fates).is_new else "repeated"}
            for is_gone in erased
        ]
        answer: ConsentsAnswer = {"consents": taken}
        return Response(to_json(answer), media_type="application/json")

    def _are_erased(self, customers: Sequence[str]) -> Sequence[bool]:
        try:
            return self._erased().hold("customer_id", customers).tolist()
        except HomeError as error:
            _log.warning("cannot take consents: %s", error)
            raise Problem(503, "The list of who was erased cannot be read.") from None

    def _tell_features(
        self, statements: Sequence[ConsentStatement], recorded: "Sequence[RecordedConsent]"
    ) -> None:
        """An objection counts for predictions at once, too, where the home has live features."""
        events = [_event(one, of) for one, of in zip(statements, recorded, strict=True)]
        try:
            if events:
                self._intake.take(events)
        except HoldfastError as error:
            _log.debug("no live features to tell of consents: %s", error)


def _event(one: ConsentStatement, recorded: "RecordedConsent") -> "EventDocument":
    """A statement as the row that every later sending of it gives again."""
    row = {
        "customer_id": one.customer_id,
        "purpose": one.purpose,
        "channel": one.channel,
        "state": "granted" if one.is_granted else "withdrawn",
        "happened_at": one.happened_at.isoformat(),
        "arrived_at": max(recorded.at, one.happened_at).isoformat(),
    }
    digest = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()
    document = {"event_id": f"consent-{digest[:32]}", "table": "consents", "row": row}
    return cast("EventDocument", document)
