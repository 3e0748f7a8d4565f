"""The status page: the last nights, fresh and late tables, models and scores, for whoever comes in
the morning.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from reports.kit import swarm
from reports.kit.page import environment

VERDICTS: Mapping[str | None, str] = {
    "done": "Everybody is scored",
    "doubts": "Done, with doubts",
    "stopped": "Stopped: yesterday's scores stand",
    None: "Not ended: it runs, or was killed",
}
"""What a verdict says to a person."""

STEPS = {
    "take_in": "take raw tables in",
    "features": "compute features",
    "materialize": "make them ready for serving",
    "score": "score",
    "summary": "sum up",
}
"""Steps in words."""


def render_status(status: Mapping[str, Any]) -> str:
    """The page, an HTML document.

    Parameters
    ----------
    status : mapping of str to JSON
        What ``holdfast status --json`` prints.
    """
    templates = environment().overlay()
    templates.filters = {**templates.filters, "clock": clock_time, "age": age}
    return templates.get_template("night/status.html.j2").render(
        status=status,
        night=next(iter(status["nights"]), None),
        verdicts=VERDICTS,
        steps=STEPS,
        headline=headline,
        swarm=swarm,
    )


def headline(night: Mapping[str, Any] | None) -> str:
    """What the last night came to, in words."""
    if night is None:
        return "No night has run yet"
    score = next((step for step in night["steps"] if step["name"] == "score"), None)
    if night["verdict"] == "done" and score is not None and score["status"] == "skipped":
        return "Done; nobody was scored"
    return VERDICTS[night["verdict"]]


def clock_time(time: str | None) -> str:
    """A time as pages write it: ``2025-05-26 04:10``, UTC.

    >>> clock_time("2025-05-26T04:10:22.5+00:00")
    '2025-05-26 04:10'
    """
    return "–" if time is None else f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M}"


def age(hours: float | None) -> str:
    """How long ago something was, in words.

    >>> age(2.0), age(50.0), age(-3.0), age(None)
    ('2 hours', '2 days', 'not yet', '–')
    """
    if hours is None:
        return "–"
    if hours < 0:
        return "not yet"
    if hours < 48:
        return "1 hour" if round(hours) == 1 else f"{hours:.0f} hours"
    return f"{hours / 24:.0f} days"
