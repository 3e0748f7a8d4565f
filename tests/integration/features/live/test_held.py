"""Events of ids that no build knows: held, named, and applied when a build brings the id."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.live.batch import KINDS, LIVE_VIEWS
from features.live.event import LIVE_TABLES, Event, microseconds, read_event
from features.live.held import HeldLimits, forget, read_held
from features.live.state import State
from features.live.store import LiveStore, replace_states
from features.packed.store import PackedStore, PackedUpdate
from tests.builders.clocks import clock_at
from tests.builders.known_ids import name_ids

CUTOFF = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> PackedStore:
    store = PackedStore(tmp_path / "online", create=True)
    name_ids(store, subscriptions=["S1"], customers=["C1"], accounts=["A1"])
    build(store)
    return store


def build(store: PackedStore, cutoff: datetime = CUTOFF, limits: HeldLimits | None = None) -> None:
    empty = dict.fromkeys(KINDS, ())
    replace_states(store, cutoff, LIVE_TABLES, empty, limits=limits)


def live(store: PackedStore, limits: HeldLimits | None = None, days: float = 1) -> LiveStore:
    return LiveStore(store, clock_at(CUTOFF + timedelta(days=days)), limits)


def event(table: str, hours: float = 1, **row: Any) -> Event:
    at = CUTOFF + hours * HOUR
    return read_event(table, {**row, "happened_at": at, "arrived_at": at})


def recharge(line: str, hours: float = 1, amount: float = 5.0) -> Event:
    return event("recharges", hours, subscription_id=line, amount=amount)


def recharges(store: PackedStore, line: str) -> float | None:
    matrix, times = store.read("subscription_live", ["recharges_28d"], [line])
    return None if np.isnat(times[0]) else float(matrix[0, 0])


OF_NOBODY = [
    (recharge("S-TYPO"), "subscription", "S-TYPO"),
    (
        event("price_changes", subscription_id="S-TYPO", effective_at=CUTOFF),
        "subscription",
        "S-TYPO",
    ),
    (
        event(
            "subscriptions",
            subscription_id="S-NEW",
            customer_id="C1",
            product_line="mobile",
            billing_type="prepaid",
            status="active",
            activated_at=CUTOFF,
        ),
        "subscription",
        "S-NEW",
    ),
    (event("customers", customer_id="C-NEW", segment="consumer"), "customer", "C-NEW"),
    (
        event("orders", order_id="o", customer_id="C-TYPO", order="repair", status="placed"),
        "customer",
        "C-TYPO",
    ),
    (event("app_events", customer_id="C-TYPO", event="login"), "customer", "C-TYPO"),
    (event("bills", bill_id="b", account_id="A-TYPO", amount=9.0), "account", "A-TYPO"),
]


@pytest.mark.parametrize(("sent", "kind", "name"), OF_NOBODY)
def test_an_event_of_nobody_is_held_once_and_changes_no_feature(
    store: PackedStore, sent: Event, kind: str, name: str
) -> None:
    for _ in range(2):
        applied = live(store).apply(sent)
        assert (applied.written, applied.fates) == ({}, (("held",),))
    held = read_held(store)
    assert held.events == 1
    (one,) = held.ids
    assert (one.kind, one.id, one.tables) == (kind, name, {sent.table: 1})
    assert one.since == (CUTOFF + timedelta(days=1)).isoformat()


def test_what_is_held_counts_when_a_build_brings_the_id(store: PackedStore) -> None:
    sent = [recharge("S2", 30), recharge("S2", 31), recharge("S1", 30), recharge("S3", 30)]
    # One that arrived before the build's cut-off is in its tables or is not: they decide.
    applied = live(store, days=3).apply_all([*sent, recharge("S2", 2)])
    assert applied.fates == (("held", "held", "taken", "held", "held"),)
    name_ids(store, subscriptions=["S2"])
    for _ in range(2):  # killed before the end, the same call completes it
        build(store, CUTOFF + 24 * HOUR)
        assert (recharges(store, "S2"), recharges(store, "S3")) == (2, None)
        assert [(one.id, one.tables) for one in read_held(store).ids] == [("S3", {"recharges": 1})]
    assert live(store, days=3).apply(sent[0]).written == {}
    assert recharges(store, "S2") == 2


def test_what_was_held_for_too_long_is_forgotten_and_counted(store: PackedStore) -> None:
    live(store, days=1).apply(recharge("S2"))
    live(store, days=5).apply(recharge("S3"))
    limits = HeldLimits(days=10)
    build(store, CUTOFF + timedelta(days=11), limits)
    assert read_held(store).events == 2
    build(store, CUTOFF + timedelta(days=12), limits)
    held = read_held(store)
    assert (held.events, [one.id for one in held.ids], held.expired) == (1, ["S3"], 1)
    name_ids(store, subscriptions=["S2"])
    build(store, CUTOFF + timedelta(days=13), limits)
    assert recharges(store, "S2") is None


def test_no_more_events_are_held_than_may_be(store: PackedStore) -> None:
    held = live(store, HeldLimits(events=2))
    sent = [recharge(f"S{number}", 2) for number in range(2, 5)]
    assert held.apply_all(sent).fates == (("held", "held", "dropped"),)
    assert held.apply(sent[0]).fates == (("held",),)
    assert held.apply(recharge("S1")).fates == (("taken",),)
    told = read_held(store)
    assert (told.events, told.dropped) == (2, 1)


def test_a_transaction_that_fails_holds_nothing(
    store: PackedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(PackedUpdate, "put", fail)
    with pytest.raises(OSError, match="disk full"):
        live(store).apply_all([recharge("S-TYPO"), recharge("S1")])
    assert read_held(store).events == 0


def test_held_events_hold_no_free_text_and_are_forgotten_by_any_id(store: PackedStore) -> None:
    ticket = {"ticket_class": "quality", "ticket_kind": "fault", "status": "opened"}
    live(store).apply_all(
        [
            event("tickets", ticket_id="t", customer_id="C9", text="a secret", **ticket),
            event("tickets", ticket_id="u", customer_id="C8", subscription_id="S9", **ticket),
            recharge("S9"),
            recharge("S8"),
        ]
    )
    assert not [text for kind in KINDS for _, text in store.states(kind) if "secret" in text]
    assert forget(store, {"customer_id": ["C9"], "subscription_id": {"S9"}}) == 3
    told = read_held(store)
    assert (told.events, [one.id for one in told.ids]) == (1, ["S8"])
    assert not [text for kind in KINDS for _, text in store.states(kind) if "S9" in text]


draws = st.lists(
    st.tuples(st.sampled_from(("S1", "S2", "S3")), st.integers(1, 60), st.sampled_from((5.0, 7.0))),
    max_size=12,
)


@pytest.mark.proof
def test_held_or_not_the_same_events_end_in_the_same_features(
    tmp_path_factory: pytest.TempPathFactory, proof_draws: Callable[[int], int]
) -> None:
    """Events come before or after the build that brings their line, in any order, some again."""

    @settings(max_examples=proof_draws(80), deadline=None)
    @given(draws, st.randoms(use_true_random=False), st.integers(0, 12))
    def check(rows: list[tuple[str, int, float]], random: Any, first: int) -> None:
        # A row's content follows from its key and its arrival: no two tell different things at once.
        events = [recharge(line, 24 + hours, amount) for line, hours, amount in dict.fromkeys(rows)]
        events = list({(e.row["subscription_id"], e.arrived): e for e in events}.values())
        stores = []
        for name in ("late", "known"):
            one = PackedStore(tmp_path_factory.mktemp(name) / "online", create=True)
            name_ids(one, subscriptions=["S1"] if name == "late" else ["S1", "S2", "S3"])
            build(one)
            stores.append(one)
        late, known = stores
        shuffled = [*events, *random.sample(events, len(events) // 2)]
        random.shuffle(shuffled)
        for sent in shuffled[:first]:
            live(late, days=9).apply(sent)
        name_ids(late, subscriptions=["S2", "S3"])
        build(late, CUTOFF + 24 * HOUR)
        for sent in shuffled[first:]:
            live(late, days=9).apply(sent)
        live(known, days=9).apply_all(sorted(events, key=lambda sent: sent.arrived))
        lines = ["S1", "S2", "S3"]
        view, columns = "subscription_live", LIVE_VIEWS["subscription_live"]
        told = [one.read(view, columns, lines) for one in (late, known)]
        assert told[0][1].tobytes() == told[1][1].tobytes()
        assert told[0][0].tobytes() == told[1][0].tobytes()
        assert read_held(late).events == 0

    check()


@pytest.mark.parametrize("kind", ["subscription", "customer", "account"])
def test_whom_the_tables_name_is_known_without_a_record(store: PackedStore, kind: str) -> None:
    """One that has ended has no record, but its past."""
    item = [microseconds(CUTOFF) - 1, 0, None]
    tables = {"subscription": "subscriptions", "customer": "customers", "account": "refunds"}
    state = State(microseconds(CUTOFF), {tables[kind]: [item]})
    if kind == "account":
        state = State(microseconds(CUTOFF), {})
    documents: dict[str, Any] = dict.fromkeys(KINDS, ())
    batch = pa.record_batch({"id": ["ended"], "document": [state.to_json()]})
    replace_states(store, CUTOFF, LIVE_TABLES, documents | {kind: [batch]})
    sent = {
        "subscription": recharge("ended"),
        "customer": event("app_events", customer_id="ended", event="login"),
        "account": event("refunds", refund_id="r", account_id="ended", amount=1.0),
    }[kind]
    assert live(store).apply(sent).fates == (("taken",),)
