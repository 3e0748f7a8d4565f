"""The catalogues of pages, brought up to date with the texts in templates and modules.

`python -m reports.words.extract` adds texts that are new to ``zh-Hans.po``, without a translation,
removes those that are gone, and generates ``zh-Hant.po`` with OpenCC, as `models.words.traditional`
does. Sentences that packages below store as data have their English templates there (see
`holdfast.sentences`), and their translations here.

Nothing imports this module at run time.
"""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_python
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from features.intake import sentences as tables
from holdfast.files import write_beside
from models.words.traditional import convert
from reports.words import nights
from reports.words.feature_words import catalogue_texts
from reports.words.texts import catalogue_path
from training.labelling import exclusions
from training.release import sentences as gate

_REPORTS = Path(__file__).parents[1]
_KEYWORDS: dict[str, Any] = {**DEFAULT_KEYWORDS, "to_translate": None}
_TEMPLATE_OPTIONS = {
    "trimmed": "true",
    "trim_blocks": "true",
    "lstrip_blocks": "true",
    "newstyle_gettext": "true",
}

_FEATURES = "features/views"

_SENTENCES: dict[str, Mapping[str, str]] = {
    "features/intake/sentences.py": tables.TEMPLATES,
    "training/labelling/exclusions.py": exclusions.EXCLUDED,
    "reports/words/nights.py": nights.OF_NIGHTS,
    "training/release/sentences.py": gate.TEMPLATES,
}
"""Templates of sentences that packages below make as data, by the module that has them."""

Message = str | tuple[str, ...]


def messages() -> dict[Message, list[str]]:
    """All texts of pages, and where they stand: one text, or two by a number."""
    found: dict[Message, list[str]] = {}
    for path in sorted([*_REPORTS.rglob("*.py"), *_REPORTS.rglob("*.j2")]):
        place = path.relative_to(_REPORTS).as_posix()
        for message in _messages_of(path):
            places = found.setdefault(message, [])
            if place not in places:
                places.append(place)
    for place, templates in _SENTENCES.items():
        for template in templates.values():
            found.setdefault(template, []).append(place)
    for text in catalogue_texts():
        found.setdefault(text, []).append(_FEATURES)
    return found


def simplified() -> Catalog:
    """The catalogue in Simplified Chinese with the texts that there are now."""
    with catalogue_path("zh-Hans").open("rb") as stream:
        known = {message.id: message.string for message in read_po(stream)}
    catalogue = Catalog(locale="zh_Hans", fuzzy=False)
    for message, places in messages().items():
        catalogue.add(message, known.get(message, ""), [(place, 0) for place in places])
    return catalogue


def po_text(catalogue: Catalog) -> str:
    """A catalogue as its file holds it."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=0, omit_header=True, include_lineno=False)
    return stream.getvalue().decode()


def _messages_of(path: Path) -> Iterator[Message]:
    extracted: Iterator[tuple[Any, ...]]
    with path.open("rb") as stream:
        if path.suffix == ".py":
            extracted = extract_python(stream, _KEYWORDS, [], {})
        else:
            extracted = babel_extract(stream, list(_KEYWORDS), [], _TEMPLATE_OPTIONS)
        for _, _, message, _ in extracted:
            forms = message if isinstance(message, tuple | list) else (message,)
            literal = tuple(form for form in forms if isinstance(form, str))
            if literal:
                yield literal if len(literal) > 1 else literal[0]


if __name__ == "__main__":
    chinese = po_text(simplified())
    write_beside(catalogue_path("zh-Hans"), chinese)
    write_beside(catalogue_path("zh-Hant"), convert(chinese))
