"""Time is an input: whoever needs to know what time it is gets a clock from the edges.

A simulated operator lives in a time of its own. Its raw tables come with a note of what time it is
there, and a home that takes them in keeps the note. `home_clock` gives that time to everything
that runs on such a home.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from holdfast.errors import HomeError
from holdfast.files import write_beside
from holdfast.home import Home

Clock = Callable[[], datetime]
"""Gives the time now, with a time zone, in UTC."""

CLOCK_NOTE = "_clock.json"
"""Name of the note in a folder of raw tables that says what time it is there."""


def system_clock() -> datetime:
    """The machine's time, in UTC; a `Clock` for the edges and for notebooks."""
    return datetime.now(UTC)


def write_clock(path: Path, now: datetime) -> None:
    """Write a note of what time it is, with a time zone, in a simulated operator's world."""
    document = {"now": now.astimezone(UTC).isoformat(), "why": "simulated"}
    write_beside(path, json.dumps(document) + "\n")


def read_clock(path: Path) -> datetime | None:
    """The time of a note, in UTC; None where there is no note.

    Raises
    ------
    HomeError
        The note holds no time with a time zone.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    try:
        now = datetime.fromisoformat(json.loads(text)["now"])
    except (ValueError, KeyError, TypeError):
        now = None
    if now is None or now.tzinfo is None:
        raise HomeError(str(path), "must hold a time with a time zone under `now`", text.strip())
    return now.astimezone(UTC)


def home_clock(home: Home, clock: Clock, source: str | None = None) -> Clock:
    """The clock of a home: what time it is for its operator.

    Parameters
    ----------
    home : Home
        One with a note of its own time stands still at that time.
    clock : Clock
        What time it is everywhere else: `system_clock`, at the edges.
    source : str, optional
        Raw tables that are about to be taken in: the note in their folder counts instead of the
        home's.

    Raises
    ------
    HomeError
        A note holds no time with a time zone.
    """
    noted = read_clock(home.clock) if source is None else source_time(source)
    return clock if noted is None else lambda: noted


def source_time(source: str | None) -> datetime | None:
    """The time that a folder of raw tables says it is; None for other sources."""
    if source is None or "://" in source:
        return None
    return read_clock(Path(source).expanduser() / CLOCK_NOTE)


def keep_time(home: Home, source: str) -> None:
    """Keep the time of the source whose tables a home holds from now on: its note, or none."""
    now = source_time(source)
    if now is None:
        home.clock.unlink(missing_ok=True)
    elif now != read_clock(home.clock):
        write_clock(home.clock, now)


def time_origin(home: Home) -> Literal["simulated", "system"]:
    """Whose time a home's clock gives, to be said beside times."""
    return "simulated" if home.clock.exists() else "system"
