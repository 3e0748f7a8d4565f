"""Deciding whether a column holds dates, and how they are written."""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.formats.date_format import (
    ORDER_NAMES,
    UNIT_MICROSECONDS,
    Order,
    find_orders,
    parse_dates,
    shown_dates,
)
from features.settings import ReadingSettings
from features.tables.cells import (
    Cells,
    hardly_any,
    missing_by_evidence,
    sampled_cells,
    unread_question,
)
from features.tables.column_reading import ColumnReading
from holdfast.arrays import Floats

_DATE_NAME = re.compile(
    r"(^|[^a-z])(date|day|dt|datum|fecha|since|birthday|dob|joined|activated|start|end|expiry)([^a-z]|$)|date$|日期|日$|时间|дата|날짜",
    re.IGNORECASE,
)
_MONTH_NAME = re.compile(r"month|period|yyyymm|(^|_)ym($|_)|mes($|_)|monat|mois|月", re.IGNORECASE)
_TIME_NAME = re.compile(
    r"(^|[^a-z])(time|timestamp|ts|epoch|unix|created|updated|modified|at)([^a-z]|$)|time$",
    re.IGNORECASE,
)
_FIRST_SERIAL, _LAST_SERIAL = 25_569, 73_050  # 1970 to 2099
_FIRST_MONTH, _LAST_MONTH = 190_001, 210_012
_FIRST_SECOND, _LAST_SECOND = 631_152_000, 4_133_980_799  # 1990 to 2100
_FEWEST = 3
"""Different numbers from which on their range or spread is evidence."""
_EPOCH_ORDERS: tuple[Order, ...] = ("seconds", "milliseconds", "microseconds")
_FIRST_USUAL, _LAST_USUAL = np.datetime64("1850-01-01"), np.datetime64("2200-01-01")
_CALENDARS = (
    (1300, 1500, "the Persian or the Islamic calendar"),
    (2400, 2650, "the Buddhist calendar"),
    (5600, 5900, "the Jewish calendar"),
)
_THREE_DIGITS = r"^1?\d{2}[-/.]\d{1,2}[-/.]\d{1,2}$"


def decide_date(name: str, cells: Cells, settings: ReadingSettings) -> ColumnReading | None:
    """How a column of text is read as dates; None where it holds none.

    Parameters
    ----------
    name : str
        The column's name.
    cells : Cells
        Without the usual words for missing.
    settings : ReadingSettings
        From which share of cells that do not fit on it is a question.
    """
    if not pc.any(
        pc.match_substring_regex(cells.texts, r"\d\D{1,14}\d|\d{5,}|\p{L}\D{0,3}\d")
    ).as_py():
        return None
    if pc.all(pc.match_substring_regex(cells.texts, r"^(0|\d{5,16}(\.\d+)?)$")).as_py():
        dated = decide_counted(name, np.array(cells.texts.cast(pa.float64())))
        if dated is not None:
            return dated
    other = _of_three_digits(name, cells)
    if other is not None:
        return other
    sampled, counts = sampled_cells(cells)
    orders, times = _orders(sampled, counts)
    if not orders or hardly_any(~np.isnat(times), cells):
        return None
    if len(sampled) < len(cells.texts):
        times = parse_dates(cells.texts, orders[0]).times
    unread = cells.where(np.isnat(times))
    share = unread.total / cells.total
    if share >= 0.5 or (orders[0] == "compact" and share > settings.unread_share):
        return None
    question = ""
    choices: tuple[dict[str, Any], ...] = ()
    unread, marks = missing_by_evidence(unread, cells, settings)
    if len(orders) > 1:
        shown = shown_dates(cells.where(~np.isnat(times)).texts[0].as_py(), orders)
        example = cells.where(~np.isnat(times)).texts[0].as_py()
        question = f"{example!r} may be {shown}, and no cell decides it"
        choices = tuple({"kind": "date", "order": order} for order in orders)
    share = unread.total / cells.total
    if share > settings.unread_share and not question:
        question = unread_question(unread, share, "dates")
        choices = (
            {"kind": "date", "order": orders[0], "accept_unread": True},
            {"kind": "category"},
        )
    calendar = _other_calendar(times)
    if calendar:
        return _asked_about(name, calendar)
    order: Order = orders[0]
    why = {
        "ymd": "dates, year first",
        "dmy": "dates, day before month",
        "mdy": "dates, month before day",
        "compact": "every value is a date as in 20210305",
        "month": "months or quarters, read as their first days",
    }[order]
    return ColumnReading(
        name=name, kind="date", order=order, why=why, missing_marks=marks, unread_share=share,
        unread_examples=unread.examples(), question=question, choices=choices,
    )  # fmt: skip


