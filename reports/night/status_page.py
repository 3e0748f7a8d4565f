"""The status page: the last nights, fresh and late tables, models and scores, for whoever comes in
the morning.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from reports.kit import swarm
from reports.kit.page import environment
from reports.night.words import named
from reports.words.exclusions import excluded_words
from reports.words.texts import ENGLISH, Texts, to_translate

VERDICTS: Mapping[str | None, str] = {
    "done": to_translate("Everybody is scored"),
    "doubts": to_translate("Done, with doubts"),
    "stopped": to_translate("Stopped: yesterday's scores stand"),
    None: to_translate("Not ended: it runs, or was killed"),
}
"""What a verdict says to a person."""

STEPS = {
    "take_in": to_translate("take raw tables in"),
    "features": to_translate("compute features"),
    "materialize": to_translate("make them ready for serving"),
    "score": to_translate("score"),
    "care": to_translate("measure and plan care"),
    "retention": to_translate("remove what was kept for long enough"),
    "summary": to_translate("sum up"),
}
"""Steps in words."""


def render_status(status: Mapping[str, Any], texts: Texts = ENGLISH) -> str:
    """The page, an HTML document.

    Parameters
    ----------
    status : mapping of str to JSON
        What ``holdfast status --json`` prints.
    texts : Texts
        In which language.
    """
    templates = environment(texts).overlay()
    templates.filters = {
        **templates.filters,
        "clock": clock_time,
        "age": partial(age, texts=texts),
    }
    return templates.get_template("night/status.html.j2").render(
        status=status,
        night=next(iter(status["nights"]), None),
        verdicts=VERDICTS,
        steps=STEPS,
        headline=headline,
        texts=texts,
        named=partial(named, texts=texts),
        excluded=partial(excluded_words, texts=texts),
        swarm=swarm,
    )


def headline(night: Mapping[str, Any] | None, texts: Texts = ENGLISH) -> str:
    """What the last night came to, in words."""
    if night is None:
        return texts.gettext("No night has run yet")
    score = next((step for step in night["steps"] if step["name"] == "score"), None)
    if night["verdict"] == "done" and score is not None and score["status"] == "skipped":
        return texts.gettext("Done; nobody was scored")
    return texts.gettext(VERDICTS[night["verdict"]])


def clock_time(time: str | None) -> str:
    """A time as pages write it: ``2025-05-26 04:10``, UTC.

    >>> clock_time("2025-05-26T04:10:22.5+00:00")
    '2025-05-26 04:10'
    """
    return "–" if time is None else f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M}"


def age(hours: float | None, texts: Texts = ENGLISH) -> str:
    """How long ago something was, in words.

    >>> age(2.0), age(50.0), age(-3.0), age(None)
    ('2 hours', '2 days', 'not yet', '–')
    """
    if hours is None:
        return "–"
    if hours < 0:
        return texts.gettext("not yet")
    if hours < 48:
        return texts.ngettext("{count} hour", "{count} hours", round(hours)).format(
            count=round(hours)
        )
    return texts.gettext("{days} days").format(days=round(hours / 24))
