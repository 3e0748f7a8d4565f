from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.live.batch import KINDS, LIVE_VIEWS
from features.live.event import LIVE_TABLES, Event, read_event
from features.live.state import State
from features.live.store import LiveStore, replace_states
from features.packed.store import PackedStore, PackedUpdate
from holdfast.errors import InputError, ModelError
from tests.builders.clocks import clock_at
from tests.builders.known_ids import name_ids
from tests.builders.processes import processes

CUTOFF = datetime(2026, 6, 1, tzinfo=UTC)
HOMES = {
    "cell_region": {"x": '"north"', "y": '"south"', "z": "null"},
    "region_cells": {"north": '["x"]', "south": '["y"]'},
    "nation_cells": {"nation": '["x","y","z"]'},
}


@pytest.fixture
def store(tmp_path: Path) -> PackedStore:
    return PackedStore(tmp_path / "online", create=True)


def build(
    store: PackedStore, cutoff: datetime = CUTOFF, without: str = "", **states: Mapping[str, str]
) -> None:
    documents = {kind: [_batch({**HOMES, **states}.get(kind, {}))] for kind in KINDS}
    name_ids(store, customers=["007", "008"], accounts=["payer"])
    replace_states(store, cutoff, LIVE_TABLES - {without}, documents)


def _batch(documents: Mapping[str, str]) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "id": pa.array(list(documents), pa.string()),
            "document": pa.array(list(documents.values()), pa.string()),
        }
    )


def later(hours: float) -> datetime:
    return CUTOFF + timedelta(hours=hours)


def ticket(hours: float, number: str = "t", status: str = "opened", customer: str = "007") -> Event:
    row = {
        "ticket_id": number,
        "customer_id": customer,
        "ticket_class": "quality",
        "ticket_kind": "complaint",
        "status": status,
    }
    return read_event("tickets", {**row, "happened_at": later(hours), "arrived_at": later(hours)})


def contact(hours: float, number: str, *, told_hours: float | None = None, **row: Any) -> Event:
    base = {
        "interaction_id": number,
        "customer_id": "007",
        "channel": "phone",
        "issue": "billing",
        "agent_id": "a",
    }
    arrived = later(hours if told_hours is None else told_hours)
    return read_event(
        "interactions", {**base, "happened_at": later(hours), "arrived_at": arrived, **row}
    )


def incident(hours: float, level: str, area: str | None, number: str = "i") -> Event:
    row = {
        "incident_id": number,
        "level": level,
        "area_id": area,
        "severity": "major",
        "started_at": later(hours),
    }
    return read_event("incidents", {**row, "happened_at": later(hours), "arrived_at": later(hours)})


def read(store: PackedStore, view: str, entity: str) -> dict[str, Any]:
    matrix, times = store.read(view, LIVE_VIEWS[view], [entity])
    return {
        "time": times[0].astype(datetime),
        **dict(zip(LIVE_VIEWS[view], matrix[0].tolist(), strict=True)),
    }


def state(store: PackedStore, kind: str, entity: str) -> State | None:
    with store.updating({}, [kind]) as update:
        document = update.get_state(kind, entity)
    return None if document is None else State.from_json(document)


def test_an_event_of_somebody_without_records_makes_them_as_of_its_arrival(
    store: PackedStore,
) -> None:
    build(store)
    changed = LiveStore(store, clock_at()).apply(ticket(5)).written
    views = ("service_live", "survey_live", "order_live", "consent_live")
    assert changed == dict.fromkeys(views, ("007",))
    served = read(store, "service_live", "007")
    assert served["time"] == later(5).replace(tzinfo=None)
    assert (served["open_tickets"], served["complaints_91d"], served["contacts_28d"]) == (
        1.0,
        1.0,
        0.0,
    )
    assert np.isnan(served["days_since_contact"])


def drawn_events(seed: int) -> list[list[Event]]:
    """Groups of events of two customers, many of which arrive at the same time."""
    random = Random(seed)

    def draw(number: int) -> Event:
        hours, customer = random.randrange(1, 5), random.choice(["007", "008"])
        match random.randrange(3):
            case 0:
                return ticket(hours, f"t{number}", customer=customer)
            case 1:
                return contact(hours, f"c{number}", told_hours=4, customer_id=customer)
            case _:
                return incident(hours, *random.choice([("cell", "x"), ("region", "north")]))

    events = iter([draw(number) for number in range(30)])
    sizes = [random.randrange(1, 5) for _ in range(30)]
    return [group for size in sizes if (group := list(islice(events, size)))]


@pytest.mark.parametrize("seed", range(3))
def test_groups_applied_at_once_are_groups_applied_one_after_the_other(
    tmp_path: Path, seed: int
) -> None:
    stores = [PackedStore(tmp_path / name, create=True) for name in ("once", "one by one")]
    groups = drawn_events(seed)
    for one in stores:
        build(one)
    LiveStore(stores[0], clock_at()).apply_groups(groups)
    for group in groups:
        LiveStore(stores[1], clock_at()).apply_all(group)
    entities = ["007", "008", "x", "y", "z", *(f"c{number}" for number in range(30))]
    for view, columns in LIVE_VIEWS.items():
        if view in ("contact", "service_live", "cell_live"):
            (once, at), (by_one, then) = (one.read(view, columns, entities) for one in stores)
            assert (once.tobytes(), at.tobytes()) == (by_one.tobytes(), then.tobytes())
            assert not np.isnat(at).all()


