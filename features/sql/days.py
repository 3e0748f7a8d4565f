"""SQL over what is known of a subscription's use: weeks of the daily table, or rows of the weekly one.

A week that is made of days ends at the end of the windows: yesterday's row is given a day to
arrive, as a week's row is, and windows end with the day before. Every night, a Monday's or a
Sunday's, then sees use of the same age, where the weekly table leaves it up to a week behind.

Daily rows come first. The weekly table is read for weeks that ended before a subscription's first
known day or began after its last one, so that nothing counts twice and a daily table that begins
later, covers some product lines or stops takes nothing away.
"""

from collections.abc import Sequence

from features.sql.expressions import WINDOW_DAYS
from features.sql.weeks import known_weeks, selection

WEEK_DAYS = 7

_DAY_COLUMNS = (
    "day_start_at",
    "happened_at",
    "minutes",
    "data_gb",
    "is_used",
    "last_used_at",
    "data_allowance_gb",
    "overage",
    "is_roaming",
)
_WAS_USED = "coalesce(is_used, minutes > 0 OR data_gb > 0 OR last_used_at >= day_start_at, false)"
_PER_WEEK = {name: f"sum({name}) * {WEEK_DAYS} / count({name})" for name in ("minutes", "data_gb")}
_ALLOWANCE = "arg_max({'gb': data_allowance_gb}, day_start_at).gb"
_OF_WEEK = {
    **_PER_WEEK,
    "zero_use_days": f"count(*) FILTER (NOT {_WAS_USED})",
    # Without the time of the last use, it may have been at the very end of a day with use.
    "last_used_at": f"max(coalesce(last_used_at, CASE WHEN {_WAS_USED} THEN happened_at END))",
    "unused_allowance": f"""
        CASE WHEN {_ALLOWANCE} > 0 AND count(data_gb) > 0
             THEN greatest(0, least(1, 1 - {_PER_WEEK["data_gb"]} * 30 / {WEEK_DAYS} / {_ALLOWANCE})) END
    """,
    "overage": "sum(overage)",
    "roaming_days": "sum(is_roaming::INTEGER)",
}
"""Columns of `usage_weeks`, of the days of a week. Amounts of use are those of seven days like the
days that have a row; a day without a row is not known.
"""


def known_use(cutoff: str, columns: Sequence[str], days: int = WINDOW_DAYS) -> str:
    """SQL: weeks of use that are known at a cut-off, with their age.

    Parameters
    ----------
    cutoff : str
        SQL of the cut-off, the same for all rows.
    columns : sequence of str
        Columns of `usage_weeks`.
    days : int
        Window.

    Returns
    -------
    str
        As `features.sql.weeks.known_weeks`: subscription_id, ``age_days`` and the columns.
    """
    of_week = {name: _OF_WEEK[name] for name in columns}
    names = ", ".join(f"week.{name}" for name in columns)
    return f"""
        WITH days_of_use AS ({known_weeks("usage_days", cutoff, _DAY_COLUMNS, days)}),
        spans AS (
            SELECT subscription_id, min(day_start_at) AS first_at, max(happened_at) AS last_at
            FROM days_of_use
            GROUP BY subscription_id
        ),
        weeks_of_use AS ({known_weeks("usage_weeks", cutoff, ("week_start_at", "happened_at", *columns), days)})
        SELECT week.subscription_id, week.age_days, {names}
        FROM weeks_of_use AS week
        LEFT JOIN spans USING (subscription_id)
        WHERE spans.first_at IS NULL
           OR week.happened_at <= spans.first_at
           OR week.week_start_at >= spans.last_at
        UNION ALL
        SELECT
            subscription_id,
            floor(age_days / {WEEK_DAYS}) * {WEEK_DAYS} AS age_days,
            {selection(of_week)}
        FROM days_of_use
        GROUP BY subscription_id, floor(age_days / {WEEK_DAYS})
    """
