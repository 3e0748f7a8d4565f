"""When snapshots are taken: Mondays for history, the last midnight for what is known now.

The first Monday of history is the first one that has a whole window of weekly rows behind it: 182
days after the first week that `usage_weeks` or `network_weeks` covers begins. Without either, 182
days after the first row of any event table arrived. No Monday lies before the first subscription
arrived.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from features.sql.expressions import WINDOW_DAYS
from features.sql.raw import READABLE, RawTables
from holdfast.errors import InputError

WEEK = timedelta(days=7)
_WEEKLY = ("usage_weeks", "network_weeks")


def newest_time(raw: RawTables, now: datetime) -> datetime:
    """The last UTC midnight that the data reach: not after the newest arrival, nor after now.

    A row that claims to arrive in the future is not known yet.

    Parameters
    ----------
    raw : RawTables
        The tables.
    now : datetime
        With a time zone.

    Raises
    ------
    InputError
        No table has a row.
    """
    arrived = [
        part.last_arrived for parts in raw.parts.values() for part in parts if part.last_arrived
    ]
    if not arrived:
        raise InputError("raw tables", "must hold rows; they are all empty")
    reached = min(max(arrived), now.astimezone(UTC))
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


def require_subscriptions(raw: RawTables, at: datetime) -> None:
    """Require that some subscription was known at a snapshot time.

    Raises
    ------
    InputError
        None was.
    """
    first = _first(raw, ("subscriptions",), "first_arrived")
    if first is not None and first > at:
        raise InputError(
            "at",
            f"must not lie before {first:%Y-%m-%d}, when the first subscription arrived",
            f"{at:%Y-%m-%d}",
        )


def monday_of(at: datetime) -> datetime:
    """The newest Monday 00:00 UTC, not after a midnight."""
    return at - timedelta(days=at.weekday())


def history_mondays(raw: RawTables, at: datetime) -> tuple[datetime, ...]:
    """Mondays that history is kept of, oldest first, none after `at`."""
    earliest = _history_start(raw)
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


def _history_start(raw: RawTables) -> datetime | None:
    subscribed = _first(raw, ("subscriptions",), "first_arrived")
    weekly = _first(raw, _WEEKLY, "first_happened")
    earliest = (
        weekly - WEEK
        if weekly
        else _first(raw, (n for n, t in READABLE.items() if t.kind == "event"), "first_arrived")
    )
    if subscribed is None or earliest is None:
        return None
    return max(earliest + timedelta(days=WINDOW_DAYS), subscribed)


def _first(raw: RawTables, tables: Iterable[str], extreme: str) -> datetime | None:
    times = [getattr(part, extreme) for table in tables for part in raw.parts.get(table, ())]
    return min((time for time in times if time), default=None)
