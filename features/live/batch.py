"""What events change in the online store, worked out inside one write transaction."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from features.contracts.vocabulary import HAPPENED, INCIDENT_LEVELS
from features.fields import VIEWS
from features.live.evaluate import (
    AreaIncidents,
    Values,
    account_of,
    evaluate,
    evaluate_area,
    evaluate_cell,
    evaluate_contact,
)
from features.live.event import Event
from features.live.exclusions import EXCLUDING, EXCLUSIONS, drop_exclusions, note_exclusion
from features.live.held import HELD_KINDS, Fate, HeldEvents, HeldLimits
from features.live.items import DAY, GRACE
from features.live.state import (
    LINKS,
    NATION,
    STATE_TABLES,
    State,
    apply_event,
    entity_of,
    holder_of,
    is_first_version,
    touched,
    with_items,
)
from features.packed.store import PackedUpdate

KINDS = (*STATE_TABLES, *LINKS, *HELD_KINDS, EXCLUSIONS)
"""Kinds of documents that live events read and write."""

NAMING_VIEWS = ("subscription_links", "customer_links")
"""Views whose records nights alone write, and so tell whom they know."""

LIVE_VIEWS: dict[str, tuple[str, ...]] = {
    name: VIEWS[name].columns
    for name in (
        "subscription_live",
        "cell_live",
        "billing_live",
        "service_live",
        "survey_live",
        "order_live",
        "app_live",
        "consent_live",
        "contact",
    )
}
"""Views that events update, and their columns."""

_EVALUATED = ("subscription", "account", "customer", "app")
_TIME = re.compile(r'\{"t":(-?\d+)')


@dataclass(frozen=True)
class Build:
    """The build that the states go back to.

    Parameters
    ----------
    cutoff : int
        Its cut-off, in microseconds since 1970.
    tables : frozenset of str
        The raw tables that it had.
    """

    cutoff: int
    tables: frozenset[str]

    def takes(self, table: str) -> bool:
        """Whether a table's events can be applied: their past is known, or needs not be."""
        return table in self.tables or table in EXCLUDING


