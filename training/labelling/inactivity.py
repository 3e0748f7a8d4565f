# ruff: noqa: S608  # names in queries come from contracts and from paths
"""Inactive periods of prepaid lines, which are lost by inactivity and may come back.

Usage is recorded per week: the last use of each week is known, the first is not. An inactive period
therefore begins at a last use, a recharge or the activation. It ends, at the earliest, at the start
of the next week with use, or at a recharge. A week without a row counts as a week without use.

Of lines that have no weeks, days of use take their place. Of those that have both, weeks decide:
labels stay the same when an operator begins to send days.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from training.labelling.history import UTC_TIME, RawHistory

SHORTEST_DAYS = 7
"""Shorter inactive periods are left out."""

_DAY = 86_400_000_000
"""In microseconds."""


@dataclass(frozen=True)
class UseTable:
    """A table of use, of one row per line and week, or per line and day.

    Parameters
    ----------
    name : str
        The raw table.
    start : str
        Its column of the week's or the day's start.
    is_used : str
        SQL condition: the row says that there was any use.
    """

    name: str
    start: str
    is_used: str

    @property
    def last_use(self) -> str:
        """SQL: the last use by the row's end; null without one.

        Without the time of the last use, a row with any use may have had it at its very end.
        """
        return f"""
            CASE
                WHEN last_used_at IS NOT NULL THEN least(last_used_at, {HAPPENED})
                WHEN {self.is_used} THEN {HAPPENED}
            END
        """


_USE_TABLES = (
    UseTable("usage_weeks", "week_start_at", "minutes > 0 OR data_gb > 0 OR zero_use_days < 7"),
    UseTable("usage_days", "day_start_at", "coalesce(is_used, minutes > 0 OR data_gb > 0)"),
)


def use_table(history: RawHistory) -> UseTable | None:
    """The first table of use that is there; None where nothing is known of use."""
    return next((table for table in _USE_TABLES if history.has(table.name)), None)


def usage_end(history: RawHistory) -> datetime:
    """End of the newest week or day of usage, or the data's end where that is earlier."""
    table = use_table(history)
    if table is None:
        return history.end
    with history.database() as database:
        (newest,) = database.sql(
            f"SELECT max({HAPPENED}) FROM ({history.rows_sql(table.name)})"
        ).fetchall()[0]
    return history.end if newest is None else min(newest, history.end)


def usage_begin(history: RawHistory, use: UseTable) -> datetime | None:
    """Begin of the oldest week or day of usage; None without rows."""
    with history.database() as database:
        found = database.sql(f"SELECT min({use.start}) FROM ({history.rows_sql(use.name)})")
        oldest: datetime | None = found.fetchall()[0][0]
    return oldest


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
    activities += _uses(history)
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


def _uses(history: RawHistory) -> Iterator[str]:
    """SQL: the first and last use of every week; of every day, of lines that have no weeks."""
    others = "true"
    for use in _USE_TABLES:
        if not history.has(use.name):
            continue
        yield f"""
            SELECT line, least({use.start}, last) AS first, last
            FROM (SELECT line, {use.start}, {use.last_use} AS last FROM ({_known(history, use.name)}))
            WHERE last IS NOT NULL AND {others}
        """
        others = f"""
            line NOT IN (
                SELECT lines.line
                FROM ({history.rows_sql(use.name)}) AS rows JOIN lines USING (subscription_id)
            )
        """


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
