"""Time is an input: whoever needs to know what time it is gets a clock from the edges."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Gives the time now, with a time zone, in UTC."""


def system_clock() -> datetime:
    """The machine's time, in UTC; a `Clock` for the edges and for notebooks."""
    return datetime.now(UTC)
