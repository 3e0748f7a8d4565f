# ruff: noqa: S608  # names in queries come from paths, never from rows
"""What is known of customers' numbers on do-not-call registers."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

import duckdb

from features.contracts.vocabulary import ARRIVED, HAPPENED, LISTED, NOT_LISTED
from features.sql.expressions import files_sql, text_sql

SCREENINGS = "do_not_call_screenings"
"""The raw table that says it."""

_MEMORY_GB = 1.0


def screenings_known(
    raw: Path, at: datetime, customers: Collection[str] | None = None
) -> tuple[list[str], list[bool | None], list[int]]:
    """What comparisons with registers say of customers, as known at a time.

    Of each register counts what it was last compared with; all registers that a customer was ever
    compared with count together.

    Parameters
    ----------
    raw : Path
        Directory of the raw store; the table may be absent.
    at : datetime
        Rows that arrived, or comparisons made, later are left out (UTC).
    customers : collection of str, optional
        About whom. Default: about all.

    Returns
    -------
    customers : list of n str
        Who was compared, in order.
    listed : list of n bool or None
        Whether any register has a number of each; None where none has, and the result of one is no
        known one.
    screened_at : list of n int
        When the register was compared that was compared longest ago, microseconds since 1970 in UTC.
    """
    files = sorted((raw / SCREENINGS).glob("*.parquet"))
    if not files:
        return [], [], []
    whose = "" if customers is None else "AND list_contains($whose, customer_id)"
    with duckdb.connect(config={"memory_limit": f"{_MEMORY_GB}GB"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        known = connection.execute(
            f"""
            WITH last AS (
                SELECT customer_id, register, max({HAPPENED}) AS {HAPPENED},
                    max_by(result, ({HAPPENED}, {ARRIVED})) AS result
                FROM {files_sql(files)}
                WHERE {ARRIVED} <= $at AND {HAPPENED} <= $at {whose}
                GROUP BY ALL
            )
            SELECT customer_id,
                CASE WHEN bool_or(result = {text_sql(LISTED)}) THEN true
                    WHEN bool_and(result = {text_sql(NOT_LISTED)}) THEN false END AS is_listed,
                epoch_us(min({HAPPENED})) AS screened_at
            FROM last GROUP BY customer_id ORDER BY customer_id
            """,
            {"at": at} | ({} if customers is None else {"whose": sorted(customers)}),
        ).to_arrow_table()
    names, listed, times = (column.to_pylist() for column in known.columns)
    return names, listed, times
