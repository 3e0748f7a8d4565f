"""How a column writes its dates: the order of day, month and year, found from its cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.formats.characters import plain_characters
from holdfast.arrays import Floats

Order = Literal[
    "ymd", "dmy", "mdy", "compact", "excel", "month", "seconds", "milliseconds", "microseconds"
]
ORDERS: tuple[Order, ...] = get_args(Order)
ORDER_NAMES: dict[str, str] = {
    "ymd": "year, month, day",
    "dmy": "day, month, year",
    "mdy": "month, day, year",
    "compact": "digits as in 20210305",
    "excel": "days as a spreadsheet counts them",
    "month": "a month or quarter, read as its first day",
    "seconds": "seconds since 1970",
    "milliseconds": "milliseconds since 1970",
    "microseconds": "microseconds since 1970",
}
UNIT_MICROSECONDS: dict[Order, int] = {
    "excel": 86_400_000_000,
    "seconds": 1_000_000,
    "milliseconds": 1_000,
    "microseconds": 1,
}
"""Of orders that count time from a first one on."""

_TIME = (
    r"(?:(?:t|[\s,]+)(?P<h>\d{1,2}):(?P<n>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s*(?P<p>[ap]\.?m\.?)?\s*(?P<z>z|utc|gmt|[+-]\d\d:?\d\d)?)?$"
)
_PARTS = r"^(?P<a>m?\d{1,4})[-/.,\s]{1,3}(?P<b>m?\d{1,2})[-/.,\s]{1,3}(?P<c>\d{1,4})" + _TIME
_COMPACT = r"^(?P<a>\d{4})(?P<b>\d\d)(?P<c>\d\d)(?:t?(?P<h>\d\d)(?P<n>\d\d)(?P<s>\d\d)?)?(?P<f>)(?P<p>)(?P<z>z?)$"
_MONTH = (
    r"^(?:(?P<a>\d{4})(?:\s*[-/\s]\s*(?P<b>m?\d{1,2})|(?P<c>\d\d)|\s*[年년]\s*(?P<d>\d{1,2})\s*[月월])"
    r"|(?P<e>m?\d{1,2})\s*[-/\s,]\s*(?P<f>\d{4})|(?P<g>m\d{1,2})\s*[-/\s']{1,2}(?P<h>\d\d))$"
)
_COUNTED = r"^\d{1,16}(\.\d+)?$"
_ISO = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?$"
_HAS_WORDS = r"[a-z]{3}|q[1-4]|[^\x00-\x7f]"
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "民國": 1911, "民国": 1911}
"""The year before the first one of an era."""
_ERA_YEAR = re.compile(rf"^({'|'.join(_ERAS)})\s*(\d{{1,3}}|元)(?=\s*年)")
_WORDS = (
    # A score, though "out" is a month in Portuguese.
    (re.compile(r"\bout of\b"), "/of/"),
    (re.compile(r"^(\d{4})\s*[-/\s]?\s*q([1-4])$"), r"\1 q\2"),
    (re.compile(r"^q([1-4])\s*[-/\s]?\s*(\d{4})$"), r"\2 q\1"),
    (re.compile(r" q([1-4])$"), lambda match: f"-{3 * int(match[1]) - 2}"),
    (re.compile(r"^[^\W\d_]{2,12}\.?, "), ""),
    (re.compile(r"(\d)\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日号號일]?"), r"\1-\2-\3"),
    (re.compile(r"(\d)(st|nd|rd|th)\b"), r"\1"),
    (re.compile(r"\s+(de|of|del)\s+"), " "),
    (re.compile(r"\s*(г|r)\.$"), ""),
)
_WORD = re.compile(r"([^\W\d_]{3,12})\.?")
_MONTH_LOCALES = [
    "en",
    "de",
    "fr",
    "es",
    "pt",
    "it",
    "nl",
    "sv",
    "da",
    "nb",
    "fi",
    "pl",
    "cs",
    "ru",
    "uk",
    "tr",
    "id",
    "ro",
    "hu",
]
_CENTURY_FROM = 40
"""Two digits from here on are a year of the 20th century, others of the 21st."""
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_LAST_US = 2.5e17
_MISSING_TIME = np.datetime64("NaT", "us")
_SPREADSHEET_EPOCH = np.datetime64("1899-12-30", "us")
_UNIX_EPOCH = np.datetime64("1970-01-01", "us")


@dataclass(frozen=True)
class Dates:
    """n texts as times: NaT where a text is not a date in the order."""

    times: NDArray[np.datetime64]
    zoned: bool
    """Whether all that have a time of day name a zone."""


def parse_dates(texts: pa.Array, order: Order) -> Dates:
    """Times in UTC of n texts; a time without a zone counts as UTC."""
    if order in UNIT_MICROSECONDS:
        return Dates(_counted(texts, order), zoned=False)
    if order == "month":
        return Dates(_month_starts(texts), zoned=False)
    if order == "ymd":
        quick = _parse_iso(texts)
        if quick is not None:
            return quick
    return _in_order(_taken_apart(_plain_dates(texts), order), order)


_Parts = dict[str, pa.Array]


def _taken_apart(plain: pa.Array, order: Order) -> _Parts:
    parts = pc.extract_regex(plain, _COMPACT if order == "compact" else _PARTS)
    return {"": pc.is_valid(parts)} | {name: pc.struct_field(parts, name) for name in "abchnsfpz"}


def _in_order(field: _Parts, order: Order) -> Dates:
    valid = np.array(field[""])
    first, second, third = field["a"], field["b"], field["c"]
    by_order = {
        "ymd": (first, second, third),
        "compact": (first, second, third),
        "dmy": (third, second, first),
        "mdy": (third, first, second),
    }
    year, month, day = by_order[order]
    named = pc.or_(pc.starts_with(first, "m"), pc.starts_with(second, "m"))
    valid &= np.array(pc.fill_null(pc.or_(pc.invert(named), pc.starts_with(month, "m")), False))
    lengths = np.array(pc.fill_null(pc.binary_length(year), 0))
    # Nobody writes a year of two digits before the name of a month.
    short = ~np.array(pc.fill_null(named, False)) if order == "ymd" else order in ("dmy", "mdy")
    valid &= (lengths == 4) | ((lengths == 2) & short)
    times, valid = _calendar(_whole(year), lengths, _whole(month), _whole(day), valid)
    seconds, valid = _time_of_day(field, valid)
    times = times + seconds.astype("timedelta64[us]")
    times[~valid] = _MISSING_TIME
    has_time = valid & np.array(pc.fill_null(pc.not_equal(field["h"], ""), False))
    without = has_time & np.array(pc.fill_null(pc.equal(field["z"], ""), True))
    return Dates(times, zoned=bool(has_time.any() and not without.any()))


def find_orders(
    texts: pa.Array, counts: Floats
) -> tuple[tuple[Order, ...], NDArray[np.datetime64]]:
    """The orders that read most cells: more than one where they read them differently.

    Parameters
    ----------
    texts : (d,) pyarrow string array
        Distinct cells.
    counts : (d,) float64
        How often each occurs.

    Returns
    -------
    orders : tuple of str
        Empty where no cell is a date.
    times : (d,) datetime64[us]
        As the first order reads them.
    """
    readings: list[tuple[float, Order, NDArray[np.datetime64]]] = []
    plain = _plain_dates(texts)
    parts = _taken_apart(plain, "ymd")
    for order in ("ymd", "dmy", "mdy", "compact"):
        field = _taken_apart(plain, order) if order == "compact" else parts
        times = _in_order(field, order).times
        readings.append((float(counts[~np.isnat(times)].sum()), order, times))
    most = max(cells for cells, _, _ in readings)
    if not most:
        return (), readings[0][2]
    different: list[tuple[Order, NDArray[np.datetime64]]] = []
    for cells, order, times in readings:
        equal = any(np.array_equal(times, other, equal_nan=True) for _, other in different)
        if cells == most and not equal:
            different.append((order, times))
    return tuple(order for order, _ in different), different[0][1]


def _parse_iso(texts: pa.Array) -> Dates | None:
    if not len(texts) or not pc.all(pc.match_substring_regex(texts, _ISO)).as_py():
        return None
    try:
        times = texts.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return None
    return Dates(np.array(times.to_numpy(zero_copy_only=False), "datetime64[us]"), zoned=False)


def _plain_dates(texts: pa.Array) -> pa.Array:
    """Texts with digits for all parts of a date: ``5 Mar 2021`` as ``5 m3 2021``."""
    plain = pc.utf8_lower(plain_characters(texts))
    if not pc.any(pc.match_substring_regex(plain, _HAS_WORDS)).as_py():
        return plain
    different = pc.unique(plain.drop_null())
    written = pa.array([_without_words(text) for text in different.to_pylist()], pa.string())
    return written.take(pc.index_in(plain, value_set=different))


def _without_words(text: str) -> str:
    text = _ERA_YEAR.sub(_common_year, text)
    for pattern, replacement in _WORDS:
        text = pattern.sub(replacement, text)
    return _WORD.sub(_month_mark, text)


def _common_year(match: re.Match[str]) -> str:
    return str(_ERAS[match[1]] + (1 if match[2] == "元" else int(match[2])))


def _month_mark(match: re.Match[str]) -> str:
    number = _months().get(match[1])
    return match[0] if number is None else f"m{number}"


@cache
def _months() -> dict[str, int]:
    """Names of months in many languages; those that mean different months are left out."""
    from babel import Locale

    numbers: dict[str, set[int]] = {"sept": {9}}
    for code in _MONTH_LOCALES:
        months = Locale.parse(code).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, name in months[context][width].items():
                    plain = name.lower().rstrip(".")
                    if len(plain) >= 3 and plain.isalpha():
                        numbers.setdefault(plain, set()).add(number)
    return {name: min(months) for name, months in numbers.items() if len(months) == 1}


def _whole(texts: pa.Array) -> NDArray[np.int64]:
    digits = pc.replace_substring(pc.fill_null(texts, "0"), "m", "")
    digits = pc.if_else(pc.equal(digits, ""), "0", digits)
    return np.array(digits.cast(pa.int64()))


def _calendar(
    year: NDArray[np.int64],
    year_digits: NDArray[np.int64],
    month: NDArray[np.int64],
    day: NDArray[np.int64],
    valid: NDArray[np.bool_],
) -> tuple[NDArray[np.datetime64], NDArray[np.bool_]]:
    century = np.where(year >= _CENTURY_FROM, 1900, 2000)
    year = np.where(year_digits == 2, century + year, year)
    valid = valid & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = (np.where(valid, year, 1970) - 1970) * 12 + np.where(valid, month, 1) - 1
    start = months.astype("datetime64[M]")
    length = ((start + 1).astype("datetime64[D]") - start.astype("datetime64[D]")).astype(np.int64)
    valid = valid & (day <= length)
    days = start.astype("datetime64[D]") + (np.where(valid, day, 1) - 1).astype("timedelta64[D]")
    return days.astype("datetime64[us]"), valid


def _time_of_day(
    field: dict[str, pa.Array], valid: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Microseconds to add to the day, and which times exist."""
    if not pc.any(pc.not_equal(field["h"], "")).as_py():
        return np.zeros(len(valid), dtype=np.int64), valid
    hour, minute, second = (_whole(field[name]) for name in "hns")
    half = pc.fill_null(pc.replace_substring(field["p"], ".", ""), "")
    is_half = np.array(pc.not_equal(half, ""))
    valid = valid & np.where(is_half, (hour >= 1) & (hour <= 12), hour <= 23)
    valid &= (minute <= 59) & (second <= 59)
    hour = np.where(is_half, hour % 12 + 12 * np.array(pc.equal(half, "pm")), hour)
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.fill_null(field["f"], ""), 6, "0"), 0, 6)
    microseconds = ((hour * 60 + minute) * 60 + second) * 1_000_000 + _whole(fraction)
    return microseconds - _offsets(field["z"]), valid


