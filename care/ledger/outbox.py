"""The outbox: approved decisions on their way, claimed by one worker at a time.

Every method is one transaction. Times are given, never asked of the machine.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.queries import decision_query, decision_row, in_parts, is_halted, move
from care.ledger.rows import Claim, DecisionRow, microseconds
from care.model import DecisionState

Refuses = Callable[[Sequence[DecisionRow]], Mapping[str, str]]
"""Says which decisions may not be sent now, by id, and why."""

_LEASE = timedelta(minutes=5)


class Outbox:
    """What is on its way.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The ledger's database, open.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def claim(
        self, now: datetime, most: int, refuses: Refuses, lease: timedelta = _LEASE
    ) -> list[Claim]:
        """Claim decisions for delivery; the attempt is recorded before anything is sent.

        Parameters
        ----------
        now : datetime
            What time it is (UTC).
        most : int
            Decisions at most.
        refuses : callable
            Asked within the transaction; whoever it refuses is not sent anything.
        lease : timedelta
            How long nobody else may claim them.

        Returns
        -------
        list of Claim
            None while care is halted. Those that are too late have expired.
        """
        at = microseconds(now)
        with self._engine.begin() as connection:
            if is_halted(connection):
                return []
            due = _due(connection, at, most)
            late = [row.decision_id for row in due if row.send_before <= at]
            _end(connection, late, "expired", now, "too late to be sent")
            rows = {row.decision_id: row for row in due if row.send_before > at}
            decisions = _decisions(connection, list(rows))
            refused = refuses([decision for _, decision in decisions])
            for decision_id, why in refused.items():
                _end(connection, [decision_id], "refused", now, why)
            claims = [
                Claim(
                    decision=decision,
                    campaign_id=campaign,
                    token=rows[decision.decision_id].token + 1,
                    attempt=rows[decision.decision_id].attempts + 1,
                )
                for campaign, decision in decisions
                if decision.decision_id not in refused
            ]
            if claims:
                connection.execute(
                    t.OUTBOX.update().where(t.OUTBOX.c.decision_id == sa.bindparam("claimed")),
                    [
                        {
                            "claimed": claim.decision.decision_id,
                            "state": "claimed",
                            "lease_until": microseconds(now + lease),
                            "token": claim.token,
                            "attempts": claim.attempt,
                        }
                        for claim in claims
                    ],
                )
                connection.execute(
                    t.ATTEMPTS.insert(),
                    [
                        {
                            "decision_id": claim.decision.decision_id,
                            "attempt": claim.attempt,
                            "attempted_at": at,
                        }
                        for claim in claims
                    ],
                )
                ids = [claim.decision.decision_id for claim in claims]
                move(connection, ids, "claimed", now, "")
            return claims

    def handed_over(self, claims: Sequence[Claim], at: datetime) -> int:
        """The receiver took them. Claims that another worker has taken over since do not count.

        Returns
        -------
        int
            How many counted.
        """
        return self._close_claims(claims, "handed_over", at, "")

    def give_back(self, claims: Sequence[Claim], at: datetime, next_at: datetime, why: str) -> int:
        """They could not be handed over, and may be claimed again at a later time."""
        with self._engine.begin() as connection:
            kept = _still_held(connection, claims)
            if kept:
                connection.execute(
                    t.OUTBOX.update().where(t.OUTBOX.c.decision_id.in_(kept)),
                    {"state": "approved", "next_at": microseconds(next_at), "lease_until": 0},
                )
            move(connection, kept, "approved", at, why)
            return len(kept)

    def give_up(self, claims: Sequence[Claim], at: datetime, why: str) -> int:
        """They will not be tried again unless a person asks for it."""
        return self._close_claims(claims, "dead", at, why)

    def _close_claims(
        self, claims: Sequence[Claim], state: DecisionState, at: datetime, why: str
    ) -> int:
        with self._engine.begin() as connection:
            held = _still_held(connection, claims)
            _end(connection, held, state, at, why)
            return len(held)


def _due(connection: sa.Connection, at: int, most: int) -> Sequence[sa.Row[tuple[object, ...]]]:
    columns = t.OUTBOX.c
    query = (
        sa.select(t.OUTBOX)
        .where(
            sa.or_(
                sa.and_(columns.state == "approved", columns.next_at <= at),
                # Its worker has not reported in time.
                sa.and_(columns.state == "claimed", columns.lease_until <= at),
            )
        )
        .order_by(columns.next_at, columns.decision_id)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(query).all()


def _decisions(connection: sa.Connection, ids: Sequence[str]) -> list[tuple[str, DecisionRow]]:
    found = [
        (row["campaign_id"], decision_row(row))
        for part in in_parts(ids)
        for row in connection.execute(
            decision_query().where(t.DECISIONS.c.decision_id.in_(part))
        ).mappings()
    ]
    places = {decision_id: place for place, decision_id in enumerate(ids)}
    return sorted(found, key=lambda pair: places[pair[1].decision_id])


def _still_held(connection: sa.Connection, claims: Sequence[Claim]) -> list[str]:
    tokens = {claim.decision.decision_id: claim.token for claim in claims}
    return [
        row.decision_id
        for part in in_parts(list(tokens))
        for row in connection.execute(
            sa.select(t.OUTBOX)
            .where(t.OUTBOX.c.decision_id.in_(part), t.OUTBOX.c.state == "claimed")
            .with_for_update()
        )
        if row.token == tokens[row.decision_id]
    ]


def _end(
    connection: sa.Connection,
    ids: Sequence[str],
    state: DecisionState,
    at: datetime,
    why: str,
) -> None:
    for part in in_parts(ids):
        connection.execute(t.OUTBOX.delete().where(t.OUTBOX.c.decision_id.in_(part)))
    move(connection, ids, state, at, why)
