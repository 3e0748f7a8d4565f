"""The contract of `POST /v1/consents`: what customers consent to, and withdraw."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, FailFast, Field, TypeAdapter
from typing_extensions import TypedDict

from care.consents import ConsentStatement
from serving.contract.care.times import Time, read_past
from serving.contract.fields import check_document, require_count

_STRICT = ConfigDict(extra="forbid", strict=True)


class ConsentDocument(TypedDict):
    """What a customer said once."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]

    customer_id: Annotated[str, Field(min_length=1, max_length=120)]
    purpose: Annotated[
        Literal["offers", "surveys", "profiling", "any_contact", "traffic_marketing"],
        Field(
            description=(
                "`profiling` withdrawn is an objection to profiling, `any_contact` withdrawn is"
                " do-not-contact."
            )
        ),
    ]
    channel: Annotated[
        Literal["sms", "email", "app", "phone", "post", "store", "any"],
        Field(description="The channel meant; `any` is said of all of them."),
    ]
    state: Literal["granted", "withdrawn"]
    happened_at: Annotated[
        Time, Field(description="When the customer said it, ISO 8601 with an offset.")
    ]


class ConsentsRequest(TypedDict):
    """Statements of customers, in any order."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]

    consents: Annotated[list[ConsentDocument], FailFast(), Field(min_length=1)]


class TakenConsent(TypedDict):
    """What became of one statement."""

    status: Annotated[
        Literal["taken", "repeated", "erased"],
        Field(
            description=(
                "`repeated`: it was known before, whichever way it came. `erased`: the customer was"
                " erased; it was thrown away, do not send it again."
            )
        ),
    ]


class ConsentsAnswer(TypedDict):
    """What became of the statements, in the order sent."""

    consents: list[TakenConsent]


_REQUEST = TypeAdapter(ConsentsRequest)


def read_consents(document: object, max_items: int, now: datetime) -> Sequence[ConsentStatement]:
    """Statements of a body.

    Parameters
    ----------
    document : object
        A body, read as JSON.
    max_items : int
        Most statements.
    now : datetime
        What time it is.

    Raises
    ------
    InputError
        Names the field, the rule and the value.
    """
    if isinstance(document, dict):
        require_count("consents", document.get("consents"), max_items)
    return [
        ConsentStatement(
            customer_id=one["customer_id"],
            purpose=one["purpose"],
            channel=one["channel"],
            is_granted=one["state"] == "granted",
            happened_at=read_past(f"consents[{place}].happened_at", one["happened_at"], now),
        )
        for place, one in enumerate(check_document(_REQUEST, document)["consents"])
    ]
