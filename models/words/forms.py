"""The form of the sentences about each feature, the same in all languages.

A feature's *form* says which cases a language has words for; `sentence` picks the case by the
value.

- ``amount``: ``null``; ``none``, where it reads as zero; ``one``; ``some``.
- ``change``: ``null``; ``less``, ``same`` or ``more`` than something else; ``less_one``,
  ``more_one``.
- ``ratio``: ``null``; ``none`` at zero; ``less``, ``same`` or ``more`` than something else;
  ``far``, from twice as much on.
- ``until``, for days until something: ``null``; ``ahead``, ``today`` or ``past``.
- ``flag``: ``null``; ``no`` or ``yes``.
- ``code``: ``null``; one case per code.

``null`` says what a missing value means. Where that is a fact, such as that there was no top-up, the
form may name the feature that the fact is `known_by`: where that is missing too, the case is
``unknown`` instead.

A language may leave out ``none``, ``one``, ``today``, ``far`` and the like where it has no other
words for them. Forms are written beside the English sentences, in ``en.toml``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import isfinite, nan
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from holdfast.errors import InputError

Kind = Literal["amount", "change", "ratio", "until", "flag", "code"]
Show = Literal[
    "count", "number", "days", "minutes", "hours", "seconds", "money", "percent", "gb", "score"
]

CASES: dict[Kind, tuple[frozenset[str], frozenset[str]]] = {
    "amount": (frozenset({"null", "some"}), frozenset({"none", "one"})),
    "change": (frozenset({"null", "less", "same", "more"}), frozenset({"less_one", "more_one"})),
    "ratio": (frozenset({"null", "less", "same", "more"}), frozenset({"none", "far"})),
    "until": (frozenset({"null", "ahead", "past"}), frozenset({"today"})),
    "flag": (frozenset({"null", "no", "yes"}), frozenset()),
}
"""Cases that every language must and may have words for; a code's are its own (see `CODES`)."""

Row = Mapping[str, float]
"""A customer's features by name; NaN where missing."""


@dataclass(frozen=True)
class Usual:
    """How to derive the customer's usual value from other features of the same row.

    It is ``(level / weeks - minus) * times``, or ``level / over``.

    Parameters
    ----------
    level : str
        The feature with the recent value.
    weeks : int
        Number of weeks that the level is summed over; 1 for a mean.
    minus, over : str or None
        The feature that compares the level with the customer's own past: a difference, or a ratio.
        One of the two is given.
    times : int
        Number of weeks that the sentence is about.
    """

    level: str
    weeks: int = 1
    minus: str | None = None
    over: str | None = None
    times: int = 1

    def of(self, row: Row) -> float | None:
        """The usual value; None where the row lacks a feature or the values contradict each other.

        >>> Usual("bill", over="bill_vs_own").of({"bill": 60.0, "bill_vs_own": 1.5})
        40.0
        """
        level, change = (row.get(name, nan) for name in (self.level, self.minus or self.over or ""))
        if not (isfinite(level) and isfinite(change)):
            return None
        if self.over is None:
            usual = (level / self.weeks - change) * self.times
        elif change > 0:
            usual = level / change
        else:
            return None
        # A little below zero comes from rounding, or from a missing week.
        return max(usual, 0.0) if isfinite(usual) and usual > -0.25 else None


@dataclass(frozen=True)
class Form:
    """The form of the sentences about a feature.

    Parameters
    ----------
    kind : str
        Decides the cases.
    show : str
        How its number is shown.
    usual : Usual, optional
        How the customer's usual value is derived, to be added to the sentence.
    through : str or None
        Feature of the same reason that says the same in simpler words. It is used instead if the
        row holds it and its usual value.
    instead : str or None
        Feature to use where this one is null.
    known_by : str or None
        Feature that is there wherever this one's missing value is a fact. With it the words have the
        case ``unknown``, for rows in which both are missing.
    prepaid : bool
        Whether it applies to prepaid lines only.
    """

    kind: Kind
    show: Show = "count"
    usual: Usual | None = None
    through: str | None = None
    instead: str | None = None
    known_by: str | None = None
    prepaid: bool = False


LINE_FACTS = ("billing_type_code", "product_line_code", "customer_lines")
"""Features that say what kind of line, or how many, a sentence is about."""

_WORDS = Path(__file__).parent / "en.toml"


def read_forms(features: Mapping[str, Mapping[str, Any]]) -> dict[str, Form]:
    """Forms by feature.

    Parameters
    ----------
    features : mapping of str to mapping
        The tables ``features.<name>`` of ``en.toml``.

    Raises
    ------
    InputError
        A feature has no form, or one that is none; the error names the feature and the key.
    """
    forms = {name: table.get("form") for name, table in features.items()}
    try:
        return TypeAdapter(dict[str, Form]).validate_python(forms, extra="forbid")
    except ValidationError as error:
        fault = error.errors()[0]
        path = ".".join(map(str, ("features", fault["loc"][0], "form", *fault["loc"][1:])))
        raise InputError(
            f"models/words/en.toml {path}", fault["msg"], str(fault["input"])
        ) from None


_FEATURES = tomllib.loads(_WORDS.read_text(encoding="utf-8"))["features"]

FORMS: dict[str, Form] = read_forms(_FEATURES)
"""The form of every feature with words."""

CODES: dict[str, int] = {
    name: sum(case.isdigit() for case in _FEATURES[name])
    for name, form in FORMS.items()
    if form.kind == "code"
}
"""The number of codes, counted from 0, of each feature of kind ``code``."""


@cache
def context_of(feature: str) -> tuple[str, ...]:
    """Other features whose values a sentence about a feature may need; none without words.

    >>> context_of("no_such_feature")
    ()
    """
    form = FORMS.get(feature)
    if form is None:
        return ()
    needed = [*_usual_parts(form)]
    for other in (form.through, form.instead):
        if other is not None:
            needed += [other, *_usual_parts(FORMS[other])]
    if form.known_by is not None:
        needed.append(form.known_by)
    needed += LINE_FACTS
    return tuple(name for name in dict.fromkeys(needed) if name != feature)


def _usual_parts(form: Form) -> tuple[str, ...]:
    usual = form.usual
    parts = () if usual is None else (usual.level, usual.minus, usual.over)
    return tuple(name for name in parts if name is not None)
