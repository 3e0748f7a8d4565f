"""When snapshots are taken: Mondays for history, the last midnight for what is known now.

The first Monday of history is the first one that has a whole window of weekly rows behind it: 182
days after the first week that `usage_weeks` or `network_weeks` covers begins. Without either, 182
days after the first row of any event table arrived. No Monday lies before the first subscription
arrived.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from features.sql.expressions import WINDOW_DAYS
from features.sql.raw import READABLE
from holdfast.errors import InputError

WEEK = timedelta(days=7)
_WEEKLY = ("usage_weeks", "network_weeks")


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


def newest_time(tables: Mapping[str, Span], now: datetime) -> datetime:
    """The last UTC midnight that the data reach, not after now.

    A row that claims to arrive in the future is not known yet. See `reached_midnight`.

    Parameters
    ----------
    tables : mapping of str to Span
        The tables that are there.
    now : datetime
        With a time zone.

    Raises
    ------
    InputError
        No table has a row.
    """
    arrived = [table.last_arrived for table in tables.values() if table.last_arrived]
    if not arrived:
        raise InputError("raw tables", "must hold rows; they are all empty")
    return reached_midnight(max(arrived), now)


def reached_midnight(newest: datetime, now: datetime) -> datetime:
    """The last UTC midnight that data with such a newest arrival reach, not after now.

    Nothing shows that a day is whole but a row that arrived after it. So an export that is taken just
    before midnight, or at midnight, reaches the midnight before only, and its last day is scored with
    the next night; one that is taken some time after midnight reaches the midnight.

    Examples
    --------
    >>> now = datetime(2025, 7, 8, 0, 20, tzinfo=UTC)
    >>> reached_midnight(datetime(2025, 7, 7, 23, 58, tzinfo=UTC), now).isoformat()
    '2025-07-07T00:00:00+00:00'
    >>> reached_midnight(datetime(2025, 7, 8, 0, 4, tzinfo=UTC), now).isoformat()
    '2025-07-08T00:00:00+00:00'
    """
    reached = min(newest.astimezone(UTC), now.astimezone(UTC))
    return reached.replace(hour=0, minute=0, second=0, microsecond=0)


def checked_time(at: datetime, newest: datetime) -> datetime:
    """A snapshot time that was asked for, in UTC.

    Raises
    ------
    InputError
        It has no time zone, is not midnight in UTC, or lies after the last midnight that the data
        reach.
    """
    if at.tzinfo is None:
        raise InputError("at", "must have a time zone", at.isoformat())
    at = at.astimezone(UTC)
    if at != at.replace(hour=0, minute=0, second=0, microsecond=0):
        raise InputError("at", "must be midnight, UTC", at.isoformat())
    if at > newest:
        raise InputError(
            "at",
            f"must not lie after {newest:%Y-%m-%d}, the last midnight that the data reach",
            f"{at:%Y-%m-%d}",
        )
    return at


def require_subscriptions(tables: Mapping[str, Span], at: datetime) -> None:
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
            f"must not lie before {first:%Y-%m-%d}, when the first subscription arrived",
            f"{at:%Y-%m-%d}",
        )


def monday_of(at: datetime) -> datetime:
    """The newest Monday 00:00 UTC, not after a midnight."""
    return at - timedelta(days=at.weekday())


def history_mondays(tables: Mapping[str, Span], at: datetime) -> tuple[datetime, ...]:
    """Mondays that history is kept of, oldest first, none after `at`."""
    earliest = _history_start(tables)
    if earliest is None:
        return ()
    midnight = earliest.replace(hour=0, minute=0, second=0, microsecond=0)
    monday = monday_of(midnight)
    while monday < earliest:
        monday += WEEK
    mondays = []
    while monday <= at:
        mondays.append(monday)
        monday += WEEK
    return tuple(mondays)


def _history_start(tables: Mapping[str, Span]) -> datetime | None:
    subscribed = _first(tables, ("subscriptions",), "first_arrived")
    weekly = _first(tables, _WEEKLY, "first_happened")
    earliest = (
        weekly - WEEK
        if weekly
        else _first(tables, (n for n, t in READABLE.items() if t.kind == "event"), "first_arrived")
    )
    if subscribed is None or earliest is None:
        return None
    return max(earliest + timedelta(days=WINDOW_DAYS), subscribed)


def _first(tables: Mapping[str, Span], names: Iterable[str], extreme: str) -> datetime | None:
    times = [getattr(tables[name], extreme) for name in names if name in tables]
    return min((time for time in times if time), default=None)
