"""Outcomes of decisions in the ledger, as channels report them."""

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.queries import in_parts
from care.ledger.rows import OutcomeRow, microseconds, moment

OutcomeFate = Literal["taken", "repeated", "differs", "unknown"]
"""What became of an outcome: it counts; it was told before; it was told before with another value,
which stands; or it is about no decision of the ledger.
"""

_KEY = (t.OUTCOMES.c.decision_id, t.OUTCOMES.c.outcome, t.OUTCOMES.c.happened_at)


def record_outcomes(connection: sa.Connection, outcomes: Sequence[OutcomeRow]) -> list[OutcomeFate]:
    """Keep outcomes, in whatever order and however often they are told; what became of each."""
    ids = sorted({outcome.decision_id for outcome in outcomes})
    known = {
        row[0]
        for part in in_parts(ids)
        for row in connection.execute(
            sa.select(t.DECISIONS.c.decision_id).where(t.DECISIONS.c.decision_id.in_(part))
        )
    }
    there = {
        (row[0], row[1], row[2]): row[3]
        for part in in_parts(sorted(known))
        for row in connection.execute(sa.select(*_KEY, t.OUTCOMES.c.value).where(_KEY[0].in_(part)))
    }
    fates: list[OutcomeFate] = []
    added = []
    for one in outcomes:
        key = (one.decision_id, one.outcome, microseconds(one.happened_at))
        if one.decision_id not in known:
            fates.append("unknown")
        elif key in there:
            fates.append("repeated" if there[key] == one.value else "differs")
        else:
            fates.append("taken")
            there[key] = one.value
            added.append(
                {
                    "decision_id": one.decision_id,
                    "outcome": one.outcome,
                    "happened_at": key[2],
                    "value": one.value,
                    "reported_at": microseconds(one.reported_at),
                }
            )
    if added:
        connection.execute(t.OUTCOMES.insert(), added)
    return fates


def reported_of(connection: sa.Connection, decision_id: str) -> list[dict[str, Any]]:
    """What channels reported of a decision, as JSON objects, the first first."""
    query = (
        sa.select(t.OUTCOMES)
        .where(t.OUTCOMES.c.decision_id == decision_id)
        .order_by(t.OUTCOMES.c.happened_at, t.OUTCOMES.c.outcome)
    )
    return [
        {
            "outcome": row["outcome"],
            "value": row["value"],
            "happened_at": moment(row["happened_at"]).isoformat(),
            "reported_at": moment(row["reported_at"]).isoformat(),
        }
        for row in connection.execute(query).mappings()
    ]
