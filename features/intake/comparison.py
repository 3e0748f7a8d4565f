"""Tonight's rows of a table beside those of comparable nights: what is not as usual.

Every function yields pairs of a verdict and its reason. A night is compared with the same weekday
of the weeks before, alone and as the end of seven days: tables are filled in weekly rhythms, and of
small ones a single day tells little.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from features.contracts.tables import Table
from features.intake.bounds import (
    FEWEST_ROWS,
    Bounds,
    count_bounds,
    distance,
    share_bounds,
    size_bounds,
    usual_shares,
)
from features.intake.day_profiles import DAYS, HOUR, LAG, DayProfiles
from features.intake.verdicts import Measure, Reason, Verdict
from holdfast.arrays import Floats
from holdfast.sentences import Sentence, sentence

Unusual = tuple[Verdict, Reason]

WEEKS = 12
"""Weeks that a night is compared with."""

ALMOST_NONE = 0.1
"""A smaller share of the usual rows is `late`, a larger one `thin`."""

_WINDOWS_DAYS = (1, 7)
_ALIKE = 2.0
_ROWS_WINDOWS_DAYS = (1, 7, 28)
_SCANNED_DAYS = 7

_REFERENCE_FLOOR = 0.50
"""As `_SHARE_FLOOR`, of empty ids that may be empty: those that lead to what has yet to arrive are
empty until the next night, and are asked about by themselves.
"""

_SHARE_FLOOR, _VALUES_FLOOR, _HOURS_FLOOR = 0.10, 0.15, 0.25
_SIZE_FLOOR, _LAG_FLOOR = np.log(1.5), np.log(2.0)
_LATE_SECONDS = 86_400.0

_NEW_VALUE_SHARE, _NEW_VALUE_ROWS, _KNOWN_VALUES_ROWS = 0.02, 5, 200
_FUTURE_SHARE = 0.01
_GAP_DAYS, _GAP_LONGEST, _GAP_MEANS, _GAP_NIGHTS = 7, 3, 15, 8
"""Without rows for a week, thrice the longest gap, and fifteen times the mean gap."""


def compare_rows(new: DayProfiles, old: DayProfiles) -> Iterator[Unusual]:
    """Rows of each of the last days, and of all of them together; a hole is reported for a week."""
    single = [(1, before) for before in range(_SCANNED_DAYS)]
    for days, before in [*single, *((days, 0) for days in _ROWS_WINDOWS_DAYS[1:])]:
        bounds = _counts(old, old.rows, days, before)
        if bounds is None:
            continue
        seen = float(window(new.rows, days, before))
        day = new.last - timedelta(days=before)
        when = _on_day(str(day), days)
        if seen < bounds.low:
            kind: Verdict = "late" if seen < ALMOST_NONE * bounds.middle else "thin"
            yield kind, _count_reason("rows", "", seen, bounds, {"when": when})
        elif seen > bounds.high and before == 0:
            yield "changed", _count_reason("rows", "", seen, bounds, {"when": when})


def measures(new: DayProfiles, old: DayProfiles) -> Iterator[Measure]:
    """Tonight's figures beside those of comparable nights."""
    for days in _WINDOWS_DAYS:
        name = "rows" if days == 1 else f"rows in {days} days"
        bounds = _counts(old, old.rows, days)
        yield _measure(name, float(window(new.rows, days)), bounds)
    for column, daily in old.ids.items():
        bounds = _counts(old, daily, 1)
        yield _measure(f"different {column}", float(window(new.ids[column], 1)), bounds)
    seen, bounds = _sizes(new, old, LAG, 7)
    hours = None if bounds is None else _as_sizes(bounds, 3600)
    yield _measure("hours to arrive", None if seen is None else float(np.exp(seen)) / 3600, hours)


def noticed_within_days(old: DayProfiles) -> int | None:
    """Days after which it would be noticed that a table has stopped; None where it never would."""
    for days in _ROWS_WINDOWS_DAYS:
        bounds = _counts(old, old.rows, days)
        if bounds is not None and bounds.low > 0:
            return days
    return None