def test_an_event_taken_in_twice_counts_once(store: PackedStore) -> None:
    build(store)
    live = LiveStore(store, clock_at())
    live.apply_all([ticket(5), ticket(5), ticket(6, "u")])
    assert live.apply_all([ticket(5), ticket(6, "u")]).written == {}
    assert read(store, "service_live", "007")["open_tickets"] == 2.0


def test_an_older_event_told_later_never_turns_the_time_back(store: PackedStore) -> None:
    build(store)
    live = LiveStore(store, clock_at())
    live.apply(ticket(9, status="closed"))
    live.apply(ticket(5))
    live.apply(ticket(-5, "u"))
    served = read(store, "service_live", "007")
    assert served["time"] == later(9).replace(tzinfo=None)
    assert (served["open_tickets"], served["complaints_91d"]) == (1.0, 2.0)


def test_without_a_build_nothing_is_taken_in(store: PackedStore) -> None:
    with pytest.raises(ModelError, match="build and materialize"):
        LiveStore(store, clock_at()).apply(ticket(5))


def test_a_table_that_the_build_lacked_is_refused_and_its_features_are_missing(
    store: PackedStore,
) -> None:
    build(store, without="tickets")
    live = LiveStore(store, clock_at())
    with pytest.raises(InputError, match="that the last build of features had"):
        live.apply_all([contact(1, "1"), ticket(5)])
    assert state(store, "customer", "007") is None
    live.apply(contact(1, "1"))
    served = read(store, "service_live", "007")
    assert {
        name for name in ("contacts_7d", "open_tickets", "complaints_91d") if np.isnan(served[name])
    } == {
        "open_tickets",
        "complaints_91d",
    }