def decide_counted(name: str, numbers: Floats) -> ColumnReading | None:
    """How a column of numbers alone is read as dates, where its name and range, or its spread, say
    that it holds dates; None otherwise.

    Parameters
    ----------
    name : str
        The column's name.
    numbers : (d,) float64
        Its distinct numbers. Zero among later times means missing.
    """
    marks = ("0",) if (numbers == 0).any() else ()
    numbers = numbers[numbers != 0]
    if not may_be_dates(numbers):
        return None
    low, high = numbers.min(), numbers.max()
    many = len(numbers) >= _FEWEST
    dated = _DATE_NAME.search(name) is not None
    if many and dated and low >= _FIRST_SERIAL and high <= _LAST_SERIAL:
        why = "days as a spreadsheet counts them, by name and range"
        return ColumnReading(name=name, kind="date", order="excel", why=why, missing_marks=marks)
    if _are_months(numbers) and (dated or _MONTH_NAME.search(name)):
        why = "months as in 201506, by name and range"
        return ColumnReading(name=name, kind="date", order="month", why=why, missing_marks=marks)
    order = _epoch_order(low, high)
    if order is None:
        return None
    hour = 3_600_000_000 // UNIT_MICROSECONDS[order]
    spread = many and bool(np.all(numbers % hour == 0))
    if not (dated or _TIME_NAME.search(name) or spread):
        return None
    why = f"{ORDER_NAMES[order]}, by {'range and whole hours' if spread else 'name and range'}"
    return ColumnReading(name=name, kind="date", order=order, why=why, missing_marks=marks)


def may_be_dates(numbers: Floats) -> bool:
    """Whether numbers lie in a range of dates: digits as in 20210305 or 201506, a spreadsheet's
    days, or seconds since 1970 and parts of them.
    """
    numbers = numbers[numbers != 0]
    if not len(numbers):
        return False
    low, high = float(numbers.min()), float(numbers.max())
    compact = (low >= 1.9e7 and high < 2.2e7) or (low >= 1.9e13 and high < 2.2e13)
    serial = low >= _FIRST_SERIAL and high <= _LAST_SERIAL
    return compact or serial or _are_months(numbers) or _epoch_order(low, high) is not None


def epoch_note(numbers: Floats) -> str:
    """What to say of numbers that may be times since 1970; empty where they may not."""
    numbers = numbers[numbers != 0]
    order = _epoch_order(numbers.min(), numbers.max()) if len(numbers) >= _FEWEST else None
    if order is None:
        return ""
    return (
        f'they may be {ORDER_NAMES[order]}: kind = "date" and order = "{order}" in --columns '
        "read them so"
    )


def _are_months(numbers: Floats) -> bool:
    month = numbers % 100
    inside = (numbers >= _FIRST_MONTH) & (numbers <= _LAST_MONTH)
    return bool(np.all(inside & (month >= 1) & (month <= 12) & (month % 1 == 0)))


def _epoch_order(low: float, high: float) -> Order | None:
    for order in _EPOCH_ORDERS:
        scale = 1_000_000 // UNIT_MICROSECONDS[order]
        if low >= _FIRST_SECOND * scale and high <= _LAST_SECOND * scale:
            return order
    return None


def _orders(texts: pa.Array, counts: Floats) -> tuple[tuple[Order, ...], NDArray[np.datetime64]]:
    """The orders of dates, or that of months where there is no date."""
    orders, times = find_orders(texts, counts)
    if orders:
        return orders, times
    # Six digits alone are a month by their column's name only.
    digits = pc.match_substring_regex(texts, r"^\d{6}$")
    times = parse_dates(pc.if_else(digits, pa.scalar(None, pa.string()), texts), "month").times
    return (() if np.isnat(times).all() else ("month",)), times


def _other_calendar(times: NDArray[np.datetime64]) -> str:
    """Which other calendar the years of most dates are of; empty where of the usual one."""
    middle = np.sort(times[~np.isnat(times)])[(~np.isnat(times)).sum() // 2]
    if _FIRST_USUAL <= middle <= _LAST_USUAL:
        return ""
    year = int(str(middle.astype("datetime64[Y]")))
    names = (name for first, last, name in _CALENDARS if first <= year <= last)
    return f"its years, around {year}, seem to be of {next(names, 'another calendar')}"


def _of_three_digits(name: str, cells: Cells) -> ColumnReading | None:
    """A question where years have three digits, as in Taiwan."""
    if not pc.all(pc.match_substring_regex(cells.texts, _THREE_DIGITS)).as_py():
        return None
    if not pc.any(pc.match_substring_regex(cells.texts, r"^\d{3}")).as_py():
        return None
    return _asked_about(name, "its years of three digits seem to be of the Minguo calendar")


def _asked_about(name: str, calendar: str) -> ColumnReading:
    return ColumnReading(
        name=name,
        kind="category",
        why="dates of another calendar",
        question=f"{calendar}, which is not read; write them as in 2021-05-01, or leave them out",
        choices=({"kind": "text"}, {"kind": "category"}),
    )
