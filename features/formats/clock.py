"""Times of day and durations as numbers: ``01:01:00`` is 3661 seconds, ``05:30`` is 330 of its
smaller unit, ``1h 30m`` and ``PT1H30M`` are 5400 seconds.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from holdfast.arrays import Floats

CLOCK_UNITS = ("h:mm:ss", "h:mm", "d h m s")
_PARTS = (
    r"(?i)^(?P<sign>-)?(?:(?P<d>\d{1,6}) days?,?\s+)?(?P<h>\d{1,5}):(?P<m>[0-5]\d)"
    r"(?::(?P<s>[0-5]\d(?:\.\d{1,9})?))?\s*(?P<half>[ap]\.?m\.?)?$"
)
_WORDS = (
    r"(?i)^(?:p?t?)(?:(?P<d>\d{1,6})\s*d(?:ays?)?,?t?\s*)?(?:(?P<h>\d{1,6})\s*h(?:(?:ou)?rs?)?,?\s*)?"
    r"(?:(?P<m>\d{1,6})\s*m(?:in(?:ute)?s?)?,?\s*)?(?:(?P<s>\d{1,6}(?:\.\d{1,9})?)\s*s(?:ec(?:ond)?s?)?)?$"
)
_TWO_PARTS = r"(?i)\d\s*[dhm][a-z]*,?\s*\d+(\.\d+)?\s*[hms]"
_DAY_MINUTES, _HALF_DAY_MINUTES = 1440, 720


def clock_unit(texts: pa.Array, counts: Floats) -> str | None:
    """How most of a column's distinct cells write times; None where most are no times.

    Parameters
    ----------
    texts : (d,) pyarrow string array
        As `features.formats.characters.plain_characters` gives them.
    counts : (d,) float64
        How often each occurs.
    """
    likely = pc.or_(pc.match_substring(texts, ":"), pc.match_substring_regex(texts, _TWO_PARTS))
    if float(counts[np.array(pc.fill_null(likely, False))].sum()) <= 0.5 * float(counts.sum()):
        return None
    cells = {
        unit: float(counts[~np.isnan(clock_numbers(texts, unit))].sum()) for unit in CLOCK_UNITS
    }
    unit = max(cells, key=lambda name: cells[name])
    return unit if cells[unit] > 0.5 * float(counts.sum()) else None


def clock_numbers(texts: pa.Array, unit: str) -> Floats:
    """Times of n texts in the unit's smallest part, NaN where a text has other parts.

    Parameters
    ----------
    texts : (n,) pyarrow string array
        As `features.formats.characters.plain_characters` gives them.
    unit : {"h:mm:ss", "h:mm", "d h m s"}
        The parts; the last one's have names.
    """
    if unit == "d h m s":
        return _named_parts(texts)
    parts = pc.extract_regex(texts, _PARTS)
    field = {name: pc.struct_field(parts, name) for name in ("sign", "d", "h", "m", "s", "half")}
    number = {name: _numbers(field[name]) for name in "dhms"}
    half = pc.utf8_slice_codeunits(field["half"], 0, 1)
    is_half = np.array(pc.fill_null(pc.not_equal(half, ""), False))
    is_later = np.array(pc.fill_null(pc.is_in(half, value_set=pa.array(["p", "P"])), False))
    hours = np.where(is_half, number["h"] % 12, number["h"])
    minutes = number["d"] * _DAY_MINUTES + hours * 60 + number["m"] + is_later * _HALF_DAY_MINUTES
    has_seconds = np.array(pc.fill_null(pc.not_equal(field["s"], ""), False))
    with_seconds = unit == "h:mm:ss"
    values = minutes * 60 + number["s"] if with_seconds else minutes
    values = np.where(np.array(pc.fill_null(pc.equal(field["sign"], "-"), False)), -values, values)
    valid = np.array(pc.is_valid(parts)) & (has_seconds == with_seconds)
    valid &= ~is_half | ((number["h"] >= 1) & (number["h"] <= 12))
    return np.where(valid, values, np.nan)


def _named_parts(texts: pa.Array) -> Floats:
    parts = pc.extract_regex(texts, _WORDS)
    number = {name: _numbers(pc.struct_field(parts, name)) for name in "dhms"}
    seconds = ((number["d"] * 24 + number["h"]) * 60 + number["m"]) * 60 + number["s"]
    has_digit = pc.and_(pc.is_valid(parts), pc.match_substring_regex(texts, r"\d"))
    return np.where(np.array(pc.fill_null(has_digit, False)), seconds, np.nan)


def _numbers(texts: pa.Array) -> Floats:
    filled = pc.if_else(pc.equal(pc.fill_null(texts, ""), ""), "0", texts)
    return np.array(filled.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
