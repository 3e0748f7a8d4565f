"""`POST /v1/predictions`: reads a request, has it answered without blocking other requests, writes the
answer.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import numpy as np
from anyio import CapacityLimiter, to_thread
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response

from features.encoding.encoding import Column, Value
from features.online.service import oldest, stale
from holdfast.arrays import Floats
from holdfast.cores import core_count
from holdfast.errors import InputError, ModelError
from serving.access.body import read_body
from serving.champion import Champion, Loaded
from serving.contract.predictions import (
    UNKNOWN_CUSTOMER,
    Prediction,
    PredictionsAnswer,
    PredictionsRequest,
    Reason,
    check_request,
    parse_json,
)
from serving.contract.problem import Problem
from serving.settings import ServingSettings

# Work of more than some milliseconds goes to a thread; for less, the change of thread costs more
# than it saves.
_INLINE_BYTES = 16_384
_INLINE_COST = 40
_COST_OF_REASONS = 20  # explaining a row, in scored rows

T = TypeVar("T")

_log = logging.getLogger(__name__)


class PredictionsRoute:
    """`POST /v1/predictions` over a champion that may still have to be loaded.

    Parameters
    ----------
    champion : Champion
        What to predict with.
    settings : ServingSettings
        How much may be asked at once.
    """

    def __init__(self, champion: Champion, settings: ServingSettings) -> None:
        self._champion = champion
        self._settings = settings
        self._limiter = CapacityLimiter(core_count())

    async def post(self, request: Request) -> Response:
        """Answer one request.

        Raises
        ------
        Problem
            What is wrong with the request, or 503 while model and online store do not fit.
        """
        body = await read_body(request, self._settings.max_body_bytes)
        try:
            asked = await self._call(len(body) > _INLINE_BYTES, lambda: self._parse(body))
            answer = await self._answer(asked)
        except ModelError as error:
            _log.warning("cannot answer: %s", error)
            raise Problem(
                503,
                "Model or feature store are being replaced; send the request again.",
                headers={"Retry-After": "1"},
            ) from None
        except InputError as error:
            raise Problem.from_input_error(error) from None
        return Response(answer, media_type="application/json")

    def _parse(self, body: bytes) -> PredictionsRequest:
        try:
            document = parse_json(body)
        except ValueError as error:
            raise Problem(400, f"The body must be JSON in UTF-8: {error}") from None
        return check_request(document, self._settings.max_items)

    async def _answer(self, asked: PredictionsRequest) -> bytes:
        items = len(asked["customer_ids"] if "customer_ids" in asked else asked["rows"])
        cost = items * (_COST_OF_REASONS if asked["reasons"] else 1)

        def answer() -> bytes:
            return to_json(predict(self._champion.current(), asked, self._champion.now()))

        try:
            return await self._call(cost > _INLINE_COST, answer)
        except ModelError:
            # Model or records were replaced since the last refresh: take what is there now, once.
            await self._call(True, self._champion.refresh)
            return await self._call(cost > _INLINE_COST, answer)

    async def _call(self, slow: bool, function: Callable[[], T]) -> T:
        if slow:
            return await to_thread.run_sync(function, abandon_on_cancel=True, limiter=self._limiter)
        return function()


def predict(loaded: Loaded, request: PredictionsRequest, now: datetime) -> PredictionsAnswer:
    """Predict for customers or rows, in the order asked.

    Parameters
    ----------
    loaded : Loaded
        What to predict with.
    request : PredictionsRequest
        As `contract.check_request` gives it.
    now : datetime
        What time it is, with a zone; which features are stale depends on it.

    Raises
    ------
    InputError
        A row does not fit the table that the model was trained on.
    ModelError
        The online store no longer fits what is loaded.
    """
    count = request["reasons"]
    if "customer_ids" in request:
        predictions = _of_customers(loaded, request["customer_ids"], count, now)
    else:
        ids = loaded.reader.ids(request["rows"])
        encoded = loaded.reader.encode(request["rows"])
        predictions = _predictions(
            loaded, loaded.reader.encoding.columns, encoded.matrix, ids, [None] * len(ids), count
        )
        for prediction, unseen in zip(predictions, encoded.unseen, strict=True):
            prediction["unseen"] = unseen
    version = loaded.version
    return {
        "model": {
            "name": version.model.name,
            "version": version.number,
            "shadow": loaded.address.shadow,
        },
        "predictions": predictions,
    }


def _of_customers(
    loaded: Loaded, ids: Sequence[str], count: int, now: datetime
) -> list[Prediction]:
    matrix, by_view = loaded.read(ids)
    times = oldest(by_view)
    present = np.flatnonzero(~np.isnat(times))
    feature_times = [time.replace(tzinfo=UTC).isoformat() for time in times[present].tolist()]
    answers = [_unknown(customer_id) for customer_id in ids]
    # The store's own encoding: it may hold categories that came after the model.
    columns = (loaded.online.encoding or loaded.reader.encoding).columns
    predictions = _predictions(
        loaded,
        columns,
        matrix[present],
        [ids[position] for position in present.tolist()],
        feature_times,
        count,
    )
    views = [view.name for view in loaded.online.views]
    late = stale(loaded.online, by_view, now)
    for position, prediction in zip(present.tolist(), predictions, strict=True):
        prediction["stale"] = [views[place] for place in np.flatnonzero(late[position]).tolist()]
        answers[position] = prediction
    return answers


def _predictions(
    loaded: Loaded,
    columns: Sequence[Column],
    matrix: Floats,
    ids: Sequence[str | None],
    feature_times: Sequence[str | None],
    count: int,
) -> list[Prediction]:
    scores = loaded.scorer.score(matrix)
    bases = loaded.scorer.base(matrix).tolist()
    reasons = _reasons(loaded, columns, matrix, count)
    return [
        {
            "customer_id": customer_id,
            "probability": probability,
            "band": band,
            "base": base,
            "reasons": why,
            "feature_time": feature_time,
            "stale": [],
            "unseen": [],
            "error": None,
        }
        for customer_id, probability, band, base, why, feature_time in zip(
            ids,
            scores.probability.tolist(),
            scores.band.tolist(),
            bases,
            reasons,
            feature_times,
            strict=True,
        )
    ]


def _unknown(customer_id: str) -> Prediction:
    return {
        "customer_id": customer_id,
        "probability": None,
        "band": None,
        "base": None,
        "reasons": [],
        "feature_time": None,
        "stale": [],
        "unseen": [],
        "error": UNKNOWN_CUSTOMER,
    }


def _reasons(
    loaded: Loaded, columns: Sequence[Column], matrix: Floats, count: int
) -> list[list[Reason]]:
    if count == 0 or len(matrix) == 0:
        return [[] for _ in matrix]
    explanation = loaded.scorer.explain(matrix)
    return [
        [
            {
                "feature": columns[k].name,
                "value": _value(columns[k], row[k]),
                "contribution": float(moved[k]),
            }
            for k in strongest
        ]
        for row, moved, strongest in zip(
            matrix, explanation.contributions, explanation.strongest(count).tolist(), strict=True
        )
    ]


def _value(column: Column, code: float) -> Value:
    try:
        return column.decode(code)
    except IndexError:
        raise ModelError(
            column.name, "holds a category that came after the store's encoding was read"
        ) from None
