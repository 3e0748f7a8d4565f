"""`POST /v1/events`: rows of raw tables into the live features, each once, all or none."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from features.live.batch import KINDS, LiveBatch
from features.live.event import LIVE_TABLES, Event
from features.live.held import HeldLimits
from features.live.store import LiveStore, replace_states
from features.online.service import online_directory
from features.operator.repository import OperatorRepository
from features.packed.store import PackedStore
from holdfast.errors import InputError
from holdfast.home import Home
from serving.contract.events import check_events
from serving.contract.problem import Problem, answer_problem
from serving.events.intake import EventIntake
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.metrics.prometheus import PrometheusMetrics
from serving.routes.events import EventsRoute
from serving.settings import ServingSettings
from tests.builders.known_ids import name_ids

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose features were built once, of nobody yet."""
    home = Home(tmp_path)
    directory = online_directory(OperatorRepository(home).directory)
    store = PackedStore(directory, create=True)
    name_ids(store, customers=["C1"])
    replace_states(store, datetime(2026, 3, 2, tzinfo=UTC), LIVE_TABLES, dict.fromkeys(KINDS, ()))
    return home


def asking(
    home: Home, metrics: Metrics = NO_METRICS, limits: HeldLimits | None = None, **settings: Any
) -> TestClient:
    """A caller of the route over a home."""
    intake = EventIntake(home, lambda: NOW, limits)
    route = EventsRoute(intake, ServingSettings(**settings), metrics)
    return TestClient(
        Starlette(
            routes=[Route("/v1/events", route.post, methods=["POST"])],
            exception_handlers={Problem: answer_problem},
        )
    )


def ticket(event: str, **changes: object) -> dict[str, Any]:
    """A fault that a customer reported."""
    row = {
        "ticket_id": "t-1",
        "customer_id": "C1",
        "ticket_class": "quality",
        "ticket_kind": "fault",
        "status": "opened",
        "happened_at": "2026-03-03T09:00:00+01:00",
        "arrived_at": "2026-03-03T08:00:05Z",
    }
    return {"event_id": event, "table": "tickets", "row": row | changes}


def open_tickets(home: Home, customer: str = "C1") -> float | None:
    """How many open tickets the online store has of a customer; None where it has no record."""
    store = PackedStore(online_directory(OperatorRepository(home).directory))
    matrix, times = store.read("service_live", ["open_tickets"], [customer])
    return None if str(times[0]) == "NaT" else float(matrix[0, 0])


def test_an_event_changes_the_features_at_once_and_counts_once(home: Home) -> None:
    registry = CollectorRegistry()
    caller = asking(home, PrometheusMetrics(registry))
    sent = {"events": [ticket("e1"), ticket("e2", ticket_id="t-2"), ticket("e1")]}
    answer = caller.post("/v1/events", json=sent)
    assert answer.status_code == 200
    assert answer.json() == {
        "events": [
            {"event_id": "e1", "status": "taken"},
            {"event_id": "e2", "status": "taken"},
            {"event_id": "e1", "status": "repeated"},
        ]
    }
    for status, count in (("taken", 2), ("repeated", 1)):
        labels = {"table": "tickets", "status": status}
        assert registry.get_sample_value("holdfast_events_total", labels) == count
    assert open_tickets(home) == 2
    # Another process of the service, after a restart.
    again = asking(home).post("/v1/events", json={"events": [ticket("e1"), ticket("e3")]})
    assert [one["status"] for one in again.json()["events"]] == ["repeated", "taken"]
    assert open_tickets(home) == 2  # e3 says again what e1 said of ticket t-1


def test_an_id_stands_for_one_event(home: Home) -> None:
    caller = asking(home)
    both = caller.post("/v1/events", json={"events": [ticket("e1"), ticket("e1", ticket_id="t-9")]})
    assert both.status_code == 422
    assert both.json()["errors"][0]["field"] == "events[1].event_id"
    assert open_tickets(home) is None
    assert caller.post("/v1/events", json={"events": [ticket("e1")]}).status_code == 200
    later = caller.post("/v1/events", json={"events": [ticket("e1", ticket_id="t-9")]})
    assert later.status_code == 422
    assert "one event" in later.json()["detail"]
    assert open_tickets(home) == 1


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"events": [ticket("e0"), ticket("e1", status="lost")]}, "events[1].row.status"),
        (
            {"events": [ticket("e1", happened_at="2026-03-03T09:00:00")]},
            "events[0].row.happened_at",
        ),
        ({"events": [ticket("e1", colour="red")]}, "events[0].row.colour"),
        (
            {"events": [ticket("e0"), ticket("e1", arrived_at="2026-03-05T00:00:00Z")]},
            "events[1].row.arrived_at",
        ),
        ({"events": [{**ticket("e1"), "table": "usage_weeks"}]}, "events[0].table"),
        ({"events": [ticket("")]}, "events[0].event_id"),
        ({"events": [{"event_id": "e1", "table": "tickets"}]}, "events[0].row"),
        ({"events": [ticket("e1")] * 6}, "events"),
        ({"events": []}, "events"),
        ({"rows": []}, "events"),
        ([], "body"),
    ],
)
def test_a_wrong_event_is_named_and_nothing_is_taken(
    home: Home, document: object, field: str
) -> None:
    answer = asking(home, max_items=5).post("/v1/events", json=document)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert open_tickets(home) is None


