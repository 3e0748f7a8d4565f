"""Sentences about a customer, with the customer's own value of a feature."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan

from models.words.catalogue import Catalogue
from models.words.forms import FORMS, Form, Row, Show
from models.words.numerals import GRAINS
from models.words.own import OwnWords

_PREPAID = 1
_MOBILE = 0

_SAME: dict[Show, float] = {"count": 0.1, "percent": 0.01, "score": 0.05}
"""Smaller changes count as none, by how they are shown."""
_SAME_RATIO, _AS_USUAL = 0.05, 0.1
_FAR = 1.95


@dataclass(frozen=True)
class Sentence:
    """A sentence about a customer, without a full stop, and the feature that it is about."""

    feature: str
    text: str


def sentence(feature: str, row: Row, words: Catalogue) -> Sentence | None:
    """Put a customer's value of a feature into words.

    Parameters
    ----------
    feature : str
        Name of the feature.
    row : mapping of str to float
        The customer's features by name, NaN where missing. The customer's usual value and kind of
        line are taken from other features, where they are present.
    words : Catalogue
        The language.

    Returns
    -------
    Sentence or None
        Its feature is another one where that says the same in simpler words. None for a feature
        without words.

    Examples
    --------
    >>> from models.words.catalogue import words
    >>> sentence("complaints_91d", {"complaints_91d": 2.0}, words("en"))
    Sentence(feature='complaints_91d', text='Two complaints in the last three months')
    """
    form = FORMS.get(feature)
    if form is None:
        return None
    if form.prepaid and _of(row, "billing_type_code") not in (None, _PREPAID):
        return Sentence(feature, words.phrases["not_prepaid"])
    if form.through is not None and _has_usual(form.through, row):
        feature = form.through
    elif (
        form.instead is not None
        and _of(row, feature) is None
        and _of(row, form.instead) is not None
    ):
        feature = form.instead
    return _sentence(feature, FORMS[feature], words.features[feature], row, words)


def own_sentence(feature: str, own: OwnWords, row: Row, words: Catalogue) -> Sentence:
    """Put a customer's value of a feature of the home's own into words; arguments as of `sentence`."""
    return _sentence(feature, own.full_form, own.texts[words.language], row, words)


def is_as_it_should_be(feature: str, value: float, own: OwnWords | None = None) -> bool:
    """Whether a value reads as nothing, or as no different from usual: there is nothing to change.

    Parameters
    ----------
    feature : str
        Name of the feature; one without words is never so.
    value : float
        Finite.
    own : OwnWords, optional
        Words about it, where it is a feature of the home's own.

    Examples
    --------
    >>> is_as_it_should_be("complaints_91d", 0.0), is_as_it_should_be("complaints_91d", 2.0)
    (True, False)
    """
    form = FORMS.get(feature) if own is None else own.full_form
    return form is not None and _cases(form, value)[0] in ("none", "same")


def fallback(name: str, value: str | float | None, words: Catalogue) -> str:
    """``name: value``, for a feature without words."""
    if isinstance(value, float):
        sign = "\N{MINUS SIGN}" if value < 0 else ""
        value = sign + words.numerals.show(value, "number") if isfinite(value) else None
    return words.phrases["fallback"].format(
        name=name, value=words.phrases["unknown"] if value is None else value
    )


def _sentence(
    feature: str, form: Form, texts: Mapping[str, str], row: Row, words: Catalogue
) -> Sentence:
    value = _of(row, feature)
    case = _null_case(form, row) if value is None else _case(form, value, texts)
    text = texts[case].format_map(_Fills(form, value, row, words)) + _usual(
        form, case, value, texts, row, words
    )
    return Sentence(feature, text[:1].upper() + text[1:])


def _null_case(form: Form, row: Row) -> str:
    """The case of a missing value: a fact, unless the row does not even hold what it is known by."""
    return "null" if form.known_by is None or _of(row, form.known_by) is not None else "unknown"


def _of(row: Row, feature: str) -> float | None:
    value = row.get(feature, nan)
    return value if isfinite(value) else None


def _has_usual(feature: str, row: Row) -> bool:
    usual = FORMS[feature].usual
    return _of(row, feature) is not None and usual is not None and usual.of(row) is not None


def _case(form: Form, value: float, texts: Mapping[str, str]) -> str:
    """The case of a value: the finest that the language has words for."""
    for case in _cases(form, value):
        if case in texts:
            return case
    return "null"


def _cases(form: Form, value: float) -> tuple[str, ...]:
    match form.kind:
        case "amount":
            if abs(value) < GRAINS[form.show]:
                return ("none", "some")
            return (
                ("one", "some")
                if form.show == "count" and abs(abs(value) - 1) < GRAINS["count"]
                else ("some",)
            )
        case "change":
            if abs(value) < _SAME[form.show]:
                return ("same",)
            side = "less" if value < 0 else "more"
            return (
                (f"{side}_one", side)
                if form.show == "count" and abs(abs(value) - 1) < GRAINS["count"]
                else (side,)
            )
        case "ratio":
            if abs(value) < GRAINS["percent"]:
                return ("none", "less")
            if value >= _FAR:
                return ("far", "more")
            return ("same",) if abs(value - 1) < _SAME_RATIO else ("less" if value < 1 else "more",)
        case "until":
            if abs(value) < GRAINS["days"]:
                return ("today", "ahead")
            return ("ahead" if value > 0 else "past",)
        case "flag":
            return ("yes" if value >= 0.5 else "no",)
        case "code":
            return (f"{value:.0f}",)


class _Fills(dict[str, str]):
    """Texts for the placeholders in braces, made on demand."""

    def __init__(self, form: Form, value: float | None, row: Row, words: Catalogue) -> None:
        self._form, self._value, self._row, self._words = form, value, row, words

    def __missing__(self, name: str) -> str:
        value, numerals = self._value, self._words.numerals
        if name in self._words.fragments or value is None:
            return _fragment(self._words.fragments[name], self._row)
        match name:
            case "change":
                return numerals.show(value - 1, "percent")
            case "times":
                return numerals.multiple(value)
            case "often":
                return numerals.frequency(value)
        form = self._form
        # A bill below zero is a credit. Other kinds have words for what lies below zero.
        is_owed = value < 0 and form.kind == "amount" and form.show == "money"
        return ("\N{MINUS SIGN}" if is_owed else "") + numerals.show(value, form.show)


def _fragment(options: Mapping[str, str], row: Row) -> str:
    """The variant of a sentence part for the customer's kind or number of lines, where known."""
    product_line = _of(row, "product_line_code")
    kinds = [] if product_line is None else ["mobile" if product_line == _MOBILE else "fixed"]
    if _of(row, "customer_lines") == 1:
        kinds.append("one")
    return options[next((kind for kind in kinds if kind in options), "any")]


def _usual(
    form: Form, case: str, value: float | None, texts: Mapping[str, str], row: Row, words: Catalogue
) -> str:
    """The customer's usual value, to append to the sentence; empty if unknown or said already."""
    usual = None if form.usual is None else form.usual.of(row)
    if form.usual is None or usual is None or value is None:
        return ""
    now, numerals = _of(row, form.usual.level), words.numerals
    if form.kind == "ratio":
        if case in ("same", "none") or now is None:
            return ""
        return texts["usual"].format(
            now=numerals.show(now, form.show), usual=numerals.show(usual, form.show)
        )
    if form.show == "count":
        if abs(usual - value) < 0.5:
            return words.phrases["usual_same"]
        return (
            words.phrases["usual_none"]
            if usual < 0.15
            else texts["usual"].format(usual=numerals.mean(usual))
        )
    if abs(usual - value) <= _AS_USUAL * max(usual, abs(value)):
        return words.phrases["usual_same"]
    return texts["usual"].format(usual=numerals.show(usual, form.show))
