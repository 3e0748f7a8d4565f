"""The contract of `POST /v1/decisions/check`: whether a message may be sent at this moment."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import ConfigDict, FailFast, Field, TypeAdapter
from typing_extensions import TypedDict

from serving.contract.fields import check_document, require_count

_STRICT = ConfigDict(extra="forbid", strict=True)
_DecisionId = Annotated[str, Field(min_length=1, max_length=64)]


class CheckRequest(TypedDict):
    """Decisions whose messages are about to be sent."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]

    decision_ids: Annotated[
        list[_DecisionId],
        FailFast(),
        Field(min_length=1, description="Each `decision_id` as it was handed over."),
    ]


class CheckedDecision(TypedDict):
    """Whether one message may be sent now."""

    decision_id: str
    go: Annotated[bool, Field(description="Whether it may be sent at this moment.")]
    reasons: Annotated[
        list[str],
        Field(
            description=(
                "Why not: the state of a decision that is not with a receiver, such as `cancelled`;"
                " `unknown`, `erased`, `care_halted`, `too_late`; or `do_not_contact`, `no_consent`,"
                " `profiling_objection`, `do_not_call` and `quiet_hours` of the contact policy."
                " Empty where `go`."
            )
        ),
    ]
    consent_revision: Annotated[
        int | None,
        Field(
            description=(
                "How many statements about consent the answer rests on, of the customer: greater than"
                " in the message where something was said since its handover. Null where the decision"
                " is unknown, or its customer was erased."
            )
        ),
    ]


class CheckAnswer(TypedDict):
    """Whether the messages may be sent, in the order asked."""

    decisions: list[CheckedDecision]


_REQUEST = TypeAdapter(CheckRequest)


def read_decision_ids(document: object, max_items: int) -> Sequence[str]:
    """Ids of a body.

    Parameters
    ----------
    document : object
        A body, read as JSON.
    max_items : int
        Most ids.

    Raises
    ------
    InputError
        Names the field, the rule and the value.
    """
    if isinstance(document, dict):
        require_count("decision_ids", document.get("decision_ids"), max_items)
    return check_document(_REQUEST, document)["decision_ids"]
