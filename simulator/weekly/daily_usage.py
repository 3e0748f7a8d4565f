"""The days of a week's use: the table `usage_days`, which adds up to the week's row.

Days are drawn beside everything else and change nothing: the other tables stay the same, with days
or without.
"""

from dataclasses import dataclass

import numpy as np

from simulator.weekly.week import Week
from simulator.world.calendar import DAY, MINUTE
from simulator.world.draws import Array
from simulator.world.parameters import ArrivalParameters

TABLE = "usage_days"
ARRIVAL = ArrivalParameters(usual_hours=20, late_share=0.03, late_days=4, lost_share=0.004)
"""How days arrive: as weeks do, but none is late by more than five days. Assumed."""

_DAYS = 7
_BUSY_DAYS = np.array([1.0, 1.0, 1.0, 1.05, 1.2, 1.1, 0.85])
"""Use on each day of a week, on average of days with use. Assumed."""


@dataclass(frozen=True)
class WeekOfUse:
    """A week's use of some lines, as their row of `usage_weeks` states it.

    Parameters
    ----------
    lines : (n,) int64
        Positions of the lines.
    minutes, data_gb, overage : (n,) float64
        Sums of the week.
    zero_use_days, roaming_days : (n,) int64
        Days of the week.
    used : (n,) bool
        Whether there was any use.
    last_used, last_before : (n,) int64
        When the line was last used by the week's end, and by its start, in microseconds.
    data_allowance_gb : (n,) float64
        Data included in a month; NaN without an allowance or a limit.
    """

    lines: Array
    minutes: Array
    data_gb: Array
    overage: Array
    zero_use_days: Array
    roaming_days: Array
    used: Array
    last_used: Array
    last_before: Array
    data_allowance_gb: Array


def emit_days(week: Week, use: WeekOfUse) -> None:
    """Emit the days of a week from each line's first day on.

    Minutes, data and charges add up to the week's. So do days without use, as far as its last use
    and the line's start leave room for as many days with use as the week has.
    """
    lines = week.population.lines
    number = lines.number[use.lines]
    start = week.start + DAY * np.arange(_DAYS)
    end = start + DAY
    first = np.clip((week.state.start_at[use.lines] - week.start) // DAY, 0, _DAYS - 1)
    last = np.clip((use.last_used - week.start) // DAY, first, _DAYS - 1)
    order = week.draws.at("order of days", number[:, None], week.number, np.arange(_DAYS))
    in_reach = (np.arange(_DAYS) >= first[:, None]) & (np.arange(_DAYS) <= last[:, None])
    used = _chosen(order, in_reach, np.where(use.used, _DAYS - use.zero_use_days, 0), last)
    spread = week.draws.at("use of days", number[:, None], week.number, np.arange(_DAYS))
    weight = used * _BUSY_DAYS * (0.4 + 1.2 * spread)
    # What a week without use has, which is nothing to speak of, lies on its first day.
    weight[np.arange(len(first)), first] += ~use.used
    at = _last_uses(week, use, number, used, start, last)
    abroad = _chosen(order, used, use.roaming_days, last)
    there = np.arange(_DAYS) >= first[:, None]
    row, day = np.nonzero(there)
    week.rows.add(
        TABLE,
        number[row],
        end[day],
        subscription_id=use.lines[row],
        day_start_at=start[day],
        minutes=_split(use.minutes, weight, 10)[there],
        data_gb=_split(use.data_gb, weight, 100)[there],
        is_used=used[there],
        last_used_at=at[there],
        data_allowance_gb=use.data_allowance_gb[row],
        overage=_split(use.overage, weight, 100)[there],
        is_roaming=abroad[there],
    )


def _chosen(order: Array, possible: Array, count: Array, last: Array) -> Array:
    """Days of each line: `count` of the possible ones, the last one first, the others by `order`."""
    rank = np.where(possible, order, 2.0)
    rank[np.arange(len(last)), last] -= 1.0
    chosen: Array = np.argsort(np.argsort(rank, axis=1), axis=1) < count[:, None]
    return chosen & possible


def _last_uses(
    week: Week, use: WeekOfUse, number: Array, used: Array, start: Array, last: Array
) -> Array:
    """When each line was last used by the end of each day."""
    drawn = week.draws.at("last use of days", number[:, None], week.number, np.arange(_DAYS))
    evening = start + (1 - drawn**2) * (DAY - 20 * MINUTE)
    at = np.where(used, evening.astype(np.int64) // (10 * MINUTE) * (10 * MINUTE), 0)
    rows = np.flatnonzero(use.used)
    at[rows, last[rows]] = use.last_used[rows]
    before = np.maximum(at, week.state.start_at[use.lines][:, None] * (at > 0))
    until: Array = np.maximum.accumulate(np.maximum(before, use.last_before[:, None]), axis=1)
    return np.minimum(until, use.last_used[:, None])


def _split(total: Array, weight: Array, parts: int) -> Array:
    """Share totals among days by weight, in whole parts of a unit, so that they add up exactly."""
    share = np.cumsum(weight, axis=1) / np.sum(weight, axis=1, keepdims=True)
    units = np.rint(total * parts)[:, None]
    until = np.rint(units * share)
    return np.diff(until, axis=1, prepend=0.0) / parts
