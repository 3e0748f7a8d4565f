"""Numbers as people say them: small counts as words, spans of time rounded, no symbol that the
value does not carry.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import floor

from typing_extensions import override

from models.words.forms import Show

GRAINS: dict[Show, float] = {
    "count": 0.05,
    "number": 0.005,
    "days": 1.0,
    "minutes": 0.5,
    "hours": 0.5 / 60,
    "seconds": 0.5,
    "money": 0.005,
    "percent": 0.0005,
    "gb": 0.0005,
    "score": 0.05,
}
"""What reads as nothing at all, by how it is shown: smaller than this."""

_MOST = 1e12
_DAYS_A_WEEK, _DAYS_A_MONTH, _DAYS_A_YEAR = 7, 365.25 / 12, 365.25


class Numerals(ABC):
    """How a language says numbers. All of them leave the sign out: sentences say it in words."""

    def show(self, value: float, show: Show) -> str:
        """A finite value in words, without its sign; beyond all that is counted in telecom, as a
        million millions.
        """
        size = min(abs(value), _MOST)
        match show:
            case "count":
                return self.count(size)
            case "number":
                return self.number(size)
            case "days":
                return self.span(size)
            case "minutes":
                return self.span(size / 1440)
            case "hours":
                return self.span(size / 24)
            case "seconds":
                return self.span(size / 86400)
            case "money":
                return self.money(size)
            case "percent":
                return self.percent(size)
            case "gb":
                return self.data(size)
            case "score":
                return _plain(f"{size:.1f}")

    def count(self, size: float) -> str:
        """Things counted: whole ones up to ten as words."""
        size = min(abs(size), _MOST)
        whole = round(size)
        if abs(size - whole) >= GRAINS["count"]:
            return _plain(f"{size:.1f}") if 0.1 <= size < 10 else self.number(size)
        return self.word(whole) if whole <= 10 else self.digits(f"{whole}")

    def number(self, size: float) -> str:
        """A measure, to as many digits as matter."""
        if size >= 10:
            return self.digits(f"{size:.0f}")
        return _plain(f"{size:.1f}" if size >= 0.95 else f"{size:.2f}")

    def money(self, size: float) -> str:
        """An amount in the operator's currency, which nobody has named: bare, two decimals unless
        whole or large.
        """
        whole = abs(size - round(size)) < GRAINS["money"]
        return self.digits(f"{size:.0f}" if whole or size >= 1000 else f"{size:.2f}")

    def percent(self, size: float) -> str:
        """A share."""
        hundredths = size * 100
        return (
            self.digits(f"{hundredths:.0f}" if hundredths >= 9.95 else _plain(f"{hundredths:.1f}"))
            + "%"
        )

    def data(self, size: float) -> str:
        """An amount of data, given in GB."""
        if size < 0.9995:
            return f"{size * 1000:.0f} MB"
        return f"{self.number(size)} GB"

    def span(self, days: float) -> str:
        """A span of time, in the largest unit of which there are a few."""
        seconds, minutes, hours = days * 86400, days * 1440, days * 24
        if seconds < 89.5:
            return self.unit(self.count(round(seconds)), "second")
        if minutes < 119.5:
            return self.unit(self.count(round(minutes)), "minute")
        if hours < 47.5:
            return self.unit(self.count(round(hours)), "hour")
        if days < 13.5:
            return self.unit(self.count(round(days)), "day")
        if days < 59.5:
            return self.unit(self.count(round(days / _DAYS_A_WEEK)), "week")
        months = round(days / _DAYS_A_MONTH)
        if months < 24 and months != 12:
            return self.unit(self.count(months), "month")
        halves = round(2 * days / _DAYS_A_YEAR)
        if halves % 2 and halves < 10:
            return self.year_and_a_half(self.count(halves // 2))
        return self.unit(self.count(round(days / _DAYS_A_YEAR)), "year")

    @abstractmethod
    def word(self, whole: int) -> str:
        """A whole number from 0 to 10 as a word, before what is counted."""

    @abstractmethod
    def digits(self, plain: str) -> str:
        """Digits as they are grouped."""

    @abstractmethod
    def unit(self, count: str, unit: str) -> str:
        """A count of seconds, minutes, hours, days, weeks, months or years."""

    @abstractmethod
    def year_and_a_half(self, years: str) -> str:
        """So many years and a half."""

    @abstractmethod
    def times(self, ratio: float) -> str:
        """How many times as much."""

    @abstractmethod
    def often(self, size: float) -> str:
        """How many times something happened."""

    @abstractmethod
    def about(self, size: float) -> str:
        """A mean of things counted, before what is counted."""


_ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class English(Numerals):
    """English: commas between thousands."""

    @override
    def word(self, whole: int) -> str:
        return _ENGLISH[whole]

    @override
    def digits(self, plain: str) -> str:
        whole, point, decimals = plain.partition(".")
        return f"{int(whole):,}{point}{decimals}"

    @override
    def unit(self, count: str, unit: str) -> str:
        return f"{count} {unit}" if count == "one" else f"{count} {unit}s"

    @override
    def year_and_a_half(self, years: str) -> str:
        return f"{years} and a half years"

    @override
    def times(self, ratio: float) -> str:
        return "twice" if 1.95 <= ratio < 2.05 else f"{self.count(ratio)} times"

    @override
    def often(self, size: float) -> str:
        words = {"one": "once", "two": "twice"}
        return words.get(self.count(size), f"{self.count(size)} times")

    @override
    def about(self, size: float) -> str:
        return "less than one" if size < 0.75 else f"about {self.count(_whole(size))}"


@dataclass(frozen=True)
class Chinese(Numerals):
    """Chinese: small counts as characters, tens of thousands together.

    Parameters
    ----------
    two : str
        Two of something.
    ten_thousand : str
        The character for 10,000.
    about_word : str
        What stands before a rounded count.
    units : dict of str to str
        Units of time with what is said before them.
    """

    two: str
    ten_thousand: str
    about_word: str
    units: dict[str, str]

    @override
    def word(self, whole: int) -> str:
        return self.two if whole == 2 else "零一二三四五六七八九十"[whole]

    @override
    def digits(self, plain: str) -> str:
        if len(plain.partition(".")[0]) < 5:
            return plain
        return _plain(f"{float(plain) / 10000:.1f}") + self.ten_thousand

    @override
    def unit(self, count: str, unit: str) -> str:
        return count + self.units[unit]

    @override
    def year_and_a_half(self, years: str) -> str:
        return f"{years}年半"

    @override
    def times(self, ratio: float) -> str:
        return f"{self.count(ratio)}倍"

    @override
    def often(self, size: float) -> str:
        return f"{self.count(size)}次"

    @override
    def about(self, size: float) -> str:
        return "不到一" if size < 0.75 else self.about_word + self.count(_whole(size))


NUMERALS: dict[str, Numerals] = {
    "en": English(),
    "zh-Hans": Chinese(
        two="两",
        ten_thousand="万",
        about_word="约",
        units={
            "second": "秒",
            "minute": "分钟",
            "hour": "小时",
            "day": "天",
            "week": "周",
            "month": "个月",
            "year": "年",
        },
    ),
    "zh-Hant": Chinese(
        two="兩",
        ten_thousand="萬",
        about_word="約",
        units={
            "second": "秒",
            "minute": "分鐘",
            "hour": "小時",
            "day": "天",
            "week": "週",
            "month": "個月",
            "year": "年",
        },
    ),
}
"""Numerals of every language that there are words in."""


def _whole(size: float) -> float:
    """The nearest whole number, halves up."""
    return floor(min(size, _MOST) + 0.5)


def _plain(digits: str) -> str:
    """Digits without the zeros after the point that say nothing."""
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
