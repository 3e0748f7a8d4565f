"""How text files are written, kept from one night to the next: a file that has not changed is not read
to find it out again.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from holdfast.documents import read_document, to_document
from holdfast.errors import InputError
from holdfast.files import write_beside

_VERSION = 1
"""Raised when forms are found otherwise."""

_FILE = "_text_forms.json"


@dataclass(frozen=True, kw_only=True)
class TextForm:
    """How a text file is written.

    Parameters
    ----------
    encoding : str
        As Python names it.
    odd_lines : float
        Share of its lines that are not in it.
    likely_encoding : str
        An encoding that those may be in; empty without any.
    delimiter : str
        What parts fields.
    body_at : int
        Bytes before the first row, in UTF-8 and without a byte order mark.
    names : tuple of str
        Its columns.
    notes : tuple of str
        What was decided, for a person.
    """

    encoding: str
    odd_lines: float
    likely_encoding: str
    delimiter: str
    body_at: int
    names: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Kept:
    """Forms as they are stored: by what told that a file was the same, and how it was to be read."""

    version: int
    forms: dict[str, dict[str, TextForm]]


class TextForms:
    """Forms of files by their marks (`features.sources.content.ContentState`) and the encoding that a
    person named.

    Parameters
    ----------
    kept : mapping, optional
        Those of the last time, of files whose mark proves that they are the same.
    """

    def __init__(self, kept: Mapping[str, Mapping[str, TextForm]] | None = None) -> None:
        self._forms = {mark: dict(forms) for mark, forms in (kept or {}).items()}

    @classmethod
    def read(cls, store: Path) -> Self:
        """Read those that lie in a raw store; without any, or of another release, none are known."""
        try:
            text = (store / _FILE).read_text(encoding="utf-8")
            kept = read_document(_Kept, json.loads(text), _FILE)
        except (OSError, ValueError, InputError):
            return cls()
        return cls(kept.forms if kept.version == _VERSION else None)

    def write(self, store: Path, marks: Collection[str]) -> None:
        """Write those of some marks into a raw store."""
        forms = {mark: self._forms[mark] for mark in sorted(marks) if mark in self._forms}
        # In ASCII: names of columns may hold bytes that are no text.
        write_beside(store / _FILE, json.dumps(to_document(_Kept(_VERSION, forms))) + "\n")

    def get(self, mark: str, named: str | None) -> TextForm | None:
        """The form of a file; None where it is not known."""
        return self._forms.get(mark, {}).get(named or "")

    def keep(self, mark: str, named: str | None, form: TextForm) -> None:
        """Remember the form of a file."""
        self._forms.setdefault(mark, {})[named or ""] = form
