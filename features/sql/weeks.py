"""SQL over the weekly rows of a subscription, for `usage`, `network` and region baselines.

A week's row arrives some hours after the week's end. Windows over weekly tables therefore end a day
before the cut-off, so that on Monday at midnight, when history is taken, they hold as many weeks as
on any other night. Days are the operator's: one may have 23 or 25 hours.

Everything that is asked of a weekly table is computed in one pass over it, by `summary_of`. Its
aggregates read its columns and ``age_days``, the days from the end of the week to the end of the
windows: a window of w days is ``age_days < w``.
"""

from collections.abc import Mapping, Sequence

from features.sql.expressions import WINDOW_DAYS, known
from features.sql.wall import DAY_US

ARRIVAL_DAYS = 1
"""How long a week's row is given to arrive."""

LONGEST_SWITCH_HOURS = 4
"""How much longer than whole days of 24 hours a window can be."""

RECENT_DAYS, QUARTER_DAYS = 28, 91
LEAST_WEEKS = 4
"""With fewer weeks, trend, volatility and usual use are null."""


def summary_of(rows: str, cutoff: str, aggregates: Mapping[str, str]) -> str:
    """SQL: aggregates of every subscription's weekly rows.

    In service or not; no row for a subscription that has none.

    Parameters
    ----------
    rows : str
        SQL of the rows, as `known_weeks` gives them.
    cutoff : str
        SQL of the cut-off, the same for all rows.
    aggregates : mapping of str to str
        SQL aggregates by the names they get.
    """
    return f"""
        SELECT subscription_id, {cutoff} AS cutoff, {selection(aggregates)}
        FROM ({rows})
        GROUP BY subscription_id
    """


def known_weeks(table: str, cutoff: str, columns: Sequence[str], days: int = WINDOW_DAYS) -> str:
    """SQL: the rows of a weekly or daily table that are known at a cut-off, with their age.

    Parameters
    ----------
    table : str
        `usage_weeks`, `network_weeks` or `usage_days`.
    cutoff : str
        SQL of the cut-off, the same for all rows: with a constant, the scan skips what lies outside
        the window.
    columns : sequence of str
        What to read of the table.
    days : int
        Window.

    Returns
    -------
    str
        subscription_id, ``age_days`` and the columns.
    """
    age_us = f"(wall_us({cutoff}) - {ARRIVAL_DAYS * DAY_US} - wall_us(week.happened_at))"
    # An hour more than the window, for a switch of the clock: a constant lets the scan skip.
    longest = f"INTERVAL {(ARRIVAL_DAYS + days) * 24 + LONGEST_SWITCH_HOURS} HOUR"
    return f"""
        SELECT subscription_id, {age_us} / {DAY_US}.0 AS age_days, {", ".join(columns)}
        FROM {table} AS week
        WHERE week.happened_at > {cutoff} - {longest}
          AND {age_us} >= 0 AND {age_us} < {days * DAY_US}
          AND {known("week", cutoff)}
    """


def mean(column: str, days: int) -> str:
    """SQL aggregate: mean over a window; null without a value."""
    return f"avg({_recent(column, days)})"


def total(column: str, days: int) -> str:
    """SQL aggregate: sum over a window; null without a value."""
    return f"sum({_recent(column, days)})"


def past_mean(column: str) -> str:
    """SQL aggregate: mean over the subscription's own past, before the last 28 days."""
    return f"avg(CASE WHEN age_days >= {RECENT_DAYS} THEN {column} END)"


def change(column: str) -> str:
    """SQL aggregate: mean of 28 days minus the own past's."""
    return f"{mean(column, RECENT_DAYS)} - {past_mean(column)}"


def growth(column: str) -> str:
    """SQL aggregate: mean of 28 days over the own past's; null where that is 0."""
    return f"{mean(column, RECENT_DAYS)} / nullif({past_mean(column)}, 0)"


def slope(column: str) -> str:
    """SQL aggregate: least-squares slope per week over 91 days; null with too few weeks."""
    recent = _recent(column, QUARTER_DAYS)
    return (
        f"CASE WHEN count({recent}) >= {LEAST_WEEKS} THEN regr_slope({recent}, age_days / -7) END"
    )


def relative_slope(column: str) -> str:
    """SQL aggregate: that slope as a share of the mean."""
    return f"{slope(column)} / nullif({mean(column, QUARTER_DAYS)}, 0)"


def volatility(column: str) -> str:
    """SQL aggregate: standard deviation over 91 days as a share of the mean.

    Null with too few weeks.
    """
    recent = _recent(column, QUARTER_DAYS)
    return f"CASE WHEN count({recent}) >= {LEAST_WEEKS} THEN stddev_pop({recent}) / nullif(avg({recent}), 0) END"


def against_region(measure: str) -> str:
    """SQL: a mean of 28 days over the region's median, of relations `own` and `region`."""
    return f"own.{measure}_28d / nullif(region.{measure}, 0)"


def region_join(asked: str) -> str:
    """SQL: the baseline of each asked subscription's region and product line, as `region`."""
    return f"""
        LEFT JOIN region_baselines AS region
          ON region.region = {asked}.region
         AND region.product_line = {asked}.product_line
         AND wall_week(region.monday) = wall_week({asked}.cutoff)
    """


def selection(columns: Mapping[str, str]) -> str:
    """SQL: expressions with their names, to select."""
    return ",\n".join(f"{expression} AS {name}" for name, expression in columns.items())


def _recent(column: str, days: int) -> str:
    return column if days >= WINDOW_DAYS else f"CASE WHEN age_days < {days} THEN {column} END"
