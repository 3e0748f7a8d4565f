"""States: what live features need to know of one entity, and how an event changes it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from features.contracts.vocabulary import INCIDENT_LEVELS
from features.live.event import EXCLUDING_TABLES, Event
from features.live.items import KINDS, Item
from holdfast.errors import ModelError

STATE_TABLES: dict[str, tuple[str, ...]] = {
    "subscription": ("recharges", "subscriptions", "price_changes"),
    "account": ("bills", "payments", "arrears", "refunds"),
    "customer": (
        *("customers", "interactions", "tickets", "survey_answers", "consents"),
        *("orders", "appointments"),
    ),
    "app": ("app_events",),
    "incident": ("incidents",),
    "cell": ("incidents",),
    "region": ("incidents",),
    "nation": ("incidents",),
}
"""Of which tables the state of each kind of entity holds items.

What customers do in the app is many rows, and has a state of its own, so that no other event has to
read them.
"""

NATION = "nation"
"""The one entity of its kind."""

LINKS = ("region_cells", "nation_cells", "cell_region")
"""Kinds of documents that name the cells an incident of an area hits: JSON lists of cells, and a
cell's region or null.
"""

_KIND_OF = {table: kind for kind, tables in STATE_TABLES.items() for table in tables} | {
    "incidents": "incident"
}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass(frozen=True)
class State:
    """What live features need to know of one entity.

    Parameters
    ----------
    time : int
        Microseconds since 1970 up to which rows are in it: the last build's cut-off, or the last
        arrival.
    items : mapping of str to list of Item
        By table; see `features.live.items`.
    """

    time: int
    items: Mapping[str, list[Item]]

    def to_json(self) -> str:
        """As a JSON document."""
        return _encode(
            {"t": self.time, **{table: items for table, items in self.items.items() if items}}
        )

    @classmethod
    def from_json(cls, document: str) -> "State":
        """From a JSON document.

        Raises
        ------
        ModelError
            It is no state.
        """
        try:
            items: dict[str, Any] = json.loads(document)
            return cls(items.pop("t"), items)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(
                "state of live features", f"is damaged; materialize again: {error!r}"
            ) from None


def apply_event(state: State, event: Event) -> State:
    """The state after an event.

    It is the same object where the event was applied before or is too old to matter.
    """
    return with_items(state, event.table, [KINDS[event.table].item(event)], event.arrived)


def with_items(state: State, table: str, items: Iterable[Item], time: int) -> State:
    """The state with further items of a table, at `time` or later."""
    kind, known = KINDS[table], state.items.get(table, [])
    identities = {kind.identity(item) for item in known}
    new = [item for item in items if kind.identity(item) not in identities]
    now = max(state.time, time)
    if new:
        new = kind.pruned([*known, *new], now)
    if (not new or new == known) and now == state.time:
        return state
    kept = {name: KINDS[name].pruned(old, now) for name, old in state.items.items()}
    return State(now, {**kept, table: new or kept.get(table, [])})


def entity_of(event: Event) -> tuple[str, str]:
    """Kind and id of the entity whose state an event changes first."""
    kind = KINDS[event.table]
    owner: str = event.row[kind.owner]  # type: ignore[assignment]  # ids are texts
    return _KIND_OF[event.table], owner


def holder_of(event: Event) -> tuple[str, str] | None:
    """Kind and id of whom a build must know before an event counts: a subscription, a customer or
    an account. None for an incident, which is of no one.
    """
    if event.table in EXCLUDING_TABLES:
        return "subscription", str(event.row["subscription_id"])
    kind, owner = entity_of(event)
    kind = "customer" if kind == "app" else kind
    return None if kind == "incident" else (kind, owner)


def touched(event: Event, incident: State | None = None) -> list[tuple[str, str]]:
    """Kinds and ids of all entities whose states an event changes.

    Parameters
    ----------
    event : Event
        What arrived.
    incident : State, optional
        What is known of the incident, the event included, where it is one: all areas that it ever
        hit.
    """
    if event.table != "incidents":
        return [entity_of(event)]
    return [entity_of(event), *areas(incident.items.get("incidents", []) if incident else [])]


def areas(incidents: Iterable[Item]) -> list[tuple[str, str]]:
    """Kinds and ids of the cells, regions and nation that items of incidents name.

    None of an area of another level, which the contract has no list for.
    """
    named = {
        (INCIDENT_LEVELS[level], NATION if INCIDENT_LEVELS[level] == NATION else area)
        for _, _, _, level, area, *_ in incidents
        if level < len(INCIDENT_LEVELS)
    }
    return sorted((kind, area) for kind, area in named if area is not None)


def is_first_version(state: State, event: Event) -> bool:
    """Whether a customer's state knows of no version of this contact that arrived earlier."""
    contact, arrived = event.row["interaction_id"], event.arrived
    return not any(
        item[2] == contact and item[0] + item[1] < arrived
        for item in state.items.get("interactions", [])
    )
