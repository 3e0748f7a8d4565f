"""The time zone that a build's days and weeks are of: kept beside it, and the same at every build.

Names of files are days of that zone, and so are Mondays and what was known by a midnight. Features of
two zones cannot stand in one history.
"""

import json
from datetime import UTC, tzinfo
from pathlib import Path

from holdfast.errors import HomeError, InputError
from holdfast.files import write_beside
from holdfast.zone import read_zone, zone_name

_NOTE = "time_zone.json"


def kept_zone(directory: Path) -> tzinfo | None:
    """The zone of what was built below a directory; None where nothing was.

    Releases without a zone built in UTC.

    Raises
    ------
    HomeError
        The note holds no zone.
    """
    note = directory / _NOTE
    try:
        text = note.read_text(encoding="utf-8")
    except FileNotFoundError:
        return UTC if (directory / "tables").exists() else None
    try:
        return read_zone(str(json.loads(text)["time_zone"]), str(note))
    except (ValueError, KeyError, TypeError, InputError):
        raise HomeError(
            str(note), "must hold an IANA name under `time_zone`", text.strip()
        ) from None


def require_zone(directory: Path, zone: tzinfo) -> None:
    """Refuse another zone than that of what was built below a directory.

    Raises
    ------
    InputError
        It was built in another one.
    """
    kept = kept_zone(directory)
    if kept is not None and zone_name(kept) != zone_name(zone):
        raise InputError(
            "HOLDFAST_OPERATOR_TIME_ZONE",
            f"must be {zone_name(kept)}, in whose days and weeks this home's features were built, or"
            " not be set; features of another zone need a home of their own",
            zone_name(zone),
        )


def keep_zone(directory: Path, zone: tzinfo) -> None:
    """Keep the zone of what is about to be built below a directory."""
    note = directory / _NOTE
    if not note.exists():
        directory.mkdir(parents=True, exist_ok=True)
        write_beside(note, json.dumps({"time_zone": zone_name(zone)}) + "\n")
