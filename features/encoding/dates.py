"""Dates as numbers: days since 1970-01-01 in UTC."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.encoding.reading import as_text
from holdfast.arrays import Floats

ISO_8601 = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?$"
"""Dates, and times to the microsecond with or without a zone."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_PER_DAY = 86_400_000_000
_FIRST_SECOND = int((datetime.min.replace(tzinfo=UTC) - _EPOCH).total_seconds())
_LAST_SECOND = int((datetime.max.replace(microsecond=0, tzinfo=UTC) - _EPOCH).total_seconds())
_NAIVE_TIME = r"^.{10}[T ][0-9:.]+$"


def days_since_epoch(values: pa.ChunkedArray) -> Floats:
    """Dates as days; without a zone they count as UTC.

    Parameters
    ----------
    values : (n,) pyarrow array
        Dates, timestamps, or ISO 8601 text.

    Returns
    -------
    (n,) float64
        NaN where missing.

    Raises
    ------
    ValueError, OverflowError
        A text is no date, or one that does not exist.
    """
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        times = values.cast(pa.timestamp("us", getattr(values.type, "tz", None)), safe=False)
    else:
        times = _parse(as_text(values))
    microseconds = times.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy()
    return np.asarray(microseconds, dtype=np.float64) / _MICROSECONDS_PER_DAY


def is_iso_date(text: str) -> bool:
    """Whether a text is an ISO 8601 date or time that exists."""
    try:
        _utc(text)
    except (ValueError, OverflowError):
        return False
    return True


def iso_date(days: float) -> str:
    """ISO 8601 text of a number of days: a date, or a time in UTC to the second.

    The years are 1 to 9999.
    """
    seconds = min(max(round(days * 86400), _FIRST_SECOND), _LAST_SECOND)
    time = _EPOCH + timedelta(seconds=seconds)
    return time.date().isoformat() if days == int(days) else time.isoformat()


def has_naive_times(values: pa.ChunkedArray) -> bool:
    """Whether a column of dates has a time of day without a zone."""
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        return False
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        days = days_since_epoch(values)
        return bool(np.any(days[~np.isnan(days)] % 1 != 0))
    return bool(pc.any(pc.match_substring_regex(as_text(values).drop_null(), _NAIVE_TIME)).as_py())


def _parse(text: pa.ChunkedArray) -> pa.ChunkedArray:
    # Dates repeat, and parsing one in Python is slow.
    different = pc.unique(text.drop_null())
    times = pa.array([_utc(value) for value in different.to_pylist()], pa.timestamp("us", "UTC"))
    return pa.chunked_array([times.take(pc.index_in(text, value_set=different).combine_chunks())])


def _utc(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
