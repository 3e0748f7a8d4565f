"""Events of ids that no build knows: held here and nowhere else, until a night brings the id.

An event of such an id changes no feature: a record made of it alone would look like a customer of
whom hardly anything is known, and be scored. It lies in the packed store, one document for each id,
below the kinds `HELD`, written in the same transaction as everything else. When a build's states
replace the last ones, the events of ids that are known then are applied, and those that have waited
for too long are forgotten and counted.

`forget` removes the events that name given ids: it is what erasing a person has to call.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from features.contracts.tables import TABLES
from features.live.event import Event, time_of
from features.live.state import holder_of
from features.packed.store import PackedStore
from features.packed.update import PackedUpdate

Fate = Literal["taken", "held", "dropped", "erased"]
"""What became of an event: it counts; it waits for its id; it does not, because as many wait as may;
or it was thrown away, because whom it is about was erased.
"""

HELD: dict[str, str] = {kind: f"held_{kind}" for kind in ("subscription", "customer", "account")}
"""Kinds of documents with the events held, by kind of id."""

COUNTS = "held_counts"
HELD_KINDS = (*HELD.values(), COUNTS)
"""All kinds of documents that this module reads and writes."""

_ALL = "all"
_IDS = tuple(f"{kind}_id" for kind in HELD)


@dataclass(frozen=True)
class HeldLimits:
    """How many events are held, and how long.

    Parameters
    ----------
    events : int
        Most events; a further one is not held. 0 holds none.
    days : float
        Days after which an event is forgotten by the next build; above 0.
    """

    events: int = 10_000
    days: float = 14.0


@dataclass(frozen=True)
class HeldId:
    """Events that wait for one id.

    Parameters
    ----------
    kind : {"subscription", "customer", "account"}
        What it is the id of.
    id : str
        The id.
    tables : dict of str to int
        How many events wait, by raw table.
    since : str
        When the first was held, ISO 8601, UTC.
    """

    kind: str
    id: str
    tables: dict[str, int]
    since: str


@dataclass(frozen=True)
class HeldSummary:
    """What is held.

    Parameters
    ----------
    events : int
        Events that wait.
    ids : tuple of HeldId
        What they wait for, the longest first.
    expired : int
        Events that waited in vain, since the store was made.
    dropped : int
        Events that were not held because as many waited as may.
    """

    events: int = 0
    ids: tuple[HeldId, ...] = ()
    expired: int = 0
    dropped: int = 0

    def of(self, id_: str) -> tuple[HeldId, ...]:
        """What waits for one id, of whatever kind."""
        return tuple(one for one in self.ids if one.id == id_)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


class HeldEvents:
    """The events held, in the one write transaction.

    Parameters
    ----------
    update : PackedUpdate
        The transaction, with the states `HELD_KINDS`.
    """

    def __init__(self, update: PackedUpdate) -> None:
        self._update = update
        self._lists: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._counts: dict[str, int] | None = None

    def hold(self, event: Event, now: int, limits: HeldLimits) -> Fate:
        """Hold an event, once.

        Parameters
        ----------
        event : Event
            Of an id that is not known.
        now : int
            What time it is, in microseconds since 1970.
        limits : HeldLimits
            How many may be held.
        """
        held = self._list(*_holder(event))
        row = _without_text(event)
        if any(one["table"] == event.table and one["row"] == row for one in held):
            return "held"
        counts = self._counted()
        if counts["held"] >= limits.events:
            counts["dropped"] += 1
            return "dropped"
        held.append({"table": event.table, "row": row, "held": now})
        counts["held"] += 1
        return "held"

    def release(self, kind: str, id_: str) -> list[Event]:
        """Give the events of an id in the order of their arrival, and hold them no more."""
        held = self._list(kind, id_)
        events = sorted((Event(one["table"], one["row"]) for one in held), key=_arrived)
        self._counted()["held"] -= len(held)
        held.clear()
        return events

    def expire(self, before: int) -> None:
        """Forget and count the events held before a time, in microseconds since 1970."""
        expired = self.remove(lambda one: one["held"] < before)
        if expired:
            self._counted()["expired"] += expired

    def remove(self, is_meant: Callable[[dict[str, Any]], bool]) -> int:
        """Hold no more the events of which a function of their documents is true; how many."""
        removed = 0
        for kind, id_ in self.ids():
            held = self._list(kind, id_)
            kept = [one for one in held if not is_meant(one)]
            removed += len(held) - len(kept)
            held[:] = kept
        if removed:
            self._counted()["held"] -= removed
        return removed

    def ids(self) -> list[tuple[str, str]]:
        """Kinds and ids that events are held of."""
        stored = {(kind, id_) for kind, of in HELD.items() for id_, _ in self._update.states(of)}
        return sorted(stored | self._lists.keys())

    def write(self) -> None:
        """Write what has changed."""
        for (kind, id_), held in self._lists.items():
            if held:
                self._update.put_state(HELD[kind], id_, _text(held))
            else:
                self._update.delete_state(HELD[kind], id_)
        if self._counts is not None:
            self._update.put_state(COUNTS, _ALL, _text(self._counts))

    def _list(self, kind: str, id_: str) -> list[dict[str, Any]]:
        if (kind, id_) not in self._lists:
            stored = self._update.get_state(HELD[kind], id_)
            self._lists[kind, id_] = [] if stored is None else json.loads(stored)
        return self._lists[kind, id_]

    def _counted(self) -> dict[str, int]:
        if self._counts is None:
            self._counts = _counts_of(self._update.get_state(COUNTS, _ALL))
        return self._counts


def read_held(store: PackedStore) -> HeldSummary:
    """What a store holds; nothing is changed."""
    ids = []
    for kind, of in HELD.items():
        for id_, document in store.states(of):
            held = json.loads(document)
            tables = [one["table"] for one in held]
            since = time_of(min(one["held"] for one in held))
            counts = {table: tables.count(table) for table in sorted(set(tables))}
            ids.append(HeldId(kind, id_, counts, since.isoformat()))
    counts = _counts_of(store.read_states(COUNTS, [_ALL])[0])
    ids.sort(key=lambda one: (one.since, one.kind, one.id))
    return HeldSummary(counts["held"], tuple(ids), counts["expired"], counts["dropped"])


def count_held(store: PackedStore) -> int:
    """How many events a store holds."""
    return _counts_of(store.read_states(COUNTS, [_ALL])[0])["held"]


def find_held(directory: Path) -> HeldSummary:
    """What the packed store in a directory holds; nothing where there is none."""
    if not (directory / "data.mdb").exists():
        return HeldSummary()
    return read_held(PackedStore(directory))


def forget(store: PackedStore, ids: Mapping[str, Collection[str]]) -> int:
    """Remove all held events that name one of some ids.

    Parameters
    ----------
    store : PackedStore
        The store.
    ids : mapping of str to collection of str
        Ids by column: ``customer_id``, ``subscription_id``, ``account_id``.

    Returns
    -------
    int
        How many were removed.
    """
    with store.updating({}, HELD_KINDS) as update:
        held = HeldEvents(update)
        removed = held.remove(lambda one: _names(one, ids))
        held.write()
    return removed


def held_about(store: PackedStore, ids: Mapping[str, Collection[str]]) -> list[dict[str, Any]]:
    """All held events that name one of some ids, as JSON objects: table, row, and since when.

    Parameters
    ----------
    store, ids
        As of `forget`; nothing is changed.
    """
    about = []
    for of in HELD.values():
        for _, document in store.states(of):
            about += [
                {
                    "table": one["table"],
                    "held_since": time_of(one["held"]).isoformat(),
                    **one["row"],
                }
                for one in json.loads(document)
                if _names(one, ids)
            ]
    return about


def _names(one: dict[str, Any], ids: Mapping[str, Collection[str]]) -> bool:
    return any(one["row"].get(column) in ids.get(column, ()) for column in _IDS)


def reason_of(event: Event) -> str:
    """Code of why an event is held: whose id nobody knows."""
    return f"unknown_{_holder(event)[0]}"


def _holder(event: Event) -> tuple[str, str]:
    holder = holder_of(event)
    if holder is None:
        raise TypeError(event.table)
    return holder


def _arrived(event: Event) -> int:
    return event.arrived


def _without_text(event: Event) -> dict[str, Any]:
    """The row without free text, which no live feature reads."""
    columns = TABLES[event.table].schema.columns
    return {
        name: None if columns[name].metadata["unit"] == "text" else value
        for name, value in event.row.items()
    }


def _counts_of(document: str | None) -> dict[str, int]:
    return {"held": 0, "expired": 0, "dropped": 0} | json.loads(document or "{}")


def _text(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
