"""Clocks that stand still."""

from datetime import UTC, datetime

from holdfast.clock import Clock

NOW = datetime(2030, 1, 1, tzinfo=UTC)
"""Later than every row of the tables that tests make."""


def clock_at(moment: datetime = NOW) -> Clock:
    """A clock that always gives one time."""
    return lambda: moment
