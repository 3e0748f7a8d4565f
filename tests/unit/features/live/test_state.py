from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.fields import VIEWS
from features.live.evaluate import (
    AreaIncidents,
    account_of,
    evaluate,
    evaluate_area,
    evaluate_cell,
    evaluate_contact,
    rounded,
)
from features.live.event import Event, microseconds, read_event
from features.live.state import State, apply_event, areas, entity_of, is_first_version, touched
from features.views import contact as contact_view
from holdfast.errors import ModelError

NOW = datetime(2026, 6, 1, tzinfo=UTC)
NOTHING = State(0, {})


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def contact(id_: str, days: float, *, told_days: float | None = None, **row: Any) -> Event:
    base = {
        "interaction_id": id_,
        "customer_id": "c",
        "channel": "phone",
        "issue": "network",
        "resolved": False,
    }
    times = {"happened_at": ago(days), "arrived_at": ago(days if told_days is None else told_days)}
    return read_event("interactions", base | times | row)


def recharge(days: float, amount: float) -> Event:
    times = {"happened_at": ago(days), "arrived_at": ago(days)}
    return read_event(
        "recharges", {"subscription_id": "s", "amount": amount, "valid_until_at": ago(-1), **times}
    )


def incident(
    days: float, level: str, area: str | None, started_days: float, ended_days: float | None = None
) -> Event:
    times = {"happened_at": ago(days), "arrived_at": ago(days), "started_at": ago(started_days)}
    ended = {} if ended_days is None else {"ended_at": ago(ended_days)}
    row = {
        "incident_id": "i",
        "level": level,
        "area_id": area,
        "severity": "minor",
        **times,
        **ended,
    }
    return read_event("incidents", row)


def after(*events: Event, state: State = NOTHING) -> State:
    for event in events:
        state = apply_event(state, event)
    return state


def service(state: State, **wanted: float | None) -> None:
    values = dict(
        zip(
            VIEWS["service_live"].columns,
            evaluate("customer", state, microseconds(NOW))["service_live"],
            strict=True,
        )
    )
    assert {name: values[name] for name in wanted} == wanted


def test_an_event_known_already_changes_nothing() -> None:
    state = after(contact("1", 3))
    assert apply_event(state, contact("1", 3)) is state
    assert apply_event(state, contact("0", 400)) is state


def test_applying_leaves_the_state_before_as_it_was() -> None:
    before = after(contact("1", 3))
    document = before.to_json()
    apply_event(before, contact("2", 1))
    assert before.to_json() == document
    assert State.from_json(document) == before


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"x":1}'])
def test_a_damaged_state_is_told(document: str) -> None:
    with pytest.raises(ModelError, match="is damaged"):
        State.from_json(document)


def test_a_window_is_open_at_its_far_end() -> None:
    state = after(
        contact("1", 182),
        contact("2", 28),
        contact("3", 27.9, issue="plan"),
        contact("4", 7, issue="plan"),
        contact("5", 0),
    )
    service(state, contacts_7d=1.0, contacts_28d=3.0, contacts_182d=4.0, days_since_contact=0.0)


def test_a_contact_repeats_what_was_raised_up_to_seven_days_before_and_not_at_once() -> None:
    service(after(contact("1", 30), contact("2", 23)), repeat_contacts_28d=1.0)
    service(after(contact("1", 30.1), contact("2", 23)), repeat_contacts_28d=0.0)
    service(after(contact("1", 23), contact("2", 23)), repeat_contacts_28d=0.0)


@pytest.mark.parametrize(("days", "repeats"), [(7, 1.0), (7.001, 0.0), (0, 0.0), (0.001, 1.0)])
def test_a_contact_repeats_others_of_seven_days_before_its_close(
    days: float, repeats: float
) -> None:
    last = contact("2", 0)
    values = evaluate_contact(last, after(contact("1", days), last), NOTHING, microseconds(NOW))
    assert (
        dict(zip([feature.name for feature in contact_view.OWN], values, strict=False))[
            "contact_repeats_7d"
        ]
        == repeats
    )


def test_a_correction_counts_once_it_has_arrived_and_outlives_what_it_corrects() -> None:
    first, moved = contact("1", 20), contact("1", 190, told_days=19)
    service(after(first, moved), contacts_28d=0.0, contacts_182d=0.0)
    service(after(moved, first), contacts_182d=0.0)
    settled = after(first, moved, contact("2", 0))
    assert len(settled.items["interactions"]) == 2
    service(after(first, state=settled), contacts_182d=1.0)
    corrected = after(first, contact("1", 20, told_days=-1, resolved=True))
    service(corrected, contacts_28d=1.0, unresolved_contacts_28d=1.0)
    assert is_first_version(corrected, first)
    assert not is_first_version(corrected, contact("1", 20, told_days=-1))


