"""When snapshots are taken: Mondays for history, the last midnight for what is known now.

The first Monday of history is the first one that has a whole window of weekly rows behind it: 182
days after the first week that `usage_weeks` or `network_weeks` covers begins, or the first day of
`usage_days`. Without any of them, 182 days after the first row of any event table arrived. No
Monday lies before the first subscription arrived.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Protocol

from features.sql.expressions import WINDOW_DAYS
from features.sql.raw import READABLE
from holdfast.errors import InputError
from holdfast.zone import day_of, day_start, days_later, midnight_before, monday_before, zone_name

WEEK = timedelta(days=7)
_COVERED = {"usage_weeks": WEEK, "network_weeks": WEEK, "usage_days": timedelta(days=1)}
"""Tables whose rows cover a time, and how long."""


class Span(Protocol):
    """The times that a table's rows span, in UTC; None without rows."""

    @property
    def first_arrived(self) -> datetime | None:
        """When the first row arrived."""

    @property
    def last_arrived(self) -> datetime | None:
        """When the last row arrived."""

    @property
    def first_happened(self) -> datetime | None:
        """The earliest `happened_at`."""


def newest_time(tables: Mapping[str, Span], now: datetime, zone: tzinfo) -> datetime:
    """The last midnight that the data reach, in UTC, not after now.

    A row that claims to arrive in the future is not known yet. See `reached_midnight`.

    Parameters
    ----------
    tables : mapping of str to Span
        The tables that are there.
    now : datetime
        With a time zone.
    zone : tzinfo
        The operator's, whose midnights these are.

    Raises
    ------
    InputError
        No table has a row.
    """
    arrived = [table.last_arrived for table in tables.values() if table.last_arrived]
    if not arrived:
        raise InputError("raw tables", "must hold rows; they are all empty")
    return reached_midnight(max(arrived), now, zone)


def reached_midnight(newest: datetime, now: datetime, zone: tzinfo) -> datetime:
    """The last midnight, in UTC, that data with such a newest arrival reach, not after now.

    Nothing shows that a day is whole but a row that arrived after it. So an export that is taken just
    before midnight, or at midnight, reaches the midnight before only, and its last day is scored with
    the next night; one that is taken some time after midnight reaches the midnight. Midnights are
    the operator's.

    Examples
    --------
    >>> from datetime import UTC
    >>> now = datetime(2025, 7, 8, 0, 20, tzinfo=UTC)
    >>> reached_midnight(datetime(2025, 7, 7, 23, 58, tzinfo=UTC), now, UTC).isoformat()
    '2025-07-07T00:00:00+00:00'
    >>> reached_midnight(datetime(2025, 7, 8, 0, 4, tzinfo=UTC), now, UTC).isoformat()
    '2025-07-08T00:00:00+00:00'
    """
    return midnight_before(min(newest, now), zone)


def checked_time(at: datetime, newest: datetime, zone: tzinfo) -> datetime:
    """A snapshot time that was asked for, in UTC.

    Raises
    ------
    InputError
        It has no time zone, is not midnight in the operator's, or lies after the last midnight that
        the data reach.
    """
    if at.tzinfo is None:
        raise InputError("at", "must have a time zone", at.isoformat())
    if at != midnight_before(at, zone):
        raise InputError("at", f"must be midnight, {zone_name(zone)}", at.isoformat())
    if at > newest:
        raise InputError(
            "at",
            f"must not lie after {day_of(newest, zone)}, the last midnight that the data reach",
            day_of(at, zone),
        )
    return midnight_before(at, zone)


def require_subscriptions(tables: Mapping[str, Span], at: datetime, zone: tzinfo) -> None:
    """Require that some subscription was known at a snapshot time.

    Raises
    ------
    InputError
        None was.
    """
    first = _first(tables, ("subscriptions",), "first_arrived")
    if first is not None and first > at:
        raise InputError(
            "at",
            f"must not lie before {day_of(first, zone)}, when the first subscription arrived",
            day_of(at, zone),
        )


def require_whole(at: datetime, whole_since: datetime | None, zone: tzinfo) -> None:
    """Require that the raw rows are kept that a snapshot of a time is computed from.

    Raises
    ------
    InputError
        They are not.
    """
    if whole_since is not None and at < whole_since:
        raise InputError(
            "at",
            f"must not lie before {day_of(whole_since, zone)}: raw rows that an earlier snapshot is"
            " computed from were kept for long enough, and are gone",
            day_of(at, zone),
        )


def history_mondays(tables: Mapping[str, Span], at: datetime, zone: tzinfo) -> tuple[datetime, ...]:
    """Mondays 00:00 that history is kept of, in UTC, oldest first, none after `at`."""
    earliest = _history_start(tables, zone)
    if earliest is None:
        return ()
    monday = monday_before(earliest, zone)
    if monday < earliest:
        monday = days_later(monday, 7, zone)
    mondays = []
    while monday <= at:
        mondays.append(monday)
        monday = days_later(monday, 7, zone)
    return tuple(mondays)


def _history_start(tables: Mapping[str, Span], zone: tzinfo) -> datetime | None:
    subscribed = _first(tables, ("subscriptions",), "first_arrived")
    covered = [
        _back(first, length, zone)
        for name, length in _COVERED.items()
        if (first := _first(tables, (name,), "first_happened"))
    ]
    earliest = min(covered, default=None) or _first(
        tables, (n for n, t in READABLE.items() if t.kind == "event"), "first_arrived"
    )
    if subscribed is None or earliest is None:
        return None
    return max(_back(earliest, -timedelta(days=WINDOW_DAYS), zone), subscribed)


def _back(at: datetime, span: timedelta, zone: tzinfo) -> datetime:
    """The same time on the clock some days earlier, in UTC."""
    day = day_of(at, zone)
    return day_start(day - span, zone) + (at - day_start(day, zone))


def _first(tables: Mapping[str, Span], names: Iterable[str], extreme: str) -> datetime | None:
    times = [getattr(tables[name], extreme) for name in names if name in tables]
    return min((time for time in times if time), default=None)
