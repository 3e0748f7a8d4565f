"""Pieces of SQL that queries are put together from.

They are text alone: this module needs no library, so that the feature catalogue is read in no time.
"""

from datetime import UTC, datetime
from glob import escape
from pathlib import Path

from features.contracts.vocabulary import ARRIVED, HAPPENED

WINDOW_DAYS = 182
"""The longest window, in days.

No feature asks what happened earlier, except of states and of the tables that
`features.sql.raw` names as unbounded.
"""


def known(table: str, cutoff: str) -> str:
    """SQL condition: the row of event table `table` is known at `cutoff` and counts then."""
    return (
        f"{table}.{ARRIVED} <= {cutoff} AND {table}.{HAPPENED} <= {cutoff}"
        f" AND ({table}.superseded_at IS NULL OR {table}.superseded_at > {cutoff})"
    )


def within(table: str, cutoff: str, days: int, column: str = HAPPENED) -> str:
    """SQL condition: the time lies in the window of that many days up to the cut-off."""
    return (
        f"{table}.{column} > {cutoff} - INTERVAL {days * 24} HOUR AND {table}.{column} <= {cutoff}"
    )


def days_between(earlier: str, later: str) -> str:
    """SQL: days from one time to another, fractional, negative in the other order."""
    return f"((epoch_us({later}) - epoch_us({earlier})) / 86400000000.0)"


def files_sql(paths: list[Path]) -> str:
    """SQL: a scan of parquet files."""
    return f"read_parquet([{', '.join(text_sql(escape(str(path))) for path in paths)}])"


def text_sql(text: str) -> str:
    """SQL: a text literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """SQL: a column's name; `order` is one."""
    return f'"{name}"'


def time_sql(at: datetime) -> str:
    """SQL: a time in UTC, as feature queries see times."""
    return f"TIMESTAMP '{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
