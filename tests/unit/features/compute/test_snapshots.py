"""When snapshots are taken."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from features.compute.snapshots import (
    Span,
    checked_time,
    history_mondays,
    newest_time,
)
from holdfast.errors import InputError
from holdfast.zone import monday_before
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
        newest_time(raw(customers=part(MONDAY, MONDAY), bills=part(MONDAY, late)), NOW, UTC)
        == MONDAY + 3 * DAY
    )
    assert newest_time(raw(customers=part(MONDAY, MONDAY)), NOW, UTC) == MONDAY


def test_no_rows_no_snapshot() -> None:
    with pytest.raises(InputError, match="all empty"):
        newest_time(raw(customers=part(None, None)), NOW, UTC)


def test_history_begins_with_a_whole_window() -> None:
    tables = {"subscriptions": part(MONDAY, MONDAY), "bills": part(MONDAY - 100 * WEEK, MONDAY)}
    weekly = part(MONDAY + WEEK, MONDAY + 30 * WEEK)
    assert history_mondays(raw(**tables, usage_weeks=weekly), MONDAY + 28 * WEEK, UTC) == (
        MONDAY + 26 * WEEK,
        MONDAY + 27 * WEEK,
        MONDAY + 28 * WEEK,
    )
    assert history_mondays(raw(**tables, usage_weeks=weekly), MONDAY + 26 * WEEK - DAY, UTC) == ()
    assert history_mondays(raw(**tables), MONDAY + WEEK, UTC) == (MONDAY, MONDAY + WEEK)


def test_no_monday_lies_before_the_first_subscription() -> None:
    tables = {
        "subscriptions": part(MONDAY + DAY, MONDAY + DAY),
        "bills": part(MONDAY - 100 * WEEK, MONDAY),
    }
    assert history_mondays(raw(**tables), MONDAY + WEEK, UTC) == (MONDAY + WEEK,)


@pytest.mark.parametrize("days", range(7))
def test_monday_of(days: int) -> None:
    assert monday_before(MONDAY + days * DAY, UTC) == MONDAY


def test_a_time_asked_for_must_be_midnight_in_utc() -> None:
    assert checked_time(MONDAY, MONDAY, UTC) == MONDAY
    assert checked_time(MONDAY.astimezone(timezone(timedelta(hours=8))), MONDAY, UTC) == MONDAY
    with pytest.raises(InputError, match="time zone"):
        checked_time(MONDAY.replace(tzinfo=None), MONDAY, UTC)
    with pytest.raises(InputError, match="midnight"):
        checked_time(MONDAY + timedelta(seconds=1), MONDAY, UTC)
    with pytest.raises(InputError, match="that the data reach"):
        checked_time(MONDAY + timedelta(days=1), MONDAY, UTC)


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
    now = MONDAY + timedelta(hours=9)
    assert newest_time(tables, now, UTC) == MONDAY - days_behind * DAY


def test_midnights_and_mondays_are_those_of_the_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    # Clocks went forward on Sunday, 29 March 2026: that week has 167 hours.
    monday, after = datetime(2026, 3, 22, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)
    tables = {"subscriptions": part(monday, monday), "bills": part(monday, after)}
    assert newest_time(raw(**tables), NOW, berlin) == after
    assert checked_time(after, after, berlin) == after
    with pytest.raises(InputError, match="midnight, Europe/Berlin"):
        checked_time(after.replace(hour=0), after, berlin)


def test_half_a_year_of_weeks_is_counted_by_the_clock() -> None:
    # From a Monday in winter to one in summer, an hour is missing.
    berlin, monday = ZoneInfo("Europe/Berlin"), datetime(2026, 5, 3, 22, tzinfo=UTC)
    first_end = monday - 25 * WEEK + timedelta(hours=1)
    tables = {"subscriptions": part(first_end, monday), "usage_weeks": part(first_end, monday)}
    assert history_mondays(raw(**tables), monday + WEEK, berlin) == (monday, monday + WEEK)


def test_days_of_use_begin_history_as_weeks_do() -> None:
    tables = {"subscriptions": part(MONDAY, MONDAY)}
    daily = part(MONDAY + DAY, MONDAY + WEEK)
    assert history_mondays(raw(**tables, usage_days=daily), MONDAY + 26 * WEEK, UTC) == (
        MONDAY + 26 * WEEK,
    )
