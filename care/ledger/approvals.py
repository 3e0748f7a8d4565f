"""Approvals in the ledger: who approved which plan, and which campaigns are approved in advance."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.database import reading
from care.ledger.queries import next_number
from care.ledger.rows import ApprovalRow, ApprovalRule, Approver, microseconds, moment


class Approvals:
    """The approvals of a ledger.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The ledger's database, open.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def of_plan(self, plan_id: str) -> ApprovalRow | None:
        """Who approved a plan; None where nobody has."""
        query = sa.select(t.APPROVALS).where(t.APPROVALS.c.plan_id == plan_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _approval(row)

    def of_campaign(self, campaign_id: str) -> list[ApprovalRow]:
        """Who approved which plans of a campaign, the first plan first."""
        return [approval for approval, _ in self.since(campaign_id, moment(0))]

    def since(self, campaign_id: str, first: datetime) -> list[tuple[ApprovalRow, dict[str, int]]]:
        """Approvals of a campaign's plans from a time on, with what each plan came to."""
        query = (
            sa.select(t.APPROVALS, t.PLANS.c.about)
            .join(t.PLANS, t.PLANS.c.plan_id == t.APPROVALS.c.plan_id)
            .where(
                t.PLANS.c.campaign_id == campaign_id,
                t.APPROVALS.c.approved_at >= microseconds(first),
            )
            .order_by(t.PLANS.c.number)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [(_approval(row), row["about"]) for row in rows]

    def record_rule(self, rule: ApprovalRule) -> None:
        """Approve a campaign's plans in advance; the newest rule of a campaign counts."""
        self._add(rule, is_ended=False)

    def end_rule(self, rule: ApprovalRule, by: Approver, at: datetime) -> None:
        """Approve nothing more of a campaign in advance."""
        ended = ApprovalRule(
            campaign_id=rule.campaign_id,
            digest=rule.digest,
            most_messages=rule.most_messages,
            most_cost=rule.most_cost,
            by=by,
            at=at,
        )
        self._add(ended, is_ended=True)

    def rules(self) -> list[ApprovalRule]:
        """Rules that count, one per campaign, by its name."""
        newest = sa.select(sa.func.max(t.RULES.c.number)).group_by(t.RULES.c.campaign_id)
        query = (
            sa.select(t.RULES)
            .where(t.RULES.c.number.in_(newest), sa.not_(t.RULES.c.is_ended))
            .order_by(t.RULES.c.campaign_id)
        )
        with reading(self._engine) as connection:
            rows: Sequence[sa.RowMapping] = connection.execute(query).mappings().all()
        return [
            ApprovalRule(
                campaign_id=row["campaign_id"],
                digest=row["digest"],
                most_messages=row["most_messages"],
                most_cost=row["most_cost"],
                by=_approver(row),
                at=moment(row["approved_at"]),
            )
            for row in rows
        ]

    def rule_of(self, campaign_id: str) -> ApprovalRule | None:
        """The rule that counts for a campaign; None where its plans wait for a person."""
        return next((rule for rule in self.rules() if rule.campaign_id == campaign_id), None)

    def _add(self, rule: ApprovalRule, *, is_ended: bool) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                t.RULES.insert(),
                {
                    "number": next_number(connection, t.RULES),
                    "campaign_id": rule.campaign_id,
                    "digest": rule.digest,
                    "most_messages": rule.most_messages,
                    "most_cost": rule.most_cost,
                    "is_ended": is_ended,
                    "approved_by": rule.by.name,
                    "how": rule.by.how,
                    "key": rule.by.key,
                    "approved_at": microseconds(rule.at),
                },
            )


def _approver(row: sa.RowMapping) -> Approver:
    return Approver(name=row["approved_by"], how=row["how"], key=row["key"])


def _approval(row: sa.RowMapping) -> ApprovalRow:
    return ApprovalRow(
        plan_id=row["plan_id"],
        digest=row["digest"],
        by=_approver(row),
        at=moment(row["approved_at"]),
    )
