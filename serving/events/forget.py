"""Kept answers and ids of events removed from what the service remembers."""

import re
from collections.abc import Collection
from typing import Any

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

    An id is named where it stands by itself: ``C1`` is not named by ``C10``.

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
            driver: Any = connection.connection.driver_connection
            driver.create_function("stands_alone", 2, _stands_alone, deterministic=True)
            for table, column in _columns(connection):
                text = f"CAST({column} AS TEXT)"
                place = f"FROM {table} WHERE instr({text}, ?) > 0 AND stands_alone({text}, ?)"
                for one in sorted(ids):
                    if dry_run:
                        found = connection.exec_driver_sql(f"SELECT count(*) {place}", (one, one))
                        removed += int(found.scalar_one())
                    else:
                        removed += connection.exec_driver_sql(
                            f"DELETE {place}", (one, one)
                        ).rowcount
        if not dry_run:
            # What was deleted also stands in the log beside the file. No transaction may be open.
            raw = engine.raw_connection()
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.close()
    finally:
        engine.dispose()
    return removed


def _stands_alone(text: str, one: str) -> bool:
    """Whether an id stands in a text without a digit beside its own digit, or a letter beside its own
    letter, which would make it part of another.
    """
    before, after = (_edge(one[place]) for place in (0, -1))
    return re.search(f"(?<!{before}){re.escape(one)}(?!{after})", text) is not None


def _edge(character: str) -> str:
    """Pattern of the characters that would go on with an id that has a character at its edge."""
    if character.isdigit():
        return r"\d"
    return r"[^\W\d_]" if character.isalpha() else r"[^\s\S]"


def _columns(connection: sa.Connection) -> list[tuple[str, str]]:
    there = set(sa.inspect(connection).get_table_names())
    wanted = [
        ("idempotent_answers", "key"),
        ("idempotent_answers", "body"),
        ("taken_events", "event_id"),
    ]
    return [(table, column) for table, column in wanted if table in there]
