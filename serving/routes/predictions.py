"""From a checked request to its answer."""

from collections.abc import Sequence
from datetime import UTC

import numpy as np

from features.encoding.encoding import Column, Value
from features.online.service import oldest
from holdfast.arrays import Floats
from holdfast.errors import ModelError
from serving.champion import Loaded
from serving.contract.predictions import Prediction, PredictionsAnswer, PredictionsRequest, Reason

UNKNOWN = "no such customer in the feature store"


def predict(loaded: Loaded, request: PredictionsRequest) -> PredictionsAnswer:
    """Predict for customers or rows, in the order asked.

    Parameters
    ----------
    loaded : Loaded
        What to predict with.
    request : PredictionsRequest
        As `contract.check_request` gives it.

    Raises
    ------
    InputError
        A row does not fit the table that the model was trained on.
    ModelError
        The online store no longer fits what is loaded.
    """
    count = request["reasons"]
    if "customer_ids" in request:
        predictions = _of_customers(loaded, request["customer_ids"], count)
    else:
        ids = loaded.reader.ids(request["rows"])
        matrix = loaded.reader.encode(request["rows"])
        predictions = _predictions(
            loaded, loaded.reader.encoding.columns, matrix, ids, [None] * len(ids), count
        )
    version = loaded.version
    return {
        "model": {"name": version.model.name, "version": version.number},
        "predictions": predictions,
    }


def _of_customers(loaded: Loaded, ids: Sequence[str], count: int) -> list[Prediction]:
    matrix, by_view = loaded.read(ids)
    times = oldest(by_view)
    known = np.flatnonzero(~np.isnat(times))
    moments = [time.replace(tzinfo=UTC).isoformat() for time in times[known].tolist()]
    answers = [_unknown(customer_id) for customer_id in ids]
    # The store's own encoding: it may hold categories that came after the model.
    columns = (loaded.online.encoding or loaded.reader.encoding).columns
    found = _predictions(
        loaded,
        columns,
        matrix[known],
        [ids[position] for position in known.tolist()],
        moments,
        count,
    )
    for position, prediction in zip(known.tolist(), found, strict=True):
        answers[position] = prediction
    return answers


def _predictions(
    loaded: Loaded,
    columns: Sequence[Column],
    matrix: Floats,
    ids: Sequence[str | None],
    moments: Sequence[str | None],
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
            "feature_time": moment,
            "error": None,
        }
        for customer_id, probability, band, base, why, moment in zip(
            ids,
            scores.probability.tolist(),
            scores.band.tolist(),
            bases,
            reasons,
            moments,
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
        "error": UNKNOWN,
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
