"""Values that may stand for missing, such as ``-9999`` among prices or ``9999-12-31`` among ends.

They may be meant, so nothing is changed for them; whoever has a table read is told.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

FEWEST = 5
"""Cells from which on a value is told."""

SMALLEST_SHARE = 0.005
"""Share of a column's values from which on one is told."""

_SAMPLE = 20_000
_FAR_TIMES = 2.0
_FAR = timedelta(days=20 * 365)
_FEWEST_NINES = 3
_FIRST_FAR_YEAR = 2200
_ENDS = frozenset([(2099, 12, 31), (2199, 12, 31)])
_BEGINNINGS = frozenset([(1970, 1, 1), (1900, 1, 1), (1899, 12, 30), (1899, 12, 31)])
_FIRST_USUAL_YEAR = 1850


@dataclass(frozen=True)
class Placeholder:
    """A value that may stand for missing.

    Parameters
    ----------
    text : str
        The value, as a person writes it.
    share : float
        Of the column's values that are there.
    """

    text: str
    share: float

    @property
    def about(self) -> str:
        """The same in words."""
        return f"{self.share:.1%} are {self.text}, far from all others; does it mean missing?"


def find_placeholder(values: pa.ChunkedArray) -> Placeholder | None:
    """The value of a column that may stand for missing; None without one.

    It is the largest or smallest, recurs, lies far from all others, and is written in nines, or is a
    date that systems write for none.

    Parameters
    ----------
    values : (n,) pyarrow array
        Numbers, dates or times; of many, some from all over the table are looked at.
    """
    if len(values) > _SAMPLE:
        places = np.linspace(0, len(values) - 1, _SAMPLE).astype(np.int64)
        values = values.take(pa.array(places))
    values = values.drop_null()
    if pa.types.is_floating(values.type):
        values = values.filter(pc.is_finite(values))
    ends = pc.min_max(values).as_py()
    for is_largest in (False, True):
        end = ends["max" if is_largest else "min"]
        if end is None or not is_written_for_none(end, is_largest):
            continue
        others = values.filter(pc.not_equal(values, pa.scalar(end, values.type)))
        count = len(values) - len(others)
        share = count / len(values)
        if count < FEWEST or share < SMALLEST_SHARE or not len(others):
            continue
        next_one = (pc.max if is_largest else pc.min)(others).as_py()
        if _is_far(end, next_one):
            return Placeholder(_text(end), share)
    return None


def is_written_for_none(end: object, is_largest: bool) -> bool:
    """Whether systems write such a number, date or time where there is none, if it is the largest
    or the smallest of a column.

    >>> is_written_for_none(-9999, False), is_written_for_none(date(9999, 12, 31), True)
    (True, True)
    >>> is_written_for_none(9998.0, True)
    False
    """
    if isinstance(end, date):  # a datetime is one
        day = (end.year, end.month, end.day)
        if is_largest:
            return end.year >= _FIRST_FAR_YEAR or day in _ENDS
        return end.year < _FIRST_USUAL_YEAR or day in _BEGINNINGS
    if not isinstance(end, int | float | Decimal):
        return False
    whole, _, fraction = f"{abs(end):f}".partition(".")
    nines = set(whole) == {"9"} and set(fraction.rstrip("0")) <= {"9"}
    return nines and len(whole) >= _FEWEST_NINES


def _is_far(end: object, next_one: object) -> bool:
    if isinstance(end, date) and isinstance(next_one, date):
        return abs(_day(end) - _day(next_one)) > _FAR
    if isinstance(end, date) or not isinstance(next_one, int | float | Decimal):
        return False
    far = abs(float(end)) > _FAR_TIMES * abs(float(next_one))  # type: ignore[arg-type]
    # A smallest one of nines is negative: among numbers that are not, every one is far.
    return far or float(end) < 0 <= float(next_one)  # type: ignore[arg-type]


def _day(time: date) -> date:
    return time.date() if isinstance(time, datetime) else time


def _text(end: object) -> str:
    if isinstance(end, date):
        return f"{_day(end):%Y-%m-%d}"
    return f"{end:.10g}" if isinstance(end, float) else str(end)
