"""Which events were taken: their ids and digests, kept for a while."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from serving.access.database import requests_metadata

KEPT = timedelta(days=30)
"""How long the id of an event is remembered. After it, the row itself still counts once."""

_MOST_IN_STATEMENT = 500

_taken = sa.Table(
    "taken_events",
    requests_metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("taken_at", sa.Float, nullable=False, index=True),
)

_held = sa.Table(
    "held_events",
    requests_metadata,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("sha256", sa.String, nullable=False),
    sa.Column("taken_at", sa.Float, nullable=False, index=True),
)


class TakenEvents:
    """The memory of events taken, and of those held, shared by all processes of the service.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        As `serving.access.database.open_requests` gives it.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def known(self, ids: list[str]) -> dict[str, str]:
        """Digests of those of some events that were taken, by id."""
        return self._digests(_taken, ids)

    def held(self, ids: list[str]) -> dict[str, str]:
        """Digests of those of some events that were held when they were sent, by id."""
        return self._digests(_held, ids)

    def _digests(self, table: sa.Table, ids: list[str]) -> dict[str, str]:
        digests: dict[str, str] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(ids), _MOST_IN_STATEMENT):
                some = ids[start : start + _MOST_IN_STATEMENT]
                query = sa.select(table.c.event_id, table.c.sha256)
                rows = connection.execute(query.where(table.c.event_id.in_(some)))
                digests.update({row.event_id: row.sha256 for row in rows})
        return digests

    def add(self, taken: Mapping[str, str], held: Mapping[str, str], at: datetime) -> None:
        """Remember events by their digests, and forget those from longer than `KEPT` ago."""
        if not taken and not held:
            return
        with self._engine.begin() as connection:
            for table, digests in ((_taken, taken), (_held, held)):
                rows = [
                    {"event_id": event, "sha256": digest, "taken_at": at.timestamp()}
                    for event, digest in digests.items()
                ]
                if rows:
                    # Another process may have taken the same event a moment ago.
                    connection.execute(sa.insert(table).prefix_with("OR IGNORE"), rows)
                old = (at - KEPT).timestamp()
                connection.execute(sa.delete(table).where(table.c.taken_at < old))
