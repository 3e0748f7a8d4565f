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


class TakenEvents:
    """The memory of events taken, shared by all processes of the service.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        As `serving.access.database.open_requests` gives it.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def known(self, ids: list[str]) -> dict[str, str]:
        """Digests of those of some events that were taken, by id."""
        digests: dict[str, str] = {}
        with self._engine.connect() as connection:
            for start in range(0, len(ids), _MOST_IN_STATEMENT):
                some = ids[start : start + _MOST_IN_STATEMENT]
                query = sa.select(_taken.c.event_id, _taken.c.sha256)
                rows = connection.execute(query.where(_taken.c.event_id.in_(some)))
                digests.update({row.event_id: row.sha256 for row in rows})
        return digests

    def add(self, digests: Mapping[str, str], at: datetime) -> None:
        """Remember events, and forget those taken longer than `KEPT` ago."""
        if not digests:
            return
        rows = [
            {"event_id": event, "sha256": digest, "taken_at": at.timestamp()}
            for event, digest in digests.items()
        ]
        with self._engine.begin() as connection:
            # Another process may have taken the same event a moment ago.
            connection.execute(sa.insert(_taken).prefix_with("OR IGNORE"), rows)
            old = (at - KEPT).timestamp()
            connection.execute(sa.delete(_taken).where(_taken.c.taken_at < old))
