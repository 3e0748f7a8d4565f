"""The law of live events: what events make of the online store is what a build as of the last
arrival would say.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import count, groupby
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from features.compute import live_states
from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from features.fields import VIEWS
from features.live.batch import LIVE_VIEWS
from features.live.event import LIVE_TABLES, Event, microseconds, read_event
from features.live.held import read_held
from features.live.store import LiveStore, replace_states
from features.packed.store import PackedStore
from features.sql.expressions import time_sql
from features.sql.raw import open_raw
from features.views import (
    app_live,
    billing_live,
    cell_live,
    consent_live,
    contact,
    order_live,
    service_live,
    subscription_live,
    survey_live,
)
from tests.builders.clocks import clock_at
from tests.builders.raw_tables import START, raw_tables, write_raw_tables

QUERIES: dict[str, Callable[[str], str]] = {
    "subscription_live": subscription_live.query,
    "cell_live": cell_live.query,
    "billing_live": billing_live.query,
    "service_live": service_live.query,
    "survey_live": survey_live.query,
    "order_live": order_live.query,
    "app_live": app_live.query,
    "consent_live": consent_live.query,
    "contact": contact.query,
}
IDS = {
    "subscription_live": "subscriptions",
    "order_live": "customers",
    "app_live": "customers",
    "service_live": "customers",
    "survey_live": "customers",
    "consent_live": "customers",
}
CELLS = [f"cell-{number:04d}" for number in range(6)]
Seen = dict[str, list[tuple[str, int, list[float]]]]


class World:
    """Raw tables, a store that was filled from them at a cut-off, and what was read from it
    since.
    """

    def __init__(self, tables: Mapping[str, pa.Table], folder: Path) -> None:
        self.raw = open_raw(write_raw_tables(tables, folder / "raw"))
        self.connection: duckdb.DuckDBPyConnection = self.raw.connection
        self.store = PackedStore(folder / "online", create=True)
        self.live = LiveStore(self.store, clock_at())
        self.events = sorted(
            (
                read_event(name, row)
                for name in tables
                if name in LIVE_TABLES
                for row in tables[name].to_pylist()
            ),
            key=lambda event: event.arrived,
        )

    def build(self, cutoff: datetime, regions: Mapping[str, str]) -> None:
        """What a build and its materialization do for live views; of the events' areas the regions
        are named like cells.
        """
        homes = pa.table({"cell_id": list(regions), "region": list(regions.values())})
        self.connection.register("homes", homes)
        self.connection.execute("""
            CREATE OR REPLACE TEMP TABLE cell_regions AS
            SELECT monday, cell_id, region
            FROM homes, range(TIMESTAMP '2025-01-06', TIMESTAMP '2027-06-01', INTERVAL 7 DAY) AS mondays (monday)
        """)
        for view, columns in LIVE_VIEWS.items():
            ids, times, matrix = self.offline(view, self._asked(view, cutoff))
            self.store.write(view, columns, ids, times, matrix)
        cells = f"(SELECT unnest({CELLS}) AS cell_id)"
        queries = live_states.state_queries(cutoff) | live_states.link_queries(cutoff, cells)
        documents = {
            kind: self.connection.execute(query).to_arrow_table().to_batches()
            for kind, query in queries.items()
        }
        replace_states(self.store, cutoff, self.raw.present, documents)

    def offline(self, view: str, asked: str) -> tuple[list[str], np.ndarray, np.ndarray]:
        """What the view's SQL says, rounded as the builder rounds."""
        key, columns = VIEWS[view].join_key, VIEWS[view].columns
        values = ", ".join(f"round(round({name}::DOUBLE, 9), 4) AS {name}" for name in columns)
        rows = self.connection.execute(
            f"SELECT {key}, cutoff, {values} FROM ({QUERIES[view](asked)})"
        ).to_arrow_table()
        matrix = np.column_stack([rows[name].to_numpy() for name in columns]).astype(float)
        return rows[key].to_pylist(), rows["cutoff"].to_numpy().astype("datetime64[us]"), matrix

    def read(self, view: str, ids: Iterable[str]) -> list[tuple[str, int, list[float]]]:
        """What the store says now: id, time, values."""
        ids = list(ids)
        matrix, times = self.store.read(view, LIVE_VIEWS[view], ids)
        return list(zip(ids, times.astype(np.int64).tolist(), matrix.tolist(), strict=True))

    def everything(self) -> Seen:
        """All records of entities that the tables name."""
        features = {}
        for view in LIVE_VIEWS:
            ids = [
                row[0]
                for row in self.connection.execute(
                    f"SELECT DISTINCT id FROM ({self._ids(view)})"
                ).fetchall()
            ]
            features[view] = [row for row in self.read(view, ids) if row[1] > -(2**62)]
        return features

    def check(self, seen: Seen) -> int:
        """Assert that what was read is what the SQL says as of the time it was read with."""
        for view, rows in seen.items():
            if not rows:
                continue
            asked = pa.table(
                {
                    VIEWS[view].join_key: [row[0] for row in rows],
                    "cutoff": pa.array([row[1] for row in rows], pa.timestamp("us")),
                }
            )
            self.connection.register("seen", asked)
            ids, times, matrix = self.offline(view, "seen")
            wanted = {
                (id_, time): row
                for id_, time, row in zip(ids, times.astype(np.int64).tolist(), matrix, strict=True)
            }
            for id_, time, values in rows:
                expected = wanted[id_, time]
                wrong = [
                    (name, online, offline)
                    for name, online, offline in zip(
                        LIVE_VIEWS[view], values, expected.tolist(), strict=True
                    )
                    if not np.array_equal(online, offline, equal_nan=True)
                ]
                assert not wrong, (view, id_, np.datetime64(time, "us"), wrong)
        return sum(map(len, seen.values()))

    def _asked(self, view: str, cutoff: datetime) -> str:
        moment = time_sql(cutoff)
        if view == "contact":
            return f"""(
                SELECT interaction_id, arg_min(happened_at, arrived_at) AS cutoff
                FROM interactions WHERE arrived_at <= {moment} GROUP BY interaction_id
            )"""
        return f"(SELECT DISTINCT id AS {VIEWS[view].join_key}, {moment} AS cutoff FROM ({self._ids(view)}))"

    def _ids(self, view: str) -> str:
        if view == "contact":
            return "SELECT interaction_id AS id FROM interactions"
        if view == "cell_live":
            return f"SELECT unnest({CELLS}) AS id"
        if view == "billing_live":
            return " UNION ".join(
                f"SELECT account_id AS id FROM {name}"
                for name in ("bills", "payments", "arrears", "refunds")
            )
        return f"SELECT {VIEWS[view].join_key} AS id FROM {IDS[view]}"


