"""Times in bodies about care."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field, WithJsonSchema

from holdfast.errors import InputError

_CLOCK_SKEW = timedelta(minutes=5)

Time = Annotated[
    str,
    Field(min_length=1),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A time in a body, ISO 8601 with an offset."""


def read_past(field: str, text: str, now: datetime) -> datetime:
    """A time that has passed, in UTC.

    Parameters
    ----------
    field : str
        Names it in errors.
    text : str
        ISO 8601 with an offset.
    now : datetime
        What time it is; five minutes are allowed for clocks that differ.

    Raises
    ------
    InputError
        It is no time, has no offset, or lies in the future.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(field, "must be a time as in 2026-01-31T12:00:00+01:00", text) from None
    if time.tzinfo is None:
        raise InputError(field, "must have a time zone", text)
    if time > now + _CLOCK_SKEW:
        here = now.isoformat(timespec="seconds")
        raise InputError(field, f"must not lie in the future; here it is {here}", text)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise InputError(field, "must lie in the years 1 to 9999 of UTC", text) from None
