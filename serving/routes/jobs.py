"""`POST /v1/campaigns/measure` and `GET /v1/jobs`: the service writes jobs, and does none."""

from anyio import to_thread
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from holdfast.clock import Clock
from holdfast.errors import InputError
from serving.access.body import read_body
from serving.access.caller import caller_of
from serving.contract.care.jobs import read_jobs_query, read_measure
from serving.contract.problem import Problem
from serving.request_log import note_items
from serving.routes.json_body import read_document, require_json
from serving.served.ledger import ServedLedger
from serving.settings import ServingSettings


class JobsRoute:
    """The routes about jobs.

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
        """Show the newest jobs, or one.

        Raises
        ------
        Problem
            What is wrong with the request; 409 where there is no ledger, 503 where it does not
            answer.
        """
        return await to_thread.run_sync(self._show, request)

    async def measure(self, request: Request) -> Response:
        """Ask to have a campaign measured; asked again before that has begun, it is the same job.

        Raises
        ------
        Problem
            As of `get`.
        """
        require_json(request.scope)
        body = await read_body(request.scope, request.receive, self._settings.max_body_bytes)
        return await to_thread.run_sync(self._ask, request, body)

    def _show(self, request: Request) -> Response:
        try:
            asked = read_jobs_query(request.query_params.multi_items())
        except InputError as error:
            raise Problem.from_input_error(error) from None
        with self._ledger.using() as ledger:
            jobs = ledger.jobs.newest(asked)
        note_items(request.scope, len(jobs))
        return Response(
            to_json({"jobs": [job.to_json() for job in jobs]}), media_type="application/json"
        )

    def _ask(self, request: Request, body: bytes) -> Response:
        # Imported here: a service that is never asked about care starts without it.
        from care.ledger.overview import overview_of

        by = caller_of(request.scope).name or ""
        try:
            campaign = read_measure(read_document(body))
            with self._ledger.using() as ledger:
                overview_of(ledger, campaign)  # it must have been planned
                job = ledger.jobs.ask(campaign, by, self._now())
        except InputError as error:
            raise Problem.from_input_error(error) from None
        note_items(request.scope, 1)
        return Response(to_json(job.to_json()), media_type="application/json")
