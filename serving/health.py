"""Whether the service can be asked for predictions: what `/readyz` answers."""

from collections.abc import Callable

from pydantic_core import to_json
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.errors import ModelError
from serving.contract.problem import Problem
from serving.served.follower import ModelFollower

READY_PATH = "/readyz"


class Health:
    """Readiness of one server.

    Parameters
    ----------
    follower : ModelFollower
        Says what it serves.
    all_serve : callable
        Whether all workers have come to serve, of which this server is one.
    """

    def __init__(
        self, follower: ModelFollower, all_serve: Callable[[], bool] = lambda: True
    ) -> None:
        self._follower = follower
        self._all_serve = all_serve
        self.stopping = False
        """Whether the server has been asked to stop; it still answers for a while."""

    def is_ready(self) -> bool:
        """Whether a prediction can be asked for now, and soon after."""
        try:
            self._follower.current().check()
        except ModelError:
            return False
        return not self.stopping and self._all_serve()

    def report(self) -> Response:
        """Models with the versions that are served, and those whose newest version cannot be loaded.
        Why is in the log alone, because nobody needs a key to ask.

        Raises
        ------
        Problem
            503, while nothing can be asked for.
        """
        if not self.is_ready():
            raise Problem(503, "The server is not ready to answer.")
        served = self._follower.current()
        versions = {name: model.number for name, model in served.models.items()}
        report = {"models": versions, "cannot_be_loaded": list(served.problems)}
        return Response(to_json(report), media_type="application/json")


class ReadinessMiddleware:
    """Answers `/readyz` in the place of BentoML, whose answer has no content.

    Parameters
    ----------
    app : ASGI application
        Answers everything else.
    health : Health
        Says what to answer.
    """

    def __init__(self, app: ASGIApp, health: Health) -> None:
        self._app = app
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"] == READY_PATH and scope["method"] == "GET":
            await self._health.report()(scope, receive, send)
        else:
            await self._app(scope, receive, send)
