"""`GET /v1/campaigns` and `POST /v1/campaigns/approve`."""

from anyio import to_thread
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from care.ledger.rows import Approver
from holdfast.clock import Clock
from holdfast.errors import InputError
from serving.access.body import read_body
from serving.access.caller import Caller, caller_of
from serving.contract.care.campaigns import read_approval, read_query
from serving.contract.problem import Problem
from serving.request_log import note_items
from serving.routes.json_body import read_document, require_json
from serving.served.ledger import ServedLedger
from serving.settings import ServingSettings


class CampaignsRoute:
    """The routes about campaigns.

    Parameters
    ----------
    ledger : ServedLedger
        Where they are.
    now : Clock
        What time it is for the operator.
    settings : ServingSettings
        How large a body may be.
    """

    def __init__(self, ledger: ServedLedger, now: Clock, settings: ServingSettings) -> None:
        self._ledger, self._now, self._settings = ledger, now, settings

    async def get(self, request: Request) -> Response:
        """Show all campaigns, or one.

        Raises
        ------
        Problem
            What is wrong with the request; 409 where there is no ledger, 503 where it does not
            answer.
        """
        return await to_thread.run_sync(self._show, request)

    async def approve(self, request: Request) -> Response:
        """Approve the newest plan of a campaign, as the person whose key it is.

        Raises
        ------
        Problem
            As of `get`; 403 where the request brings no key, or a key of no person.
        """
        require_json(request.scope)
        body = await read_body(request.scope, request.receive, self._settings.max_body_bytes)
        return await to_thread.run_sync(self._approve, request, body)

    def _show(self, request: Request) -> Response:
        # Imported here: a service that is never asked about care starts without it.
        from care.ledger.overview import overview_of, overviews

        try:
            asked = read_query(request.query_params.multi_items())
            with self._ledger.using() as ledger:
                shown = overviews(ledger) if asked is None else [overview_of(ledger, asked)]
        except InputError as error:
            raise Problem.from_input_error(error) from None
        note_items(request.scope, len(shown))
        document = {"campaigns": [one.to_json() for one in shown]}
        return Response(to_json(document), media_type="application/json")

    def _approve(self, request: Request, body: bytes) -> Response:
        from care.ledger.approving import approve_newest

        by = _approver(caller_of(request.scope))
        try:
            asked = read_approval(read_document(body))
            with self._ledger.using() as ledger:
                approval = approve_newest(
                    ledger, asked["campaign_id"], by, asked["digest"], self._now()
                )
        except InputError as error:
            raise Problem.from_input_error(error) from None
        note_items(request.scope, approval.to_send)
        return Response(to_json(approval.to_json()), media_type="application/json")


def _approver(caller: Caller) -> Approver:
    if caller.name is None or caller.person is None:
        raise Problem(
            403,
            "A plan is approved by a named person: the request needs an API key with the scope"
            " `care:approve`, also where the service asks nobody else for one.",
        )
    return Approver(name=caller.person, how="key", key=caller.name)
