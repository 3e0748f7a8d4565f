"""What the operator's own tables say came of decisions and of campaigns, as nights find it."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.database import reading
from care.ledger.queries import decision_query, decision_row, insert_missing, next_number
from care.ledger.rows import DecisionRow, MaturedOutcome, microseconds, moment


class Measured:
    """What nights found out, in a ledger.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The ledger's database, open.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def unmatured(self, before: datetime) -> list[tuple[datetime, DecisionRow]]:
        """Decisions of approved plans made before a time, of which it is not recorded yet whether
        the line was lost, with when they were made.
        """
        query = (
            decision_query()
            .join(t.APPROVALS, t.APPROVALS.c.plan_id == t.DECISIONS.c.plan_id)
            .join(t.MATURED, t.MATURED.c.decision_id == t.DECISIONS.c.decision_id, isouter=True)
            .where(
                t.MATURED.c.decision_id.is_(None),
                t.DECISIONS.c.decided_at <= microseconds(before),
            )
            .order_by(t.DECISIONS.c.decided_at, t.DECISIONS.c.decision_id)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [(moment(row["decided_at"]), decision_row(row)) for row in rows]

    def record_matured(self, outcomes: Collection[MaturedOutcome], at: datetime) -> None:
        """Keep whether lines were lost; what is recorded stands."""
        rows = [
            {
                "decision_id": one.decision_id,
                "is_lost": one.is_lost,
                "matured_at": microseconds(one.matured_at),
                "recorded_at": microseconds(at),
            }
            for one in outcomes
        ]
        if rows:
            with self._engine.begin() as connection:
                insert_missing(connection, t.MATURED, rows)

    def matured(self) -> list[MaturedOutcome]:
        """All that is recorded, by decision."""
        query = sa.select(t.MATURED).order_by(t.MATURED.c.decision_id)
        with reading(self._engine) as connection:
            return [
                MaturedOutcome(
                    decision_id=row.decision_id,
                    is_lost=row.is_lost,
                    matured_at=moment(row.matured_at),
                )
                for row in connection.execute(query)
            ]

    def record_campaign(
        self, campaign_id: str, document: Mapping[str, object], at: datetime
    ) -> bool:
        """Keep what is known of a campaign; whether it is another than what was known last."""
        newest = (
            sa.select(t.MEASUREMENTS.c.document)
            .where(t.MEASUREMENTS.c.campaign_id == campaign_id)
            .order_by(t.MEASUREMENTS.c.number.desc())
            .limit(1)
        )
        with self._engine.begin() as connection:
            number = next_number(connection, t.MEASUREMENTS)
            if connection.execute(newest).scalar() == dict(document):
                return False
            connection.execute(
                t.MEASUREMENTS.insert(),
                {
                    "number": number,
                    "campaign_id": campaign_id,
                    "document": dict(document),
                    "measured_at": microseconds(at),
                },
            )
        return True

    def campaign(self, campaign_id: str) -> tuple[datetime, dict[str, Any]] | None:
        """What was found out of a campaign last, and when; None where no night measured it yet."""
        query = (
            sa.select(t.MEASUREMENTS)
            .where(t.MEASUREMENTS.c.campaign_id == campaign_id)
            .order_by(t.MEASUREMENTS.c.number.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else (moment(row.measured_at), row.document)

    def extent(self) -> dict[str, int]:
        """Rows of the tables that a night's care rests on: they only ever grow."""
        counted = (t.PLANS, t.APPROVALS, t.RULES, t.TRANSITIONS, t.OUTCOMES, t.CONSENTS, t.HALTS)
        with reading(self._engine) as connection:
            return {
                table.name: connection.execute(
                    sa.select(sa.func.count()).select_from(table)
                ).scalar_one()
                for table in counted
            }
