"""Outcomes of decisions that a channel reports, from a table of the receiver's."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from care.ledger.outcomes import OutcomeFate
from care.ledger.rows import OutcomeRow
from features.contracts.vocabulary import OUTCOMES
from holdfast.clock import Clock
from holdfast.errors import InputError
from holdfast.files import require_file
from pipeline.care.workspace import CareWorkspace

_COLUMNS = ("decision_id", "outcome", "value", "happened_at")


@dataclass(frozen=True, kw_only=True)
class TakenIn:
    """What came of a file of outcomes.

    Parameters
    ----------
    rows : int
        Rows of the file.
    new : int
        Outcomes that were not there before.
    unknown : tuple of str
        Ids that are no decisions; nothing was kept of them.
    differing : tuple of str
        Decisions of which an outcome was told before with another value, which stands.
    """

    rows: int
    new: int
    unknown: tuple[str, ...]
    differing: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "rows": self.rows,
            "new": self.new,
            "unknown": list(self.unknown),
            "differing": list(self.differing),
        }


def take_in_outcomes(care: CareWorkspace, path: Path, clock: Clock) -> TakenIn:
    """Take outcomes into the ledger, in whatever order and however often they are told.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    path : Path
        A CSV file with the columns decision_id, outcome, value and happened_at.
    clock : Clock
        The home's.

    Raises
    ------
    InputError
        A column is missing, or a value breaks its rule. Nothing was kept.
    """
    require_file("FILE", path)
    rows = list(_rows(path, clock()))
    fates = care.ledger.record_outcomes(rows)

    def ids(fate: OutcomeFate) -> tuple[str, ...]:
        pairs = zip(rows, fates, strict=True)
        return tuple(sorted({row.decision_id for row, became in pairs if became == fate}))

    return TakenIn(
        rows=len(rows), new=fates.count("taken"), unknown=ids("unknown"), differing=ids("differs")
    )


def _rows(path: Path, now: datetime) -> Iterator[OutcomeRow]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(f"{path.name}: header", f"must have {', '.join(_COLUMNS)}", missing[0])
        for number, row in enumerate(reader, start=2):
            yield _row(f"{path.name}:{number}", row, now)


def _row(place: str, row: dict[str, Any], now: datetime) -> OutcomeRow:
    if not row["decision_id"]:
        raise InputError(f"{place} decision_id", "must be given")
    if row["outcome"] not in OUTCOMES:
        raise InputError(
            f"{place} outcome", f"must be one of {', '.join(OUTCOMES)}", row["outcome"]
        )
    try:
        value = float(row["value"])
    except (TypeError, ValueError):
        raise InputError(f"{place} value", "must be a number", row["value"]) from None
    try:
        happened = datetime.fromisoformat(row["happened_at"])
    except (TypeError, ValueError):
        rule = "must be a time such as 2026-01-31T09:30:00Z"
        raise InputError(f"{place} happened_at", rule, row["happened_at"]) from None
    if happened.tzinfo is None:
        raise InputError(f"{place} happened_at", "must have a time zone", row["happened_at"])
    if happened > now:
        raise InputError(
            f"{place} happened_at", f"must not lie after {now.isoformat()}", row["happened_at"]
        )
    return OutcomeRow(
        decision_id=row["decision_id"],
        outcome=row["outcome"],
        value=value,
        happened_at=happened,
        reported_at=now,
    )
