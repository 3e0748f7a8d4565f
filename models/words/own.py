"""Words about features that a home declares for itself.

They are checked as ours are, by the cases of the feature's form. English and Simplified Chinese are
written by a person; Traditional Chinese is generated from the latter as ours is, unless it was
written too. They are kept with a version, in what its features mean, so that its reasons stay the
same.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from holdfast.errors import InputError
from models.words.catalogue import LANGUAGES, words
from models.words.forms import CASES, Form, Kind, Show

WRITTEN = ("en", "zh-Hans")
"""Languages that a home's words must be written in."""

_PLACEHOLDERS = frozenset({"value", "change", "times", "often"})


@dataclass(frozen=True)
class OwnForm:
    """The form of the sentences: kind, and how the number is shown (`models.words.forms`)."""

    kind: Kind
    show: Show = "count"


_FORM = TypeAdapter(tuple[OwnForm])


@dataclass(frozen=True)
class OwnWords:
    """Words about one feature.

    Parameters
    ----------
    form : OwnForm
        Which cases its sentences have.
    texts : dict of str to dict of str to str
        Sentences by language and case.
    labels : dict of str to str
        Name of the feature's reason by language; none where the reason is one of ours.
    """

    form: OwnForm
    texts: dict[str, dict[str, str]]
    labels: dict[str, str]

    @property
    def full_form(self) -> Form:
        """The form as sentences read it."""
        return Form(self.form.kind, self.form.show)


@dataclass(frozen=True)
class WordFault:
    """Words that are not as they must be.

    Parameters
    ----------
    keys : tuple of str
        Where they stand in the file.
    rule : str
        What would be right.
    value : str or None
        What is there instead.
    """

    keys: tuple[str, ...]
    rule: str
    value: str | None = None


