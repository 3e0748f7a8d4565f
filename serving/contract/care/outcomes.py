"""The contract of `POST /v1/outcomes`: what came of decisions, as channels report it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, FailFast, Field, TypeAdapter
from typing_extensions import TypedDict

from care.ledger.rows import OutcomeRow
from serving.contract.care.times import Time, read_past
from serving.contract.fields import check_document, require_count

_STRICT = ConfigDict(extra="forbid", strict=True)


class OutcomeDocument(TypedDict):
    """What came of one decision."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]

    decision_id: Annotated[
        str,
        Field(min_length=1, max_length=64, description="The `decision_id` that was handed over."),
    ]
    outcome: Literal[
        "accepted", "resolved", "retained", "churned", "answered", "complained", "opted_out",
        "opened", "clicked", "declined", "sent", "delivered",
    ]  # fmt: skip
    value: Annotated[
        float, Field(strict=False, allow_inf_nan=False, description="1 or 0, or an amount.")
    ]
    happened_at: Annotated[Time, Field(description="When it happened, ISO 8601 with an offset.")]


class OutcomesRequest(TypedDict):
    """Outcomes, in any order, however late."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]

    outcomes: Annotated[list[OutcomeDocument], FailFast(), Field(min_length=1)]


class TakenOutcome(TypedDict):
    """What became of one outcome."""

    decision_id: str
    status: Annotated[
        Literal["taken", "repeated", "differs", "unknown"],
        Field(
            description=(
                "`repeated`: it was told before. `differs`: it was told before with another value,"
                " which stands. `unknown`: it is about no decision; nothing was kept of it."
            )
        ),
    ]


class OutcomesAnswer(TypedDict):
    """What became of the outcomes, in the order sent."""

    outcomes: list[TakenOutcome]


_REQUEST = TypeAdapter(OutcomesRequest)


def read_outcomes(document: object, max_items: int, now: datetime) -> Sequence[OutcomeRow]:
    """Outcomes of a body.

    Parameters
    ----------
    document : object
        A body, read as JSON.
    max_items : int
        Most outcomes.
    now : datetime
        What time it is.

    Raises
    ------
    InputError
        Names the field, the rule and the value.
    """
    if isinstance(document, dict):
        require_count("outcomes", document.get("outcomes"), max_items)
    return [
        OutcomeRow(
            decision_id=one["decision_id"],
            outcome=one["outcome"],
            value=float(one["value"]),
            happened_at=read_past(f"outcomes[{place}].happened_at", one["happened_at"], now),
            reported_at=now,
        )
        for place, one in enumerate(check_document(_REQUEST, document)["outcomes"])
    ]
