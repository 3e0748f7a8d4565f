"""Words of answers beside reasons: every language has them, with the same gaps to fill in."""

from string import Formatter

import pytest

from models.bands import BAND_NAMES
from models.score_set import MARKS
from models.targets import SERVED
from models.words.catalogue import LANGUAGES, words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_band_model_mark_and_answer_has_words(language: str) -> None:
    texts, english = words(language), words("en")
    assert set(texts.bands) == set(BAND_NAMES)
    assert set(texts.targets) == set(SERVED)
    assert set(texts.marks) == set(MARKS)
    for of_language, of_english in (
        (texts.answers, english.answers),
        (texts.phrases, english.phrases),
    ):
        assert of_language.keys() == of_english.keys()
        for key, text in of_language.items():
            assert _names(text) == _names(of_english[key]), key


def _names(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text)} - {None}
