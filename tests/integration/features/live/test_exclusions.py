"""Port requests and notices as events: they exclude a line at once, and no feature reads them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.compute.inputs import names_in
from features.compute.live_states import link_queries, state_queries
from features.compute.population import population_sql
from features.compute.queries import SUMMARIES, view_queries
from features.contracts.tables import TABLES
from features.contracts.vocabulary import OTHER, PORT_STEPS, PORT_STEPS_OVER
from features.live.batch import KINDS
from features.live.event import EXCLUDING_TABLES, LIVE_TABLES, Event, microseconds, read_event
from features.live.exclusions import EXCLUDING, LiveExclusions
from features.live.held import read_held
from features.live.items import KINDS as ITEMS
from features.live.store import LiveStore, replace_states
from features.packed.store import PackedStore
from tests.builders.clocks import clock_at
from tests.builders.known_ids import name_ids

CUTOFF = datetime(2026, 6, 1, tzinfo=UTC)
NIGHT = microseconds(CUTOFF)
LINES = count()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PackedStore:
    store = PackedStore(tmp_path_factory.mktemp("exclusions") / "online", create=True)
    build(store, CUTOFF)
    return store


def build(store: PackedStore, cutoff: datetime) -> None:
    replace_states(store, cutoff, LIVE_TABLES, dict.fromkeys(KINDS, ()))


def step(line: str, request: str, status: str, hours: float) -> Event:
    at = CUTOFF + timedelta(hours=hours)
    row = {"request_id": request, "subscription_id": line, "status": status}
    return read_event("port_requests", {**row, "happened_at": at, "arrived_at": at})


def excluded(store: PackedStore, lines: Sequence[str], night: int = NIGHT) -> dict[str, float]:
    """The lines excluded since the night, with hours after the cut-off."""
    since = LiveExclusions(store).since(lines, night)
    return {line: (at - NIGHT) / 3_600_000_000 for line, at in since.items()}


def test_no_feature_reads_what_excludes() -> None:
    assert EXCLUDING.keys() == EXCLUDING_TABLES
    assert all(TABLES[table].use == "exclusion and reporting" for table in EXCLUDING_TABLES)
    shares = dict.fromkeys(("postpaid", "prepaid", "fixed"), 0.5)
    sql = [
        population_sql(0.5),
        *view_queries(shares).values(),
        *(summary("cutoff") for summary in SUMMARIES.values()),
        *state_queries(CUTOFF).values(),
        *link_queries(CUTOFF, "asked_cells").values(),
    ]
    assert not names_in(sql) & EXCLUDING_TABLES
    assert not ITEMS.keys() & EXCLUDING_TABLES


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("p", "q")),
            st.sampled_from((*PORT_STEPS, OTHER)),
            st.integers(-3, 5),
        ),
        max_size=6,
    ),
    st.randoms(use_true_random=False),
)
def test_a_line_is_excluded_while_a_request_that_no_night_has_seen_is_open(
    store: PackedStore, steps: list[tuple[str, str, int]], random: Random
) -> None:
    line = f"line-{next(LINES)}"
    name_ids(store, subscriptions=[line])
    shuffled = [*steps, *steps[:2]]
    random.shuffle(shuffled)
    sent = [step(line, request, status, hours) for request, status, hours in shuffled]
    if sent:
        applied = LiveStore(store, clock_at()).apply_all(sent)
        assert applied.written == {}
        assert set(applied.fates[0]) == {"taken"}
    over = {request for request, status, _ in steps if status in PORT_STEPS_OVER}
    opened = [hours for request, status, hours in steps if request not in over and hours > 0]
    assert excluded(store, [line]) == ({line: min(opened)} if opened else {})


def test_a_night_that_has_seen_it_decides_and_later_forgets_it(tmp_path: Path) -> None:
    store = PackedStore(tmp_path / "online", create=True)
    build(store, CUTOFF)
    name_ids(store, subscriptions=["S1"])
    sent = [step("S1", "p", "requested", 2), step("S2", "q", "requested", 30)]
    assert LiveStore(store, clock_at()).apply_all(sent).fates == (("taken", "held"),)
    assert excluded(store, ["S1", "S2", "S3"]) == {"S1": 2}
    name_ids(store, subscriptions=["S2"])
    build(store, CUTOFF + timedelta(days=1))
    assert read_held(store).events == 0
    # While the night has not scored yet, its event still excludes.
    assert excluded(store, ["S1", "S2"]) == {"S1": 2, "S2": 30}
    assert excluded(store, ["S1", "S2"], NIGHT + 24 * 3_600_000_000) == {"S2": 30}
    build(store, CUTOFF + timedelta(days=7.2))
    assert [line for line, _ in store.states("exclusions")] == ["S2"]


def test_a_notice_excludes_until_it_is_taken_back(tmp_path: Path) -> None:
    store = PackedStore(tmp_path / "online", create=True)
    build(store, CUTOFF)
    name_ids(store, subscriptions=["S1"])
    live = LiveStore(store, clock_at())
    for status, hours, since in (("given", 3, {"S1": 3}), ("withdrawn", 2, {})):
        at = CUTOFF + timedelta(hours=hours)
        row = {"notice_id": "n", "subscription_id": "S1", "status": status, "ends_at": at}
        live.apply(read_event("notices", {**row, "happened_at": at, "arrived_at": at}))
        assert excluded(store, ["S1"]) == since