def _offsets(zones: pa.Array) -> NDArray[np.int64]:
    different = pc.unique(zones.drop_null()).to_pylist()
    minutes = [_offset_minutes(zone) for zone in different]
    positions = pc.fill_null(pc.index_in(zones, value_set=pa.array(different, pa.string())), 0)
    return np.array(minutes or [0], dtype=np.int64)[np.array(positions)] * 60_000_000


def _offset_minutes(zone: str) -> int:
    if zone[:1] not in ("+", "-"):
        return 0
    digits = zone[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return -minutes if zone[0] == "-" else minutes


def _month_starts(texts: pa.Array) -> NDArray[np.datetime64]:
    """First days of months as in ``2015-06``, ``06/2015``, ``Jun 2015``, ``Jun-15``, ``201506``, and
    of quarters as in ``2015-Q2``.
    """
    parts = pc.extract_regex(_plain_dates(texts), _MONTH)
    field = {name: pc.struct_field(parts, name) for name in "abcdefgh"}
    year = pc.binary_join_element_wise(field["a"], field["f"], field["h"], "")
    month = pc.binary_join_element_wise(*(field[name] for name in "bcdeg"), "")
    digits = np.array(pc.fill_null(pc.binary_length(year), 0))
    years = _whole(year)
    valid = (digits == 2) | ((years >= _FIRST_YEAR) & (years <= _LAST_YEAR))
    first = np.ones(len(years), dtype=np.int64)
    times, valid = _calendar(years, digits, _whole(month), first, valid)
    times[~valid] = _MISSING_TIME
    return times


def _counted(texts: pa.Array, order: Order) -> NDArray[np.datetime64]:
    plain = plain_characters(texts)
    fits = pc.fill_null(pc.match_substring_regex(plain, _COUNTED), False)
    numbers = pc.if_else(fits, plain, pa.scalar(None, pa.string())).cast(pa.float64())
    return counted_times(np.array(numbers.to_numpy(zero_copy_only=False), dtype=np.float64), order)


def counted_times(numbers: Floats, order: Order) -> NDArray[np.datetime64]:
    """Times of a spreadsheet's days, or of seconds or parts of them since 1970; NaT for NaN and
    for what lies after the year 9999.
    """
    unit = UNIT_MICROSECONDS[order]
    missing = ~(numbers < _LAST_US / unit)
    microseconds = np.round(np.where(missing, 0, numbers) * unit).astype(np.int64)
    epoch = _SPREADSHEET_EPOCH if order == "excel" else _UNIX_EPOCH
    times = epoch + microseconds.astype("timedelta64[us]")
    times[missing] = _MISSING_TIME
    return np.asarray(times)


def shown_dates(text: str, orders: Sequence[Order]) -> str:
    """One text as each order reads it, for a question."""
    shown = []
    for order in orders:
        time = parse_dates(pa.array([text]), order).times[0]
        shown.append(f"{np.datetime_as_string(time, 'D')} ({ORDER_NAMES[order]})")
    return " or ".join(shown)
