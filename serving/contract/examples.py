"""Examples of requests and answers, made from what is served."""

from collections.abc import Sequence
from typing import Any

from features.encoding.encoding import Value
from serving.contract.cursor import Cursor
from serving.contract.models import RowColumn, ServedModelDocument
from serving.contract.predictions import Prediction, PredictionsAnswer
from serving.contract.scores import ScoresAnswer

_COLUMNS_SHOWN = 3
_CUSTOMER, _SUBSCRIPTION = "C000001234", "S000006978"
_TIME = "2026-11-23T00:00:00+00:00"


def events_example(models: Sequence[ServedModelDocument]) -> dict[str, Any]:
    """A fault that a customer reported, since the models are served: what is in the future of a home
    is refused.
    """
    time = max((model["served_since"] for model in models), default=_TIME)
    row = {
        "ticket_id": "T-981",
        "customer_id": _CUSTOMER,
        "ticket_class": "quality",
        "ticket_kind": "fault",
        "status": "opened",
        "happened_at": time,
        "arrived_at": time,
    }
    return {"events": [{"event_id": "crm-981", "table": "tickets", "row": row}]}


def request_examples(models: Sequence[ServedModelDocument]) -> dict[str, Any]:
    """Requests that the models can answer, by name."""
    about = {model["entity"] for model in models}
    examples: dict[str, Any] = {}
    if about & {"customer", "subscription"}:
        examples["customers"] = {
            "summary": "Everything about customers",
            "value": {"customer_ids": [_CUSTOMER], "language": "zh-Hans"},
        }
    subscriptions = [model for model in models if model["entity"] == "subscription"]
    if subscriptions:
        model = subscriptions[0]
        examples["subscriptions"] = {
            "summary": "One model, some horizons, one reason",
            "value": {
                "subscription_ids": [_SUBSCRIPTION],
                "models": [model["name"]],
                "reasons": 1,
                **({"horizons_days": model["horizons_days"][:2]} if model["horizons_days"] else {}),
            },
        }
    if models:
        row = {column["name"]: example_value(column) for column in models[0]["columns"]}
        examples["rows"] = {
            "summary": "What if: values of your own",
            "value": {
                "rows": [dict(list(row.items())[:_COLUMNS_SHOWN])],
                "models": [models[0]["name"]],
                "strict": True,
            },
        }
    return examples


def answer_example(models: Sequence[ServedModelDocument]) -> PredictionsAnswer:
    """An answer about an entity that the first model knows."""
    return {
        "language": "en",
        "limits": {"stale_after_days": 3.0, "withheld_after_days": 35.0},
        "unavailable": [],
        "predictions": [_prediction(model) for model in models[:1]],
    }


def scores_example(models: Sequence[ServedModelDocument]) -> ScoresAnswer:
    """An answer with a score of the first model that has moved to another band."""
    return {
        "language": "en",
        "limits": {"stale_after_days": 3.0, "withheld_after_days": 35.0},
        "manifest": {
            "made_at": _TIME,
            "scores": 3_000,
            "models": [
                {
                    "model": model["name"],
                    "version": model["version"],
                    "marks": ["shadow"] if model["shadow"] else [],
                    "night": _TIME,
                    "scored_at": _TIME,
                    "scores": 3_000,
                }
                for model in models[:1]
            ],
        },
        "scores": [{**_prediction(model), "change": "band"} for model in models[:1]],
        "next": Cursor("5f3a9c01", 3_107, 1_795_392_000, None, None).encode(),
        "more": False,
    }


def example_value(column: RowColumn) -> Value:
    """A value that a column takes: a category of it, or a number in its range."""
    if column["categories"]:
        return column["categories"][0]
    if column["minimum"] is not None:
        return column["minimum"]
    return "2026-01-31" if column["kind"] == "date" else 1


def _prediction(model: ServedModelDocument) -> Prediction:
    column = model["columns"][0]
    return {
        "customer_id": _CUSTOMER,
        "subscription_id": _SUBSCRIPTION if model["entity"] == "subscription" else None,
        "model": model["name"],
        "version": model["version"],
        "horizon_days": model["horizons_days"][0] if model["horizons_days"] else None,
        "probability": 0.21,
        "band": "medium",
        "reasons": [
            {
                "text": f"{column['name']}: {example_value(column)}",
                "driver": "table",
                "feature": column["name"],
                "value": example_value(column),
                "unit": column["unit"],
                "contribution": 0.42,
                "actionable": False,
            }
        ],
        "feature_time": _TIME,
        "scored_at": _TIME,
        "stale": False,
        "marks": ["shadow"] if model["shadow"] else [],
        "warnings": [],
        "error": None,
    }
