"""The survey answers that a version was made from, as they are told to people.

They are read from `training.surveys.facts.SurveyFacts` as JSON.
"""

from collections.abc import Mapping
from typing import Any

SURVEY_WORDS = (
    "Estimates for everybody who was asked. The band shows the range if satisfaction itself"
    " influences who answers."
)


def survey_rows(document: object) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Names and rows of a table for the model card; none where the document holds no groups.

    Parameters
    ----------
    document : JSON
        The facts, as stored.
    """
    groups = document.get("groups") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not isinstance(groups, Mapping):
        return (), []
    rows: list[tuple[str, ...]] = [
        (
            f"share of dissatisfied, {name}",
            f"{group['answered']:,} of {group['invited']:,}",
            *_band(group["prevalence"]),
        )
        for name, group in groups.items()
        if group["prevalence"]
    ]
    if document.get("calibration"):
        rows.append(("observed over expected, test period", "", *_band(document["calibration"])))
    return ("figure", "answered", "estimate", "band"), rows


def reminder_lines(document: object) -> list[str]:
    """What a reminder drawn at random tells of the band.

    Parameters
    ----------
    document : JSON
        The facts, as stored.
    """
    reminder = document.get("reminder") if isinstance(document, Mapping) else None
    return ["", f"{reminder['about']}."] if isinstance(reminder, Mapping) else []


def _band(band: Mapping[str, Any]) -> tuple[str, str]:
    odds = f"odds up to {band['odds_ratio']:g} times"
    if band.get("evidence") == "estimated":
        odds = f"odds {band['least']:.2f} to {band['most']:.2f} times, estimated"
    return f"{band['estimate']:.4f}", f"{band['low']:.4f} to {band['high']:.4f}, {odds}"
