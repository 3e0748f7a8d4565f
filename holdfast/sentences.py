"""Sentences as data: a code and values, worded in the language of whoever reads them.

What a gate or a night finds is stored as `Sentence`, not as text. Each package that makes sentences
has their English templates by code, in a module called ``sentences``. Texts for machines and the
command line are made from them with `worded`; pages put a translation between template and values.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

AS_WRITTEN = ""
"""Code of a sentence that is only known as text: what an error said, or what an earlier release
stored.
"""


@dataclass(frozen=True)
class Sentence:
    """A sentence as data.

    Parameters
    ----------
    code : str
        Which sentence; stays the same from release to release.
    values : dict of str to JSON
        What goes into its gaps: text and numbers; ``{"name": ...}`` for a name that has a word in
        other languages; another sentence, as a `Sentence` or as JSON; a list of these, parted by
        commas, or as `parted` makes it, by semicolons.
    """

    code: str
    values: dict[str, Any]

    def __hash__(self) -> int:
        return hash((self.code, json.dumps(self.to_json(), sort_keys=True, default=str)))

    def to_json(self) -> dict[str, Any]:
        """The sentence as JSON, with the sentences in it."""
        return {"code": self.code, "values": {k: _json(v) for k, v in self.values.items()}}


def sentence(code: str, **values: Any) -> Sentence:
    """A sentence, with its values by name."""
    return Sentence(code, {name: _json(value) for name, value in values.items()})


def as_written(text: str) -> Sentence:
    """A sentence that is only known as text."""
    return Sentence(AS_WRITTEN, {"text": text})


def read_sentence(stored: object) -> Sentence:
    """A sentence from JSON: an object, or the text that earlier releases stored."""
    if isinstance(stored, Mapping) and "code" in stored:
        return Sentence(str(stored["code"]), dict(stored.get("values") or {}))
    return as_written(str(stored))


def named(name: str) -> dict[str, str]:
    """A value that is a name, such as that of a stratum."""
    return {"name": name}


def parted(sentences: Sequence[Sentence]) -> dict[str, Any]:
    """A value that is several sentences, parted by semicolons."""
    return {"parted": [one.to_json() for one in sentences]}


def worded(
    what: Sentence,
    templates: Mapping[str, str],
    gettext: Callable[[str], str] = str,
    name: Callable[[str], str] = str,
) -> str:
    """A sentence in words.

    Parameters
    ----------
    what : Sentence
        The sentence.
    templates : mapping of str to str
        English templates by code, with gaps as `str.format` has them.
    gettext : callable, optional
        Gives the template in another language.
    name : callable, optional
        Gives the word for a name.

    Returns
    -------
    str
        Of a code that is not known, such as one of a later release, the code and its values.

    Examples
    --------
    >>> templates = {"lost": "{rows:,} rows of {table} are gone"}
    >>> worded(sentence("lost", rows=1200, table="bills"), templates)
    '1,200 rows of bills are gone'
    >>> worded(as_written("what an error said"), templates)
    'what an error said'
    >>> worded(sentence("newer", rows=3), templates)
    'newer: rows 3'
    """
    if what.code == AS_WRITTEN:
        return str(what.values.get("text", ""))

    def shown(value: Any) -> Any:
        if isinstance(value, Sentence):
            return worded(value, templates, gettext, name)
        if isinstance(value, Mapping):
            if "name" in value:
                return name(str(value["name"]))
            if "parted" in value:
                return gettext("; ").join(str(shown(one)) for one in value["parted"])
            return shown(read_sentence(value))
        if isinstance(value, list | tuple):
            return gettext(", ").join(str(shown(one)) for one in value)
        return value

    values = {key: shown(value) for key, value in what.values.items()}
    template = templates.get(what.code)
    if template is not None:
        try:
            return gettext(template).format(**values)
        except (KeyError, ValueError):  # another release gave it other values
            pass
    told = ", ".join(f"{key} {value}" for key, value in values.items())
    return f"{what.code}: {told}" if told else what.code


def _json(value: Any) -> Any:
    if isinstance(value, Sentence):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    item = getattr(value, "item", None)  # a number of NumPy
    return item() if callable(item) else value
