"""Answers about rows of the caller's own."""

from holdfast.errors import InputError
from serving.answers.question import AskedModel, choose_horizons, choose_models
from serving.answers.scores import HorizonScore, score_rows
from serving.contract.predictions import Prediction, PredictionsRequest
from serving.served.snapshot import ServedModels


def answer_rows(
    served: ServedModels, request: PredictionsRequest, language: str, now: str
) -> list[Prediction]:
    """Predictions for the rows of a request, in their order.

    Parameters
    ----------
    served : ServedModels
        What to predict with.
    request : PredictionsRequest
        With rows.
    language : str
        Language of reasons.
    now : str
        When the scores are made, ISO 8601 with offset.

    Raises
    ------
    InputError
        More than one model is asked, or a row does not fit the model.
    """
    asked = _one_model(served, request)
    reader, rows = asked.model.reader, request["rows"]
    encoded = reader.encode(rows, strict=request["strict"])
    scores = score_rows(asked, encoded.matrix, language, request["reasons"])
    return [
        _prediction(asked, horizon, entity, warnings, score, now)
        for entity, warnings, of_row in zip(reader.ids(rows), encoded.warnings, scores, strict=True)
        for horizon, score in enumerate(of_row)
    ]


def _one_model(served: ServedModels, request: PredictionsRequest) -> AskedModel:
    models = choose_models(served, request.get("models"))
    if len(models) != 1:
        raise InputError(
            "models",
            f"must name the one model that rows are for, of {', '.join(served.models)}",
        )
    (asked,) = choose_horizons(models, request.get("horizons_days"), named=True)
    return asked


def _prediction(
    asked: AskedModel,
    horizon: int,
    entity: str | None,
    warnings: list[str],
    score: HorizonScore,
    now: str,
) -> Prediction:
    model = asked.model
    return {
        "customer_id": entity if model.entity == "customer" else None,
        "subscription_id": entity if model.entity == "subscription" else None,
        "model": model.name,
        "version": model.number,
        "horizon_days": model.version.horizons[asked.places[horizon]],
        "probability": score.probability,
        "band": score.band,
        "reasons": score.reasons,
        "feature_time": None,
        "scored_at": now,
        "stale": None,
        "marks": list(model.marks),
        "warnings": warnings,
        "error": None,
    }
