"""The simulated time: whole weeks from a fixed Monday, in UTC. No clock is read.

Weeks are counted from 0, the first week of the period; the weeks of the burn-in before it, of which
no table tells, are negative. Times are microseconds since 1970, int64.
"""

from datetime import UTC, datetime, timedelta

import numpy as np

from simulator.world.draws import Array

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
START_DATE = datetime(2024, 1, 1, tzinfo=UTC)
"""A Monday."""
START = int(START_DATE.timestamp()) * SECOND
NEVER = np.iinfo(np.int64).min
"""A time that is not known or never comes."""
NO_WEEK = -30_000
"""A week that never comes."""
LOCAL = 8 * HOUR
"""Local time minus UTC, in all regions."""
MONTHS_MOST = 60
"""Longest period that is simulated at once."""


def weeks_in(months: int) -> int:
    """Whole weeks in a number of months: 52 in 12."""
    return months * 52 // 12


FIRST_WEEK = -weeks_in(12)
"""First week of the burn-in, which is simulated and not told."""
LAST_WEEK = weeks_in(MONTHS_MOST)
"""Week from which on nobody joins, and no line starts: the end of the longest period."""


def start_of(week: Array | int) -> Array:
    """Start of a week, in microseconds."""
    return START + np.asarray(week, dtype=np.int64) * WEEK


def date_of(week: int) -> datetime:
    """Start of a week, as a date."""
    return START_DATE + timedelta(weeks=week)


def week_of(time: Array) -> Array:
    """Week that a time lies in; `NO_WEEK` for never."""
    return np.where(
        time == NEVER, NO_WEEK, (np.where(time == NEVER, START, time) - START) // WEEK
    ).astype(np.int32)


def days_of_month(week: int) -> Array:
    """Day of the month of each of a week's seven days."""
    return np.array([(date_of(week) + timedelta(days=day)).day for day in range(7)])


def month_end_load(week: int) -> Array:
    """Load of customer service on each day of a week, 1 on average: high at month-end and Mondays."""
    day = days_of_month(week)
    load = np.where((day >= 27) | (day <= 3), 1.7, 0.9)
    return load * np.array([1.25, 1.1, 1.0, 1.0, 1.0, 0.8, 0.6])


def season(week: int) -> float:
    """Yearly wave from -1 (late July) to 1 (late January)."""
    return float(np.cos(2 * np.pi * (week - 3) / 52.18))


def local_time(day: Array, uniform: Array, start: int) -> Array:
    """Time on a day of the week between 8:00 and 22:00 local, to the second.

    Parameters
    ----------
    day : array of int
        Day of the week, 0 to 6.
    uniform : array of float
        Number in [0, 1): how far through those hours.
    start : int
        Start of the week, in microseconds.
    """
    second = np.floor(np.asarray(uniform, dtype=np.float64) * 14 * 3600).astype(np.int64) * SECOND
    return start + np.asarray(day, dtype=np.int64) * DAY + second + 8 * HOUR - LOCAL


def to_second(time: Array) -> Array:
    """Cut a time to the whole second."""
    cut: Array = np.asarray(time, dtype=np.int64) // SECOND * SECOND
    return cut