def _coarse(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The same tables, but nothing happens or arrives between weeks: everything falls together, and
    on the ends of windows.
    """
    coarse = {}
    for name, table in tables.items():
        frame = table.to_pandas(types_mapper=pd.ArrowDtype)
        for column in (HAPPENED, ARRIVED, "started_at", "ended_at"):
            if column in frame:
                frame[column] = frame[column].astype("datetime64[us, UTC]").dt.floor("7D")
        frame = frame.drop_duplicates(list(TABLES[name].identity))
        coarse[name] = pa.Table.from_pandas(frame, schema=table.schema, preserve_index=False)
    return coarse


def _deliveries(events: Iterable[Event], random: np.random.Generator) -> Iterator[list[Event]]:
    """Events of one or several arrivals; those that arrive at once in any order, and some of what
    came before again.
    """
    past: list[Event] = []
    delivery: list[Event] = []
    for _, group in groupby(events, key=lambda event: event.arrived):
        together = list(group)
        past += together
        delivery += [together[position] for position in random.permutation(len(together))]
        delivery += [
            past[position] for position in random.integers(0, len(past), random.integers(0, 2))
        ]
        if random.random() < 0.3:
            yield delivery
            delivery = []
    yield delivery


def _regions(random: np.random.Generator) -> dict[str, str]:
    """A region for most cells."""
    return {cell: str(random.choice(CELLS[:3])) for cell in CELLS if random.random() < 0.8}


def _lives_through(world: World, random: np.random.Generator) -> tuple[int, int]:
    """Two builds and the events since the first; gives how many events there were, and how many
    records were right. Events of ids that no build knows yet are held, and none is left at the end.
    """
    first = START + timedelta(days=112)
    # Built as of a Monday, but materialized three days of events later.
    second = first + timedelta(days=126)
    late = microseconds(second + timedelta(days=3))
    checked = 0
    world.build(first, _regions(random))
    events = [event for event in world.events if event.arrived > microseconds(first)]
    for part in ([e for e in events if e.arrived <= late], [e for e in events if e.arrived > late]):
        seen: Seen = {}
        for delivery in _deliveries(part, random):
            for view, ids in world.live.apply_all(delivery).written.items():
                seen.setdefault(view, []).extend(world.read(view, ids))
        assert set(seen) == set(LIVE_VIEWS)
        checked += world.check(seen) + world.check(world.everything())
        if part and part[-1].arrived <= late:
            world.build(second, _regions(random))
            checked += world.check(world.everything())
            assert read_held(world.store).events == 0
    return len(events), checked


@pytest.mark.proof
@pytest.mark.parametrize("coarse", [False, True])
def test_online_is_what_a_build_as_of_each_arrival_says(
    tmp_path: Path, proof_draws: Callable[[int], int], coarse: bool
) -> None:
    events = checked = 0
    for seed in count(1000 * coarse):
        tables = raw_tables(seed, customers=14, days=330, only=(*LIVE_TABLES, "survey_invitations"))
        world = World(_coarse(tables) if coarse else tables, tmp_path / str(seed))
        differences = _lives_through(world, np.random.default_rng(seed))
        events, checked = events + differences[0], checked + differences[1]
        if events >= proof_draws(5_000):
            break
    assert checked > events
