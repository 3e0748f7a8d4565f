# ruff: noqa: S608  # names in queries come from contracts and from paths, never from rows
"""The rows that the raw store holds already beside the same rows in tonight's tables.

Nothing varies from night to night here: what had arrived by yesterday is the same tonight, unless
somebody has written the table anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
import numpy as np

from features.contracts.tables import Table
from features.intake.bounds import FEWEST_ROWS, Bounds, distance
from features.intake.comparison import Unusual, reason, shown, size_reason
from features.intake.day_profiles import DayProfiles
from features.sql.expressions import files_sql, quoted
from holdfast.arrays import Floats
from holdfast.sentences import sentence

_LOST_SHARE, _GAINED_SHARE, _FEW = 0.01, 0.05, 3
_LATER_START_DAYS = 31
"""Operators keep so many months: each night the oldest day may go."""

_SHARE_FLOOR, _SIZE_FLOOR, _MOVED_SIZE = 0.02, 0.1, 3.0
_NO_ROWS = np.zeros(1)

Counts = Mapping[int, int]


def compare_counts(new: Counts, old: Counts) -> Iterator[Unusual]:
    """Rows by day of arrival, of all days that yesterday knew as a whole."""
    if not old or not new:
        return
    if min(new) > min(old) + _LATER_START_DAYS:
        days = min(new) - min(old)
        about = sentence("start", days=int(days))
        yield "thin", reason("start", "", days, Bounds(0, 0, _LATER_START_DAYS), about)
    days_known = [day for day in {*old, *new} if min(new) <= day < max(old)]
    before = sum(old.get(day, 0) for day in days_known)
    lost = sum(max(old.get(day, 0) - new.get(day, 0), 0) for day in days_known)
    gained = sum(max(new.get(day, 0) - old.get(day, 0), 0) for day in days_known)
    if lost >= _FEW and lost > _LOST_SHARE * before:
        about = sentence("lost", lost=int(lost), before=int(before))
        bounds = Bounds((1 - _LOST_SHARE) * before, before, before)
        yield "thin", reason("lost", "", before - lost, bounds, about)
    if gained >= FEWEST_ROWS and gained > _GAINED_SHARE * before:
        about = sentence("gained", gained=int(gained), before=int(before))
        bounds = Bounds(before, before, (1 + _GAINED_SHARE) * before)
        yield "changed", reason("gained", "", before + gained, bounds, about)


def compare_kept(new: DayProfiles, old: DayProfiles, table: Table) -> Iterator[Unusual]:
    """What columns hold in the rows that both have."""
    # The last day that the table knew need not be whole.
    end = min(len(old.rows) - old.unknown_days, int(np.flatnonzero(old.rows).max(initial=0)))
    rows, rows_before = _sum(new.rows, end), _sum(old.rows, end)
    if min(rows, rows_before) < FEWEST_ROWS:
        return
    # Rows that waited for a customer are there now.
    moved = float(np.abs(new.rows[:end] - old.rows[:end]).sum()) / rows_before
    share_floor, size_floor = _SHARE_FLOOR + moved, _SIZE_FLOOR + _MOVED_SIZE * moved
    for kind in ("nulls", "zeros"):
        for column, daily in getattr(old, kind).items():
            usual = _sum(daily, end) / rows_before
            seen = _sum(getattr(new, kind)[column], end) / rows
            if abs(seen - usual) > share_floor:
                about = sentence(f"kept_{kind}", column=column, seen=seen, usual=usual)
                yield "changed", reason(kind, column, seen, _around(usual, share_floor), about)
    yield from _kept_values(new, old, table, end, share_floor)
    for column, logs in old.logs.items():
        tonight = new.logs[column]
        count, count_before = _sum(tonight.count, end), _sum(logs.count, end)
        if min(count, count_before) < FEWEST_ROWS:
            continue
        usual, seen = _sum(logs.sum, end) / count_before, _sum(tonight.sum, end) / count
        if abs(seen - usual) > size_floor:
            bounds = _around(usual, size_floor)
            yield "changed", size_reason(column, seen, bounds, sentence("of_rows_before"))


def compare_keys(
    connection: duckdb.DuckDBPyConnection,
    new: Sequence[Path],
    old: Sequence[Path],
    table: Table,
) -> Iterator[Unusual]:
    """Ids of what has a state, such as customers: none may vanish, for other tables name them."""
    key = table.key[0]
    if table.kind != "state" or table.schema.columns[key].metadata["references"] is not None:
        return
    name, before, after = quoted(key), files_sql(list(old)), files_sql(list(new))
    all_ids, gone = connection.execute(
        f"""SELECT count(*), coalesce(count_if({name} NOT IN (SELECT DISTINCT {name} FROM {after})), 0)
        FROM (SELECT DISTINCT {name} FROM {before})"""
    ).fetchone() or (0, 0)
    if gone >= _FEW and gone > _LOST_SHARE * all_ids:
        about = sentence("keys", gone=gone, all=all_ids, column=key)
        bounds = Bounds((1 - _LOST_SHARE) * all_ids, all_ids, all_ids)
        yield "changed", reason("keys", key, all_ids - gone, bounds, about)


def _kept_values(
    new: DayProfiles, old: DayProfiles, table: Table, end: int, floor: float
) -> Iterator[Unusual]:
    for column, by_value in old.values.items():
        tonight = new.values.get(column, {})
        names = sorted({*by_value, *tonight})
        counts = np.array([_sum(tonight.get(name, _NO_ROWS), end) for name in names])
        before = np.array([_sum(by_value.get(name, _NO_ROWS), end) for name in names])
        if min(counts.sum(), before.sum()) < FEWEST_ROWS:
            continue
        shares, usual = counts / counts.sum(), before / before.sum()
        seen = float(distance(shares, usual))
        if seen > floor:
            at = int(np.argmax(np.abs(shares - usual)))
            value = shown(table, column, names[at])
            moved = sentence("moved_before", value=value, share=shares[at], usual=usual[at])
            about = sentence("kept_values", column=column, seen=seen, moved=moved)
            yield "changed", reason("values", column, seen, Bounds(0, 0, floor), about)


def _sum(daily: Floats, end: int) -> float:
    """Sum over the days that yesterday knew as a whole."""
    return float(daily[:end].sum())


def _around(middle: float, width: float) -> Bounds:
    return Bounds(middle - width, middle, middle + width)
