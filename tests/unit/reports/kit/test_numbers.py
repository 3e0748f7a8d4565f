import doctest

import pytest

from reports.kit import numbers


def test_the_examples_are_true() -> None:
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.count(1234567), "1,234,567"),
        (numbers.expected(186.7), "187"),
        (numbers.expected(7.04), "7.0"),
        (numbers.share(0.0345), "3.5\N{NO-BREAK SPACE}%"),
        (numbers.share(-0.274, 0), "−27\N{NO-BREAK SPACE}%"),
        (numbers.signed(0.126), "+0.13"),
        (numbers.signed(-0.018, 3), "−0.018"),
        (numbers.signed(-0.0001), "0.00"),
        (numbers.amount(1420.4), "1,420"),
        (numbers.amount(-0.05371), "−0.0537"),
        (numbers.amount(0), "0"),
    ],
)
def test_numbers_are_written_alike_everywhere(text: str, expected: str) -> None:
    assert text == expected
