"""Since when a home keeps raw rows and snapshots: what is older was kept for long enough.

Times only move forward. Rows that went do not come back out of an old file, however long they are
to be kept from now on, because what was computed from them would change.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from features.contracts.tables import TABLES, Table
from features.sql.expressions import WINDOW_DAYS
from holdfast.errors import HomeError
from holdfast.files import write_beside

WHOLE_AFTER_DAYS = WINDOW_DAYS + 28
"""Days of raw rows that a snapshot is computed from: the longest window, and four weeks for rows
that are asked farther back, such as a contact that arrives late and is seen as of its close.
"""

_STAY = frozenset(
    {
        *("survey_invitations", "survey_answers", "care_contacts", "care_outcomes"),
        *("port_requests", "notices"),
    }
)
"""Event tables whose rows count for as long as no later one says otherwise: the last answer of a
customer, an open request, who was in a holdout."""

_REFERRED_TO_DAYS = 366
"""How much longer than others those rows stay that rows of another table refer to: a bill may be paid
late."""


@dataclass(frozen=True)
class KeptSince:
    """Since when a home keeps what has an age.

    Parameters
    ----------
    raw : datetime or None
        Raw rows of events that happened earlier are gone. None: none are.
    snapshots : datetime or None
        Snapshots of earlier Mondays are gone. None: none are.
    """

    raw: datetime | None = None
    snapshots: datetime | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the note of a home; without one, everything is kept.

        Raises
        ------
        HomeError
            It is damaged. Nothing may be taken in or computed then: old rows might come back.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            return cls(_time(document["raw"]), _time(document["snapshots"]))
        except FileNotFoundError:
            return cls()
        except (ValueError, KeyError, TypeError) as error:
            raise HomeError(
                str(path),
                "must say since when raw rows and snapshots are kept; put a backup of it back",
                type(error).__name__,
            ) from None

    def write(self, path: Path) -> None:
        """Write the note over the one that is there."""
        write_beside(path, json.dumps(self.to_json(), indent=1) + "\n")

    def to_json(self) -> dict[str, str | None]:
        """As a JSON object."""
        return {
            "raw": None if self.raw is None else self.raw.isoformat(),
            "snapshots": None if self.snapshots is None else self.snapshots.isoformat(),
        }

    def rows_since(self, table: Table) -> datetime | None:
        """Since when rows of a raw table are kept; None where all of them are.

        Rows of states stay, since a state may hold for ever and features look at when it began.
        """
        if self.raw is None or table.kind == "state" or table.name in _STAY:
            return None
        if table.name in _REFERRED_TO:
            return self.raw - timedelta(days=_REFERRED_TO_DAYS)
        return self.raw

    @property
    def whole_since(self) -> datetime | None:
        """Since when snapshots can be computed from the raw rows that are kept; None: always."""
        return None if self.raw is None else self.raw + timedelta(days=WHOLE_AFTER_DAYS)


def is_kept_by_age(table: Table) -> bool:
    """Whether rows of a raw table go when they are old enough."""
    return table.kind == "event" and table.name not in _STAY


def _referred_to() -> frozenset[str]:
    columns = (column for table in TABLES.values() for column in table.schema.columns.values())
    names = {column.metadata["references"] for column in columns}
    return frozenset(name for name in names if name in TABLES and is_kept_by_age(TABLES[name]))


_REFERRED_TO = _referred_to()


def _time(text: str | None) -> datetime | None:
    time = None if text is None else datetime.fromisoformat(text)
    if time is not None and time.tzinfo is None:
        raise ValueError(text)
    return time


EVERYTHING = KeptSince()
"""Nothing is old enough to go."""
