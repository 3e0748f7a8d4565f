"""Sentences about values below zero."""

from models.words.catalogue import words
from models.words.sentence import sentence


def say(language: str, feature: str, value: float) -> str:
    written = sentence(feature, {feature: value}, words(language))
    assert written is not None
    return written.text


def test_an_amount_below_zero_keeps_its_sign() -> None:
    assert say("en", "last_bill", -0.73) == "Last bill of −0.73"
    assert say("zh-Hans", "last_bill", -0.73) == "上期账单−0.73"
    assert say("en", "monthly_margin_91d", -5.2) == (
        "Monthly margin of −5.20, as assumed, over the last three months"
    )


def test_what_is_only_a_side_has_words_instead_of_a_sign() -> None:
    assert say("en", "days_to_discount_end", -92.0) == "Discount on the bill ended three months ago"
