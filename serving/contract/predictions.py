"""The contract of `POST /v1/predictions`: the fields of a request and of an answer, and how a body
is read.

The shapes are typed dictionaries: checked by mypy where we make them, by pydantic where others do,
and published as they stand in `/openapi.json`.
"""

import json
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, FailFast, Field, TypeAdapter, WithJsonSchema
from pydantic_core import from_json
from typing_extensions import TypedDict

from features.encoding.encoding import Value
from holdfast.errors import InputError, shorten
from serving.contract.fields import WHOLE, check_document
from serving.contract.language import TAG_PATTERN

MOST_REASONS = 100
MOST_NAMED = 100
"""Most models, and most horizons, that a request may name."""

_RAW_VALUE = {"type": ["string", "number", "boolean", "null"]}
_BY_ID = ("customer_ids", "subscription_ids")


class PredictionsRequest(TypedDict):
    """Whom to predict for: `customer_ids`, `subscription_ids` or both; or else `rows`."""

    __pydantic_config__ = ConfigDict(  # type: ignore[misc]
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [
                {"anyOf": [{"required": ["customer_ids"]}, {"required": ["subscription_ids"]}]},
                {"required": ["rows"]},
            ]
        },
    )

    customer_ids: NotRequired[
        Annotated[
            list[str],
            FailFast(),
            Field(
                min_length=1,
                description=(
                    "Customers. Models of customers answer for the customer, models of subscriptions"
                    " for each subscription that the customer has."
                ),
            ),
        ]
    ]
    subscription_ids: NotRequired[
        Annotated[
            list[str],
            FailFast(),
            Field(
                min_length=1, description="Subscriptions; models of subscriptions answer for them."
            ),
        ]
    ]
    rows: NotRequired[
        Annotated[
            list[dict[str, Annotated[Any, WithJsonSchema(_RAW_VALUE)]]],
            FailFast(),
            Field(
                min_length=1,
                description=(
                    "Values by column, as `GET /v1/models` lists the columns of a model. An absent"
                    " column is missing. Needs one model in `models` where several are served."
                ),
            ),
        ]
    ]
    models: NotRequired[
        Annotated[
            list[str],
            FailFast(),
            Field(
                min_length=1,
                max_length=MOST_NAMED,
                description="Models to ask. Default: all that can answer.",
            ),
        ]
    ]
    horizons_days: NotRequired[
        Annotated[
            list[Annotated[int, WHOLE]],
            FailFast(),
            Field(
                min_length=1,
                max_length=MOST_NAMED,
                description="Horizons, in days. Default: all of each model.",
            ),
        ]
    ]
    language: NotRequired[
        Annotated[
            str,
            Field(
                description="Language of reasons and warnings, as a BCP 47 tag. Default: `Accept-Language`, else English.",
                examples=["en", "zh-Hans", "zh-Hant"],
                json_schema_extra={"pattern": TAG_PATTERN},
            ),
        ]
    ]
    reasons: Annotated[
        int,
        Field(default=3, ge=0, le=MOST_REASONS, description="Most reasons for each; 0 is fastest."),
        WHOLE,
    ]
    strict: Annotated[
        bool,
        Field(
            default=False,
            description="Refuse rows that there would be warnings about, instead of warning.",
        ),
    ]


class Reason(TypedDict):
    """One reason for a prediction. It shows what the model used, not what causes it."""

    text: Annotated[str, Field(description="What is known, in one sentence of the language asked.")]
    driver: Annotated[
        str,
        Field(
            description=(
                "Part of the service that it is about: network, price, service, contract, usage or"
                " relationship; `table` for a column of a team's own table."
            )
        ),
    ]
    feature: Annotated[str, Field(description="Column of the model, as `GET /v1/models` has it.")]
    value: Annotated[Value, Field(description="The value in it; null where missing.")]
    unit: Annotated[str, Field(description="Unit of the value; empty where it has none.")]
    contribution: Annotated[
        float,
        Field(
            description=(
                "Log-odds that the feature, and those with the same meaning, add to the raw margin"
                " (SHAP). Above zero raises the risk."
            )
        ),
    ]
    actionable: Annotated[bool, Field(description="Care can change the value.")]


class PredictionError(TypedDict):
    """Why one prediction is withheld."""

    code: Annotated[str, Field(description="One of the codes in the docs.")]
    detail: Annotated[str, Field(description="What is wrong, for a person.")]


class Answer(TypedDict):
    """What one model says within one horizon."""

    model: str | None
    version: str | None
    horizon_days: int | None
    probability: float | None
    band: Literal["high", "medium", "low"] | None
    reasons: list[Reason]
    feature_time: str | None
    scored_at: str | None
    stale: bool | None
    marks: list[str]
    warnings: list[str]
    error: PredictionError | None


