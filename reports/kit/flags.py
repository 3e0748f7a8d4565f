"""Flags of the leak watch in words."""

from dataclasses import dataclass

from reports.kit.numbers import share
from reports.kit.page import name
from reports.words.texts import ENGLISH, Texts, to_translate
from training.evaluation.leaks import Flag, Kind

_TITLES: dict[Kind, str] = {
    "single_column": to_translate("{column} alone predicts almost perfectly {outcome}"),
    "missingness": to_translate("Whether {column} is blank predicts {outcome}"),
    "id_like": to_translate("{column} looks like an id"),
    "duplicate_rows": to_translate("Rows repeat"),
    "too_good": to_translate("The model is too good to be true"),
}

_MEANINGS: dict[Kind, str] = {
    "single_column": to_translate(
        "This column alone ranks rows with an AUC of {figure:.3f}. Such a column is often filled in"
        " after the outcome. Then the model is of no use before it."
    ),
    "missingness": to_translate(
        "Whether it is blank ranks rows with an AUC of {figure:.3f}, whatever its values. Such a column"
        " is often filled in when the outcome happens, or known only for those who were asked."
    ),
    "id_like": to_translate(
        "{share} of its values are different. From such a column a model can learn single rows, but nothing"
        " about new ones."
    ),
    "duplicate_rows": to_translate(
        "{share} of rows repeat an earlier row, outcome included. A model that has learnt one of two"
        " equal rows is then evaluated on the other."
    ),
    "too_good": to_translate(
        "Its AUC is {figure:.3f}. Such outcomes can hardly ever be predicted that well: some column"
        " probably contains the outcome."
    ),
}


@dataclass(frozen=True)
class FlagWords:
    """A flag in words.

    Parameters
    ----------
    flag : Flag
        What was found.
    title : str
        In a line.
    meaning : str
        What was measured, and why it matters.
    """

    flag: Flag
    title: str
    meaning: str


def flag_words(flag: Flag, outcome: str, texts: Texts = ENGLISH) -> FlagWords:
    """Put a flag in words; `outcome` is what a model predicts, such as "which customers left"."""
    title, meaning = texts.gettext(_TITLES[flag.kind]), texts.gettext(_MEANINGS[flag.kind])
    return FlagWords(
        flag,
        title.format(column=name(flag.column or ""), outcome=outcome),
        meaning.format(figure=flag.figure, share=share(flag.figure)),
    )
