"""The texts of pages in the language asked for.

A text stands in English where it is used: in a template in a block ``{% trans %}``, in Python as the
argument of `gettext`, or of `to_translate` where the language comes later. The other languages are in
catalogues beside this module, in the format of gettext, by the English text. A text that is not in
its catalogue is refused when a page is made in that language, and a test finds it before.
"""

from functools import cache
from gettext import NullTranslations
from pathlib import Path

from babel.messages.pofile import read_po

from models.words.catalogue import resolve

LANGUAGE_NAMES = {"en": "English", "zh-Hans": "简体中文", "zh-Hant": "繁體中文"}
"""Each language in itself."""


class Texts(NullTranslations):
    """Texts of one language, as Jinja and Python ask for them.

    Parameters
    ----------
    language : str
        One of `models.words.catalogue.LANGUAGES`.
    translated : dict of str to str
        By the English text; empty for English.
    """

    def __init__(self, language: str, translated: dict[str, str]) -> None:
        super().__init__()
        self.language = language
        self._translated = translated

    def gettext(self, message: str) -> str:
        """A text in this language; KeyError where it has none."""
        return self._translated[message] if self._translated else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """One of two texts by a number; Chinese has one for all numbers."""
        return self.gettext(msgid1) if self._translated else super().ngettext(msgid1, msgid2, n)


def texts(language: str) -> Texts:
    """The texts of the language that a BCP 47 tag asks for.

    Raises
    ------
    InputError
        There are no texts in that language.
    """
    return _read(resolve(language))


@cache
def _read(language: str) -> Texts:
    return Texts(language, {} if language == "en" else read_catalogue(language))


def read_catalogue(language: str) -> dict[str, str]:
    """All texts of a language by the English text, without those that nobody has translated yet."""
    with catalogue_path(language).open("rb") as stream:
        messages = read_po(stream)
    texts = {_one(message.id): _one(message.string or "") for message in messages if message.id}
    return {english: text for english, text in texts.items() if text}


def catalogue_path(language: str) -> Path:
    """The catalogue of a language."""
    return Path(__file__).with_name(f"{language}.po")


def to_translate(text: str) -> str:
    """A text that is translated where it is shown."""
    return text


def _one(text: str | list[str] | tuple[str, ...]) -> str:
    """The first of a text's forms by number."""
    return text if isinstance(text, str) else text[0]


ENGLISH = Texts("en", {})
