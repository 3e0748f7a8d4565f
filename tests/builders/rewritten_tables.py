"""A table written again as systems and people write it: with words for missing values, in other locales,
with other dates.

All functions take the text of cells as a program writes them (``1889.5``, ``2024-05-31``) and keep what
they mean.
"""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

Rows = list[list[str]]
MARKS = (
    *("NA", "N/A", "NULL", "null", "NaN", "None", "-", "--", "?", ".", "#N/A", "#NULL!", "(null)"),
    *("\\N", "missing", "unknown", "k.A.", "无", "未知", "нет данных", "s/d", "pending"),
)
"""Words for a missing value; the last is no usual one, and is found by its recurring."""

MARKED_SHARE = 0.01
"""Share of the cells of numbers that a mark replaces."""


def _grouped(thousands: str, decimal: str) -> Callable[[str], str]:
    def write(cell: str) -> str:
        whole, _, fraction = cell.partition(".")
        sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
        grouped = f"{int(digits):,}".replace(",", thousands)
        return sign + grouped + (decimal + fraction if fraction else "")

    return write


def _full_width(cell: str) -> str:
    return cell.translate({ord(sign): ord(sign) + 0xFEE0 for sign in "0123456789."})


LOCALES: Mapping[str, tuple[Callable[[str], str], str]] = {
    "decimal comma": (lambda cell: cell.replace(".", ","), ";"),
    "1,234.5": (_grouped(",", "."), ","),
    "1.234,5": (_grouped(".", ","), ";"),
    "1 234,5": (_grouped(" ", ","), ";"),
    "1 234,5, not breaking": (_grouped("\N{NO-BREAK SPACE}", ","), ";"),
    "1'234.5": (_grouped("'", "."), ","),
    "$1,234.5": (lambda cell: "$" + _grouped(",", ".")(cell), ","),
    "1.234,5 €": (lambda cell: _grouped(".", ",")(cell) + " €", ";"),
    "¥1234.5": (lambda cell: "¥" + cell, ","),
    "1234.5元": (lambda cell: cell + "元", ","),
    "1234.5 руб.": (lambda cell: cell + " руб.", ","),
    "USD 1234.5": (lambda cell: "USD " + cell, ","),
    "1234.5 %": (lambda cell: cell + " %", ","),
    "1234,5%": (lambda cell: cell.replace(".", ",") + "%", ";"),
    "1234.5 MB": (lambda cell: cell + " MB", ","),
    "+1234.5": (lambda cell: "+" + cell, ","),
    "full-width digits": (_full_width, ","),
    "blank-padded": (lambda cell: f"  {cell} ", ","),
    "1.2345E3": (lambda cell: f"{float(cell):.6E}", ","),
}
"""How numbers are written in a locale, and the file's delimiter."""

_ENGLISH = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SPREADSHEET_DAY = date(1899, 12, 30).toordinal()

DATES: Mapping[str, Callable[[date], str]] = {
    "31.05.2024": lambda day: f"{day:%d.%m.%Y}",
    "31/05/2024": lambda day: f"{day:%d/%m/%Y}",
    "31-05-24": lambda day: f"{day:%d-%m-%y}",
    "5/31/2024": lambda day: f"{day.month}/{day.day}/{day.year}",
    "05/31/2024 00:00": lambda day: f"{day:%m/%d/%Y} 00:00",
    "2024/5/31": lambda day: f"{day.year}/{day.month}/{day.day}",
    "2024.05.31": lambda day: f"{day:%Y.%m.%d}",
    "20240531": lambda day: f"{day:%Y%m%d}",
    "2024年5月31日": lambda day: f"{day.year}年{day.month}月{day.day}日",
    "31 May 2024": lambda day: f"{day.day} {_ENGLISH[day.month - 1]} {day.year}",
    "May 31, 2024": lambda day: f"{_ENGLISH[day.month - 1]} {day.day}, {day.year}",
    "31-May-24": lambda day: f"{day.day:02d}-{_ENGLISH[day.month - 1]}-{day:%y}",
    "2024-05-31T00:00:00": lambda day: f"{day.isoformat()}T00:00:00",
    "2024-05-31 00:00:00.000": lambda day: f"{day.isoformat()} 00:00:00.000",
    "a spreadsheet's 45443": lambda day: str(day.toordinal() - _SPREADSHEET_DAY),
}
"""How a day is written."""

DATES_IN_DOUBT = frozenset({"31-05-24"})
"""Styles that are a question: no cell shows which of two numbers is the year."""


@dataclass(frozen=True)
class CleanTable:
    """A table as a program writes it.

    Parameters
    ----------
    header : list of str
        Names of the k columns.
    rows : list of list of str
        n rows of k cells.
    numbers, dates : tuple of str
        Columns of numbers, and of dates as ``2024-05-31``.
    """

    header: list[str]
    rows: Rows
    numbers: tuple[str, ...]
    dates: tuple[str, ...]

    def write(self, path: Path) -> None:
        """As it is."""
        _write(path, self.header, self.rows, ",")

    def write_marked(self, path: Path, mark: str, seed: int) -> None:
        """With a word for missing values in some cells of numbers, the same for every word."""
        places = [self.header.index(name) for name in self.numbers]
        hit = np.random.default_rng(seed).random((len(self.rows), len(places))) < MARKED_SHARE
        rows = [list(row) for row in self.rows]
        for row, column in zip(*np.nonzero(hit), strict=True):
            rows[row][places[column]] = mark
        _write(path, self.header, rows, ",")

    def write_in_locale(self, path: Path, locale: str) -> None:
        """With numbers as a locale writes them."""
        write, delimiter = LOCALES[locale]
        rows = _changed(self.rows, [self.header.index(name) for name in self.numbers], write)
        _write(path, self.header, rows, delimiter)

    def write_dated(self, path: Path, style: str) -> None:
        """With dates in another style."""
        write = DATES[style]
        places = [self.header.index(name) for name in self.dates]
        rows = _changed(self.rows, places, lambda cell: write(date.fromisoformat(cell)))
        _write(path, self.header, rows, ",")


def _changed(rows: Rows, places: Sequence[int], write: Callable[[str], str]) -> Rows:
    changed = [list(row) for row in rows]
    for row in changed:
        for place in places:
            row[place] = write(row[place]) if row[place].strip() else row[place]
    return changed


def _write(path: Path, header: Sequence[str], rows: Rows, delimiter: str) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
