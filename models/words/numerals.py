"""Numbers in words: small counts spelled out, time spans in the largest unit that fits.

Babel (CLDR) writes digits, groups of digits, units of time and their plurals. It spells no numbers
out, so a language's TOML file holds the words for small counts, and phrases such as *twice*.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from math import floor
from typing import Literal

from babel import Locale
from babel.numbers import format_compact_decimal, format_decimal
from babel.units import format_unit

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
"""Values smaller than these read as zero, by how they are shown."""

_LARGEST = 1e12
_DAYS_A_WEEK, _DAYS_A_MONTH, _DAYS_A_YEAR = 7, 365.25 / 12, 365.25

Unit = Literal["second", "minute", "hour", "day", "week", "month", "year"]


@dataclass(frozen=True)
class Numerals:
    """How a language writes numbers. Signs are left out: sentences put them in words.

    Parameters
    ----------
    language : str
        BCP 47 tag.
    counts : list of str
        Words for 0 to 10, as they stand before what is counted.
    unit_length : {"long", "short"}
        Which of Babel's names of units of time.
    unit_space : str
        What stands between a number and a unit of time.
    compact : bool
        Thousands are not grouped; from 10,000 on numbers are given in ten thousands.
    times, times_two : str
        A multiple, with ``{count}``; the double.
    often, often_one, often_two : str
        How often something happened, with ``{count}``; once; twice.
    about, below_one : str
        A mean of things counted, with ``{count}``; a mean below one.
    years_and_a_half : str
        A span of years and a half, with ``{count}``.
    """

    language: str
    counts: list[str]
    unit_length: Literal["long", "short"]
    unit_space: str
    compact: bool
    times: str
    times_two: str
    often: str
    often_one: str
    often_two: str
    about: str
    below_one: str
    years_and_a_half: str

    def show(self, value: float, show: Show) -> str:
        """A finite value in words, without its sign; at most a million millions."""
        size = min(abs(value), _LARGEST)
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
                return self._digits(size, 1)

    def count(self, size: float) -> str:
        """Things counted: whole numbers up to ten as words."""
        size = min(abs(size), _LARGEST)
        whole = round(size)
        if abs(size - whole) >= GRAINS["count"]:
            return self._digits(size, 1) if 0.1 <= size < 10 else self.number(size)
        return self.counts[whole] if whole <= 10 else self._digits(whole)

    def number(self, size: float) -> str:
        """A measure, to as many digits as matter."""
        return self._digits(size, 0 if size >= 10 else 1 if size >= 0.95 else 2)

    def money(self, size: float) -> str:
        """An amount of money without its currency: two decimals unless whole or 1,000 or more."""
        whole = abs(size - round(size)) < GRAINS["money"]
        return self._digits(size) if whole or size >= 1000 else self._digits(size, 2, cents=True)

    def percent(self, size: float) -> str:
        """A share, as a percentage."""
        return self._digits(size * 100, 0 if size >= 0.0995 else 1) + "%"

    def data(self, size: float) -> str:
        """An amount of data, given in GB."""
        return f"{self.number(size)} GB" if size >= 0.9995 else f"{size * 1000:.0f} MB"

    def span(self, days: float) -> str:
        """A span of time, in the largest unit of which there are a few."""
        seconds, minutes, hours = days * 86400, days * 1440, days * 24
        if seconds < 89.5:
            return self._unit(seconds, "second")
        if minutes < 119.5:
            return self._unit(minutes, "minute")
        if hours < 47.5:
            return self._unit(hours, "hour")
        if days < 13.5:
            return self._unit(days, "day")
        if days < 59.5:
            return self._unit(days / _DAYS_A_WEEK, "week")
        months = round(days / _DAYS_A_MONTH)
        if months < 24 and months != 12:
            return self._unit(months, "month")
        halves = round(2 * days / _DAYS_A_YEAR)
        if halves % 2 and halves < 10:
            return self.years_and_a_half.format(count=self.count(halves // 2))
        return self._unit(days / _DAYS_A_YEAR, "year")

    def multiple(self, ratio: float) -> str:
        """How many times as much."""
        if 1.95 <= ratio < 2.05:
            return self.times_two
        return self.times.format(count=self.count(ratio))

    def frequency(self, size: float) -> str:
        """How many times something happened."""
        for times, words in ((1, self.often_one), (2, self.often_two)):
            if abs(abs(size) - times) < GRAINS["count"]:
                return words
        return self.often.format(count=self.count(size))

    def mean(self, size: float) -> str:
        """A mean of things counted, before what is counted."""
        whole = floor(min(size, _LARGEST) + 0.5)
        return self.below_one if size < 0.75 else self.about.format(count=self.count(whole))

    def _digits(self, size: float, decimals: int = 0, *, cents: bool = False) -> str:
        # Rounded here, because Babel rounds the decimal digits of a number, half to even.
        rounded = round(size, decimals)
        if self.compact and rounded >= 1000:
            return _compact(rounded, self.language)
        return _decimal(rounded, "#,##0.00" if cents else "#,##0.##", self.language)

    def _unit(self, size: float, unit: Unit) -> str:
        whole = round(size)
        name = _unit_name(whole, unit, self.unit_length, self.language)
        return self.count(whole) + self.unit_space + name


# Babel takes 10 microseconds and more a call, and a request asks for the same small numbers again.


@lru_cache(maxsize=4096)
def _decimal(number: float, pattern: str, language: str) -> str:
    return format_decimal(number, pattern, locale=_locale(language))


@lru_cache(maxsize=4096)
def _compact(number: float, language: str) -> str:
    return format_compact_decimal(number, fraction_digits=1, locale=_locale(language))


@lru_cache(maxsize=4096)
def _unit_name(count: int, unit: Unit, length: Literal["long", "short"], language: str) -> str:
    """Name of a unit of time in the plural that fits a count, which Babel cannot spell out."""
    text = format_unit(count, f"duration-{unit}", length, "0", locale=_locale(language))
    return text.removeprefix(str(count)).strip()


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language, sep="-")
