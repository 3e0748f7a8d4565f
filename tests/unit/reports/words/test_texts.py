"""Texts of pages: every one is in every language, with the same gaps and elements."""

import re
from pathlib import Path
from string import Formatter

import pytest

from holdfast.errors import InputError
from models.words.traditional import convert
from reports.words.extract import Message, messages, po_text, simplified
from reports.words.texts import ENGLISH, Texts, catalogue_path, read_catalogue, texts

CHINESE = ("zh-Hans", "zh-Hant")


def _english(message: Message) -> str:
    return message if isinstance(message, str) else message[0]


def _gaps(text: str) -> list[str]:
    """What a page fills in, and elements of HTML."""
    gaps = re.findall(r"%\(\w+\)s|%%|<[^>]+>", text)
    if not re.search(r"%\(|%%", text):
        gaps += [f"{name}:{form}" for _, name, form, _ in Formatter().parse(text) if name]
    return sorted(gaps)


@pytest.mark.parametrize("language", CHINESE)
def test_every_text_of_a_page_is_translated_with_its_gaps(language: str) -> None:
    translated = read_catalogue(language)
    used = {_english(message) for message in messages()}
    assert len(used) > 150
    assert used == set(translated)
    for english, chinese in translated.items():
        assert _gaps(english) == _gaps(chinese), english


def test_the_catalogues_are_the_generated_ones() -> None:
    chinese = catalogue_path("zh-Hans").read_text(encoding="utf-8")
    assert chinese == po_text(simplified()), "run `make docs`"
    traditional = catalogue_path("zh-Hant").read_text(encoding="utf-8")
    assert traditional == convert(chinese), "run `make docs`"


def test_a_text_that_nobody_has_translated_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "zh-Hans.po"
    catalogue.write_text(
        'msgid "Rank"\nmsgstr "排名"\n\nmsgid "Band"\nmsgstr ""\n', encoding="utf-8"
    )
    monkeypatch.setattr("reports.words.texts.catalogue_path", lambda language: catalogue)
    chinese = Texts("zh-Hans", read_catalogue("zh-Hans"))
    assert chinese.gettext("Rank") == "排名"
    with pytest.raises(KeyError):
        chinese.gettext("Band")


def test_texts_of_a_language() -> None:
    assert texts("en") is not ENGLISH
    assert texts("en").gettext("Rank") == "Rank"
    assert texts("zh-TW").language == "zh-Hant"
    assert [texts(language).gettext("Rank") for language in CHINESE] == ["排名", "排名"]
    with pytest.raises(KeyError):
        texts("zh").gettext("not a text of any page")
    with pytest.raises(InputError, match="language"):
        texts("fr")


def test_numbers_choose_a_form_in_english_alone() -> None:
    forms = ("%(count)s thing looks suspicious", "%(count)s things look suspicious")
    assert [texts("en").ngettext(*forms, count) for count in (1, 2)] == list(forms)
    assert len({texts("zh-Hans").ngettext(*forms, count) for count in (1, 2)}) == 1
