"""Events from a request into the live features, each once."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from care.consents import ConsentStatement
from features.erased.erased_ids import ErasedFile
from features.live.event import Event, read_event, time_of
from features.live.held import Fate, HeldLimits, reason_of
from features.live.store import LiveStore
from features.online.service import online_directory
from features.online.settings import OnlineSettings
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore
from holdfast.clock import Clock
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from serving.access.database import open_requests
from serving.contract.events import EventDocument, EventsAnswer
from serving.events.ids import TakenEvents
from serving.events.together import Together

_MOST_TOGETHER = 64  # requests in a transaction
_WAITS: dict[Fate, str] = {
    "held": "the event counts once one does",
    "dropped": "as many events are held as may be, and this one is not; send it again later",
}


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
    limits : HeldLimits, optional
        How many events of ids that no build knows are held.
    consented : callable, optional
        Told of consents among the events before they are remembered as taken: what care asks is a
        store of its own.
    """

    def __init__(
        self,
        home: Home,
        clock: Clock,
        limits: HeldLimits | None = None,
        consented: Callable[[Sequence[ConsentStatement]], None] = lambda statements: None,
    ) -> None:
        self._home = home
        self._clock = clock
        self._limits = limits
        self._consented = consented
        self._together = Together(self._take_all, _MOST_TOGETHER)

    def take(self, documents: Sequence[EventDocument]) -> EventsAnswer:
        """Take all events, or none. Those of several threads are taken in one transaction, as if
        one request came after the other.

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
        events: dict[str, Event] = {}
        for place, document in enumerate(documents):
            if document["event_id"] not in events:
                events[document["event_id"]] = _read(place, document)
        return self._together.do(_Sent(documents, digests, events))

    def held(self) -> int:
        """How many events wait for ids that no build knows."""
        return self._live.held()

    def _take_all(self, requests: Sequence["_Sent"]) -> list[EventsAnswer | Exception]:
        """Take the events of requests, all of a request or none."""
        ids = [one for sent in requests for one in sent.digests]
        known = self._taken.known(ids)
        # An event that was held is sent again to learn whether its id is known by now.
        digests = self._taken.held(ids) | known
        results: list[Exception | None] = []
        accepted: list[tuple[_Sent, dict[str, Event]]] = []
        for sent in requests:
            try:
                _require_same(sent.documents, sent.digests, digests)
                new = {one: event for one, event in sent.events.items() if one not in known}
                self._check(sent.documents, new)
            except InputError as error:
                results.append(error)
                continue
            known |= {one: sent.digests[one] for one in new}
            digests |= known
            accepted.append((sent, new))
            results.append(None)
        try:
            answers = iter(self._apply(accepted))
        except Exception:
            if len(requests) == 1:
                raise
            # One of them may be at fault, and must not stop the others.
            return [self._take_alone(sent) for sent in requests]
        return [next(answers) if error is None else error for error in results]

    def _check(self, documents: Sequence[EventDocument], new: Mapping[str, Event]) -> None:
        """Refuse events that the live features cannot take now; the error names the first of them."""
        try:
            self._live.check(list(new.values()))
        except ModelError:
            raise  # it is no event's fault
        except InputError:
            for place, document in enumerate(documents):
                if document["event_id"] in new:
                    try:
                        self._live.check([new[document["event_id"]]])
                    except InputError as error:
                        raise _in_request(place, document, error) from None
            raise

    def _take_alone(self, sent: "_Sent") -> EventsAnswer | Exception:
        try:
            return self._take_all([sent])[0]
        except Exception as error:
            return error

    def _apply(self, accepted: Sequence[tuple["_Sent", dict[str, Event]]]) -> list[EventsAnswer]:
        """Apply the new events of requests, by id, and remember them; the answers."""
        groups = [list(new.values()) for _, new in accepted]
        fates = self._live.apply_groups(groups).fates if any(groups) else tuple(() for _ in groups)
        answers: list[EventsAnswer] = []
        taken: dict[str, str] = {}
        held: dict[str, str] = {}
        waiting: dict[str, dict[str, Any]] = {}
        for (sent, new), of_request in zip(accepted, fates, strict=True):
            became = dict(zip(new, of_request, strict=True))
            taken |= {one: sent.digests[one] for one, fate in became.items() if fate == "taken"}
            held |= {one: sent.digests[one] for one, fate in became.items() if fate == "held"}
            waiting |= {one: _waits(new[one], fate) for one, fate in became.items()}
            answers.append({"events": _statuses(sent.documents, set(new), waiting)})
        # Of ids that no build knows yet, too: they are nobody's until a night brings them.
        if said := [
            _statement(event) for event, fate in _pairs(accepted, fates) if _is_said(event, fate)
        ]:
            self._consented(said)
        self._taken.add(taken, held, self._clock())
        return answers

    @cached_property
    def _taken(self) -> TakenEvents:
        # A loss of power may take the last ids: their rows, sent again, change nothing.
        engine: sa.Engine = open_requests(self._home, durable=False)
        return TakenEvents(engine)

    @cached_property
    def _live(self) -> LiveStore:
        directory = online_directory(OperatorRepository(self._home).directory)
        return LiveStore(
            PackedStore(directory), self._clock, self._limits, ErasedFile(self._home.erased)
        )


def _pairs(
    accepted: Sequence[tuple["_Sent", dict[str, Event]]], fates: Sequence[Sequence[Fate]]
) -> Iterator[tuple[Event, Fate]]:
    for (_, new), of_request in zip(accepted, fates, strict=True):
        yield from zip(new.values(), of_request, strict=True)


def _is_said(event: Event, fate: Fate) -> bool:
    return event.table == "consents" and fate != "erased"


def _statement(event: Event) -> ConsentStatement:
    row = event.row
    return ConsentStatement(
        customer_id=str(row["customer_id"]),
        purpose=str(row["purpose"]),
        channel=str(row["channel"]),
        is_granted=row["state"] == "granted",
        happened_at=time_of(int(row["happened_at"] or 0)),
    )


def held_limits(settings: OnlineSettings) -> HeldLimits:
    """How many events of unknown ids are held, and how long."""
    return HeldLimits(settings.held_events, settings.held_days)


@dataclass(frozen=True)
class _Sent:
    """Events of one request, each read, with digests by id."""

    documents: Sequence[EventDocument]
    digests: Mapping[str, str]
    events: Mapping[str, Event]


def _require_same(
    documents: Sequence[EventDocument], digests: Mapping[str, str], known: Mapping[str, str]
) -> None:
    """Refuse an id that was taken with another row."""
    for place, document in enumerate(documents):
        name = document["event_id"]
        if known.get(name, digests[name]) != digests[name]:
            raise InputError(
                f"events[{place}].event_id",
                "was taken before with another table or row; an id stands for one event",
                name,
            )


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
        raise _in_request(place, document, error) from None


def _in_request(place: int, document: EventDocument, error: InputError) -> InputError:
    """An error about an event, which names where in the request it stands."""
    column = error.field.removeprefix(f"{document['table']}.")
    field = f"events[{place}].table" if column == "table" else f"events[{place}].row.{column}"
    return InputError(field, error.rule, error.value)


def _waits(event: Event, fate: Fate) -> dict[str, Any]:
    """What is answered of an event as often as it is sent, while it waits; nothing where it counts."""
    if fate == "taken":
        return {}
    if fate == "erased":
        return {"status": fate}
    code = reason_of(event)
    detail = f"no build of features knows the {code.removeprefix('unknown_')} yet; {_WAITS[fate]}"
    return {"status": fate, "error": {"code": code, "detail": detail}}


def _statuses(
    documents: Sequence[EventDocument], new: set[str], waiting: Mapping[str, Mapping[str, Any]]
) -> list[Any]:
    statuses = []
    for document in documents:
        name = document["event_id"]
        status = "taken" if name in new else "repeated"
        statuses.append({"event_id": name, "status": status, **waiting.get(name, {})})
        # An id that stands twice in one request was taken the first time.
        new.discard(name)
    return statuses
