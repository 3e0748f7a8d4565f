"""The contract of `POST /v1/events`: rows of raw tables as they arrive."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, FailFast, Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from features.live.event import EVENT_TABLES
from serving.contract.codes import HELD_CODES
from serving.contract.fields import check_document, require_count

_RAW_VALUE = {"type": ["string", "number", "boolean", "null"]}
_TABLES: list[Any] = sorted(EVENT_TABLES)

MOST_ID_CHARACTERS = 200


class EventDocument(TypedDict):
    """One row of a raw table."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    event_id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MOST_ID_CHARACTERS,
            description="The sender's own id of the event. The same id again is taken once.",
        ),
    ]
    table: Annotated[str, Field(description="The raw table.", json_schema_extra={"enum": _TABLES})]
    row: Annotated[
        dict[str, Annotated[Any, WithJsonSchema(_RAW_VALUE)]],
        Field(
            description="Its columns, as in the data dictionary. Times are ISO 8601 with an offset."
        ),
    ]


class EventsRequest(TypedDict):
    """Events that have arrived, in any order."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]

    events: Annotated[list[EventDocument], FailFast(), Field(min_length=1)]


class EventError(TypedDict):
    """Why an event does not count yet."""

    code: Annotated[str, Field(json_schema_extra={"enum": list(HELD_CODES)})]
    detail: str


class TakenEvent(TypedDict):
    """What became of one event."""

    event_id: str
    status: Annotated[
        Literal["taken", "repeated", "held", "dropped", "erased"],
        Field(
            description=(
                "`repeated`: it was taken before, and changed nothing now. `held`: no build knows"
                " its id yet; it is kept, and counts once one does. `dropped`: so it is, but as"
                " many events are held as may be; send it again later. `erased`: whom it is about"
                " was erased; it was thrown away, do not send it again."
            )
        ),
    ]
    error: NotRequired[
        Annotated[
            EventError, Field(description="Why it does not count yet; only of `held`, `dropped`.")
        ]
    ]


class EventsAnswer(TypedDict):
    """What became of the events, in the order sent."""

    events: list[TakenEvent]


_REQUEST = TypeAdapter(EventsRequest)


def check_events(document: object, max_items: int) -> EventsRequest:
    """Check a body against the contract; rows are checked by `features.live.event.read_event`.

    Parameters
    ----------
    document : object
        A body, read as JSON.
    max_items : int
        Most events.

    Raises
    ------
    InputError
        Names the field, the rule and the value.
    """
    if isinstance(document, dict):
        require_count("events", document.get("events"), max_items)
    return check_document(_REQUEST, document)