def test_a_home_without_live_features_takes_none(tmp_path: Path) -> None:
    answer = asking(Home(tmp_path)).post("/v1/events", json={"events": [ticket("e1")]})
    assert answer.status_code == 409
    assert str(tmp_path) not in answer.text


def test_requests_that_arrive_together_are_taken_together_and_refused_apart(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, groups = EventIntake(home, lambda: NOW), []
    apply_groups = LiveStore.apply_groups

    def noted(live: LiveStore, events: Sequence[Sequence[Event]]) -> Any:
        groups.append(len(events))
        return apply_groups(live, events)

    monkeypatch.setattr(LiveStore, "apply_groups", noted)
    sent = [[ticket(f"e{number}", ticket_id=f"t-{number % 4}")] for number in range(12)]
    sent += [[ticket("e0", ticket_id="t-0")], [ticket("e1", status="closed")]]
    sent += [[ticket("late", arrived_at="2026-03-09T08:00:05Z")]]

    def take(documents: list[Any]) -> str:
        try:
            return str(intake.take(documents)["events"][0]["status"])
        except InputError as error:
            return error.field

    assert take(sent[0]) == "taken"
    together = intake._together
    with ThreadPoolExecutor(len(sent)) as pool:
        with together._working:  # until everybody has asked
            asked = [pool.submit(take, one) for one in sent]
            while len(together._waiting) + sum(one.done() for one in asked) < len(sent):
                time.sleep(0.001)
        took = [one.result() for one in asked]
    assert took[0] == took[12] == "repeated"
    # Of two rows under one id, the one that came first stands.
    assert sorted([took[1], took[13]]) == ["events[0].event_id", "taken"]
    assert took[14] == "events[0].row.arrived_at"
    assert set(took[2:12]) == {"taken"}
    assert sum(groups) >= 12
    assert len(groups) < 4
    assert open_tickets(home) == 4


def test_a_request_that_breaks_something_stops_no_other_of_its_group(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = EventIntake(home, lambda: NOW)
    apply = LiveBatch.apply

    def break_down(batch: LiveBatch, event: Event) -> None:
        if event.row["ticket_id"] == "t-1":
            raise RuntimeError
        apply(batch, event)

    monkeypatch.setattr(LiveBatch, "apply", break_down)

    def sent(number: int) -> Any:
        documents = check_events({"events": [ticket(f"e{number}", ticket_id=f"t-{number}")]}, 1)
        taken: list[Any] = []
        monkeypatch.setattr(intake._together, "do", taken.append)
        intake.take(documents["events"])
        return taken[0]

    results = intake._take_all([sent(0), sent(1), sent(2)])
    assert [isinstance(one, RuntimeError) for one in results] == [False, True, False]
    assert open_tickets(home) == 2


def test_an_event_of_nobody_is_held_named_and_counts_when_a_build_brings_the_id(home: Home) -> None:
    registry = CollectorRegistry()
    caller = asking(home, PrometheusMetrics(registry), HeldLimits(events=1))
    sent = [ticket("e1", customer_id="C-TYPO"), ticket("e2"), ticket("e1", customer_id="C-TYPO")]
    answer = caller.post("/v1/events", json={"events": [*sent, ticket("e3", customer_id="C3")]})
    assert answer.status_code == 200
    held = {
        "event_id": "e1",
        "status": "held",
        "error": {
            "code": "unknown_customer",
            "detail": "no build of features knows the customer yet; the event counts once one does",
        },
    }
    *told, dropped = answer.json()["events"]
    assert told == [held, {"event_id": "e2", "status": "taken"}, held]
    assert (dropped["status"], dropped["error"]["code"]) == ("dropped", "unknown_customer")
    assert (open_tickets(home), open_tickets(home, "C-TYPO")) == (1, None)
    assert registry.get_sample_value("holdfast_held_events") == 1

    def again(**changes: Any) -> Any:
        return asking(home).post("/v1/events", json={"events": [ticket("e1", **changes)]}).json()

    assert again(customer_id="C-TYPO") == {"events": [held]}
    assert "one event" in again(customer_id="C1")["detail"]
    store = PackedStore(online_directory(OperatorRepository(home).directory))
    name_ids(store, customers=["C-TYPO"])
    replace_states(store, datetime(2026, 3, 3, tzinfo=UTC), LIVE_TABLES, dict.fromkeys(KINDS, ()))
    assert open_tickets(home, "C-TYPO") == 1
    for status in ("taken", "repeated"):
        assert again(customer_id="C-TYPO") == {"events": [{"event_id": "e1", "status": status}]}
    assert open_tickets(home, "C-TYPO") == 1
