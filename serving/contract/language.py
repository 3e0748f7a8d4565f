"""The language of an answer: what a request names, else what its `Accept-Language` prefers."""

from functools import lru_cache

from holdfast.errors import InputError
from models.words.catalogue import LANGUAGES, resolve

DEFAULT = "en"

_PRIMARY = dict.fromkeys(tag.partition("-")[0] for tag in LANGUAGES)
_EITHER_CASE = ["".join(f"[{c}{c.upper()}]" for c in primary) for primary in _PRIMARY]
TAG_PATTERN = f"^({'|'.join(_EITHER_CASE)})([-_]|$)"
"""Tags that there are words for, as a regular expression of JSON Schema, which has no flags."""


def choose_language(asked: str | None, accepted: str | None) -> str:
    """The language to answer in, one of `models.words.catalogue.LANGUAGES`.

    Parameters
    ----------
    asked : str or None
        What the body names, as a BCP 47 tag.
    accepted : str or None
        The header `Accept-Language`. Languages without words are passed over.

    Raises
    ------
    InputError
        There are no words in the language that the body names.

    Examples
    --------
    >>> choose_language(None, "fr, zh-TW;q=0.8, en;q=0.5")
    'zh-Hant'
    """
    return _accepted((accepted or "")[:500]) if asked is None else resolve(asked)


# Callers send the same few headers again and again.
@lru_cache(maxsize=256)
def _accepted(header: str) -> str:
    for tag in _preferred(header):
        if tag == "*":
            return DEFAULT
        try:
            return resolve(tag)
        except InputError:
            continue
    return DEFAULT


def _preferred(header: str) -> list[str]:
    """Tags of the header, the most wanted first; those with weight 0 are not wanted."""
    weighted = []
    for place, part in enumerate(header.split(",")):
        tag, _, parameter = part.strip().partition(";")
        name, _, value = parameter.strip().partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            weight = 0.0
        if tag and weight > 0:
            weighted.append((-weight, place, tag.strip()))
    return [tag for _, _, tag in sorted(weighted)]
