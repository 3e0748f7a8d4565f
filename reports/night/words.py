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
        # of models that nothing scores with, as nights of earlier releases stored it
        to_translate("was never trained"),
        to_translate("has neither champion nor shadow"),
        to_translate("no model was trained yet"),
        # of changes since the last report
        to_translate("scored"),
        to_translate("band"),
        to_translate("step"),
        to_translate("marks"),
        to_translate("customer"),
        to_translate("excluded"),
        # of measures
        to_translate("rows"),
        to_translate("rows in 7 days"),
        to_translate("hours to arrive"),
        to_translate("share in quarantine"),
        to_translate("values replaced"),
    }
)


def named(name: str, texts: Texts = ENGLISH) -> str:
    """A name in words."""
    if name in _RULES:
        return texts.gettext(name)
    words = name.replace("_", " ")
    return texts.gettext(words) if words in _NAMES else words


_RULES = frozenset(
    {
        to_translate("must be a time such as 2026-01-31T09:30:00Z"),
        to_translate("must be a whole number"),
        to_translate("must be a number with a decimal point and no other separator"),
        to_translate("must be true or false, 1 or 0, yes or no"),
        to_translate("must be UTF-8"),
        to_translate("must not repeat: another row is equal in every column"),
        to_translate(
            "must not repeat: another row has other values; a correction has a later arrived_at"
        ),
    }
)
"""Rules of contracts; those with names in them, such as that of a table, are not translated."""


def measured(name: str, texts: Texts = ENGLISH) -> str:
    """What was measured of a raw table."""
    kind, _, column = name.partition(" ")
    if kind == "different":
        return texts.gettext("different {column}").format(column=column)
    return named(name, texts)
