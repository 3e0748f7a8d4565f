"""Numbers as each language writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.words.catalogue import LANGUAGES, words
from models.words.forms import Show

SHOWS: tuple[Show, ...] = (
    *("count", "number", "days", "minutes", "hours"),
    *("seconds", "money", "percent", "gb", "score"),
)


@pytest.mark.parametrize(
    "show, value, english, simplified, traditional",
    [
        ("count", 2.0, "two", "两", "兩"),
        ("count", 2.4, "2.4", "2.4", "2.4"),
        ("count", 11.0, "11", "11", "11"),
        ("count", -1234.0, "1,234", "1234", "1234"),
        ("number", 0.256, "0.26", "0.26", "0.26"),
        ("number", 2.45, "2.5", "2.5", "2.5"),
        ("number", 9999.6, "10,000", "1万", "1萬"),
        ("number", 12_345.0, "12,345", "1.2万", "1.2萬"),
        ("number", 123_456_789.0, "123,456,789", "1.2亿", "1.2億"),
        ("money", 19.9, "19.90", "19.90", "19.90"),
        ("money", 20.0, "20", "20", "20"),
        ("money", 1234.5, "1,234", "1234", "1234"),
        ("percent", 0.0312, "3.1%", "3.1%", "3.1%"),
        ("percent", 0.0996, "10%", "10%", "10%"),
        ("gb", 0.25, "250 MB", "250 MB", "250 MB"),
        ("gb", 2.5, "2.5 GB", "2.5 GB", "2.5 GB"),
        ("seconds", 45.0, "45 seconds", "45秒", "45秒"),
        ("minutes", 60.0, "60 minutes", "60分钟", "60分鐘"),
        ("hours", 72.0, "three days", "三天", "三天"),
        ("days", 21.0, "three weeks", "三周", "三週"),
        ("days", 92.0, "three months", "三个月", "三個月"),
        ("score", 4.0, "4", "4", "4"),
    ],
)
def test_values_are_written_as_the_language_does(
    show: Show, value: float, english: str, simplified: str, traditional: str
) -> None:
    written = [words(language).numerals.show(value, show) for language in LANGUAGES]
    assert written == [english, simplified, traditional]


@pytest.mark.parametrize("language", LANGUAGES)
@given(value=st.floats(allow_nan=False, allow_infinity=False), show=st.sampled_from(SHOWS))
def test_the_sign_is_left_to_the_sentence(language: str, value: float, show: Show) -> None:
    numerals = words(language).numerals
    assert numerals.show(value, show) == numerals.show(-value, show)
    assert not {"-", "+", "\N{MINUS SIGN}"} & set(numerals.show(value, show))


@pytest.mark.parametrize(
    "value, english, simplified",
    [(0.5, "less than one", "不到一"), (0.75, "about one", "约一"), (2.5, "about three", "约三")],
)
def test_means_are_rounded(value: float, english: str, simplified: str) -> None:
    assert words("en").numerals.mean(value) == english
    assert words("zh-Hans").numerals.mean(value) == simplified


def test_a_multiple_and_a_frequency() -> None:
    english, simplified = words("en").numerals, words("zh-Hans").numerals
    assert [english.multiple(ratio) for ratio in (2.04, 3.0, 12.0)] == [
        "twice",
        "three times",
        "12 times",
    ]
    assert simplified.multiple(2.04) == "两倍"
    assert [english.frequency(times) for times in (1, 2, 3)] == ["once", "twice", "three times"]
    assert simplified.frequency(3) == "三次"
