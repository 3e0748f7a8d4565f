"""`POST /v1/events`: takes rows of raw tables into the live features as they arrive."""

import logging

from anyio import to_thread
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from holdfast.errors import HomeError, InputError, ModelError
from serving.access.body import read_body
from serving.contract.events import check_events
from serving.contract.problem import Problem
from serving.events.intake import EventIntake
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.request_log import note_items
from serving.routes.json_body import read_document, require_json
from serving.settings import ServingSettings

_log = logging.getLogger(__name__)


class EventsRoute:
    """`POST /v1/events`.

    Parameters
    ----------
    intake : EventIntake
        Takes the events.
    settings : ServingSettings
        How much may be sent at once.
    metrics : Metrics
        Where events are counted.
    """

    def __init__(
        self, intake: EventIntake, settings: ServingSettings, metrics: Metrics = NO_METRICS
    ) -> None:
        self._intake = intake
        self._metrics = metrics
        self._settings = settings

    async def post(self, request: Request) -> Response:
        """Take the events of one request: all of them, or none.

        Raises
        ------
        Problem
            What is wrong with the request; 409 where the home has no features that events could
            update, or may not be written.
        """
        require_json(request.scope)
        body = await read_body(request.scope, request.receive, self._settings.max_body_bytes)
        # A commit waits for the disk, so none happens between other requests.
        return await to_thread.run_sync(self._answer, request, body)

    def _answer(self, request: Request, body: bytes) -> Response:
        document = read_document(body)
        try:
            asked = check_events(document, self._settings.max_items)
            note_items(request.scope, len(asked["events"]))
            taken = self._intake.take(asked["events"])
        except (ModelError, HomeError) as error:
            _log.warning("cannot take events: %s", error)
            raise Problem(
                409,
                "This home takes no events: it needs an operator's features in the packed online"
                " store, and must be writable. The server's log says what is missing.",
                code="no_events",
            ) from None
        except InputError as error:
            raise Problem.from_input_error(error) from None
        pairs = zip(asked["events"], taken["events"], strict=True)
        self._metrics.count_events((sent["table"], one["status"]) for sent, one in pairs)
        self._metrics.note_held(self._intake.held())
        return Response(to_json(taken), media_type="application/json")