class LiveBatch:
    """Changes of states and records that are written together.

    Parameters
    ----------
    update : PackedUpdate
        The write transaction, with the views `LIVE_VIEWS` and the states `KINDS`.
    build : Build
        What states begin with.
    limits : HeldLimits
        How many events of unknown ids are held.
    """

    def __init__(
        self, update: PackedUpdate, build: Build, limits: HeldLimits | None = None
    ) -> None:
        self._update = update
        self._build = build
        self._limits = limits or HeldLimits()
        self._held = HeldEvents(update)
        self._states: dict[tuple[str, str], State] = {}
        self._changed: set[tuple[str, str]] = set()
        self._latest: int | None = None
        self._closed: list[Event] = []
        self._rows: dict[str, dict[str, tuple[int, Values]]] = {}
        self._moved: set[str] = set()

    def take(self, event: Event, now: int) -> Fate:
        """Apply an event, or hold it where no build knows its id.

        Parameters
        ----------
        event : Event
            What arrived.
        now : int
            What time it is, in microseconds since 1970.
        """
        holder = holder_of(event)
        if holder is None or self._is_known(*holder):
            self.apply(event)
            return "taken"
        return self._held.hold(event, now, self._limits)

    def release(self) -> None:
        """Apply the events held of ids that are known now, and forget those held for too long.

        Of events that arrived before the build's cut-off, its tables have told already.
        """
        known = [holder for holder in self._held.ids() if self._is_known(*holder)]
        events = [event for holder in known for event in self._held.release(*holder)]
        for event in sorted(events, key=lambda event: event.arrived):
            if event.arrived > self._build.cutoff and self._build.takes(event.table):
                self.apply(event)
        drop_exclusions(self._update, self._build.cutoff - GRACE)
        self._held.expire(self._build.cutoff - round(self._limits.days * DAY))

    def apply(self, event: Event) -> None:
        """Apply an event.

        A contact's record is computed from all events that arrived by the same time.
        """
        if event.table in EXCLUDING:
            note_exclusion(self._update, event)
            return
        if event.arrived != self._latest:
            self._write_contacts()
            self._latest = event.arrived
        entity = entity_of(event)
        before = self._state(*entity)
        after = apply_event(before, event)
        if after is before:
            return
        self._set(entity, after)
        for area in touched(event, after)[1:]:
            known = after.items.get(event.table, [])
            self._set(area, with_items(self._state(*area), event.table, known, event.arrived))
        if event.table == "interactions" and is_first_version(before, event):
            self._closed.append(event)

    def end_group(self) -> None:
        """Let later events, also of the same time, count as applied after those before."""
        self._write_contacts()
        self._latest = None

    def replace(self, kind: str, entity: str, document: str) -> None:
        """Replace a state by a newer build's, without losing what arrived after its cut-off."""
        stored = self._update.get_state(kind, entity)
        if stored is None or _time_of(stored) <= self._build.cutoff:
            self._update.put_state(kind, entity, document)
            return
        live, state = State.from_json(stored), State.from_json(document)
        for table, items in live.items.items():
            newer = [item for item in items if item[0] + item[1] > self._build.cutoff]
            state = with_items(state, table, newer, live.time)
        self._set((kind, entity), state)

    def replace_links(self, links: Mapping[str, Mapping[str, str]]) -> None:
        """Replace the documents that name the cells an incident hits, by kind of link and id."""
        regions = links["cell_region"]
        for cell in {*self._read("nation_cells", NATION, []), *regions}:
            before, after = (
                self._read("cell_region", cell, None),
                json.loads(regions.get(cell, "null")),
            )
            if before != after:
                self._moved.add(cell)
                self._update.put_state("cell_region", cell, json.dumps(after))
                if before is not None and before not in links["region_cells"]:
                    self._update.put_state("region_cells", before, "[]")
        for kind in ("region_cells", "nation_cells"):
            for area, document in links[kind].items():
                self._update.put_state(kind, area, document)
        if not links["nation_cells"]:
            self._update.put_state("nation_cells", NATION, "[]")

    def write(self) -> dict[str, tuple[str, ...]]:
        """Write what has changed; gives the ids of the records written, by view."""
        self._write_contacts()
        for kind, entity in sorted(self._changed):
            state = self._states[kind, entity]
            self._update.put_state(kind, entity, state.to_json())
            if kind in _EVALUATED:
                for view, values in evaluate(kind, state, state.time).items():
                    self._put(view, entity, state.time, values)
        self._write_cells()
        self._held.write()
        for view, rows in self._rows.items():
            times = np.array([time for time, _ in rows.values()], dtype="datetime64[us]")
            matrix = np.array([values for _, values in rows.values()], dtype=np.float64)
            matrix[:, _absent(view, self._build.tables)] = np.nan
            self._update.put(view, list(rows), times, matrix)
        return {view: tuple(rows) for view, rows in self._rows.items()}

    def _write_contacts(self) -> None:
        for event in self._closed:
            close: int = event.row[HAPPENED]  # type: ignore[assignment]  # times are integers
            who = str(event.row["customer_id"])
            customer = self._state("customer", who)
            account = self._state("account", account_of(who, customer, close))
            # One that closed earlier than states reach back is left to the next build.
            if close >= max(customer.time, account.time) - GRACE:
                self._put(
                    "contact",
                    str(event.row["interaction_id"]),
                    close,
                    evaluate_contact(event, customer, account, close),
                )
        self._closed = []

    def _write_cells(self) -> None:
        cells = set(self._moved)
        for kind, entity in self._changed:
            if kind in INCIDENT_LEVELS:
                cells.update(
                    [entity] if kind == "cell" else self._read(f"{kind}_cells", entity, [])
                )
        if not cells:
            return
        ids = sorted(cells)
        _, times = self._update.read("cell_live", ids)
        summaries: dict[tuple[str, str, int], AreaIncidents] = {}
        for cell, written in zip(ids, times.astype(np.int64).tolist(), strict=True):
            region = self._read("cell_region", cell, None)
            areas = [
                ("cell", cell),
                *([] if region is None else [("region", region)]),
                ("nation", NATION),
            ]
            # An area may know of later arrivals than the present one. The time of an absent record
            # is far in the past.
            as_of = max(written, *(self._state(level, area).time for level, area in areas))
            incidents = []
            for level, area in areas:
                if (level, area, as_of) not in summaries:
                    summaries[level, area, as_of] = evaluate_area(
                        level, area, self._state(level, area), as_of
                    )
                incidents.append(summaries[level, area, as_of])
            self._put("cell_live", cell, as_of, evaluate_cell(incidents, as_of))

    def _is_known(self, kind: str, id_: str) -> bool:
        """Whether a build knows an id: of its tables, or of whom they name."""
        if kind == "account":
            return (
                self._update.has("billing_live", id_)
                or self._update.get_state(kind, id_) is not None
            )
        return self._update.has(f"{kind}_links", id_) or bool(
            self._state(kind, id_).items.get(f"{kind}s")
        )

    def _put(self, view: str, entity: str, time: int, values: Values) -> None:
        self._rows.setdefault(view, {})[entity] = time, values

    def _state(self, kind: str, entity: str) -> State:
        if (kind, entity) not in self._states:
            stored = self._update.get_state(kind, entity)
            self._states[kind, entity] = (
                State(self._build.cutoff, {}) if stored is None else State.from_json(stored)
            )
        return self._states[kind, entity]

    def _set(self, entity: tuple[str, str], state: State) -> None:
        if state is not self._states.get(entity):
            self._states[entity] = state
            self._changed.add(entity)

    def _read(self, link: str, entity: str, absent: Any) -> Any:
        stored = self._update.get_state(link, entity)
        return absent if stored is None else json.loads(stored)


@cache
def _absent(view: str, tables: frozenset[str]) -> list[int]:
    """Positions of the features whose tables the build did not have."""
    return [
        position
        for position, feature in enumerate(VIEWS[view].features)
        if not tables.issuperset(feature.tables)
    ]


def _time_of(document: str) -> int:
    time = _TIME.match(document)
    return State.from_json(document).time if time is None else int(time[1])
