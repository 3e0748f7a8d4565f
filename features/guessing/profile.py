"""What the values of a relation's columns look like, from some of its rows."""

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.types import NAIVE_TIME, ZONED_TIME
from features.formats.date_format import find_orders
from features.formats.number_format import find_number_format
from features.mapping.rows import as_text
from features.raw_tables.plan import flag_value
from features.sources.part import Part
from features.tables.missing_words import usual_words
from holdfast.arrays import Floats

MOST_ROWS = 200_000
"""Rows that are looked at of each relation, from all of its parts."""

_MOST_CELLS = 5_000
_MOST_VALUES = 60
_MOST_IDS = 200_000
_MOSTLY = 0.95

Kind = Literal["empty", "time", "number", "flag", "text"]


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """What a column's values look like.

    Parameters
    ----------
    name : str
        The column, as written.
    kind : {"empty", "time", "number", "flag", "text"}
        What its values can be read as. Numbers and yes or no may be ids or categories all the same.
    rows : int
        Values that are there.
    distinct : int
        How many of them differ.
    is_whole : bool
        Numbers without a fraction.
    low, high : float
        Range of numbers; NaN where there are none.
    is_naive : bool
        Times that do not name their zone.
    mean_length : float
        Characters of a value.
    values : mapping of str to int
        Rows by value, where at most 60 differ.
    ids : frozenset of str
        Values, where they may be ids.
    """

    name: str
    kind: Kind
    rows: int
    distinct: int
    is_whole: bool = False
    low: float = float("nan")
    high: float = float("nan")
    is_naive: bool = False
    mean_length: float = 0.0
    values: Map[str, int]
    ids: frozenset[str]

    @property
    def is_unique(self) -> bool:
        """Whether no value repeats."""
        return self.rows > 0 and self.distinct == self.rows


@dataclass(frozen=True)
class RelationProfile:
    """What a relation looks like.

    Parameters
    ----------
    name : str
        The relation.
    rows : int
        Rows that were looked at.
    columns : mapping of str to ColumnProfile
        By written name.
    """

    name: str
    rows: int
    columns: Map[str, ColumnProfile]


def profile_relation(name: str, parts: Sequence[Part]) -> RelationProfile:
    """Look at some rows of a relation.

    Parameters
    ----------
    name : str
        The relation.
    parts : sequence of Part
        Its parts; of each the first rows are looked at.

    Raises
    ------
    InputError
        A part cannot be read.
    """
    each = max(MOST_ROWS // max(len(parts), 1), 100)
    names = list(dict.fromkeys(column for part in parts for column in part.schema.names))
    chunks: dict[str, list[pa.Array]] = {column: [] for column in names}
    rows = 0
    for part in parts:
        if rows >= MOST_ROWS:
            break
        left = each
        for batch in part.batches():
            some = batch.rows.slice(0, left)
            for column in some.schema.names:
                chunks[column].append(some.column(column))
            rows, left = rows + len(some), left - len(some)
            if left <= 0:
                break
    return RelationProfile(name, rows, {one: _profile(one, chunks[one]) for one in names})


def _profile(name: str, chunks: Sequence[pa.Array]) -> ColumnProfile:
    typed_time = any(_is_time(chunk.type) for chunk in chunks)
    naive = any(
        pa.types.is_date(chunk.type)
        or (pa.types.is_timestamp(chunk.type) and chunk.type.tz is None)
        for chunk in chunks
    )
    texts = pa.chunked_array([as_text(chunk) for chunk in chunks], pa.string()).drop_null()
    counted = pc.value_counts(texts)
    counted = counted.combine_chunks() if isinstance(counted, pa.ChunkedArray) else counted
    cells, counts = counted.field("values"), counted.field("counts").to_numpy()
    distinct, rows = len(cells), len(texts)
    common: dict[str, Any] = {
        "name": name,
        "rows": rows,
        "distinct": distinct,
        "mean_length": float(pc.mean(pc.utf8_length(texts)).as_py() or 0.0) if rows else 0.0,
        "values": dict(zip(cells.to_pylist(), counts.tolist(), strict=True))
        if distinct <= _MOST_VALUES
        else {},
        "ids": frozenset(cells.slice(0, _MOST_IDS).to_pylist()),
    }
    if not rows:
        return ColumnProfile(kind="empty", **common)
    if typed_time:
        return ColumnProfile(kind="time", is_naive=naive, **common)
    some, weights = cells.slice(0, _MOST_CELLS), counts[:_MOST_CELLS].astype(np.float64)
    kept = ~np.isin(np.arange(len(some)), _places(some, usual_words(some.to_pylist())))
    some, weights = some.filter(pa.array(kept)), weights[kept]
    if not len(some):
        return ColumnProfile(kind="empty", **common)
    if all(flag_value(word) is not None for word in some.to_pylist()) and len(some) <= 2:
        return ColumnProfile(kind="flag", is_whole=True, low=0.0, high=1.0, **common)
    if (zoneless := _time_share(some, weights)) is not None:
        return ColumnProfile(kind="time", is_naive=zoneless, **common)
    numbers = _numbers(some, weights)
    if numbers is not None:
        return ColumnProfile(
            kind="number",
            is_whole=bool(np.all(numbers == np.floor(numbers))),
            low=float(numbers.min()),
            high=float(numbers.max()),
            **common,
        )
    return ColumnProfile(kind="text", **common)


def _places(cells: pa.Array, words: Sequence[str]) -> list[int]:
    listed = cells.to_pylist()
    return [place for place, text in enumerate(listed) if text in set(words)]


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))


def _time_share(cells: pa.Array, weights: Floats) -> bool | None:
    """Whether most times name no zone; None where most cells are no times."""
    zoned = np.array(pc.match_substring_regex(cells, ZONED_TIME), dtype=bool)
    naive = np.array(pc.match_substring_regex(cells, NAIVE_TIME), dtype=bool)
    if weights[zoned | naive].sum() >= _MOSTLY * weights.sum():
        return bool(weights[naive].sum() > 0)
    if (
        pc.all(pc.match_substring_regex(cells, r"^[\d.,-]+$")).as_py()
        and not pc.any(pc.match_substring_regex(cells, r"\D\d+\D")).as_py()
        and not _compact(cells)
    ):
        return None
    orders, times = find_orders(cells, weights)
    if orders and weights[~np.isnat(times)].sum() >= _MOSTLY * weights.sum():
        has_zone = pc.match_substring_regex(cells, r"(?i)\d\s*(z|utc|gmt|[+-]\d\d:?\d\d)$")
        return not bool(pc.all(has_zone).as_py())
    return None


def _compact(cells: pa.Array) -> bool:
    """Whether all cells are days such as 20260131."""
    pattern = r"^(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$"
    return bool(pc.all(pc.match_substring_regex(cells, pattern)).as_py())


def _numbers(cells: pa.Array, weights: Floats) -> Floats | None:
    finding = find_number_format(cells, weights)
    if finding is None or not finding.formats:
        return None
    numbers = finding.formats[0].parse(cells)
    read = np.isfinite(numbers)
    return numbers[read] if weights[read].sum() >= _MOSTLY * weights.sum() else None