def compare_gap(new: DayProfiles, old: DayProfiles) -> Iterator[Unusual]:
    """Days without any row: more than ever before, of tables too small to count by day."""
    arrivals = np.flatnonzero(old.rows[1 : DAYS + 1 - _SCANNED_DAYS])
    if len(arrivals) < _GAP_NIGHTS:
        return
    longest = float(np.diff(arrivals).max())
    latest = np.flatnonzero(new.rows[1:])
    seen = float(DAYS - 1 - (latest[-1] if len(latest) else 0))
    mean = float(arrivals[-1] - arrivals[0]) / (len(arrivals) - 1)
    high = max(_GAP_DAYS, _GAP_LONGEST * longest, _GAP_MEANS * mean)
    if seen > high:
        about = sentence("gap", days=seen, longest=longest)
        yield "late", reason("gap", "", seen, Bounds(0, longest, high), about)


def compare_future(new: DayProfiles) -> Iterator[Unusual]:
    """Rows that claim to arrive after tonight."""
    week = float(window(new.rows, 7, 0))
    high = max(_FUTURE_SHARE * week, float(FEWEST_ROWS))
    if new.later > high:
        about = sentence("future", rows=int(new.later), day=str(new.last))
        yield "changed", reason("future", "", new.later, Bounds(0, 0, high), about)


def compare_segments(new: DayProfiles, old: DayProfiles) -> Iterator[Unusual]:
    """Rows of each product line and region."""
    for segment, by_value in old.segments.items():
        for value, daily in by_value.items():
            tonight = new.segments.get(segment, {}).get(value, np.zeros(DAYS + 1))
            for days in _WINDOWS_DAYS:
                bounds = _counts(old, daily, days)
                seen = float(window(tonight, days))
                if bounds is not None and seen < bounds.low:
                    of = {"segment": segment, "value": value, "when": _when(new, days)}
                    yield "thin", _count_reason("segment", segment, seen, bounds, of)
                    break


def compare_ids(new: DayProfiles, old: DayProfiles) -> Iterator[Unusual]:
    """How many subscriptions or customers have rows."""
    for column, daily in old.ids.items():
        bounds = _counts(old, daily, 1)
        seen = float(window(new.ids[column], 1))
        if bounds is not None and seen < bounds.low:
            of = {"column": column, "when": _when(new, 1)}
            yield "thin", _count_reason("ids", column, seen, bounds, of)


def compare_shares(new: DayProfiles, old: DayProfiles, table: Table) -> Iterator[Unusual]:
    """Shares of nulls and of zeros, by column."""
    for kind in ("nulls", "zeros"):
        for column, daily in getattr(old, kind).items():
            is_reference = table.schema.columns[column].metadata["references"] is not None
            floor = _REFERENCE_FLOOR if is_reference else _SHARE_FLOOR
            for days in _WINDOWS_DAYS:
                rows = float(window(new.rows, days))
                bounds = share_bounds(
                    comparable(old, daily, days),
                    comparable(old, old.rows, days),
                    rows,
                    floor,
                    _alike(old, daily, days, rows) / _alike(old, old.rows, days, rows),
                )
                if bounds is None:
                    continue
                seen = float(window(getattr(new, kind)[column], days)) / rows
                if not bounds.hold(seen):
                    when = _when(new, days)
                    about = sentence(kind, column=column, seen=seen, when=when, usual=bounds.middle)
                    yield "changed", reason(kind, column, seen, bounds, about)
                    break