def test_what_is_out_of_reach_is_dropped() -> None:
    state = after(*(contact(str(days), days) for days in range(600, 0, -30)))
    assert [item[2] for item in state.items["interactions"]] == [
        "210",
        "180",
        "150",
        "120",
        "90",
        "60",
        "30",
    ]


@given(st.permutations(range(9)))
def test_the_order_of_delivery_does_not_matter(order: list[int]) -> None:
    events = [recharge(days, days) for days in (200, 170, 90, 28, 5)]
    plans = [
        read_event(
            "subscriptions",
            {**LINE, "plan_id": plan, "happened_at": ago(days), "arrived_at": ago(days - 1)},
        )
        for plan, days in (("a", 300), ("b", 100))
    ]
    prices = [
        read_event(
            "price_changes",
            {
                "subscription_id": "s",
                "old_fee": 10.0,
                "new_fee": fee,
                "effective_at": ago(-9),
                "happened_at": ago(days),
                "arrived_at": ago(1),
            },
        )
        for fee, days in ((11.0, 20), (12.0, 10))
    ]
    state = after(*([*events, *plans, *prices][position] for position in order))
    evaluated = evaluate("subscription", state, microseconds(NOW))["subscription_live"]
    values = dict(zip(VIEWS["subscription_live"].columns, evaluated, strict=True))
    assert values == {
        "recharges_28d": 1.0,
        "recharges_91d": 3.0,
        "recharge_amount_91d": 123.0,
        "days_since_recharge": 5.0,
        "recharge_gap_vs_median": 0.0806,
        "last_balance_before": None,
        "days_to_validity_end": 1.0,
        "plan_changes_182d": 1.0,
        "price_changes_182d": 2.0,
        "price_change_share": 0.2,
        "days_to_price_change": 9.0,
    }


LINE = {
    "subscription_id": "s",
    "customer_id": "c",
    "product_line": "mobile",
    "billing_type": "prepaid",
    "activated_at": ago(300),
    "status": "active",
}


def test_who_pays_is_as_known_then() -> None:
    row = {"customer_id": "c", "segment": "consumer"}
    state = after(
        read_event(
            "customers", {**row, "account_id": "a", "happened_at": ago(9), "arrived_at": ago(5)}
        ),
        read_event("customers", {**row, "happened_at": ago(3), "arrived_at": ago(3)}),
    )
    assert [account_of("c", state, microseconds(ago(days))) for days in (6, 5, 3)] == [
        "c",
        "a",
        "c",
    ]


def test_an_account_without_anything_owes_nothing() -> None:
    values = dict(
        zip(
            VIEWS["billing_live"].columns,
            evaluate("account", NOTHING, 0)["billing_live"],
            strict=True,
        )
    )
    assert {name for name, value in values.items() if value is None} == {
        *("last_bill", "bill_vs_own", "last_out_of_bundle", "days_to_discount_end")
    }


def test_an_incident_hits_where_it_was_last_said_to_be() -> None:
    state = after(incident(5, "cell", "x", 5), incident(2, "region", "north", 4, 3))
    assert areas(state.items["incidents"]) == [("cell", "x"), ("region", "north")]
    assert (
        touched(incident(2, "nation", "?", 4), state)[0]
        == entity_of(incident(2, "nation", "?", 4))
        == ("incident", "i")
    )
    then, now = microseconds(ago(3)), microseconds(NOW)
    assert evaluate_area("cell", "x", state, then) == AreaIncidents(1, 48.0, microseconds(ago(5)))
    assert evaluate_area("cell", "x", state, now) == AreaIncidents(0, 0.0, None)
    assert evaluate_area("region", "north", state, now) == AreaIncidents(
        1, 24.0, microseconds(ago(4))
    )
    assert evaluate_cell(
        [evaluate_area("region", "north", state, now), AreaIncidents(0, 0.0, None)], now
    ) == (1.0, 24.0, 4.0)
    assert len(VIEWS["cell_live"].columns) == 3


def test_an_incident_that_is_yet_to_begin_does_not_count() -> None:
    state = after(incident(1, "nation", None, -1))
    assert areas(state.items["incidents"]) == [("nation", "nation")]
    assert evaluate_area("nation", "nation", state, microseconds(NOW)) == AreaIncidents(
        0, 0.0, None
    )


def test_values_are_rounded_half_away_from_zero() -> None:
    assert rounded([0.00005, -0.00005, 3, None, 1 / 3]) == (0.0001, -0.0001, 3.0, None, 0.3333)
    assert rounded([2.00004999999999, 2.00004999]) == (2.0001, 2.0), (
        "the noise of a parallel sum is taken away first"
    )
