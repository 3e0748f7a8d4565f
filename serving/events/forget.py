"""Kept answers and ids of events removed from what the service remembers."""

from collections.abc import Collection

import sqlalchemy as sa

from holdfast.home import Home
from serving.access.database import open_requests, requests_path


def forget_requests(home: Home, ids: Collection[str], *, dry_run: bool = False) -> int:
    """Remove what names any of some ids from the service's memory; how many rows.

    That are answers kept for their idempotency key, and ids of events, since whoever sends events
    may put an id of a person into theirs. Deleted rows are overwritten with zeros.

    Parameters
    ----------
    home : Home
        Whose service it is.
    ids : collection of str
        Ids of people.
    dry_run : bool
        Whether to count only.

    Raises
    ------
    HomeError
        The file cannot be written.
    """
    if not requests_path(home).exists():
        return 0
    engine = open_requests(home, durable=True)
    removed = 0
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
            for table, column in _columns(connection):
                place = f"FROM {table} WHERE instr(CAST({column} AS TEXT), ?) > 0"
                for one in sorted(ids):
                    if dry_run:
                        found = connection.exec_driver_sql(f"SELECT count(*) {place}", (one,))
                        removed += int(found.scalar_one())
                    else:
                        removed += connection.exec_driver_sql(f"DELETE {place}", (one,)).rowcount
        if not dry_run:
            # What was deleted also stands in the log beside the file. No transaction may be open.
            raw = engine.raw_connection()
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.close()
    finally:
        engine.dispose()
    return removed


def _columns(connection: sa.Connection) -> list[tuple[str, str]]:
    there = set(sa.inspect(connection).get_table_names())
    wanted = [
        ("idempotent_answers", "key"),
        ("idempotent_answers", "body"),
        ("taken_events", "event_id"),
    ]
    return [(table, column) for table, column in wanted if table in there]
