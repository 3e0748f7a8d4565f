"""States made in bulk are the states that events lead to."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from statistics import median

import pytest

from features.compute.live_states import link_queries, state_queries
from features.live.event import LIVE_TABLES, Event, microseconds, read_event
from features.live.state import (
    STATE_TABLES,
    State,
    apply_event,
    areas,
    entity_of,
    touched,
    with_items,
)
from features.sql.raw import open_raw
from tests.builders.raw_tables import START, raw_tables, write_raw_tables

States = dict[tuple[str, str], State]


def _by_events(events: Iterable[Event], now: int) -> States:
    states: States = {}
    for event in events:
        entity = entity_of(event)
        states[entity] = apply_event(states.get(entity, State(0, {})), event)
        for area in touched(event, states[entity])[1:]:
            known = states[entity].items[event.table]
            states[area] = with_items(
                states.get(area, State(0, {})), event.table, known, event.arrived
            )
    settled = {
        entity: with_items(state, next(iter(state.items)), [], now)
        for entity, state in states.items()
    }
    return {entity: state for entity, state in settled.items() if any(state.items.values())}


def _plain(states: States) -> dict[tuple[str, str], object]:
    return {
        entity: (
            state.time,
            {table: sorted(map(repr, items)) for table, items in state.items.items() if items},
        )
        for entity, state in states.items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_states_made_in_bulk_are_those_that_events_lead_to(tmp_path: Path, seed: int) -> None:
    tables = raw_tables(seed, customers=20, days=300)
    events = [
        read_event(name, row) for name in sorted(LIVE_TABLES) for row in tables[name].to_pylist()
    ]
    events.sort(key=lambda event: event.arrived)
    with open_raw(write_raw_tables(tables, tmp_path)) as raw:
        for days in (150, 230.7):
            cutoff = START + timedelta(days=days)
            now = microseconds(cutoff)
            made = {
                (kind, id_): State.from_json(document)
                for kind, query in state_queries(cutoff).items()
                for id_, document in raw.connection.execute(query).fetchall()
            }
            assert _plain(made) == _plain(
                _by_events((event for event in events if event.arrived <= now), now)
            )
            assert {kind for kind, _ in made} == set(STATE_TABLES)
            assert (
                median(
                    len(state.to_json()) for (kind, _), state in made.items() if kind != "nation"
                )
                < 1_000
            )
            named = {
                area
                for (kind, _), state in made.items()
                if kind == "incident"
                for area in areas(state.items["incidents"])
            }
            assert named == {entity for entity in made if entity[0] in ("cell", "region", "nation")}


def test_links_say_which_cells_an_incident_hits(tmp_path: Path) -> None:
    with open_raw(write_raw_tables(raw_tables(1, customers=3), tmp_path)) as raw:
        raw.connection.execute("""
            CREATE TEMP TABLE cell_regions AS
            FROM (VALUES
                (TIMESTAMP '2025-03-03', 'x', 'north "1"'), (TIMESTAMP '2025-03-03', 'y', 'north "1"'),
                (TIMESTAMP '2025-02-24', 'z', 'long ago')
            ) AS homes (monday, cell_id, region)
        """)
        queries = link_queries(
            START + timedelta(days=58), "(SELECT unnest(['z', 'y', 'x', 'x']) AS cell_id)"
        )
        hit = {
            kind: dict(raw.connection.execute(query).fetchall()) for kind, query in queries.items()
        }
    assert hit == {
        "region_cells": {'north "1"': '["x","y"]'},
        "nation_cells": {"nation": '["x","y","z"]'},
        "cell_region": {"x": r'"north \"1\""', "y": r'"north \"1\""', "z": "null"},
    }
