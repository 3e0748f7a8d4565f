"""The ledger: plans, their approval, what is on its way, and what came of it.

Every method is one transaction. Times are given, never asked of the machine.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.approvals import Approvals
from care.ledger.consents import Consents
from care.ledger.database import open_database, reading
from care.ledger.export import Exports
from care.ledger.handed import Handed
from care.ledger.measured import Measured
from care.ledger.outbox import Outbox
from care.ledger.outcomes import OutcomeFate, record_outcomes, reported_of
from care.ledger.queries import decision_query, decision_row, is_halted, move, next_number
from care.ledger.rows import (
    Approver,
    CampaignRow,
    DecisionRow,
    OutcomeRow,
    PlanRow,
    microseconds,
    moment,
    require_name,
)
from care.ledger.work import Jobs, WorkLease
from holdfast.documents import to_document
from holdfast.errors import InputError
from holdfast.failpoint import Failpoint, no_failpoint

RESTORE_SALT = (
    "must be the file that the ledger's arms were drawn with, since another one draws others; put"
    " `care/salt` back from a backup of the home, or from the home that planned with this ledger"
)
"""Rule that a missing or another salt breaks, with what to do."""


class Ledger:
    """The ledger of a home.

    Parameters
    ----------
    url : str
        SQLAlchemy URL of its database: SQLite or PostgreSQL.
    failpoint : Failpoint, optional
        Called within transactions, before they end.

    Raises
    ------
    InputError
        The database cannot be opened.
    """

    def __init__(self, url: str, failpoint: Failpoint = no_failpoint) -> None:
        self._engine = open_database(url)
        self._failpoint = failpoint
        self.outbox = Outbox(self._engine, failpoint)
        self.work_lease = WorkLease(self._engine)
        self.jobs = Jobs(self._engine)
        self.handed = Handed(self._engine)
        self.consents = Consents(self._engine)
        self.approvals = Approvals(self._engine)
        self.measured = Measured(self._engine)
        self.exports = Exports(self._engine)

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def record_plan(
        self, plan: PlanRow, campaign: Mapping[str, object], decisions: Iterable[DecisionRow]
    ) -> bool:
        """Keep a plan with its decisions.

        Parameters
        ----------
        plan : PlanRow
            The plan.
        campaign : mapping
            The campaign's document.
        decisions : iterable of DecisionRow
            Of everybody who is sent something or withheld.

        Returns
        -------
        bool
            False where the very plan is there already.
        """
        at = microseconds(plan.made_at)
        with self._engine.begin() as connection:
            # First, so that whoever records the very plan at the same time waits here.
            number = next_number(connection, t.PLANS)
            if self._plan(connection, plan.plan_id) is not None:
                return False
            known = sa.select(t.CAMPAIGNS.c.digest).where(
                t.CAMPAIGNS.c.campaign_id == plan.campaign_id,
                t.CAMPAIGNS.c.digest == plan.campaign_digest,
            )
            if connection.execute(known).first() is None:
                connection.execute(
                    t.CAMPAIGNS.insert(),
                    {
                        "campaign_id": plan.campaign_id,
                        "digest": plan.campaign_digest,
                        "document": dict(campaign),
                        "recorded_at": at,
                    },
                )
            row = {**to_document(plan), "number": number, "made_at": at}
            connection.execute(t.PLANS.insert(), row)
            stored = [_stored(decision, plan, at) for decision in decisions]
            if stored:
                connection.execute(t.DECISIONS.insert(), [row for row, _, _ in stored])
                connection.execute(t.TRANSITIONS.insert(), [row for _, row, _ in stored])
                connection.execute(t.MESSAGE_FIELDS.insert(), [row for _, _, row in stored])
            self._failpoint("in_plan")
        return True

    @property
    def has_arms(self) -> bool:
        """Whether any decision has an arm."""
        with reading(self._engine) as connection:
            return _has_arms(connection)

    def keep_salt(self, salt: str, at: datetime) -> None:
        """Keep the digest of the salt that arms are drawn with, and refuse another one: it would
        draw others, and treat who was withheld.

        A ledger with arms and without a digest was written by an earlier release: its home's salt
        counts as theirs. Before the first arm is drawn, another salt may take the place of one.

        Parameters
        ----------
        salt : str
            Secret of the home.
        at : datetime
            When (UTC).

        Raises
        ------
        InputError
            The ledger's arms were drawn with another one.
        """
        digest = hashlib.sha256(f"holdfast care/salt {salt}".encode()).hexdigest()
        newest = sa.select(t.SALTS.c.digest).order_by(t.SALTS.c.number.desc()).limit(1)
        with self._engine.begin() as connection:
            number = next_number(connection, t.SALTS)
            kept = connection.execute(newest).scalar()
            if kept == digest:
                return
            if kept is not None and _has_arms(connection):
                # The salt is a secret: it is not shown.
                raise InputError("care/salt", RESTORE_SALT)
            row = {"number": number, "digest": digest, "kept_at": microseconds(at)}
            connection.execute(t.SALTS.insert(), row)

    def campaigns(self) -> list[CampaignRow]:
        """All campaigns that were ever planned, each as it was last, by name."""
        query = sa.select(t.CAMPAIGNS).order_by(
            t.CAMPAIGNS.c.campaign_id, t.CAMPAIGNS.c.recorded_at
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        last = {row.campaign_id: row.document for row in rows}
        return [CampaignRow(campaign_id=name, document=document) for name, document in last.items()]

    def outcomes(self, campaign_id: str) -> dict[str, int]:
        """How many decisions of a campaign have each outcome above 0, as channels report them."""
        query = (
            sa.select(t.OUTCOMES.c.outcome, sa.func.count(sa.distinct(t.OUTCOMES.c.decision_id)))
            .join(t.DECISIONS, t.DECISIONS.c.decision_id == t.OUTCOMES.c.decision_id)
            .where(t.DECISIONS.c.campaign_id == campaign_id, t.OUTCOMES.c.value > 0)
            .group_by(t.OUTCOMES.c.outcome)
            .order_by(t.OUTCOMES.c.outcome)
        )
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def reporting(self, campaign_id: str, outcomes: Collection[str]) -> frozenset[str]:
        """Households of a campaign of which a channel reports any of some outcomes above 0."""
        query = (
            sa.select(t.DECISIONS.c.household_id)
            .join(t.OUTCOMES, t.DECISIONS.c.decision_id == t.OUTCOMES.c.decision_id)
            .where(
                t.DECISIONS.c.campaign_id == campaign_id,
                t.OUTCOMES.c.outcome.in_(sorted(outcomes)),
                t.OUTCOMES.c.value > 0,
            )
        )
        with reading(self._engine) as connection:
            return frozenset(connection.execute(query).scalars())

    def plans(self, campaign_id: str | None = None) -> list[PlanRow]:
        """All plans, or those of a campaign, the newest last."""
        query = sa.select(t.PLANS).order_by(t.PLANS.c.number)
        if campaign_id is not None:
            query = query.where(t.PLANS.c.campaign_id == campaign_id)
        with reading(self._engine) as connection:
            return [_plan_row(row) for row in connection.execute(query).mappings()]

    def approve(self, plan_id: str, digest: str, by: Approver, at: datetime) -> int:
        """Approve a plan: from now on, what it sends may be claimed.

        Parameters
        ----------
        plan_id, digest : str
            The plan, and what was approved of it.
        by : Approver
            Who approves.
        at : datetime
            When (UTC).

        Returns
        -------
        int
            Decisions that are now to be sent; 0 where the plan was approved before.

        Raises
        ------
        InputError
            There is no such plan, or it is another than the one that was looked at.
        """
        if not by.name.strip():
            raise InputError("by", "must name who approves", by.name)
        with self._engine.begin() as connection:
            plan = self._plan(connection, plan_id)
            if plan is None:
                raise InputError("plan", "must be a plan of the ledger", plan_id)
            if plan.digest != digest:
                raise InputError("digest", f"must be that of the plan, {plan.digest}", digest)
            approved = sa.select(t.APPROVALS).where(t.APPROVALS.c.plan_id == plan_id)
            if connection.execute(approved).first() is not None:
                return 0
            connection.execute(
                t.APPROVALS.insert(),
                {
                    "plan_id": plan_id,
                    "digest": digest,
                    "approved_by": by.name.strip(),
                    "how": by.how,
                    "key": by.key,
                    "approved_at": microseconds(at),
                },
            )
            sent = connection.execute(
                sa.select(
                    t.DECISIONS.c.decision_id,
                    t.DECISIONS.c.channel,
                    t.DECISIONS.c.send_after,
                    t.DECISIONS.c.send_before,
                ).where(t.DECISIONS.c.plan_id == plan_id, t.DECISIONS.c.channel.is_not(None))
            ).all()
            if sent:
                connection.execute(
                    t.OUTBOX.insert(),
                    [
                        {
                            "decision_id": decision,
                            "kind": "send",
                            "channel": channel,
                            "state": "approved",
                            "next_at": after,
                            "send_before": before,
                            "lease_until": 0,
                            "token": 0,
                            "attempts": 0,
                        }
                        for decision, channel, after, before in sent
                    ],
                )
            move(connection, [row[0] for row in sent], "approved", at, f"by {by.name.strip()}")
            self._failpoint("in_approval")
            return len(sent)

    def approved_by(self, plan_id: str) -> str | None:
        """Who approved a plan; None where nobody has."""
        approval = self.approvals.of_plan(plan_id)
        return None if approval is None else approval.by.name

    def approved_campaign(self, campaign_id: str) -> CampaignRow | None:
        """A campaign as it was when a plan of it was last approved; None where none was."""
        query = (
            sa.select(t.CAMPAIGNS.c.document)
            .join(
                t.PLANS,
                sa.and_(
                    t.PLANS.c.campaign_id == t.CAMPAIGNS.c.campaign_id,
                    t.PLANS.c.campaign_digest == t.CAMPAIGNS.c.digest,
                ),
            )
            .join(t.APPROVALS, t.APPROVALS.c.plan_id == t.PLANS.c.plan_id)
            .where(t.CAMPAIGNS.c.campaign_id == campaign_id)
            .order_by(t.PLANS.c.number.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            document = connection.execute(query).scalar()
        return None if document is None else CampaignRow(campaign_id=campaign_id, document=document)

    def handed_over(self, campaign_id: str) -> frozenset[str]:
        """Decisions of a campaign of which a message was ever handed over, by their ids."""
        query = (
            sa.select(t.DECISIONS.c.decision_id)
            .join(t.TRANSITIONS, t.TRANSITIONS.c.decision_id == t.DECISIONS.c.decision_id)
            .where(t.DECISIONS.c.campaign_id == campaign_id, t.TRANSITIONS.c.state == "handed_over")
        )
        with reading(self._engine) as connection:
            return frozenset(connection.execute(query).scalars())

    def halt(self, by: str, at: datetime, *, is_halted: bool = True) -> None:
        """Halt everything that is on its way at once, or go on.

        Raises
        ------
        InputError
            `by` is no name.
        """
        require_name(by)
        with self._engine.begin() as connection:
            connection.execute(
                t.HALTS.insert(),
                {
                    "number": next_number(connection, t.HALTS),
                    "is_halted": is_halted,
                    "by": by,
                    "at": microseconds(at),
                },
            )

    @property
    def is_halted(self) -> bool:
        """Whether a person has halted care."""
        with reading(self._engine) as connection:
            return is_halted(connection)

    def record_outcomes(self, outcomes: Sequence[OutcomeRow]) -> list[OutcomeFate]:
        """Keep what came of decisions, in whatever order and however often it is told.

        Returns
        -------
        list of {"taken", "repeated", "differs", "unknown"}
            What became of each. Nothing is kept of those about no decision, and where an outcome
            was told before with another value, the first stands.
        """
        with self._engine.begin() as connection:
            return record_outcomes(connection, outcomes)

    def states(self, campaign_id: str | None = None) -> dict[str, int]:
        """Decisions by their present state."""
        last = (
            sa.select(
                t.TRANSITIONS.c.decision_id, sa.func.max(t.TRANSITIONS.c.number).label("number")
            )
            .group_by(t.TRANSITIONS.c.decision_id)
            .subquery()
        )
        query = (
            sa.select(t.TRANSITIONS.c.state, sa.func.count())
            .join(
                last,
                sa.and_(
                    last.c.decision_id == t.TRANSITIONS.c.decision_id,
                    last.c.number == t.TRANSITIONS.c.number,
                ),
            )
            .join(t.DECISIONS, t.DECISIONS.c.decision_id == t.TRANSITIONS.c.decision_id)
            .group_by(t.TRANSITIONS.c.state)
            .order_by(t.TRANSITIONS.c.state)
        )
        if campaign_id is not None:
            query = query.where(t.DECISIONS.c.campaign_id == campaign_id)
        with reading(self._engine) as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def decisions_about(self, customers: Collection[str]) -> list[dict[str, Any]]:
        """What was decided of customers, as JSON objects: each decision with its newest state, and
        with what channels reported of it.
        """
        query = decision_query().where(t.DECISIONS.c.customer_id.in_(sorted(customers)))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(t.DECISIONS.c.decided_at)).mappings().all()
            about = []
            for row in rows:
                states = (
                    sa.select(t.TRANSITIONS.c.state)
                    .where(t.TRANSITIONS.c.decision_id == row["decision_id"])
                    .order_by(t.TRANSITIONS.c.number.desc())
                )
                times = {
                    name: None if row[name] is None else moment(row[name]).isoformat()
                    for name in ("decided_at", "send_after", "send_before")
                }
                state = connection.execute(states.limit(1)).scalar()
                reported = reported_of(connection, row["decision_id"])
                about.append({**row, **times, "state": state, "outcomes": reported})
        return about

    def decisions(self, campaign_id: str) -> list[tuple[datetime, DecisionRow]]:
        """Decisions of a campaign's approved plans with when they were made, the first ones first."""
        query = (
            decision_query()
            .join(t.APPROVALS, t.APPROVALS.c.plan_id == t.DECISIONS.c.plan_id)
            .where(t.DECISIONS.c.campaign_id == campaign_id)
            .order_by(t.DECISIONS.c.decided_at, t.DECISIONS.c.decision_id)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [(moment(row["decided_at"]), decision_row(row)) for row in rows]

    def _plan(self, connection: sa.Connection, plan_id: str) -> PlanRow | None:
        query = sa.select(t.PLANS).where(t.PLANS.c.plan_id == plan_id)
        row = connection.execute(query).mappings().first()
        return None if row is None else _plan_row(row)


def _stored(
    decision: DecisionRow, plan: PlanRow, at: int
) -> tuple[dict[str, object], dict[str, object], dict[str, object]]:
    """Rows of a decision, of its first state and of its message's fields."""
    times = {
        name: None if value is None else microseconds(value)
        for name, value in (
            ("send_after", decision.send_after),
            ("send_before", decision.send_before),
        )
    }
    row = {
        **{name: getattr(decision, name) for name in DecisionRow.__dataclass_fields__},
        **times,
        "plan_id": plan.plan_id,
        "campaign_id": plan.campaign_id,
        "decided_at": at,
    }
    fields = row.pop("fields")
    state = "planned" if decision.channel is not None else "withheld"
    begun = {
        "decision_id": decision.decision_id,
        "number": 1,
        "state": state,
        "at": at,
        "why": "" if decision.arm in (None, "treatment") else f"drawn into {decision.arm}",
    }
    return row, begun, {"decision_id": decision.decision_id, "fields": fields}


def _has_arms(connection: sa.Connection) -> bool:
    drawn = sa.select(t.DECISIONS.c.decision_id).where(t.DECISIONS.c.arm.is_not(None)).limit(1)
    return connection.execute(drawn).first() is not None


def _plan_row(row: sa.RowMapping) -> PlanRow:
    names = PlanRow.__dataclass_fields__
    return PlanRow(**{**{name: row[name] for name in names}, "made_at": moment(row["made_at"])})
