"""What a home keeps of one person, as a page that the person can read."""

from collections.abc import Mapping, Sequence
from typing import Any

from reports.kit import swarm
from reports.kit.page import environment
from reports.words.texts import ENGLISH, Texts, to_translate

LEFT_OUT = (
    to_translate("Models that learned from the rows of many people: they hold no row of anybody."),
    to_translate(
        "Predictions that models were tested with on past days: a number that is made of the id stands"
        " in them, and no id."
    ),
    to_translate(
        "Answers kept for callers who ask twice, and the feed of changed scores: they repeat scores that"
        " are listed here."
    ),
    to_translate(
        "Rows sent as events since the last night, beyond those that wait: the next night has them."
    ),
    to_translate(
        "Raw rows and snapshots from before the time since which they are kept, and what lies outside this"
        " system: tables that were taken in, messages that were sent, backups."
    ),
)
"""What an export does not hold, and why."""

_SECTIONS: Mapping[str, str] = {
    "scores": to_translate("Scores"),
    "care": to_translate("Decisions of care"),
    "consents": to_translate("Consents"),
    "plans": to_translate("Proposals in plans of care"),
    "held": to_translate("Events that wait for an id"),
    "quarantine": to_translate("Rows that were not accepted"),
}
"""Parts of the document that are lists of rows, in the order of the page."""


def left_out(texts: Texts = ENGLISH) -> list[str]:
    """What an export does not hold, in words."""
    return [texts.gettext(text) for text in LEFT_OUT]


def render_person(document: Mapping[str, Any], texts: Texts = ENGLISH) -> str:
    """The page, an HTML document.

    Parameters
    ----------
    document : mapping of str to JSON
        What `pipeline.privacy.export` gathers.
    texts : Texts
        In which language.
    """
    tables = [
        (texts.gettext(title), *_table(document[name]))
        for name, title in _SECTIONS.items()
        if document[name]
    ]
    return (
        environment(texts)
        .get_template("person/person.html.j2")
        .render(
            document=document,
            tables=tables,
            raw=[(name, *_table(rows)) for name, rows in document["raw"].items()],
            swarm=swarm,
        )
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Columns that any row fills, and cells as text."""
    names = dict.fromkeys(name for row in rows for name, value in row.items() if value is not None)
    return list(names), [[_text(row.get(name)) for name in names] for row in rows]


def _text(value: object) -> str:
    if value is None:
        return ""
    return "; ".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)
