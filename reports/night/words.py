"""Names of verdicts, statuses and marks, for the pages of a night."""

from reports.words.texts import ENGLISH, Texts, to_translate

_NAMES = frozenset(
    {
        # of raw tables
        to_translate("fresh"),
        to_translate("late"),
        to_translate("thin"),
        to_translate("changed"),
        to_translate("missing"),
        # of nights and their steps
        to_translate("done"),
        to_translate("doubts"),
        to_translate("stopped"),
        to_translate("unchanged"),
        to_translate("skipped"),
        # of versions
        to_translate("champion"),
        to_translate("shadow"),
        # of scores
        to_translate("profiling objection"),
        to_translate("no basis"),
        # of measures
        to_translate("rows"),
        to_translate("rows in 7 days"),
        to_translate("hours to arrive"),
        to_translate("share in quarantine"),
    }
)


def named(name: str, texts: Texts = ENGLISH) -> str:
    """A name in words."""
    words = name.replace("_", " ")
    return texts.gettext(words) if words in _NAMES else words


def measured(name: str, texts: Texts = ENGLISH) -> str:
    """What was measured of a raw table."""
    kind, _, column = name.partition(" ")
    if kind == "different":
        return texts.gettext("different {column}").format(column=column)
    return named(name, texts)
