"""What the ledger gives back to the operator's raw tables: contacts, outcomes and consents.

Rows are a function of the ledger alone. Each bears, as the time of its arrival, when the ledger
learned it: a row of an earlier export never changes, and the past is not restated.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.database import reading
from care.ledger.forget import ERASED
from care.ledger.rows import moment

REACHED = frozenset(
    {
        *("accepted", "answered", "clicked", "complained", "declined", "delivered", "opened"),
        *("opted_out", "resolved"),
    }
)
"""Outcomes that show that a message reached the customer."""

_NEVER_SENT = ("refused", "expired", "cancelled", "dead")


@dataclass(frozen=True, kw_only=True)
class ContactExport:
    """A row of the raw table ``care_contacts``.

    Parameters
    ----------
    contact_id, customer_id, campaign_id, action, arm : str
        The decision, whom it is about, its campaign, what was decided, and the arm; of a decision
        of which no arm was drawn, ``treatment``.
    subscription_id, channel : str or None
        The line; the channel, None where it was withheld.
    propensity : float or None
        Probability with which the arm was drawn.
    delivered : bool or None
        Whether it reached the customer: False where it was never handed over, True where a channel
        reports it, else None.
    happened_at, arrived_at : datetime
        When it was decided, and when this was known (UTC).
    """

    contact_id: str
    customer_id: str
    subscription_id: str | None
    campaign_id: str
    action: str
    channel: str | None
    arm: str
    propensity: float | None
    delivered: bool | None
    happened_at: datetime
    arrived_at: datetime


@dataclass(frozen=True, kw_only=True)
class OutcomeExport:
    """A row of the raw table ``care_outcomes``.

    Parameters
    ----------
    contact_id, outcome : str
        The decision, and what is measured.
    value : float
        1 or 0, or an amount.
    matured_at : datetime
        When it was final (UTC).
    happened_at, arrived_at : datetime
        When it happened, and when this was known (UTC).
    """

    contact_id: str
    outcome: str
    value: float
    matured_at: datetime
    happened_at: datetime
    arrived_at: datetime


@dataclass(frozen=True, kw_only=True)
class ConsentExport:
    """A row of the raw table ``consents``, of a statement that did not come from there.

    Parameters
    ----------
    customer_id, purpose, channel, state : str
        Who said what of which purpose and channel.
    happened_at, arrived_at : datetime
        When it was said, and when the ledger got it (UTC).
    """

    customer_id: str
    purpose: str
    channel: str
    state: str
    happened_at: datetime
    arrived_at: datetime


class Exports:
    """What a ledger gives back.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The ledger's database, open.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def contacts(self) -> Iterator[ContactExport]:
        """Decisions of approved plans, withheld ones too, but not those about who was erased. First
        as they were approved; once more when it was known whether they reached the customer.
        """
        decided = (
            sa.select(t.DECISIONS, t.APPROVALS.c.approved_at)
            .join(t.APPROVALS, t.APPROVALS.c.plan_id == t.DECISIONS.c.plan_id)
            .where(t.DECISIONS.c.customer_id != ERASED)
            .order_by(t.DECISIONS.c.decision_id)
        )
        with reading(self._engine) as connection:
            delivered = self._delivered(connection)
            for row in connection.execute(decided).mappings():
                versions = [(row["approved_at"], None), *delivered.get(row["decision_id"], ())]
                for arrived, reached in versions:
                    yield ContactExport(
                        contact_id=row["decision_id"],
                        customer_id=row["customer_id"],
                        subscription_id=row["subscription_id"],
                        campaign_id=row["campaign_id"],
                        action=row["action"],
                        channel=row["channel"],
                        arm=row["arm"] or "treatment",
                        propensity=row["propensity"],
                        delivered=reached,
                        happened_at=moment(row["decided_at"]),
                        arrived_at=moment(arrived),
                    )

    def outcomes(self) -> Iterator[OutcomeExport]:
        """What channels report, the last of each kind counting; and whether the line was lost, by
        the operator's own tables.
        """
        reported = (
            sa.select(t.OUTCOMES)
            .join(t.DECISIONS, t.DECISIONS.c.decision_id == t.OUTCOMES.c.decision_id)
            # The operator's tables say it of everybody, a channel only of whom it reached.
            .where(t.DECISIONS.c.customer_id != ERASED, t.OUTCOMES.c.outcome != "churned")
        )
        matured = (
            sa.select(t.MATURED, t.DECISIONS.c.decided_at)
            .join(t.DECISIONS, t.DECISIONS.c.decision_id == t.MATURED.c.decision_id)
            .where(t.DECISIONS.c.customer_id != ERASED, t.MATURED.c.is_lost.is_not(None))
            .order_by(t.MATURED.c.decision_id)
        )
        with reading(self._engine) as connection:
            for row, arrived in _in_order_of_report(connection.execute(reported).mappings()):
                yield OutcomeExport(
                    contact_id=row["decision_id"],
                    outcome=row["outcome"],
                    value=row["value"],
                    matured_at=moment(row["happened_at"]),
                    happened_at=moment(row["happened_at"]),
                    arrived_at=moment(arrived),
                )
            for row in connection.execute(matured).mappings():
                yield OutcomeExport(
                    contact_id=row["decision_id"],
                    outcome="churned",
                    value=float(row["is_lost"]),
                    matured_at=moment(row["matured_at"]),
                    happened_at=moment(row["matured_at"]),
                    arrived_at=moment(max(row["recorded_at"], row["matured_at"])),
                )

    def consents(self) -> Iterator[ConsentExport]:
        """Statements that came by requests: of those that came as events, the raw tables bring the
        rows, too.
        """
        query = (
            sa.select(t.CONSENTS)
            .where(t.CONSENTS.c.source == "request")
            .order_by(*t.CONSENTS.primary_key.columns)
        )
        with reading(self._engine) as connection:
            for row in connection.execute(query).mappings():
                yield ConsentExport(
                    customer_id=row["customer_id"],
                    purpose=row["purpose"],
                    channel=row["channel"],
                    state="granted" if row["is_granted"] else "withdrawn",
                    happened_at=moment(row["happened_at"]),
                    arrived_at=moment(max(row["recorded_at"], row["happened_at"])),
                )

    def _delivered(self, connection: sa.Connection) -> dict[str, list[tuple[int, bool | None]]]:
        """By decision, from when on what is known of whether it reached the customer."""
        states = (
            sa.select(t.TRANSITIONS.c.decision_id, t.TRANSITIONS.c.at, t.TRANSITIONS.c.state)
            .where(t.TRANSITIONS.c.state.in_((*_NEVER_SENT, "handed_over")))
            .order_by(t.TRANSITIONS.c.decision_id, t.TRANSITIONS.c.number)
        )
        reached = (
            sa.select(t.OUTCOMES.c.decision_id, sa.func.min(t.OUTCOMES.c.reported_at))
            .where(t.OUTCOMES.c.outcome.in_(REACHED), t.OUTCOMES.c.value > 0)
            .group_by(t.OUTCOMES.c.decision_id)
        )
        happened: dict[str, list[tuple[int, str]]] = {}
        for decision, at, state in connection.execute(states):
            happened.setdefault(decision, []).append((at, state))
        for decision, reported in connection.execute(reached):
            happened.setdefault(decision, []).append((reported, "reached"))
        return {decision: list(_changes(steps)) for decision, steps in happened.items()}


def _changes(steps: list[tuple[int, str]]) -> Iterator[tuple[int, bool | None]]:
    """From states, with times, to what changes in whether the customer was reached."""
    known: bool | None = None
    was_handed_over = False
    for at, state in sorted(steps, key=lambda step: step[0]):
        before = known
        if state == "reached":
            known = True
        elif state == "handed_over":
            was_handed_over, known = True, known or None
        elif not was_handed_over:
            known = False
        if known is not before:
            yield at, known


def _in_order_of_report(rows: Iterable[sa.RowMapping]) -> Iterator[tuple[sa.RowMapping, int]]:
    """For each decision and outcome, at each time at which something was reported, what happened
    last as far as was known then.
    """

    def about(row: sa.RowMapping) -> tuple[str, str]:
        return row["decision_id"], row["outcome"]

    def reported(row: sa.RowMapping) -> int:
        return max(row["reported_at"], row["happened_at"])

    for _, of_one in groupby(sorted(rows, key=lambda row: (about(row), reported(row))), about):
        last: sa.RowMapping | None = None
        for at, together in groupby(of_one, reported):
            newest = max(together, key=lambda row: int(row["happened_at"]))
            if last is None or newest["happened_at"] > last["happened_at"]:
                last = newest
                yield newest, at
