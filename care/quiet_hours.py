"""Quiet hours in the customer's own time, over changes of the clock."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from care.jurisdiction import Jurisdiction
from holdfast.arrays import Microseconds

UNKNOWN_ZONE = -1
"""Place in a list of zones for a customer whose zone is not known."""

_MINUTE = 60_000_000
_QUARTER = 15 * _MINUTE
_DAY_MINUTES = 24 * 60
_LONGEST_QUARTERS = 7 * 96
_NEVER = -1
_SUNDAY = 3
"""1970-01-01, day 0, was a Thursday."""


def is_quiet(
    at: Microseconds,
    zone: NDArray[np.integer],
    zones: Sequence[str],
    channel: str,
    jurisdiction: Jurisdiction,
) -> NDArray[np.bool_]:
    """Whether nothing may be sent at these times.

    Parameters
    ----------
    at : (n,) int64
        When it would be sent, microseconds since 1970 in UTC.
    zone : (n,) int
        Place of the customer's zone in `zones`; `UNKNOWN_ZONE` where it is not known. It is quiet
        then where it is quiet in any zone that the jurisdiction names.
    zones : sequence of str
        IANA names.
    channel : str
        Channel that it would go through.
    jurisdiction : Jurisdiction
        Its hours; a channel without any is never quiet.

    Returns
    -------
    (n,) bool
    """
    quiet = np.zeros(len(at), dtype=bool)
    hours = jurisdiction.quiet_hours.get(channel)
    if hours is None:
        return quiet
    start, end = (_minutes(written) for written in hours)
    for place in np.unique(zone):
        chosen = zone == place
        names = jurisdiction.zones if place == UNKNOWN_ZONE else (zones[place],)
        for name in names:
            local = local_minutes(at[chosen], name)
            minute, day = local % _DAY_MINUTES, local // _DAY_MINUTES
            wraps = start > end
            is_inside = (
                (minute >= start) | (minute < end) if wraps else (minute >= start) & (minute < end)
            )
            if jurisdiction.is_quiet_on_sundays:
                is_inside |= day % 7 == _SUNDAY
            quiet[chosen] |= is_inside
    return quiet


def next_allowed(
    at: Microseconds,
    zone: NDArray[np.integer],
    zones: Sequence[str],
    channel: str,
    jurisdiction: Jurisdiction,
) -> Microseconds:
    """When something may be sent that is ready at these times; arguments as of `is_quiet`.

    Returns
    -------
    (n,) int64
        The times themselves where they are not quiet, else the first quarter of an hour that is not.
        Where none of the next seven days has one, the time itself.
    """
    when = np.array(at, dtype=np.int64)
    waiting = np.flatnonzero(is_quiet(when, zone, zones, channel, jurisdiction))
    if not len(waiting):
        return when
    # Whoever waits from the same quarter of an hour on, in the same zone, waits equally long.
    begins = when[waiting] // _QUARTER + 1
    places = np.asarray(zone)[waiting].astype(np.int64)
    kinds = len(zones) - UNKNOWN_ZONE
    cases, case_of = np.unique(begins * kinds + (places - UNKNOWN_ZONE), return_inverse=True)
    quarter, place = cases // kinds, cases % kinds + UNKNOWN_ZONE
    left = np.arange(len(cases))
    for _ in range(_LONGEST_QUARTERS):
        left = left[is_quiet(quarter[left] * _QUARTER, place[left], zones, channel, jurisdiction)]
        if not len(left):
            break
        quarter[left] += 1
    ends = quarter * _QUARTER
    ends[left] = _NEVER
    ends = ends[case_of]
    when[waiting] = np.where(ends == _NEVER, when[waiting], ends)
    return when


def local_minutes(at: Microseconds, zone: str) -> NDArray[np.int64]:
    """Whole minutes since 1970-01-01 00:00 by the clock on the wall.

    Parameters
    ----------
    at : (n,) int64
        Microseconds since 1970 in UTC.
    zone : str
        IANA name.
    """
    # Zones change their offset on quarters of an hour only.
    quarters, places = np.unique(at // _QUARTER, return_inverse=True)
    offsets = np.array([_offset_minutes(quarter, zone) for quarter in quarters.tolist()], np.int64)
    minutes: NDArray[np.int64] = at // _MINUTE + offsets[places]
    return minutes


@lru_cache(maxsize=65_536)
def _offset_minutes(quarter: int, zone: str) -> int:
    offset = datetime.fromtimestamp(quarter * 900, UTC).astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset / timedelta(minutes=1)) if offset else 0


def _minutes(written: str) -> int:
    hours, _, minutes = written.partition(":")
    return int(hours) * 60 + int(minutes)
