"""Days and weeks of an operator: midnights and Mondays in its time zone.

Times are kept in UTC everywhere. Only three things are asked of a zone: when a day begins, on which
day a time lies, and what the clock on the wall shows, for which `offsets` give what to add.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from holdfast.errors import InputError

DAY = timedelta(days=1)
_FIRST_YEAR, _LAST_YEAR = 1970, 2060
_SECOND = timedelta(seconds=1)


def read_zone(name: str, field: str) -> tzinfo:
    """The time zone of a name.

    Parameters
    ----------
    name : str
        An IANA name, such as Europe/Berlin.
    field : str
        What it was given as, for the error.

    Raises
    ------
    InputError
        There is no such zone; near names are named.

    Examples
    --------
    >>> read_zone("Asia/Shanghai", "--zone")
    zoneinfo.ZoneInfo(key='Asia/Shanghai')
    """
    if name == "UTC":
        return UTC
    names = available_timezones()
    if name in names:
        return ZoneInfo(name)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    cities = {full.rsplit("/", 1)[-1].lower(): full for full in sorted(names)}
    city = get_close_matches(
        name.rsplit("/", 1)[-1].replace(" ", "_").lower(), cities, n=2, cutoff=0.8
    )
    meant = list(dict.fromkeys([*(cities[one] for one in city), *near]))[:3]
    hint = f"; near it: {', '.join(meant)}" if meant else ""
    raise InputError(field, f"must be an IANA time zone such as Europe/Berlin{hint}", name)


def zone_name(zone: tzinfo) -> str:
    """The zone's IANA name."""
    return "UTC" if zone is UTC else str(zone)


def day_of(at: datetime, zone: tzinfo) -> date:
    """The day on which a time lies.

    Examples
    --------
    >>> day_of(datetime(2026, 1, 4, 23, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    datetime.date(2026, 1, 5)
    """
    return at.astimezone(zone).date()


def day_start(day: date, zone: tzinfo) -> datetime:
    """When a day begins, in UTC; where the clock skips midnight, when it does.

    Examples
    --------
    >>> day_start(date(2026, 1, 5), ZoneInfo("Asia/Shanghai")).isoformat()
    '2026-01-04T16:00:00+00:00'
    """
    return datetime.combine(day, time(), zone).astimezone(UTC)


def midnight_before(at: datetime, zone: tzinfo) -> datetime:
    """The last midnight that is not after a time, in UTC."""
    return day_start(day_of(at, zone), zone)


def monday_before(at: datetime, zone: tzinfo) -> datetime:
    """The last Monday 00:00 that is not after a time, in UTC."""
    day = day_of(at, zone)
    return day_start(day - day.weekday() * DAY, zone)


def days_later(at: datetime, days: int, zone: tzinfo) -> datetime:
    """The midnight some days after another, or before it, in UTC: however long these days are."""
    return day_start(day_of(at, zone) + days * DAY, zone)


def days_apart(earlier: datetime, later: datetime, zone: tzinfo) -> int:
    """How many midnights lie between the days of two times."""
    return (day_of(later, zone) - day_of(earlier, zone)).days


@cache
def offsets(zone: tzinfo) -> tuple[tuple[datetime, timedelta], ...]:
    """What the clock on the wall shows more than UTC, and from when on, oldest first.

    Of the years 1970 to 2060; the first and the last hold before and after them. Switches of a
    clock are found to the second.
    """
    at = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
    last = datetime(_LAST_YEAR, 1, 1, tzinfo=UTC)
    found = [(at, _offset(at, zone))]
    for after in _days(at, last) if zone is not UTC else ():
        if _offset(after, zone) != found[-1][1]:
            early, late = after - DAY, after
            while late - early > _SECOND:
                middle = early + (late - early) // (2 * _SECOND) * _SECOND
                if _offset(middle, zone) == found[-1][1]:
                    early = middle
                else:
                    late = middle
            found.append((late, _offset(late, zone)))
    return tuple(found)


def _days(first: datetime, last: datetime) -> Iterable[datetime]:
    return (first + day * DAY for day in range(1, (last - first).days))


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta(0)
