"""When snapshots are taken."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from features.compute.snapshots import (
    Span,
    checked_time,
    history_mondays,
    monday_of,
    newest_time,
)
from holdfast.errors import InputError
from tests.builders.clocks import NOW

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEK, DAY = timedelta(days=7), timedelta(days=1)


@dataclass(frozen=True)
class Times:
    """The times that a table's rows span."""

    first_arrived: datetime | None
    last_arrived: datetime | None
    first_happened: datetime | None


def part(first: datetime | None, last: datetime | None, happened: datetime | None = None) -> Times:
    return Times(first, last, happened or first)


def raw(**tables: Times) -> dict[str, Span]:
    return dict(tables)


def test_the_newest_snapshot_is_the_last_midnight_of_the_data() -> None:
    late = MONDAY + 3 * DAY + timedelta(hours=5)
    assert (
        newest_time(raw(customers=part(MONDAY, MONDAY), bills=part(MONDAY, late)), NOW)
        == MONDAY + 3 * DAY
    )
    assert newest_time(raw(customers=part(MONDAY, MONDAY)), NOW) == MONDAY


def test_no_rows_no_snapshot() -> None:
    with pytest.raises(InputError, match="all empty"):
        newest_time(raw(customers=part(None, None)), NOW)


def test_history_begins_with_a_whole_window() -> None:
    tables = {"subscriptions": part(MONDAY, MONDAY), "bills": part(MONDAY - 100 * WEEK, MONDAY)}
    weekly = part(MONDAY + WEEK, MONDAY + 30 * WEEK)
    assert history_mondays(raw(**tables, usage_weeks=weekly), MONDAY + 28 * WEEK) == (
        MONDAY + 26 * WEEK,
        MONDAY + 27 * WEEK,
        MONDAY + 28 * WEEK,
    )
    assert history_mondays(raw(**tables, usage_weeks=weekly), MONDAY + 26 * WEEK - DAY) == ()
    assert history_mondays(raw(**tables), MONDAY + WEEK) == (MONDAY, MONDAY + WEEK)


def test_no_monday_lies_before_the_first_subscription() -> None:
    tables = {
        "subscriptions": part(MONDAY + DAY, MONDAY + DAY),
        "bills": part(MONDAY - 100 * WEEK, MONDAY),
    }
    assert history_mondays(raw(**tables), MONDAY + WEEK) == (MONDAY + WEEK,)


@pytest.mark.parametrize("days", range(7))
def test_monday_of(days: int) -> None:
    assert monday_of(MONDAY + days * DAY) == MONDAY


def test_a_time_asked_for_must_be_midnight_in_utc() -> None:
    assert checked_time(MONDAY, MONDAY) == MONDAY
    assert checked_time(MONDAY.astimezone(timezone(timedelta(hours=8))), MONDAY) == MONDAY
    with pytest.raises(InputError, match="time zone"):
        checked_time(MONDAY.replace(tzinfo=None), MONDAY)
    with pytest.raises(InputError, match="midnight"):
        checked_time(MONDAY + timedelta(seconds=1), MONDAY)
    with pytest.raises(InputError, match="that the data reach"):
        checked_time(MONDAY + timedelta(days=1), MONDAY)


@pytest.mark.parametrize(
    "newest, days_behind",
    [
        (timedelta(seconds=-10), 1),  # taken at midnight: nothing shows that the day is whole
        (timedelta(0), 0),  # a day of arrival without a time counts from its end
        (timedelta(minutes=4), 0),
    ],
)
def test_an_export_reaches_a_midnight_with_the_first_row_that_arrived_after_it(
    newest: timedelta, days_behind: int
) -> None:
    tables = raw(customers=part(MONDAY - 7 * DAY, MONDAY + newest))
    assert newest_time(tables, MONDAY + timedelta(hours=9)) == MONDAY - days_behind * DAY
