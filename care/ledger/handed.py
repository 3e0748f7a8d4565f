"""Decisions after their handover: cancelled where somebody has withdrawn since, and breaches.

Every method is one transaction. Times are given, never asked of the machine.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.database import reading
from care.ledger.outbox import FILES, RECEIVER_TOLD
from care.ledger.queries import decision_query, decision_row, in_parts, move
from care.ledger.rows import DecisionRow, microseconds
from care.model import DecisionState

SENT = "sent"
"""Outcome with which a channel says that a message has left it."""


@dataclass(frozen=True, kw_only=True)
class Breaches:
    """Messages that a receiver has sent though it was not to.

    Parameters
    ----------
    late : int
        After the time before which it had to be sent.
    after_cancel : int
        After the receiver had been told that it is cancelled.
    """

    late: int = 0
    after_cancel: int = 0


class Handed:
    """What is with receivers.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The ledger's database, open.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def spoke_since(self, since: datetime) -> set[str]:
        """Customers of whom a statement about consent was recorded at a time or later."""
        query = sa.select(t.CONSENTS.c.customer_id).where(
            t.CONSENTS.c.recorded_at >= microseconds(since)
        )
        with reading(self._engine) as connection:
            return {row[0] for row in connection.execute(query.distinct())}

    def open(self, now: datetime, customers: Collection[str] | None = None) -> list[DecisionRow]:
        """Decisions that were handed over and may still be sent.

        Parameters
        ----------
        now : datetime
            What time it is (UTC).
        customers : collection of str, optional
            About whom. Default: about all.
        """
        query = decision_query().where(
            t.DECISIONS.c.send_before > microseconds(now),
            _has_been("handed_over"),
            ~_has_been("cancelled"),
        )
        with reading(self._engine) as connection:
            if customers is None:
                rows = list(connection.execute(query).mappings())
            else:
                rows = [
                    row
                    for part in in_parts(sorted(customers))
                    for row in connection.execute(
                        query.where(t.DECISIONS.c.customer_id.in_(part))
                    ).mappings()
                ]
        return [decision_row(row) for row in rows]

    def cancel(self, whys: Mapping[str, str], at: datetime) -> int:
        """Cancel decisions that were handed over; receivers of webhooks are told next.

        Parameters
        ----------
        whys : mapping of str to str
            By decision, why.
        at : datetime
            When (UTC).

        Returns
        -------
        int
            Decisions that were not cancelled before.
        """
        with self._engine.begin() as connection:
            rows = [
                row
                for part in in_parts(sorted(whys))
                for row in connection.execute(_last_attempts(part))
            ]
            for row in rows:
                move(connection, [row.decision_id], "cancelled", at, whys[row.decision_id])
            told = [
                {
                    "decision_id": row.decision_id,
                    "kind": "cancel",
                    "channel": row.channel,
                    "receiver": row.receiver,
                    "state": "approved",
                    "next_at": microseconds(at),
                    "send_before": row.send_before,
                    "lease_until": 0,
                    "token": row.attempt,
                    "attempts": 0,
                }
                for row in rows
                if row.receiver != FILES
            ]
            if told:
                connection.execute(t.OUTBOX.insert(), told)
            return len(rows)

    def look_up(self, decision_ids: Collection[str]) -> dict[str, tuple[DecisionRow, str]]:
        """Decisions with their states, by id; those that the ledger does not have are left out."""
        with reading(self._engine) as connection:
            return {
                row["decision_id"]: (decision_row(row), _state(connection, row["decision_id"]))
                for part in in_parts(sorted(decision_ids))
                for row in connection.execute(
                    decision_query().where(t.DECISIONS.c.decision_id.in_(part))
                ).mappings()
            }

    def breaches(self) -> dict[str, Breaches]:
        """By receiver, decisions whose messages were reported as sent when they must not be."""
        sent = (
            sa.select(t.OUTCOMES.c.decision_id, sa.func.max(t.OUTCOMES.c.happened_at).label("at"))
            .where(t.OUTCOMES.c.outcome == SENT, t.OUTCOMES.c.value > 0)
            .group_by(t.OUTCOMES.c.decision_id)
            .subquery()
        )
        told = sa.exists().where(
            t.TRANSITIONS.c.decision_id == sent.c.decision_id,
            t.TRANSITIONS.c.state == "cancelled",
            t.TRANSITIONS.c.why == RECEIVER_TOLD,
            t.TRANSITIONS.c.at < sent.c.at,
        )
        # A decision has gone to one receiver, if to any.
        receiver = (
            sa.select(sa.func.max(t.ATTEMPTS.c.receiver))
            .where(t.ATTEMPTS.c.decision_id == sent.c.decision_id)
            .scalar_subquery()
        )
        query = sa.select(
            receiver.label("receiver"),
            (sent.c.at > t.DECISIONS.c.send_before).label("late"),
            told.label("after_cancel"),
        ).join(t.DECISIONS, t.DECISIONS.c.decision_id == sent.c.decision_id)
        counts: dict[str, Breaches] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                if row.receiver is not None and (row.late or row.after_cancel):
                    so_far = counts.get(row.receiver, Breaches())
                    counts[row.receiver] = Breaches(
                        late=so_far.late + bool(row.late),
                        after_cancel=so_far.after_cancel + bool(row.after_cancel),
                    )
        return counts


def _has_been(state: DecisionState) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        t.TRANSITIONS.c.decision_id == t.DECISIONS.c.decision_id, t.TRANSITIONS.c.state == state
    )


def _last_attempts(ids: Collection[str]) -> sa.Select[Any]:
    """Decisions that are handed over and not cancelled, each with its last attempt."""
    last = (
        sa.select(t.ATTEMPTS.c.decision_id, sa.func.max(t.ATTEMPTS.c.attempt).label("attempt"))
        .where(t.ATTEMPTS.c.decision_id.in_(ids))
        .group_by(t.ATTEMPTS.c.decision_id)
        .subquery()
    )
    return (
        sa.select(
            t.DECISIONS.c.decision_id,
            t.DECISIONS.c.channel,
            t.DECISIONS.c.send_before,
            t.ATTEMPTS.c.receiver,
            t.ATTEMPTS.c.attempt,
        )
        .join(last, last.c.decision_id == t.DECISIONS.c.decision_id)
        .join(
            t.ATTEMPTS,
            sa.and_(
                t.ATTEMPTS.c.decision_id == last.c.decision_id,
                t.ATTEMPTS.c.attempt == last.c.attempt,
            ),
        )
        .where(_has_been("handed_over"), ~_has_been("cancelled"))
    )


def _state(connection: sa.Connection, decision_id: str) -> str:
    query = (
        sa.select(t.TRANSITIONS.c.state)
        .where(t.TRANSITIONS.c.decision_id == decision_id)
        .order_by(t.TRANSITIONS.c.number.desc())
        .limit(1)
    )
    return str(connection.execute(query).scalar())
