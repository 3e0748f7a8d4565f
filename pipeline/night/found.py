"""What a night found, as sentences: doubts about raw tables, and scores that have changed."""

from collections.abc import Mapping
from typing import Any

from features.intake.verdicts import NightVerdict
from holdfast.sentences import named, parted, sentence
from models.feed.facts import CHANGES

_USED = {
    "yesterday's": "used_yesterdays",
    "tonight's": "used_tonights",
    "none": "used_none",
}


def changed_scores(changes: Mapping[str, Mapping[str, int]]) -> Any:
    """How many scores changed, by model and kind, as a value of a sentence."""
    counted = [
        sentence(
            "changed",
            model=model,
            counts=[
                sentence("changed_count", count=kinds[kind], kind=named(kind))
                for kind in CHANGES
                if kind in kinds
            ],
        )
        for model, kinds in changes.items()
    ]
    return parted(counted) if counted else sentence("none")


def judged_tables(night: NightVerdict | None) -> dict[str, Any]:
    """What was made of tonight's tables, as a step keeps it."""
    if night is None:
        return {"tables": {}, "doubts": [], "care_may_run": False}
    doubts = []
    for table in night.tables:
        if table.doubtful:
            of = {
                "table": table.table,
                "verdict": named(table.verdict),
                "used": sentence(_USED[table.used]),
            }
            doubt = (
                sentence("table_doubt", reason=table.reasons[0].sentence, **of)
                if table.reasons
                else sentence("table_doubt_alone", **of)
            )
            doubts.append(doubt.to_json())
    return {
        "tables": {table.table: table.verdict for table in night.tables},
        "doubts": doubts,
        "accepted_tables": [table.table for table in night.tables if table.accepted],
        "care_may_run": night.care_may_run,
    }
