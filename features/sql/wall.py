"""SQL of the operator's days and weeks: macros that every connection to raw tables has.

``wall_us(t)`` gives microseconds since 1970 by the clock on the operator's wall, ``wall_week(t)`` the
week of a time. Midnights and Mondays are whole days and weeks of that clock, however long a day with
a switch of the clock is. In UTC both are what DuckDB says itself.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache

from holdfast.zone import offsets

DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@cache
def wall_macros(zone: tzinfo) -> tuple[str, str]:
    """SQL that makes the macros.

    Parameters
    ----------
    zone : tzinfo
        The operator's.
    """
    switches = [
        ((at - _EPOCH) // _MICROSECOND, offset // _MICROSECOND) for at, offset in offsets(zone)
    ]
    offset = _offset_sql(switches)
    wall = "epoch_us(t)" if offset == "0" else f"epoch_us(t) + {offset}"
    return (
        f"CREATE OR REPLACE MACRO wall_us(t) AS {wall}",
        "CREATE OR REPLACE MACRO wall_week(t) AS date_trunc('week', make_timestamp(wall_us(t)))",
    )


def _offset_sql(switches: Sequence[tuple[int, int]]) -> str:
    """SQL: what to add at a time, found by halves, because a row meets seven of them at most."""
    if len(switches) == 1:
        return str(switches[0][1])
    middle = len(switches) // 2
    earlier, later = _offset_sql(switches[:middle]), _offset_sql(switches[middle:])
    return f"CASE WHEN epoch_us(t) < {switches[middle][0]} THEN {earlier} ELSE {later} END"
