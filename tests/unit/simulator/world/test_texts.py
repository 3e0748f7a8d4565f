import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.contracts.vocabulary import ISSUES, TICKET_CLASSES
from simulator.world import texts
from simulator.world.regions import LANGUAGES

_HAN = re.compile(r"[\u4e00-\u9fff]")


def _text(language: int, issue: int, ticket_class: int, luck: float) -> str:
    code = texts.encode(
        np.array([language]), np.array([issue]), np.array([ticket_class]), np.array([luck])
    )
    return texts.compose(int(code[0]))


@given(
    st.integers(0, len(LANGUAGES) - 1),
    st.integers(0, len(ISSUES) - 1),
    st.integers(0, len(TICKET_CLASSES) - 1),
    st.floats(0, 1, exclude_min=True, exclude_max=True),
)
def test_a_text_is_short_in_its_language_and_without_digits_that_could_be_personal(
    language: int, issue: int, ticket_class: int, luck: float
) -> None:
    text = _text(language, issue, ticket_class, luck)
    assert 3 <= len(text) <= 300
    assert bool(_HAN.search(text)) == (LANGUAGES[language] != "en")
    assert not re.search(r"\d{3}|@", text)


@pytest.mark.parametrize("language", range(len(LANGUAGES)))
def test_texts_vary(language: int) -> None:
    luck = (np.arange(400) + 0.5) / 400
    written = {_text(language, 0, 3, float(number)) for number in luck}
    assert len(written) > 150


def test_simplified_and_traditional_are_written_apart() -> None:
    simplified = "".join(_text(1, issue, 0, 0.3 + issue / 100) for issue in range(len(ISSUES)))
    traditional = "".join(_text(2, issue, 0, 0.3 + issue / 100) for issue in range(len(ISSUES)))
    assert not set("帳單電話們個這還訊號網") & set(simplified)
    assert not set("账单电话们个这还讯号网") & set(traditional) - set("單")
