"""Verdicts on nights, for tests of what is shown and kept of them."""

from dataclasses import replace
from datetime import UTC, datetime

from features.intake.verdicts import Measure, NightVerdict, Reason, TableVerdict
from holdfast.sentences import sentence

AT = datetime(2026, 3, 3, tzinfo=UTC)

ROWS = sentence(
    "rows", seen=0.0, when=sentence("on_day", day="2026-03-02"), usual=1000, low=900, high=2000
)

LATE = TableVerdict(
    table="usage_weeks",
    verdict="late",
    reasons=(Reason("rows", "", 0, 1000, 900, 2000, ROWS),),
    policy="stop",
    accepted=False,
    used="yesterday's",
    nights=60,
    noticed_within_days=1,
    last_arrived=AT,
    measures=(
        Measure("rows", 0, 1000, 900, 2000),
        Measure("hours to arrive", None, None, None, None),
        Measure("share in quarantine", 0.002, 0, 0, 0.01),
    ),
    rows_by_day=(1000, 500, 0),
)
FRESH = replace(LATE, table="consents", verdict="fresh", reasons=(), used="tonight's")


def night(*tables: TableVerdict, stopped: tuple[str, ...] = ()) -> NightVerdict:
    """A night with these tables."""
    return NightVerdict(at=AT, tables=tables, stopped=stopped)
