"""The contract of `POST /v1/customers/view`: what an agent should see of customers."""

from typing import Annotated, NotRequired

from pydantic import ConfigDict, FailFast, Field, TypeAdapter
from typing_extensions import TypedDict

from serving.contract.fields import WHOLE, check_document, require_count
from serving.contract.language import TAG_PATTERN
from serving.contract.predictions import Limits, Prediction, PredictionError


class CustomersRequest(TypedDict):
    """Whom to show."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    customer_ids: Annotated[
        list[str],
        FailFast(),
        Field(min_length=1, description="Customers in the feature store, in any order."),
    ]
    language: NotRequired[
        Annotated[
            str,
            Field(
                description="Language of facts, reasons and warnings, as a BCP 47 tag; without it `Accept-Language`.",
                json_schema_extra={"pattern": TAG_PATTERN},
            ),
        ]
    ]
    reasons: Annotated[
        int,
        Field(default=3, ge=0, le=20, description="Most reasons for each prediction."),
        WHOLE,
    ]


class Fact(TypedDict):
    """Something that is known and out of the ordinary."""

    driver: Annotated[str, Field(description="Part of the service that it is about.")]
    feature: Annotated[str, Field(description="Name in the data dictionary.")]
    text: Annotated[str, Field(description="The fact in words.")]
    value: Annotated[float, Field(description="The value that the text is about.")]
    unit: Annotated[str, Field(description="Unit of the value.")]
    time: Annotated[str, Field(description="When it was true, ISO 8601 with offset.")]


class SubscriptionView(TypedDict):
    """One subscription of a customer."""

    subscription_id: str
    facts: list[Fact]
    predictions: list[Prediction]


class CustomerView(TypedDict):
    """One customer; where `error` is not null, the lists are empty."""

    customer_id: str
    facts: Annotated[list[Fact], Field(description="About the customer as a whole, by driver.")]
    predictions: Annotated[list[Prediction], Field(description="About the customer as a whole.")]
    subscriptions: list[SubscriptionView]
    error: PredictionError | None


class CustomersAnswer(TypedDict):
    """The customers, in the order asked."""

    language: str
    limits: Limits
    unavailable: Annotated[
        list[str], Field(description="Models of which no version can be served now.")
    ]
    customers: list[CustomerView]


_REQUEST = TypeAdapter(CustomersRequest)


def check_customers(document: object, max_items: int) -> CustomersRequest:
    """Check a body against the contract.

    Parameters
    ----------
    document : object
        A body, read as JSON.
    max_items : int
        Most customers.

    Raises
    ------
    InputError
        Names the field, the rule and the value.
    """
    if isinstance(document, dict):
        require_count("customer_ids", document.get("customer_ids"), max_items)
    return check_document(_REQUEST, document)
