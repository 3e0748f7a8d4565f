"""How old the values of online rows are.

Rows are asked for one or a few at a time, for which numbers in Python take less than arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf

import numpy as np

from holdfast.arrays import Times
from holdfast.errors import InputError

ABSENT = int(np.datetime64("NaT", "us").astype(np.int64))
"""The time of a view that has no values of an entity."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class RowAge:
    """How old the values of one row are. Times are in microseconds since 1970.

    Parameters
    ----------
    main : int
        Time of the first view, which names the entity; `ABSENT` where it has no values.
    oldest : int
        The oldest time; `ABSENT` where no view has values: the entity is unknown.
    late : tuple of bool
        Which views' values are older than the view allows. Those that are absent are not.
    next_late : float
        When the next value becomes older than its view allows, in seconds since 1970; infinite
        where none will.
    """

    main: int
    oldest: int
    late: tuple[bool, ...]
    next_late: float

    @property
    def time(self) -> datetime:
        """The oldest time, UTC."""
        return _EPOCH + timedelta(microseconds=self.oldest)


def ages(times: Times, lifetimes: Sequence[float], now: datetime) -> list[RowAge]:
    """How old rows are.

    Parameters
    ----------
    times : (n, v) datetime64[us]
        By view, NaT where a view has no values.
    lifetimes : sequence of v floats
        How old the values of each view may be, in microseconds; infinite for no limit.
    now : datetime
        Aware.

    Raises
    ------
    InputError
        The time is naive.
    """
    if now.tzinfo is None:
        raise InputError("now", "must have a time zone", now.isoformat())
    at = microseconds_since_1970(now)
    rows = []
    for row in times.view(np.int64).tolist():
        present = [time for time in row if time != ABSENT]
        limits = [
            inf if time == ABSENT else time + life
            for time, life in zip(row, lifetimes, strict=True)
        ]
        rows.append(
            RowAge(
                row[0],
                min(present, default=ABSENT),
                tuple(limit < at for limit in limits),
                min((limit for limit in limits if limit >= at), default=inf) / 1e6,
            )
        )
    return rows


def microseconds_since_1970(time: datetime) -> int:
    """An aware time as records have it."""
    return (time - _EPOCH) // _MICROSECOND
