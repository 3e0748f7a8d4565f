"""Failpoints: named places in a run at which tests kill the process."""

from collections.abc import Callable

Failpoint = Callable[[str], None]
"""Called with the name of the place."""


def no_failpoint(place: str) -> None:
    """Go on."""
