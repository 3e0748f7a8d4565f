"""The words of a language, from one TOML file that is checked against the forms when it is read."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter

from holdfast.errors import InputError
from models.words.forms import CASES, CODES, FORMS
from models.words.numerals import Numerals

LANGUAGES = ("en", "zh-Hans", "zh-Hant")
"""Languages that there are words in, as BCP 47 names them."""

_SCRIPTS = {
    "cn": "zh-Hans",
    "sg": "zh-Hans",
    "my": "zh-Hans",
    "tw": "zh-Hant",
    "hk": "zh-Hant",
    "mo": "zh-Hant",
}
_PLACEHOLDERS = frozenset({"value", "change", "times", "often"})
_PLACEHOLDERS_OF = {
    "usual": frozenset({"usual", "now"}),
    "null": frozenset[str](),
    "unknown": frozenset[str](),
}


@dataclass(frozen=True)
class Catalogue:
    """All words of a language.

    Parameters
    ----------
    language : str
        One of `LANGUAGES`.
    numerals : Numerals
        How numbers are written.
    drivers, reasons, directions, actionable, phrases : dict of str to str
        Words by driver, by reason key, by direction of a contribution, and so on.
    bands, targets, marks : dict of str to str
        Words by risk band, by model, and by mark of a score.
    answers : dict of str to str
        What an answer says beside reasons, such as why there is no probability.
    fragments : dict of str to dict of str to str
        Parts of sentences that depend on the line, by name and kind of line.
    features : dict of str to dict of str to str
        Templates by feature and case.
    """

    language: str
    numerals: Numerals
    drivers: dict[str, str]
    reasons: dict[str, str]
    directions: dict[str, str]
    actionable: dict[str, str]
    phrases: dict[str, str]
    bands: dict[str, str]
    targets: dict[str, str]
    marks: dict[str, str]
    answers: dict[str, str]
    fragments: dict[str, dict[str, str]]
    features: dict[str, dict[str, str]]

    def reason_label(self, reason: str) -> str:
        """Name of a reason key for charts and headings; the key itself for a team's own column."""
        return self.reasons.get(reason, reason)

    def driver_label(self, driver: str) -> str:
        """Name of a driver; the driver itself where there is no word for it."""
        return self.drivers.get(driver, driver)


def resolve(language: str) -> str:
    """The language among `LANGUAGES` that a BCP 47 tag asks for, such as ``zh-Hant`` for ``zh-HK``.

    Raises
    ------
    InputError
        There are no words in that language.
    """
    primary, *rest = language.replace("_", "-").lower().split("-")
    if primary == "en":
        return "en"
    if primary == "zh":
        for part in rest:
            if part in ("hans", "hant"):
                return f"zh-{part.title()}"
        return next((_SCRIPTS[part] for part in rest if part in _SCRIPTS), "zh-Hans")
    raise InputError("language", f"must be one of {', '.join(LANGUAGES)}", language)


def words(language: str) -> Catalogue:
    """The words of the language that a BCP 47 tag asks for; errors as in `resolve`."""
    return _read(language if language in LANGUAGES else resolve(language))


@cache
def _read(language: str) -> Catalogue:
    text = (Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    for cases in tables["features"].values():
        cases.pop("form", None)  # see `forms`
    numerals = Numerals(language, **tables.pop("numbers"))
    catalogue = Catalogue(language=language, numerals=numerals, **tables)
    faults = [fault for feature in FORMS for fault in _faults(catalogue, feature)]
    if faults:
        raise InputError(f"models/words/{language}.toml", "; ".join(faults))
    return catalogue


def _faults(catalogue: Catalogue, feature: str) -> list[str]:
    """Faults in the words about a feature: missing or unknown cases, and unknown placeholders."""
    form, texts = FORMS[feature], catalogue.features.get(feature, {})
    if form.kind == "code":
        needed, allowed = {"null", *map(str, range(CODES[feature]))}, frozenset[str]()
    else:
        needed, allowed = set(CASES[form.kind][0]), CASES[form.kind][1]
    if form.usual is not None:
        needed.add("usual")
    if form.known_by is not None:
        needed.add("unknown")
    faults = [f"{feature} lacks {case!r}" for case in sorted(needed - texts.keys())]
    faults += [
        f"{feature} has no case {case!r}" for case in sorted(texts.keys() - needed - allowed)
    ]
    for case, text in texts.items():
        allowed_names = catalogue.fragments.keys() | _PLACEHOLDERS_OF.get(case, _PLACEHOLDERS)
        names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        faults += [f"{feature}.{case} has {{{name}}}" for name in sorted(names - allowed_names)]
    return faults
