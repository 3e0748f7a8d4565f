"""Events from a request into the live features, each once."""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from features.live.event import Event, read_event
from features.live.store import LiveStore
from features.online.service import online_directory
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore
from holdfast.clock import Clock
from holdfast.errors import InputError
from holdfast.home import Home
from serving.access.database import open_requests
from serving.contract.events import EventDocument, EventsAnswer
from serving.events.ids import TakenEvents


class EventIntake:
    """Takes events into the live features of a home.

    An event is taken once by its id. Should the service die between the features and the memory of
    ids, the event sent again changes nothing, because its row was applied before.

    Parameters
    ----------
    home : Home
        An operator's home with features in the packed online store.
    clock : Clock
        What time it is for the operator.
    """

    def __init__(self, home: Home, clock: Clock) -> None:
        self._home = home
        self._clock = clock

    def take(self, documents: Sequence[EventDocument]) -> EventsAnswer:
        """Take all events, or none.

        Parameters
        ----------
        documents : sequence of EventDocument
            As `serving.contract.events.check_events` gives them.

        Raises
        ------
        InputError
            A row breaks its table's contract, an id stands for two different rows, or the last
            build lacked the event's table; names it as in ``events[3].row.status``.
        ModelError
            Features were never materialized.
        HomeError
            The home may not be written.
        """
        digests = _digests(documents)
        known = self._taken.known(list(digests))
        for place, document in enumerate(documents):
            if known.get(document["event_id"], digests[document["event_id"]]) != _digest(document):
                raise InputError(
                    f"events[{place}].event_id",
                    "was taken before with another table or row; an id stands for one event",
                    document["event_id"],
                )
        events: dict[str, Event] = {}
        for place, document in enumerate(documents):
            if document["event_id"] not in known and document["event_id"] not in events:
                events[document["event_id"]] = _read(place, document)
        if events:
            self._live.apply_all(list(events.values()))
            self._taken.add({event: digests[event] for event in events}, self._clock())
        return {"events": _statuses(documents, set(events))}

    @cached_property
    def _taken(self) -> TakenEvents:
        engine: sa.Engine = open_requests(self._home, durable=True)
        return TakenEvents(engine)

    @cached_property
    def _live(self) -> LiveStore:
        directory = online_directory(OperatorRepository(self._home).directory)
        return LiveStore(PackedStore(directory), self._clock)


def _digests(documents: Sequence[EventDocument]) -> dict[str, str]:
    """Digest of each event by id.

    Raises
    ------
    InputError
        Two events of the request share an id and differ.
    """
    digests: dict[str, str] = {}
    for place, document in enumerate(documents):
        digest = _digest(document)
        if digests.setdefault(document["event_id"], digest) != digest:
            raise InputError(
                f"events[{place}].event_id",
                "stands for another row earlier in the request; an id stands for one event",
                document["event_id"],
            )
    return digests


def _digest(document: EventDocument) -> str:
    content: list[Any] = [document["table"], document["row"]]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(place: int, document: EventDocument) -> Event:
    try:
        return read_event(document["table"], document["row"])
    except InputError as error:
        column = error.field.removeprefix(f"{document['table']}.")
        field = f"events[{place}].table" if column == "table" else f"events[{place}].row.{column}"
        raise InputError(field, error.rule, error.value) from None


def _statuses(documents: Sequence[EventDocument], new: set[str]) -> list[Any]:
    statuses = []
    for document in documents:
        statuses.append(
            {
                "event_id": document["event_id"],
                "status": "taken" if document["event_id"] in new else "repeated",
            }
        )
        # An id that stands twice in one request was taken the first time.
        new.discard(document["event_id"])
    return statuses