def compare_values(new: DayProfiles, old: DayProfiles, table: Table) -> Iterator[Unusual]:
    """How rows are distributed over the values of a column, and values never seen."""
    for column, by_value in old.values.items():
        tonight = new.values.get(column, {})
        names = sorted({*by_value, *tonight})
        if not names:
            continue
        before = np.array([by_value.get(name, np.zeros(DAYS + 1)) for name in names])
        now = np.array([tonight.get(name, np.zeros(DAYS + 1)) for name in names])
        yield from _new_values(table, column, names, before, now)
        for days in _WINDOWS_DAYS:
            counts = window(now, days)
            past = comparable(old, before, days).T
            rows = past.sum(axis=1)
            floor = _HOURS_FLOOR if column == HOUR else _VALUES_FLOOR
            with_rows = rows > 0
            tonights = float(window(new.rows, days))
            others = _alike(old, before, days, tonights).T
            usual = usual_shares(
                past[with_rows] / rows[with_rows, None],
                rows[with_rows],
                counts.sum(),
                floor,
                others / np.maximum(others.sum(axis=1, keepdims=True), 1),
            )
            if usual is None:
                continue
            shares, high = usual
            seen = float(distance(counts / counts.sum(), shares))
            if seen > high:
                moved = _most_moved(table, column, names, counts / counts.sum(), shares)
                when = _when(new, days)
                about = sentence("values", column=column, seen=seen, when=when, moved=moved)
                kind = "hours" if column == HOUR else "values"
                yield "changed", reason(kind, column, seen, Bounds(0, 0, high), about)
                break


def compare_sizes(new: DayProfiles, old: DayProfiles) -> Iterator[Unusual]:
    """How large numbers are, and how long rows take to arrive."""
    for column in old.logs:
        for days in _WINDOWS_DAYS:
            seen, bounds = _sizes(new, old, column, days)
            if seen is not None and bounds is not None and not bounds.hold(seen):
                of_what = sentence("of_what_arrived", when=_when(new, days))
                yield (
                    _size_verdict(column, seen, bounds),
                    size_reason(column, seen, bounds, of_what),
                )
                break


def _sizes(
    new: DayProfiles, old: DayProfiles, column: str, days: int
) -> tuple[float | None, Bounds | None]:
    """Mean logarithm of a column tonight, and its bounds."""
    logs, tonight = old.logs[column], new.logs[column]
    count = float(window(tonight.count, days))
    counts, sums, squares = (
        comparable(old, daily, days) for daily in (logs.count, logs.sum, logs.squares)
    )
    means = sums / np.maximum(counts, 1)
    deviations = np.sqrt(np.maximum(squares / np.maximum(counts, 1) - means**2, 0))
    floor = _LAG_FLOOR if column == LAG else _SIZE_FLOOR
    seen = float(window(tonight.sum, days)) / count if count else None
    rows = float(window(new.rows, days))
    others_count, others_sum = (_alike(old, daily, days, rows) for daily in (logs.count, logs.sum))
    others = others_sum[others_count > 0] / others_count[others_count > 0]
    return seen, size_bounds(means, deviations, counts, count, floor, others)


def window(daily: Floats, days: int, before: int = 0) -> Floats:
    """Sum of so many days, the last of which is `before` days before the last day of all."""
    end = daily.shape[-1] - before
    return np.asarray(daily[..., max(end - days, 1) : end].sum(axis=-1))


def windows(daily: Floats, days: int) -> Floats:
    """All sums of so many days in a row, by how many days before the last day of all they end."""
    return sliding_window_view(daily[..., 1:], days, axis=-1).sum(axis=-1)[..., ::-1]


def _counts(profile: DayProfiles, daily: Floats, days: int, before: int = 0) -> Bounds | None:
    """Bounds of the rows of so many days."""
    earliest = max(before + 7, profile.unknown_days)
    return count_bounds(
        comparable(profile, daily, days, before),
        windows(daily, days)[earliest : max(profile.known_days - days + 1, 0)],
        weeks=days / 7,
    )


def comparable(profile: DayProfiles, daily: Floats, days: int, before: int = 0) -> Floats:
    """The same sums of the weeks before, as far as they are known."""
    ends = before + 7 * np.arange(1, WEEKS + 1)
    known = (ends + days <= profile.known_days) & (ends >= profile.unknown_days)
    return windows(daily, days)[..., ends[known]]


def _alike(profile: DayProfiles, daily: Floats, days: int, rows: float) -> Floats:
    """The same sums of spans that ended on any day, with about as many rows as tonight.

    Not every rhythm is weekly: between two runs of bills only stragglers arrive.
    """
    ends = slice(max(7, profile.unknown_days), max(profile.known_days - days + 1, 0))
    sizes = windows(profile.rows, days)[ends]
    alike = (rows > 0) & (rows <= _ALIKE * sizes) & (sizes <= _ALIKE * rows)
    return windows(daily, days)[..., ends][..., alike]