def test_events_are_taken_in_all_or_none(
    store: PackedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(store)
    live = LiveStore(store, clock_at())
    live.apply(ticket(1))
    before = state(store, "customer", "007"), read(store, "service_live", "007")

    def fail(*_: object) -> int:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(PackedUpdate, "put", fail)
        with pytest.raises(OSError, match="disk full"):
            live.apply_all([ticket(2, "u"), incident(2, "nation", None)])
    assert str((state(store, "customer", "007"), read(store, "service_live", "007"))) == str(before)
    assert state(store, "nation", "nation") is None
    live.apply_all([ticket(2, "u"), incident(2, "nation", None)])
    assert read(store, "service_live", "007")["open_tickets"] == 2.0


def test_a_contact_is_told_as_of_its_close(store: PackedStore) -> None:
    build(store)
    bill = {
        "bill_id": "b",
        "account_id": "payer",
        "amount": 9.0,
        "happened_at": later(1),
        "arrived_at": later(1),
    }
    customer = {
        "customer_id": "007",
        "segment": "consumer",
        "account_id": "payer",
        "happened_at": later(0),
        "arrived_at": later(0),
    }
    LiveStore(store, clock_at()).apply_all(
        [
            read_event("customers", customer),
            read_event("bills", bill),
            ticket(2),
            contact(3, "1", started_at=later(2.5), told_hours=4),
            contact(5, "2", resolved=True),
            ticket(24 * 30, status="closed"),
        ]
    )
    first, second = (read(store, "contact", number) for number in "12")
    assert first["time"] == later(3).replace(tzinfo=None)
    assert (
        first["contact_seconds"],
        first["last_bill"],
        first["open_tickets"],
        first["contacts_7d"],
    ) == (1800.0, 9.0, 1.0, 0.0)
    assert (
        second["contact_was_resolved"],
        second["contact_repeats_7d"],
        second["contacts_7d"],
    ) == (1.0, 1.0, 2.0)
    assert (
        first["contact_channel_code"],
        first["contact_issue_code"],
        first["contact_had_agent"],
    ) == (0.0, 0.0, 1.0)


def test_a_contact_told_too_late_is_left_to_the_next_build_and_a_correction_is_no_contact(
    store: PackedStore,
) -> None:
    build(store)
    live = LiveStore(store, clock_at())
    assert "contact" not in live.apply(contact(1, "1", told_hours=1 + 24 * 7.1)).written
    assert "contact" in live.apply(contact(24 * 8, "2")).written
    assert (
        "contact" not in live.apply(contact(24 * 8, "2", told_hours=24 * 9, resolved=True)).written
    )
    assert read(store, "service_live", "007")["unresolved_contacts_28d"] == 0.0


def test_an_incident_reaches_every_cell_it_hits_and_leaves_those_it_does_not(
    store: PackedStore,
) -> None:
    build(store)
    live = LiveStore(store, clock_at())
    assert live.apply(incident(1, "region", "north")).written["cell_live"] == ("x",)
    assert live.apply(incident(2, "nation", None, "j")).written["cell_live"] == ("x", "y", "z")
    assert live.apply(incident(3, "cell", "new", "k")).written["cell_live"] == ("new",)
    counts = {
        cell: read(store, "cell_live", cell)["incidents_28d"] for cell in ("x", "y", "z", "new")
    }
    assert counts == {"x": 2.0, "y": 1.0, "z": 1.0, "new": 2.0}
    assert live.apply(incident(4, "region", "south")).written["cell_live"] == ("x", "y")
    assert [read(store, "cell_live", cell)["incidents_28d"] for cell in "xy"] == [1.0, 2.0]


def test_a_newer_build_keeps_what_arrived_after_its_cutoff(store: PackedStore) -> None:
    build(store)
    live = LiveStore(store, clock_at())
    live.apply_all([ticket(1, "lost"), ticket(30, "kept"), incident(1, "region", "north")])
    built = State(0, {}).to_json().replace("0", "1780272000000000")
    moved = {"x": '"south"', "y": '"south"'}
    links = {
        "cell_region": moved,
        "region_cells": {"south": '["x","y"]'},
        "nation_cells": {"nation": '["x","y"]'},
    }
    for _ in range(2):
        build(store, later(24), customer={"007": built}, **links)
        stored = state(store, "customer", "007")
        assert stored is not None
        assert [item[2] for item in stored.items["tickets"]] == ["kept"]
        assert read(store, "service_live", "007")["open_tickets"] == 1.0
        assert read(store, "cell_live", "x")["incidents_28d"] == 0.0
    build(store, customer={"007": built})
    assert state(store, "customer", "007") == stored, "an older build is not taken"
    assert live.apply(incident(40, "nation", None, "j")).written["cell_live"] == ("x", "y")
    assert live.apply(incident(41, "region", "north", "k")).written == {}


def _apply_all(directory: Path, order: list[int]) -> None:
    live, events = LiveStore(PackedStore(directory), clock_at()), _many()
    for position in order:
        live.apply(events[position])


def _many() -> list[Event]:
    return [
        event
        for hours in range(12)
        for event in (
            ticket(hours, f"t{hours}"),
            incident(hours, "region", "north", f"i{hours}"),
            contact(hours, f"c{hours}"),
        )
    ]


def test_processes_may_take_in_the_same_events_at_the_same_time(
    store: PackedStore, tmp_path: Path
) -> None:
    build(store)
    build(alone := PackedStore(tmp_path / "alone", create=True))
    LiveStore(alone, clock_at()).apply_all(_many())
    orders = [np.random.default_rng(seed).permutation(len(_many())).tolist() for seed in range(2)]
    context = processes(__name__)
    workers = [
        context.Process(target=_apply_all, args=(tmp_path / "online", order)) for order in orders
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    for view, entity in [("service_live", "007"), ("cell_live", "x")]:
        assert str(read(store, view, entity)) == str(read(alone, view, entity))


def _apply_forever(directory: Path, ready: Any) -> None:
    live, events = LiveStore(PackedStore(directory), clock_at()), _many()
    ready.set()
    for event in events:
        live.apply(event)


@pytest.mark.proof
def test_killed_at_any_moment_the_same_events_again_complete_it(
    tmp_path: Path, proof_draws: Callable[[int], int]
) -> None:
    build(alone := PackedStore(tmp_path / "alone", create=True))
    LiveStore(alone, clock_at()).apply_all(_many())
    context = processes(__name__)
    random = np.random.default_rng(5)
    for kill in range(proof_draws(30)):
        build(store := PackedStore(tmp_path / str(kill), create=True))
        ready = context.Event()
        worker = context.Process(target=_apply_forever, args=(tmp_path / str(kill), ready))
        worker.start()
        assert ready.wait(60)
        worker.join(random.uniform(0, 0.3))
        worker.kill()
        worker.join()
        stored = state(store, "region", "north")
        incidents = 0 if stored is None else len(stored.items["incidents"])
        before = read(store, "cell_live", "x")["incidents_28d"]
        assert incidents == (0 if np.isnan(before) else before), (
            "states and records are changed together"
        )
        LiveStore(store, clock_at()).apply_all(_many())
        for view, entity in [("service_live", "007"), ("cell_live", "x"), ("contact", "c11")]:
            assert str(read(store, view, entity)) == str(read(alone, view, entity))


def test_an_event_from_the_future_is_refused_and_changes_nothing(store: PackedStore) -> None:
    build(store)
    live = LiveStore(store, clock_at(later(5) - timedelta(minutes=6)))
    with pytest.raises(InputError, match=r"tickets\.arrived_at: .* future; here it is 20"):
        live.apply_all([ticket(1), ticket(5)])
    assert state(store, "customer", "007") is None
    assert LiveStore(store, clock_at(later(5) - timedelta(minutes=4))).apply(ticket(5))
