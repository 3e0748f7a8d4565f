"""`POST /v1/predictions`: reads a request, has it answered without blocking other requests, writes the
answer.
"""

import logging
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.types import Receive, Scope, Send

from holdfast.cores import core_count
from holdfast.errors import InputError, ModelError
from models.score_set import Purpose
from serving.access.body import read_body
from serving.access.caller import purpose
from serving.answers.answering import Answering
from serving.answers.question import Question, UnavailableModelError
from serving.contract.language import choose_language
from serving.contract.predictions import check_request
from serving.contract.problem import Problem
from serving.headers import header
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.request_log import note_items
from serving.routes.json_body import read_document, require_json
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings

# Work of more than some milliseconds goes to a thread; for less, the change of thread costs more
# than it saves.
_INLINE_BYTES = 16_384
_SHORT_BYTES, _KEPT_REQUESTS = 4_096, 1_024
_INLINE_COST = 40
_COST_OF_REASONS = 20  # explaining a row, in scored rows

T = TypeVar("T")

_log = logging.getLogger(__name__)


class PredictionsRoute:
    """`POST /v1/predictions` over models that may still have to be loaded.

    Parameters
    ----------
    follower : ModelFollower
        Says what to predict with.
    settings : ServingSettings
        How much may be asked at once, and how old features may be.
    metrics : Metrics
        Where answers are counted.
    """

    def __init__(
        self,
        follower: ModelFollower,
        settings: ServingSettings,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._follower = follower
        self._settings = settings
        self._answering = Answering(follower, settings, metrics)
        self._limiter = CapacityLimiter(core_count())
        # Callers ask the same again; a request is never changed once it is read.
        self._read_short = lru_cache(_KEPT_REQUESTS if settings.kept_mb else 0)(self._read)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises
        ------
        Problem
            What is wrong with the request, or 503 while models and online store do not fit.
        """
        require_json(scope)
        body = await read_body(scope, receive, self._settings.max_body_bytes)
        try:
            if len(body) <= _SHORT_BYTES:
                question = self._read_short(body)
            else:
                question = await self._call(len(body) > _INLINE_BYTES, lambda: self._read(body))
            note_items(scope, question.items)
            language = choose_language(
                question.request.get("language"), header(scope, b"accept-language")
            )
            answer = await self._answer(question, language, purpose(scope))
        except ModelError as error:
            _log.warning("cannot answer: %s", error)
            raise Problem.being_replaced() from None
        except UnavailableModelError as error:
            raise Problem(503, str(error), code="model_unavailable") from None
        except InputError as error:
            raise Problem.from_input_error(error) from None
        headers = [
            (b"content-language", language.encode()),
            (b"content-length", b"%d" % len(answer)),
            (b"content-type", b"application/json"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    def _read(self, body: bytes) -> Question:
        return Question.of(check_request(read_document(body), self._settings.max_items))

    async def _answer(self, question: Question, language: str, why: Purpose) -> bytes:
        cost = question.items * (_COST_OF_REASONS if question.request["reasons"] else 1)

        def answer() -> bytes:
            return self._answering.answer(question, language, why)

        try:
            return await self._call(cost > _INLINE_COST, answer)
        except ModelError:
            # Models or records were replaced since the last refresh: take what is there now, once.
            await self._call(True, self._follower.refresh)
            return await self._call(cost > _INLINE_COST, answer)

    async def _call(self, slow: bool, function: Callable[[], T]) -> T:
        if slow:
            return await to_thread.run_sync(function, abandon_on_cancel=True, limiter=self._limiter)
        return function()
