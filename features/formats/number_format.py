"""How a column writes its numbers: decimal sign, thousands sign and unit, found from its cells."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.formats.characters import plain_characters
from features.formats.clock import CLOCK_UNITS, clock_numbers, clock_unit
from holdfast.arrays import Floats

_SHAPE = (
    r"^(?P<open>\()?\s*(?P<before>[^\d\s+\-.,()']*?)\s*(?P<sign>[+-]?)\s*(?P<inner>[^\d\s+\-.,()']*)\s*"
    r"(?P<body>\d[\d., '_]*\d[.,]?|\d[.,]?|[.,]\d+)(?P<exponent>[eEdD][+-]?\d{1,3})?"
    r"\s*(?P<after>[^\d\s()+\-][^\d()]*?)?\s*(?P<tail>-)?\s*(?P<close>\))?$"
)
_WRITTEN_BEFORE = r"(?i)^([+-]?\s*)(rs|fr|kr|р|руб)\.\s*"
_MARK = r"(?i)^(?:[~≈∼±]|[<>]=?|[≤≥]|(?:ca|approx|approximately|circa|about|around|etwa|environ|aprox)\b\.?|约|約)"
_MARK_BEFORE = _MARK + r"\s*([^\pL\d~<>=]{0,3}\d)"
_MARK_BEHIND = r"^([^+]*\d[^+]*?)\s*(?:\+|(?:±|\+/-)\s*\d[\d.,]*\s*%?)$"
_WRAPPED = r"""^(?:\[([^\[\]]*)\]|"([^"]*)"|'([^']*)')$"""
_CURRENCY_WORDS = frozenset(
    [
        "r$",
        "us$",
        "a$",
        "c$",
        "nt$",
        "hk$",
        "s$",
        "au$",
        "ca$",
        "nz$",
        "rmb",
        "rs",
        "fr",
        "kr",
        "zł",
        "kč",
        "ft",
        "р",
        "руб",
        "р.",
        "руб.",
        "руб元",
        "元",
        "圆",
        "円",
        "yuan",
        "bs",
        "s/",
        "sfr",
        "лв",
        "ден",
        "din",
        "lei",
        "dh",
    ]
)
_MULTIPLES = {"万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8, "千": 1e3, "百万": 1e6}
_FORMATS = (
    (".", ""),
    (",", ""),
    (".", ","),
    (",", "."),
    (".", " "),
    (",", " "),
    (".", "'"),
    (",", "'"),
    (".", "_"),
)
_FEW = 0.02
FEWEST_GROUPED = 50
"""Distinct cells such as ``1,234`` that, beside whole numbers below 1,000 and none above, prove a
thousands sign: decimals would not all have three digits."""


@dataclass(frozen=True)
class NumberFormat:
    """How a number is written.

    Parameters
    ----------
    decimal : {".", ","}
        Decimal sign.
    thousands : {"", ",", ".", " ", "'", "_"}
        Sign between groups of digits, empty where there is none.
    unit : str
        What stands before or after the number, such as ``$``, ``%`` or ``MB``; empty where nothing
        does. Cells without it are read too. ``h:mm:ss`` and ``h:mm`` are times, as a number of
        their smallest part.
    """

    decimal: str = "."
    thousands: str = ""
    unit: str = ""

    def parse(self, texts: pa.Array) -> Floats:
        """Numbers of n texts, NaN where a text is not a number in this format.

        A minus may stand before or after, or be a pair of brackets. A percentage keeps its figure:
        ``5 %`` is 5. So does a number with a mark of a bound or an estimate: ``>5``, ``~5`` and
        ``5+`` are 5.
        """
        if self.unit in CLOCK_UNITS:
            return clock_numbers(plain_characters(texts), self.unit)
        return parse_shapes(shapes(texts), self)

    def to_json(self) -> dict[str, str]:
        """As JSON, without what is as usual."""
        return {
            key: value for key, value in vars(self).items() if value != getattr(PLAIN_NUMBERS, key)
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "NumberFormat":
        """Read back what `to_json` wrote."""
        return cls(
            document.get("decimal", "."), document.get("thousands", ""), document.get("unit", "")
        )


PLAIN_NUMBERS = NumberFormat()
"""Numbers as machines write them."""


@dataclass(frozen=True)
class Shapes:
    """The parts of n texts that look like numbers: body null where one does not."""

    negative: pa.Array
    body: pa.Array
    exponent: pa.Array
    unit: pa.Array


def shapes(texts: pa.Array) -> Shapes:
    """Take texts apart into sign, digits, exponent and unit."""
    plain = plain_characters(texts)
    plain = pc.replace_substring_regex(plain, _WRITTEN_BEFORE, r"\1\2 ")
    plain = pc.replace_substring_regex(plain, _WRAPPED, r"\1\2\3")
    plain = pc.replace_substring_regex(plain, r"^'", "")
    plain = _without_marks(plain)
    parts = pc.extract_regex(plain, _SHAPE)
    field = {name: pc.struct_field(parts, name) for name in ("open", "before", "sign", "inner")}
    rest = {
        name: pc.struct_field(parts, name)
        for name in ("body", "exponent", "after", "tail", "close")
    }
    bracketed = pc.equal(field["open"], "(")
    balanced = pc.equal(bracketed, pc.equal(rest["close"], ")"))
    minuses = pc.add(
        pc.add(_one(pc.equal(field["sign"], "-")), _one(pc.equal(rest["tail"], "-"))),
        _one(bracketed),
    )
    before = pc.binary_join_element_wise(field["before"], field["inner"], "")
    after = pc.utf8_rtrim_whitespace(rest["after"])
    one_sided = pc.or_(pc.equal(before, ""), pc.equal(after, ""))
    known = pc.is_in(before, value_set=pa.array(_known_before(before), pa.string()))
    good = pc.and_(pc.and_(balanced, pc.less_equal(minuses, 1)), pc.and_(one_sided, known))
    none = pa.scalar(None, pa.string())
    return Shapes(
        negative=pc.fill_null(pc.equal(minuses, 1), False),
        body=pc.if_else(pc.fill_null(good, False), rest["body"], none),
        exponent=rest["exponent"],
        unit=_plain_units(pc.binary_join_element_wise(before, after, "")),
    )


def marked_numbers(texts: pa.Array) -> Any:
    """Which of n texts are numbers with a mark of a bound or an estimate, such as ``~5``."""
    plain = plain_characters(texts)
    marked = pc.or_(
        pc.match_substring_regex(plain, _MARK_BEFORE), pc.match_substring_regex(plain, _MARK_BEHIND)
    )
    return np.array(pc.fill_null(marked, False))


def _without_marks(plain: pa.Array) -> pa.Array:
    # Where no text begins with a mark, the rest need not be looked for: of all that is no letter, it
    # takes longer to prepare than a column of a small table takes.
    if pc.any(pc.match_substring_regex(plain, _MARK)).as_py():
        plain = pc.replace_substring_regex(plain, _MARK_BEFORE, r"\1")
    return pc.replace_substring_regex(plain, _MARK_BEHIND, r"\1")


def _one(marks: pa.Array) -> pa.Array:
    return marks.cast(pa.int8())


def _known_before(before: pa.Array) -> list[str]:
    return [
        word
        for word in pc.unique(before.drop_null()).to_pylist()
        if word == "" or _is_currency(word)
    ]


def _is_currency(word: str) -> bool:
    plain = word.lower()
    return (
        plain in _CURRENCY_WORDS
        or (any(unicodedata.category(sign) == "Sc" for sign in word) and len(word) <= 4)
        or (word.upper() in _currency_codes() and len(word) == 3)
    )


@cache
def _currency_codes() -> frozenset[str]:
    from babel.numbers import list_currencies

    return frozenset(list_currencies())


def _plain_units(units: pa.Array) -> pa.Array:
    """Units in one spelling: no case, no blanks, no plural."""
    different = pc.unique(units.drop_null()).to_pylist()
    plain = []
    for unit in different:
        folded = " ".join(unit.casefold().split())
        longer = folded.rstrip(".")
        plain.append(longer[:-1] if len(longer) > 3 and longer.endswith("s") else longer or folded)
    positions = pc.index_in(units, value_set=pa.array(different, pa.string()))
    return pa.array(plain, pa.string()).take(positions)


def parse_shapes(parts: Shapes, number_format: NumberFormat) -> Floats:
    """Numbers of texts taken apart, NaN where one is not written in the format."""
    decimal, thousands = number_format.decimal, number_format.thousands
    fits = pc.match_substring_regex(parts.body, _body_pattern(decimal, thousands))
    if thousands:
        # Nobody groups the digits of a number with an exponent.
        grouped = pc.match_substring(parts.body, thousands)
        fits = pc.and_(fits, pc.or_(pc.invert(grouped), pc.equal(parts.exponent, "")))
    units = [number_format.unit, ""]
    if number_format.unit in ("", *_MULTIPLES):
        units += list(_MULTIPLES)
    fits = pc.and_(fits, pc.is_in(parts.unit, value_set=pa.array(units)))
    digits = pc.if_else(pc.fill_null(fits, False), parts.body, pa.scalar(None, pa.string()))
    if thousands:
        digits = pc.replace_substring(digits, thousands, "")
    if decimal == ",":
        digits = pc.replace_substring(digits, ",", ".")
    exponent = pc.replace_substring_regex(parts.exponent, "[eEdD]", "e")
    written = pc.binary_join_element_wise(digits, pc.fill_null(exponent, ""), "")
    numbers = np.array(written.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    numbers[np.array(parts.negative)] *= -1
    return numbers * _multiples(parts.unit)


def _multiples(units: pa.Array) -> Floats | float:
    if not pc.any(pc.is_in(units, value_set=pa.array(list(_MULTIPLES)))).as_py():
        return 1.0
    return np.array([_MULTIPLES.get(unit, 1.0) for unit in units.to_pylist()])


def _body_pattern(decimal: str, thousands: str) -> str:
    point = "\\" + decimal
    plain = rf"^\d+(?:{point}\d*)?$|^{point}\d+$"
    if not thousands:
        return plain
    sign = {" ": " ", "_": "_", "'": "'"}.get(thousands, "\\" + thousands)
    grouped = rf"^[1-9]\d{{0,2}}(?:{sign}\d{{3}})+(?:{point}\d*)?$"
    indian = r"|^[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d*)?$" if thousands == "," else ""
    return f"{plain}|{grouped}{indian}"


@dataclass(frozen=True)
class NumberFinding:
    """What a column's cells say of how numbers are written.

    Parameters
    ----------
    formats : tuple of NumberFormat
        Those that read most cells; more than one where they read them differently.
    numbers : (d,) float64
        Distinct cells as the first format reads them, NaN where it does not.
    problem : str
        Why no format is beyond doubt though there is but one; empty where there is no problem.
    proven : bool
        Whether the cells prove the decimal sign.
    """

    formats: tuple[NumberFormat, ...]
    numbers: Floats
    problem: str = ""
    proven: bool = False


def find_number_format(texts: pa.Array, counts: Floats) -> NumberFinding:
    """Find how numbers are written from distinct cells.

    Parameters
    ----------
    texts : (d,) pyarrow string array
        Distinct cells without blanks and words for missing.
    counts : (d,) float64
        How often each occurs.
    """
    plain = plain_characters(texts)
    clock = clock_unit(plain, counts)
    if clock is not None:
        return NumberFinding((NumberFormat(unit=clock),), clock_numbers(plain, clock))
    parts = shapes(texts)
    unit, problem = _unit(parts, counts)
    readings = []
    for decimal, thousands in _FORMATS:
        number_format = NumberFormat(decimal, thousands, unit)
        numbers = parse_shapes(parts, number_format)
        readings.append((float(counts[~np.isnan(numbers)].sum()), number_format, numbers))
    most = max(cells for cells, _, _ in readings)
    best = [(number_format, numbers) for cells, number_format, numbers in readings if cells == most]
    different: list[tuple[NumberFormat, Floats]] = []
    for number_format, numbers in best:
        if not any(np.array_equal(numbers, other, equal_nan=True) for _, other in different):
            different.append((number_format, numbers))
    if len(different) > 1:
        different = _by_own_evidence(parts.body, different)
    numbers = different[0][1]
    proven = len(different) == 1 and bool(
        pc.any(pc.match_substring_regex(parts.body, r"[.,]")).as_py()
    )
    return NumberFinding(tuple(f for f, _ in different), numbers, problem, proven)


def _by_own_evidence(
    body: pa.Array, different: list[tuple[NumberFormat, Floats]]
) -> list[tuple[NumberFormat, Floats]]:
    """Decide between ``1,234`` as a decimal and as thousands where whole numbers decide it."""
    whole = pc.match_substring_regex(body, r"^\d+$")
    large = pc.any(pc.match_substring_regex(body, r"^[1-9]\d{3,}$")).as_py()
    small = pc.any(pc.match_substring_regex(body, r"^\d{1,3}$")).as_py()
    grouped = len(body) - body.null_count - (pc.sum(whole).as_py() or 0)
    if large:
        chosen = [pair for pair in different if not pair[0].thousands]
    elif small and grouped >= FEWEST_GROUPED:
        chosen = [pair for pair in different if pair[0].thousands]
    else:
        chosen = different
    return chosen if len(chosen) == 1 else different


def _unit(parts: Shapes, counts: Floats) -> tuple[str, str]:
    """The unit that cells have, and what is in doubt about it."""
    valid = np.array(pc.is_valid(parts.body))
    if not valid.any():
        return "", ""
    units = np.array(pc.fill_null(parts.unit, "").to_pylist(), dtype=object)
    cells = {
        unit: float(counts[valid & (units == unit)].sum())
        for unit in pc.unique(parts.unit.filter(pa.array(valid)).drop_null()).to_pylist()
    }
    total = sum(cells.values())
    named = {unit: count for unit, count in cells.items() if unit and unit not in _MULTIPLES}
    if not named:
        return "", ""
    unit = max(named, key=lambda name: named[name])
    if named[unit] <= _FEW * total and not _is_currency(unit):
        return "", ""  # its cells do not fit the others
    if len(named) > 1 and total - cells.get("", 0) - named[unit] > _FEW * total:
        shown = ", ".join(repr(name) for name in sorted(named, key=lambda name: -named[name])[:5])
        return unit, f"its cells have different units ({shown})"
    bare = cells.get("", 0.0)
    if bare > _FEW * total and not _is_currency(unit):
        zeros = (
            valid
            & (units == "")
            & np.array(pc.fill_null(pc.match_substring_regex(parts.body, r"^0*[.,]?0*$"), False))
        )
        if bare - float(counts[zeros].sum()) > _FEW * total:
            return unit, f"some of its cells have the unit {unit!r} and some have none"
    return unit, ""
