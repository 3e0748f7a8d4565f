"""Flags of the leak watch in words."""

from dataclasses import dataclass

from reports.kit.numbers import share
from reports.kit.page import name
from training.evaluation.leaks import Flag, Kind

_TITLES: dict[Kind, str] = {
    "single_column": "{column} alone predicts almost perfectly {outcome}",
    "missingness": "Whether {column} is blank predicts {outcome}",
    "id_like": "{column} looks like an id",
    "duplicate_rows": "Rows repeat",
    "too_good": "The model is too good to be true",
}

_MEANINGS: dict[Kind, str] = {
    "single_column": "This column alone ranks rows with an AUC of {figure:.3f}. Such a column is often filled in"
    " after the outcome. Then the model is of no use before it.",
    "missingness": "Whether it is blank ranks rows with an AUC of {figure:.3f}, whatever its values. Such a column"
    " is often filled in when the outcome happens, or known only for those who were asked.",
    "id_like": "{share} of its values are different. From such a column a model can learn single rows, but nothing"
    " about new ones.",
    "duplicate_rows": "{share} of rows repeat an earlier row, outcome included. A model that has learnt one of two"
    " equal rows is then evaluated on the other.",
    "too_good": "Its AUC is {figure:.3f}. Such outcomes can hardly ever be predicted that well: some column"
    " probably contains the outcome.",
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


def flag_words(flag: Flag, outcome: str) -> FlagWords:
    """Put a flag in words; `outcome` is what a model predicts, such as "which customers left"."""
    return FlagWords(
        flag,
        _TITLES[flag.kind].format(column=name(flag.column or ""), outcome=outcome),
        _MEANINGS[flag.kind].format(figure=flag.figure, share=share(flag.figure)),
    )
