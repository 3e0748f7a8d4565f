"""Consents in the ledger: the one store that care asks whether somebody may be contacted.

They come in by three ways: the night's raw tables, live events, and requests. Each statement is a
row, kept once however often it comes, and never changed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from care.consents import ASKED_PURPOSES, ConsentsInForce, ConsentStatement
from care.ledger import tables as t
from care.ledger.database import reading
from care.ledger.queries import among, in_parts, insert_missing, next_number
from care.ledger.rows import microseconds, moment

ConsentSource = Literal["raw", "event", "request"]
"""How a statement came in first."""

_KEY = (
    t.CONSENTS.c.customer_id,
    t.CONSENTS.c.purpose,
    t.CONSENTS.c.channel,
    t.CONSENTS.c.happened_at,
    t.CONSENTS.c.is_granted,
)


@dataclass(frozen=True, kw_only=True)
class RecordedConsent:
    """What became of a statement.

    Parameters
    ----------
    is_new : bool
        Whether the ledger did not have it.
    at : datetime
        When the ledger got it first (UTC).
    """

    is_new: bool
    at: datetime


class Consents:
    """The consents of a ledger.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The ledger's database, open.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def record(
        self, statements: Sequence[ConsentStatement], source: ConsentSource, at: datetime
    ) -> list[RecordedConsent]:
        """Keep statements, in whatever order and however often they come.

        Parameters
        ----------
        statements : sequence of ConsentStatement
            n of them.
        source : {"raw", "event", "request"}
            How they came in.
        at : datetime
            When (UTC).

        Returns
        -------
        list of RecordedConsent
            n of them: new where it was not there before, nor earlier in the sequence.
        """
        with self._engine.begin() as connection:
            there = {
                (row[0], row[1], row[2], row[3], row[4]): row[5]
                for part in in_parts(sorted({one.customer_id for one in statements}))
                for row in connection.execute(
                    sa.select(*_KEY, t.CONSENTS.c.recorded_at).where(_KEY[0].in_(part))
                )
            }
            recorded, rows = [], []
            for one in statements:
                key = _key_of(one)
                is_new = key not in there
                if is_new:
                    there[key] = microseconds(at)
                    rows.append(_row(key, source, at))
                recorded.append(RecordedConsent(is_new=is_new, at=moment(there[key])))
            if rows:
                # Another process may have been faster; then it is the same statement.
                insert_missing(connection, t.CONSENTS, rows)
        return recorded

    def merge(
        self,
        statements: Iterable[Sequence[tuple[str, str, str, int, bool]]],
        digest: str,
        at: datetime,
    ) -> int:
        """Keep all statements of a part of the raw table, in one transaction.

        Parameters
        ----------
        statements : iterable of sequence of (str, str, str, int, bool)
            So many at a time as memory holds: customer_id, purpose, channel, happened_at
            (microseconds since 1970, UTC), is_granted.
        digest : str
            Of the part (see `merged`).
        at : datetime
            When (UTC).

        Returns
        -------
        int
            How many were not there before.
        """
        with self._engine.begin() as connection:
            before = _count(connection)
            for keys in filter(None, statements):
                insert_missing(connection, t.CONSENTS, [_row(key, "raw", at) for key in keys])
            new = _count(connection) - before
            connection.execute(
                t.CONSENT_MERGES.insert(),
                {
                    "number": next_number(connection, t.CONSENT_MERGES),
                    "digest": digest,
                    "new": new,
                    "at": microseconds(at),
                },
            )
        return new

    def merged(self) -> frozenset[str]:
        """Digests of all parts that were ever merged."""
        with reading(self._engine) as connection:
            return frozenset(connection.execute(sa.select(t.CONSENT_MERGES.c.digest)).scalars())

    def in_force(self, at: datetime, customers: Collection[str] | None = None) -> ConsentsInForce:
        """What is in force at a time, of the purposes that contact policy asks about.

        Parameters
        ----------
        at : datetime
            What is said to happen later does not count yet (UTC).
        customers : collection of str, optional
            Of whom. Default: of all.
        """
        strongest = sa.func.max(
            2 * t.CONSENTS.c.happened_at + sa.case((t.CONSENTS.c.is_granted, 0), else_=1)
        )
        query = (
            sa.select(*_KEY[:3], strongest, sa.func.count())
            .where(
                t.CONSENTS.c.happened_at <= microseconds(at),
                t.CONSENTS.c.purpose.in_(ASKED_PURPOSES),
            )
            .group_by(*_KEY[:3])
        )
        with reading(self._engine) as connection:
            if customers is None:
                return ConsentsInForce.of(
                    (row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(query)
                )
            return ConsentsInForce.of(
                (row[0], row[1], row[2], row[3], row[4])
                for part in in_parts(sorted(customers))
                for row in connection.execute(query.where(among(connection, _KEY[0], part)))
            )

    def about(self, customers: Collection[str]) -> list[dict[str, Any]]:
        """All that some customers ever said, as JSON objects, the first first."""
        query = sa.select(t.CONSENTS).order_by(t.CONSENTS.c.happened_at)
        with reading(self._engine) as connection:
            return [
                {
                    **row,
                    "happened_at": moment(row["happened_at"]).isoformat(),
                    "recorded_at": moment(row["recorded_at"]).isoformat(),
                }
                for part in in_parts(sorted(customers))
                for row in connection.execute(query.where(_KEY[0].in_(part))).mappings()
            ]


def _key_of(one: ConsentStatement) -> tuple[str, str, str, int, bool]:
    happened = microseconds(one.happened_at)
    return (one.customer_id, one.purpose, one.channel, happened, one.is_granted)


def _row(
    key: tuple[str, str, str, int, bool], source: ConsentSource, at: datetime
) -> dict[str, object]:
    named = dict(zip([column.name for column in _KEY], key, strict=True))
    return named | {"source": source, "recorded_at": microseconds(at)}


def _count(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(t.CONSENTS)).scalar_one()