def _count_reason(
    kind: str, column: str, seen: float, bounds: Bounds, of: Mapping[str, Any]
) -> Reason:
    """A count out of bounds; its sentence has the code of its kind."""
    low, usual, high = (float(value) for value in (bounds.low, bounds.middle, bounds.high))
    about = sentence(kind, seen=seen, low=low, usual=usual, high=high, **of)
    return reason(kind, column, seen, bounds, about)


def size_reason(column: str, seen: float, bounds: Bounds, of_what: Sentence) -> Reason:
    """A mean logarithm out of bounds, as a geometric mean."""
    size, usual, as_sizes = np.exp(seen), np.exp(bounds.middle), _as_sizes(bounds)
    if column == LAG:
        about = sentence("lag", hours=size / 3600, usual=usual / 3600, of_what=of_what)
        return reason("lag", "", float(size), as_sizes, about)
    about = sentence(
        "size",
        column=column,
        times=_amount(size / usual),
        seen=_amount(size),
        usual=_amount(usual),
        of_what=of_what,
    )
    return reason("size", column, float(size), as_sizes, about)


def reason(kind: str, column: str, seen: float, bounds: Bounds, about: Sentence) -> Reason:
    """A reason with figures rounded, so that the same rows give the same bytes."""
    low, middle, high = (_rounded(value) for value in (bounds.low, bounds.middle, bounds.high))
    return Reason(kind, column, _rounded(seen), middle, low, high, about)


def shown(table: Table, column: str, value: str) -> Sentence | str:
    """A value as a sentence shows it, unless the column may tell of a person what must not be told."""
    definition = table.schema.columns.get(column)
    if definition is not None and definition.metadata["data_class"] == "special":
        return sentence("one_value")
    return sentence("value", value=value) if definition is not None else value


def _measure(name: str, seen: float | None, bounds: Bounds | None) -> Measure:
    rounded = None if seen is None else _rounded(seen)
    if bounds is None:
        return Measure(name, rounded, None, None, None)
    figures = (bounds.middle, bounds.low, bounds.high)
    return Measure(name, rounded, *map(_rounded, figures))


def _as_sizes(bounds: Bounds, unit: float = 1.0) -> Bounds:
    """Bounds of mean logarithms as bounds of geometric means."""
    low, middle, high = np.exp([bounds.low, bounds.middle, bounds.high]) / unit
    return Bounds(float(low), float(middle), float(high))


def _size_verdict(column: str, seen: float, bounds: Bounds) -> Verdict:
    waits = column == LAG and seen > bounds.high and np.exp(seen) > _LATE_SECONDS
    return "late" if waits else "changed"


def _new_values(
    table: Table, column: str, names: list[str], before: Floats, now: Floats
) -> Iterator[Unusual]:
    if before.sum() < _KNOWN_VALUES_ROWS or column == HOUR:
        return
    for days in _WINDOWS_DAYS:
        counts = window(now, days)
        for name, count, known in zip(names, counts, before.sum(axis=1), strict=True):
            share = count / max(counts.sum(), 1)
            if not known and count >= _NEW_VALUE_ROWS and share >= _NEW_VALUE_SHARE:
                value = shown(table, column, name)
                about = sentence("new_value", column=column, share=share, value=value)
                bounds = Bounds(0, 0, _NEW_VALUE_SHARE)
                yield "changed", reason("new_value", column, share, bounds, about)
                return


def _most_moved(
    table: Table, column: str, names: list[str], shares: Floats, usual: Floats
) -> Sentence:
    at = int(np.argmax(np.abs(shares - usual)))
    if column == HOUR:
        return sentence("moved_hour", hour=names[at], share=shares[at], usual=usual[at])
    value = shown(table, column, names[at])
    return sentence("moved", value=value, share=shares[at], usual=usual[at])


def _when(profile: DayProfiles, days: int) -> Sentence:
    return _on_day(str(profile.last), days)


def _on_day(day: str, days: int) -> Sentence:
    """When rows of so many days arrived, the last of which is this day."""
    return sentence("on_day", day=day) if days == 1 else sentence("in_days", days=days, day=day)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
