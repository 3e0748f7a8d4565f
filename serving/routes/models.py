"""`GET /v1/models`: what is served."""

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from serving.served.description import describe
from serving.served.follower import ModelFollower


class ModelsRoute:
    """`GET /v1/models` over models that may still have to be loaded.

    Parameters
    ----------
    follower : ModelFollower
        Says what is served.
    """

    def __init__(self, follower: ModelFollower) -> None:
        self._follower = follower

    async def get(self, request: Request) -> Response:
        """Answer one request."""
        answer = to_json(describe(self._follower.current()))
        return Response(answer, media_type="application/json")