class OwnFeatureLike(Protocol):
    """What is needed of a feature that a home declares."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def reason(self) -> str:
        """Key of its reason."""

    @property
    def form(self) -> Mapping[str, Any]:
        """Form of its sentences, as it was written."""


class OwnViewLike(Protocol):
    """What is needed of a view that a home declares."""

    @property
    def path(self) -> Path:
        """The file that declares it."""

    @property
    def words(self) -> Mapping[str, Any]:
        """Words by language, as they were written."""

    @property
    def own_features(self) -> Sequence[OwnFeatureLike]:
        """Its features."""


def words_of(views: Iterable[OwnViewLike]) -> dict[str, OwnWords]:
    """Words about the features of a home's own views, by feature.

    Raises
    ------
    InputError
        Some are not as they must be; it names the file and the key.
    """
    own: dict[str, OwnWords] = {}
    for view in views:
        read, faults = words_of_view(view)
        if faults:
            fault = faults[0]
            raise InputError(f"{view.path}: {'.'.join(fault.keys)}", fault.rule, fault.value)
        own |= read
    return own


def words_of_view(view: OwnViewLike) -> tuple[dict[str, OwnWords], list[WordFault]]:
    """Words about the features of a view, and all that is wrong with them."""
    return read_own_words(
        {one.name: one.form for one in view.own_features},
        {one.name: one.reason for one in view.own_features},
        view.words,
    )


def read_own_words(
    forms: Mapping[str, Mapping[str, Any]],
    reasons: Mapping[str, str],
    written: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, OwnWords], list[WordFault]]:
    """Words about the features of a file, and all that is wrong with them.

    Parameters
    ----------
    forms : mapping of str to mapping
        Forms by feature.
    reasons : mapping of str to str
        Reason keys by feature.
    written : mapping of str to mapping
        By language: sentences by feature and case, and under ``reasons`` the names of reasons that
        are not ours.
    """
    faults = [
        WordFault(("words", language), f"must be one of {', '.join(LANGUAGES)}", language)
        for language in written
        if language not in LANGUAGES
    ]
    ours = words("en").reasons
    own = {}
    by_language = {
        language: _checked(language, written.get(language), forms, reasons, ours, faults)
        for language in (
            *WRITTEN,
            *(one for one in LANGUAGES if one in written and one not in WRITTEN),
        )
    }
    for feature, form in forms.items():
        read = _form(feature, form, faults)
        if read is None:
            continue
        for language, texts in by_language.items():
            faults += _faults(language, feature, read, texts.get(feature))
        reason = reasons[feature]
        labels = (
            {}
            if reason in ours
            else {
                name: str(texts.get("reasons", {}).get(reason, ""))
                for name, texts in by_language.items()
            }
        )
        texts = {name: dict(texts.get(feature) or {}) for name, texts in by_language.items()}
        own[feature] = OwnWords(read, texts, labels)
    if faults:
        return {}, faults
    return {name: _with_traditional(one) for name, one in own.items()}, []


def _checked(
    language: str,
    written: Any,
    forms: Mapping[str, object],
    reasons: Mapping[str, str],
    ours: Mapping[str, str],
    faults: list[WordFault],
) -> Mapping[str, Any]:
    """The words of a language, if they are about the features and reasons of the file."""
    if not isinstance(written, Mapping):
        faults.append(WordFault(("words", language), f"must be there: words in {language}"))
        return {}
    needed = {reason for reason in reasons.values() if reason not in ours}
    faults += [
        WordFault(("words", language, name), "must be a feature of the file", name)
        for name in written
        if name != "reasons" and name not in forms
    ]
    labels = written.get("reasons", {})
    for reason in sorted(needed):
        label = labels.get(reason) if isinstance(labels, Mapping) else None
        if not isinstance(label, str) or not label:
            rule = f"must name the reason {reason}, which is none of ours"
            faults.append(WordFault(("words", language, "reasons"), rule))
    return written


def _form(feature: str, form: Mapping[str, Any], faults: list[WordFault]) -> OwnForm | None:
    try:
        (read,) = _FORM.validate_python((dict(form),), extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        keys = ("features", feature, "form", *map(str, first["loc"][1:]))
        faults.append(WordFault(keys, first["msg"], str(first["input"])))
        return None
    if read.kind == "code":
        kinds = ", ".join(CASES)
        faults.append(WordFault(("features", feature, "form"), f"must be one of {kinds}", "code"))
        return None
    return read


def _faults(language: str, feature: str, form: OwnForm, texts: Any) -> list[WordFault]:
    keys = ("words", language, feature)
    if not isinstance(texts, Mapping):
        return [WordFault(keys, f"must be there: words about {feature} in {language}")]
    needed, allowed = CASES[form.kind]
    faults = [
        WordFault(keys, f"must have the case {case!r} of the form {form.kind}")
        for case in sorted(needed - texts.keys())
    ]
    for case, text in texts.items():
        place = (*keys, case)
        if case not in needed | allowed:
            cases = ", ".join(sorted(needed | allowed))
            faults.append(
                WordFault(place, f"must be a case of the form {form.kind}: {cases}", case)
            )
        elif not isinstance(text, str) or not text or text.rstrip(".。").strip() != text:
            rule = "must be a text without a full stop, and without spaces around it"
            faults.append(WordFault(place, rule, str(text)))
        else:
            faults += _placeholder_faults(place, case, text)
    return faults


def _placeholder_faults(place: tuple[str, ...], case: str, text: str) -> list[WordFault]:
    allowed = frozenset[str]() if case == "null" else _PLACEHOLDERS
    try:
        names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError as error:
        return [WordFault(place, f"must have braces in pairs: {error}", text)]
    listed = ", ".join(f"{{{name}}}" for name in sorted(allowed)) or "none"
    return [
        WordFault(place, f"must have no other gaps than {listed}", f"{{{name}}}")
        for name in sorted(names - allowed)
    ]


def _with_traditional(own: OwnWords) -> OwnWords:
    if "zh-Hant" in own.texts:
        return own
    simplified = json.dumps(
        [own.texts["zh-Hans"], own.labels.get("zh-Hans", "")], ensure_ascii=False, sort_keys=True
    )
    texts, label = json.loads(_traditional(simplified))
    labels = own.labels | ({"zh-Hant": label} if own.labels else {})
    return OwnWords(own.form, own.texts | {"zh-Hant": texts}, labels)


@lru_cache(maxsize=256)
def _traditional(simplified: str) -> str:
    from models.words.traditional import convert  # here alone: it opens dictionaries

    return convert(simplified)
