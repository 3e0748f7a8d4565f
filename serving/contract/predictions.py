"""The contract of `/v1`: the fields of a request, the fields of an answer, and how a body is read.

The shapes are typed dictionaries: checked by mypy where we make them, by pydantic where others do,
and published as they stand in `/openapi.json`.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, FailFast, Field, TypeAdapter, ValidationError, WithJsonSchema
from pydantic_core import from_json
from typing_extensions import TypedDict

from features.encoding.encoding import Value
from holdfast.errors import InputError

MOST_REASONS = 100

UNKNOWN_CUSTOMER = "no such customer in the feature store"
"""The `error` of a prediction whose id the feature store does not hold."""

_RAW_VALUE = {"type": ["string", "number", "boolean", "null"]}


class PredictionsRequest(TypedDict):
    """Whom to predict for: exactly one of `customer_ids` and `rows`."""

    __pydantic_config__ = ConfigDict(  # type: ignore[misc]
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["customer_ids"]}, {"required": ["rows"]}]},
    )

    customer_ids: NotRequired[
        Annotated[
            list[str],
            FailFast(),
            Field(min_length=1, description="Customers in the feature store, in any order."),
        ]
    ]
    rows: NotRequired[
        Annotated[
            list[dict[str, Annotated[Any, WithJsonSchema(_RAW_VALUE)]]],
            FailFast(),
            Field(
                min_length=1,
                description="Raw values by column name of the table that the model was trained on. An absent column is missing.",
            ),
        ]
    ]
    reasons: Annotated[
        int,
        Field(default=3, ge=0, le=MOST_REASONS, description="Most reasons for each; 0 is fastest."),
    ]


class Reason(TypedDict):
    """How much one column moved a prediction."""

    feature: Annotated[str, Field(description="Column of the table that the model was trained on.")]
    value: Annotated[Value, Field(description="The customer's value in it; null where missing.")]
    contribution: Annotated[float, Field(description="Log-odds it added to the raw margin (SHAP).")]


class Prediction(TypedDict):
    """The prediction for one customer or row; where `error` is not null, the rest is null."""

    customer_id: Annotated[
        str | None, Field(description="As asked; for a row, its id column, null without one.")
    ]
    probability: Annotated[
        float | None, Field(ge=0, le=1, description="Calibrated probability to leave.")
    ]
    band: Annotated[
        Literal["high", "medium", "low"] | None,
        Field(description="Risk band by bounds that stay with the version."),
    ]
    base: Annotated[
        float | None,
        Field(
            description="Raw margin that contributions start from; plus all contributions it is the raw margin."
        ),
    ]
    reasons: Annotated[list[Reason], Field(description="Strongest first.")]
    feature_time: Annotated[
        str | None,
        Field(
            description="When the features were true, ISO 8601 with offset; null for a row.",
            examples=["2024-06-01T00:00:00+00:00"],
        ),
    ]
    stale: Annotated[
        list[str],
        Field(
            description="Groups of features (feature views) that are older than they may be; empty for a row."
        ),
    ]
    unseen: Annotated[
        list[str],
        Field(
            description="Columns of a row whose category the model never saw; they count as missing."
        ),
    ]
    error: Annotated[str | None, Field(description="Why there is no prediction for this one.")]


class ServedModel(TypedDict):
    """The model version that answered."""

    name: str
    version: str
    shadow: Annotated[
        bool,
        Field(
            description="It answers because there is no champion: it has not passed the gate, for want of evidence."
        ),
    ]


class PredictionsAnswer(TypedDict):
    """The predictions, in the order asked."""

    model: ServedModel
    predictions: list[Prediction]


class FieldError(TypedDict):
    """One field that breaks a rule."""

    field: Annotated[str, Field(description="Such as `rows[0].Tenure`.")]
    detail: Annotated[str, Field(description="The rule, and the shortened value that breaks it.")]


class ProblemDocument(TypedDict):
    """An error (RFC 9457)."""

    type: Literal["about:blank"]
    title: Annotated[str, Field(description="The status in words.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What is wrong.")]
    errors: NotRequired[Annotated[list[FieldError], Field(description="Which fields are wrong.")]]


_REQUEST = TypeAdapter(PredictionsRequest)


def parse_json(body: bytes) -> object:
    """A body as JSON.

    Raises
    ------
    ValueError
        It is not JSON in UTF-8. NaN and Infinity are no JSON.
    """
    document: object = from_json(body, allow_inf_nan=False)
    return document


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
    given = [name for name in ("customer_ids", "rows") if name in document]
    if len(given) != 1:
        raise InputError(
            "customer_ids, rows",
            f"exactly one of the two must be given, not {'both' if given else 'neither'}",
        )
    items = document[given[0]]
    # Before any item is looked at, so that a list of any length is refused at once.
    if isinstance(items, list) and not 1 <= len(items) <= max_items:
        raise InputError(given[0], f"must hold 1 to {max_items} items", len(items))
    try:
        return _REQUEST.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise InputError(
            _field(first["loc"]), _rule(first["type"], first["msg"]), first["input"]
        ) from None


def _field(location: tuple[int | str, ...]) -> str:
    first, *rest = location
    return "".join(
        [str(first), *(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)]
    )


def _rule(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "is not a field of this request"
    return message.replace("Input should be", "must be").replace("List should", "must")
