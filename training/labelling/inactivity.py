# ruff: noqa: S608  # names in queries come from contracts and from paths
"""Inactive periods of prepaid lines, which are lost by inactivity and may come back.

Usage is recorded per week: the last use of each week is known, the first is not. An inactive period
therefore begins at a last use, a recharge or the activation. It ends, at the earliest, at the start
of the next week with use, or at a recharge. A week without a row counts as a week without use.
"""

from datetime import datetime

import polars as pl

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from training.labelling.history import UTC_TIME, RawHistory

SHORTEST_DAYS = 7
"""Shorter inactive periods are left out."""

_DAY = 86_400_000_000
"""In microseconds."""

_USED = f"""
    -- Without the time of the last use, a week with any use may have had it at its very end.
    CASE
        WHEN last_used_at IS NOT NULL THEN least(last_used_at, {HAPPENED})
        WHEN minutes > 0 OR data_gb > 0 OR zero_use_days < 7 THEN {HAPPENED}
    END
"""


def usage_end(history: RawHistory) -> datetime:
    """End of the newest week of usage, or the data's end where that is earlier."""
    if not history.has("usage_weeks"):
        return history.end
    with history.database() as database:
        (newest,) = database.sql(
            f"SELECT max({HAPPENED}) FROM ({history.rows_sql('usage_weeks')})"
        ).fetchall()[0]
    return history.end if newest is None else min(newest, history.end)


def inactive_periods(history: RawHistory, lines: pl.DataFrame) -> pl.DataFrame:
    """Inactive periods of lines, as known at the data's end.

    The rows are sorted on disk where they do not fit in memory: of a million prepaid lines, a
    year's usage is many gigabytes.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    lines : DataFrame
        ``subscription_id`` and ``activated_at`` of the lines, one row per line.

    Returns
    -------
    DataFrame
        One row per period of `SHORTEST_DAYS` or more, and per last period of a line, however
        short: ``subscription_id``, ``inactive_from`` (last activity), ``inactive_to`` (earliest
        next activity; null while the period lasts). Ordered by line, then time.
    """
    # Numbers are sorted several times as fast as texts.
    numbered = lines.sort("subscription_id").with_row_index("line")
    activities = ["SELECT line, activated_at AS first, activated_at AS last FROM lines"]
    if history.has("usage_weeks"):
        activities.append(f"""
            SELECT line, least(week_start_at, last) AS first, last
            FROM (SELECT line, week_start_at, {_USED} AS last FROM ({_known(history, "usage_weeks")}))
            WHERE last IS NOT NULL
        """)
    if history.has("recharges"):
        activities.append(
            f"SELECT line, {HAPPENED}, {HAPPENED} FROM ({_known(history, 'recharges')})"
        )
    with history.database() as database:
        database.register("lines", numbered.to_arrow())
        periods = database.sql(f"""
            SELECT line, inactive_from, inactive_to
            FROM (
                SELECT
                    line,
                    max(last) OVER (so_far ROWS UNBOUNDED PRECEDING) AS inactive_from,
                    lead(first) OVER so_far AS inactive_to
                FROM ({" UNION ALL ".join(activities)})
                WINDOW so_far AS (PARTITION BY line ORDER BY first NULLS FIRST, last NULLS FIRST)
            )
            WHERE inactive_to IS NULL
                OR epoch_us(inactive_to) - epoch_us(inactive_from) >= {SHORTEST_DAYS * _DAY}
            ORDER BY line, inactive_from
        """).pl()
    return periods.select(
        numbered["subscription_id"].gather(periods["line"]),
        pl.col("inactive_from", "inactive_to").cast(UTC_TIME),
    )


def _known(history: RawHistory, table: str) -> str:
    """SQL: rows of the lines, each as last corrected; of two that arrived at once, the later one."""
    keys = ", ".join(f"rows.{key}" for key in TABLES[table].key)
    return f"""
        SELECT lines.line, rows.*
        FROM ({history.rows_sql(table)}) AS rows
        JOIN lines USING (subscription_id)
        QUALIFY row_number() OVER (
            PARTITION BY {keys} ORDER BY {ARRIVED} DESC, file_index DESC, file_row_number DESC
        ) = 1
    """
