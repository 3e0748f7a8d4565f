from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest

from features.contracts.tables import TABLES
from features.live.event import microseconds, read_event
from holdfast.errors import InputError

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
BILL = {"bill_id": "007", "account_id": "a", "amount": 12, "happened_at": AT, "arrived_at": AT}


def test_a_row_is_typed_as_its_contract_says() -> None:
    event = read_event(
        "bills", {**BILL, "disputed": True, "due_at": "2026-01-06T01:00:00.000001+01:00"}
    )
    assert set(event.row) == set(TABLES["bills"].columns)
    assert event.row["amount"] == 12.0
    assert isinstance(event.row["amount"], float)
    assert event.row["due_at"] == microseconds(datetime(2026, 1, 6, tzinfo=UTC)) + 1
    assert event.row["discount"] is None
    assert event.arrived == microseconds(AT.astimezone(timezone(timedelta(hours=8))))


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"amount": None}, "bills.amount", "must not be null"),
        ({"amount": "12"}, "bills.amount", "must be a number"),
        ({"amount": True}, "bills.amount", "must be a number"),
        ({"amount": float("nan")}, "bills.amount", "must be finite"),
        ({"discount": -1.0}, "bills.discount", "must be 0 or more"),
        ({"bill_id": ""}, "bills.bill_id", "1 to 120 characters"),
        ({"bill_id": "x" * 121}, "bills.bill_id", "1 to 120 characters"),
        ({"bill_id": "\ud800"}, "bills.bill_id", "must be valid Unicode"),
        ({"bill_id": 7}, "bills.bill_id", "must be a text"),
        ({"disputed": 1}, "bills.disputed", "must be true or false"),
        ({"due_at": AT.replace(tzinfo=None)}, "bills.due_at", "must have a time zone"),
        ({"due_at": "2026-01-05 12:00"}, "bills.due_at", "must have a time zone"),
        ({"due_at": "soon"}, "bills.due_at", "must be a time"),
        ({"due_at": 1767571200}, "bills.due_at", "must be a time"),
        ({"due_at": datetime(9999, 12, 31, tzinfo=UTC)}, "bills.due_at", "1900 to 2261"),
        (
            {"arrived_at": AT - timedelta(microseconds=1)},
            "bills.arrived_at",
            "must not lie before happened_at",
        ),
        ({"amuont": 1.0}, "bills.amuont", "is no column of bills"),
    ],
)
def test_what_breaks_the_contract_is_refused_by_name(
    change: dict[str, object], field: str, rule: str
) -> None:
    with pytest.raises(InputError, match=rule) as error:
        read_event("bills", BILL | change)
    assert error.value.field == field


def test_categories_and_whole_numbers_are_checked() -> None:
    row = {
        "interaction_id": "i",
        "customer_id": "c",
        "channel": "phone",
        "issue": "network",
        "happened_at": AT,
        "arrived_at": AT,
    }
    read_event("interactions", row | {"transfers": 0})
    for wrong, rule in [
        ({"issue": "weather"}, "must be one of billing"),
        ({"transfers": 1.5}, "must be a whole number"),
    ]:
        with pytest.raises(InputError, match=rule):
            read_event("interactions", row | wrong)


@pytest.mark.parametrize("table", ["churn_events", "usage_weeks", "nothing"])
def test_other_tables_send_no_events(table: str) -> None:
    with pytest.raises(InputError, match="must be one of app_events"):
        read_event(table, {})


def test_rules_are_those_of_the_contracts() -> None:
    first, last = (
        datetime(1900, 1, 1, tzinfo=UTC),
        datetime(2261, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    )
    (years,) = TABLES["bills"].schema.columns["due_at"].checks
    for moment, right in [
        (first, True),
        (last, True),
        (first - timedelta(hours=1), False),
        (last + timedelta(hours=1), False),
    ]:
        times = pd.Series(
            pd.array([moment], pd.ArrowDtype(TABLES["bills"].arrow_schema.field("due_at").type))
        )
        assert bool(years(times).check_passed) is right
        if right:
            read_event("bills", {**BILL, "due_at": moment})
        else:
            with pytest.raises(InputError, match="1900 to 2261"):
                read_event("bills", {**BILL, "due_at": moment})


def test_what_is_said_of_a_person_stays_out_of_errors() -> None:
    ticket = {
        "ticket_id": "1",
        "customer_id": "2",
        "ticket_class": "price",
        "ticket_kind": "fault",
        "status": "opened",
    }
    for text in ("\ud800 my name is Bob", "my name is Bob " * 400):
        with pytest.raises(InputError, match=r"tickets\.text: must be") as refused:
            read_event("tickets", {**ticket, "text": text, "happened_at": AT, "arrived_at": AT})
        assert "Bob" not in str(refused.value)
        assert refused.value.__cause__ is None