class Prediction(TypedDict):
    """One prediction. Every key is always there. Where `error` is not null, there is no probability."""

    customer_id: Annotated[
        str | None, Field(description="The customer; null where it is not known.")
    ]
    subscription_id: Annotated[
        str | None, Field(description="The subscription; null in a prediction about a customer.")
    ]
    model: Annotated[
        str | None, Field(description="The model; null where no model knows the id asked.")
    ]
    version: Annotated[str | None, Field(description="Its version, to be kept with the score.")]
    horizon_days: Annotated[
        int | None, Field(description="Days that the event may take; null where none is named.")
    ]
    probability: Annotated[
        float | None, Field(ge=0, le=1, description="Calibrated probability of the event.")
    ]
    band: Annotated[
        Literal["high", "medium", "low"] | None,
        Field(description="Risk band by bounds that stay with the version."),
    ]
    reasons: Annotated[
        list[Reason], Field(description="Strongest first; negligible ones are left out.")
    ]
    feature_time: Annotated[
        str | None,
        Field(
            description=(
                "When the features were true, ISO 8601 with offset; of several, the oldest. Null for"
                " a row."
            ),
            examples=["2026-11-23T00:00:00+00:00"],
        ),
    ]
    scored_at: Annotated[
        str | None, Field(description="When the score was made, ISO 8601 with offset.")
    ]
    stale: Annotated[
        bool | None,
        Field(description="The features are older than `limits.stale_after_days`. Null for a row."),
    ]
    marks: Annotated[
        list[str],
        Field(
            description=(
                "`shadow`: the version has not passed the gate. `profiling_objection`: the customer"
                " objects to profiling; for service care only. `no_basis`: uses traffic or location"
                " data without consent; not for marketing."
            )
        ),
    ]
    warnings: Annotated[list[str], Field(description="What to know before using it.")]
    error: Annotated[PredictionError | None, Field(description="Why there is no probability.")]


class Limits(TypedDict):
    """How old features may be."""

    stale_after_days: Annotated[float, Field(description="Older features are stale.")]
    withheld_after_days: Annotated[
        float, Field(description="Of older features no probability is given.")
    ]


class PredictionsAnswer(TypedDict):
    """The predictions, in the order asked."""

    language: Annotated[str, Field(description="Language of the reasons.")]
    limits: Limits
    unavailable: Annotated[
        list[str],
        Field(description="Models that cannot be loaded at present, and so have not answered."),
    ]
    predictions: list[Prediction]


class FieldError(TypedDict):
    """One field that breaks a rule."""

    field: Annotated[str, Field(description="Such as `rows[0].Tenure`.")]
    detail: Annotated[str, Field(description="The rule, and the shortened value that breaks it.")]


class ProblemDocument(TypedDict):
    """An error (RFC 9457)."""

    type: Annotated[str, Field(description="Path of a page that lists all codes, and the code.")]
    code: Annotated[str, Field(description="What went wrong, for a program.")]
    title: Annotated[str, Field(description="The status in words.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What is wrong.")]
    errors: NotRequired[Annotated[list[FieldError], Field(description="Which fields are wrong.")]]


class RepeatedKeyError(ValueError):
    """An object of a body has a key twice."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {shorten(key, 60)} stands twice in one object")


_REQUEST = TypeAdapter(PredictionsRequest)


def parse_json(body: bytes) -> object:
    """A body as JSON.

    Raises
    ------
    ValueError
        It is not JSON in UTF-8, or an object has a key twice. NaN and Infinity are no JSON.
    """
    document: object = from_json(body, allow_inf_nan=False)
    # Of a key given twice one value would be dropped in silence.
    json.loads(body, object_pairs_hook=_refuse_repeated)
    return document


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> None:
    keys = set()
    for key, _ in pairs:
        if key in keys:
            raise RepeatedKeyError(key)
        keys.add(key)


def check_request(document: object, max_items: int) -> PredictionsRequest:
    """Check a body against the contract; values of columns are checked by the model's encoding.

    Parameters
    ----------
    document : object
        A body as `parse_json` gives it.
    max_items : int
        Most customers or rows.

    Returns
    -------
    PredictionsRequest
        The document, with defaults filled in.

    Raises
    ------
    InputError
        Names the field, the rule and the value.
    """
    if not isinstance(document, dict):
        raise InputError("body", "must be an object")
    by_id = [name for name in _BY_ID if name in document]
    if ("rows" in document) == bool(by_id):
        raise InputError(
            "customer_ids, subscription_ids, rows",
            "must be ids of one or both kinds, or rows, and not both"
            if by_id
            else "one of them must be given",
        )
    given = by_id or ["rows"]
    items = [document[name] for name in given]
    # Before any item is looked at, so that a list of any length is refused at once.
    if all(isinstance(one, list) for one in items):
        count = sum(map(len, items))
        if not all(items) or count > max_items:
            raise InputError(", ".join(given), f"must hold 1 to {max_items} items", count)
    return check_document(_REQUEST, document)
