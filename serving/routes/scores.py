"""`GET /v1/scores`: everybody's scores of the last night, or what has changed since a cursor."""

import logging

from anyio import CapacityLimiter, to_thread
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from holdfast.cores import core_count
from holdfast.errors import InputError, ModelError
from models.feed.files import FeedFiles
from models.score_set import Purpose
from serving.access.caller import purpose
from serving.answers.changed import answer_scores
from serving.answers.freshness import Freshness
from serving.answers.walk import NoScoresError, walk
from serving.contract.cursor import Cursor, ExpiredCursorError
from serving.contract.language import choose_language
from serving.contract.problem import Problem
from serving.contract.scores import ScoresQuery, check_scores
from serving.request_log import note_items
from serving.served.feeds import Feeds
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings

_log = logging.getLogger(__name__)


class ScoresRoute:
    """`GET /v1/scores`.

    Parameters
    ----------
    follower : ModelFollower
        Says who objects to profiling, and what time it is.
    settings : ServingSettings
        How much may be asked at once, and how old features may be.
    """

    def __init__(self, follower: ModelFollower, settings: ServingSettings) -> None:
        self._follower = follower
        self._settings = settings
        self._feeds = Feeds(FeedFiles(follower.home.score_feed))
        self._limiter = CapacityLimiter(core_count())

    async def get(self, request: Request) -> Response:
        """Answer one request.

        Raises
        ------
        Problem
            What is wrong with the request; 409 where there are no scores, 410 where nobody can read
            on from the cursor, 503 while the scores or the online store cannot be read.
        """
        try:
            asked = check_scores(request.query_params.multi_items(), self._settings.max_items)
            since = Cursor.decode(asked["since"]) if "since" in asked else None
            language = choose_language(
                asked.get("language"), request.headers.get("accept-language")
            )
            answer, count = await to_thread.run_sync(
                self._answer,
                *(asked, since, language, purpose(request.scope)),
                abandon_on_cancel=True,
                limiter=self._limiter,
            )
        except NoScoresError:
            raise Problem(
                409,
                "No night has reported the scores of an operator's customers in this home yet.",
                code="no_scores",
            ) from None
        except ExpiredCursorError as error:
            detail = f"Nobody can read on from `since`: {error}. Begin a full export with"
            raise Problem(
                410, f"{detail} `GET /v1/scores` without `since`.", code="cursor_expired"
            ) from None
        except ModelError as error:
            _log.warning("cannot answer with scores: %s", error)
            raise Problem(
                503,
                "The scores cannot be read at present; the server's log says why.",
                headers={"Retry-After": "60"},
            ) from None
        except InputError as error:
            raise Problem.from_input_error(error) from None
        note_items(request.scope, count)
        return Response(
            answer, media_type="application/json", headers={"Content-Language": language}
        )

    def _answer(
        self, asked: ScoresQuery, since: Cursor | None, language: str, why: Purpose
    ) -> tuple[bytes, int]:
        settings, now = self._settings, self._follower.now()
        count = asked.get("limit", settings.max_items)
        read = walk(self._feeds, since, asked.get("models"), count, now)
        freshness = Freshness(now, settings.stale_days, settings.withhold_days)
        people = self._follower.current().people
        answer = answer_scores(read, people, freshness, why, language, asked["reasons"])
        return to_json(answer), len(read.rows)
