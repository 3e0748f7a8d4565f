"""Verdicts on nights, for tests of what is shown and kept of them."""

from dataclasses import replace
from datetime import UTC, datetime

from features.intake.verdicts import Measure, NightVerdict, Reason, TableVerdict

AT = datetime(2026, 3, 3, tzinfo=UTC)

LATE = TableVerdict(
    table="usage_weeks",
    verdict="late",
    reasons=(Reason("rows", "", 0, 1000, 900, 2000, "0 rows arrived, usually 1,000"),),
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
