"""Tables of the ledger.

Rows of plans, approvals, decisions, transitions, attempts, outcomes, consents and salts are never
changed.
`outbox` holds what changes while a decision is on its way, and `jobs` what is still to be done.
What may name a person's affairs (the fields of a message) stands in `message_fields`, which can be
erased without touching a decision.
"""

import sqlalchemy as sa

from care.ledger.rows import LONGEST_NAME

METADATA = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

_ID = sa.String(64)
_TIME = sa.BigInteger
"""Microseconds since 1970 in UTC: SQLite has no type for times, and texts compare wrongly."""

CAMPAIGNS = sa.Table(
    "campaigns",
    METADATA,
    sa.Column("campaign_id", _ID, primary_key=True),
    sa.Column("digest", _ID, primary_key=True),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("recorded_at", _TIME, nullable=False),
)

PLANS = sa.Table(
    "plans",
    METADATA,
    sa.Column("plan_id", _ID, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False, unique=True),
    sa.Column("campaign_id", _ID, nullable=False, index=True),
    sa.Column("campaign_digest", _ID, nullable=False),
    sa.Column("digest", _ID, nullable=False),
    sa.Column("made_at", _TIME, nullable=False),
    sa.Column("about", sa.JSON, nullable=False),
)

APPROVALS = sa.Table(
    "approvals",
    METADATA,
    sa.Column("plan_id", _ID, sa.ForeignKey("plans.plan_id"), primary_key=True),
    sa.Column("digest", _ID, nullable=False),
    sa.Column("approved_by", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("how", _ID, nullable=False),
    sa.Column("key", _ID),
    sa.Column("approved_at", _TIME, nullable=False),
)

RULES = sa.Table(
    "approval_rules",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("campaign_id", _ID, nullable=False, index=True),
    sa.Column("digest", _ID, nullable=False),
    sa.Column("most_messages", sa.Integer, nullable=False),
    sa.Column("most_cost", sa.Double, nullable=False),
    sa.Column("is_ended", sa.Boolean, nullable=False),
    sa.Column("approved_by", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("how", _ID, nullable=False),
    sa.Column("key", _ID),
    sa.Column("approved_at", _TIME, nullable=False),
)

DECISIONS = sa.Table(
    "decisions",
    METADATA,
    sa.Column("decision_id", _ID, primary_key=True),
    sa.Column("plan_id", _ID, sa.ForeignKey("plans.plan_id"), nullable=False, index=True),
    sa.Column("campaign_id", _ID, nullable=False, index=True),
    sa.Column("household_id", sa.Text, nullable=False, index=True),
    sa.Column("customer_id", sa.Text, nullable=False, index=True),
    sa.Column("subscription_id", sa.Text),
    sa.Column("trigger", _ID, nullable=False),
    sa.Column("action", _ID, nullable=False),
    sa.Column("action_class", _ID, nullable=False),
    sa.Column("channel", _ID),
    sa.Column("arm", _ID),
    sa.Column("propensity", sa.Double),
    sa.Column("decided_at", _TIME, nullable=False),
    sa.Column("send_after", _TIME),
    sa.Column("send_before", _TIME, index=True),
    sa.Column("facts_digest", _ID, nullable=False),
)

TRANSITIONS = sa.Table(
    "transitions",
    METADATA,
    sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", _ID, nullable=False, index=True),
    sa.Column("at", _TIME, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)

OUTBOX = sa.Table(
    "outbox",
    METADATA,
    sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("kind", _ID, nullable=False),
    sa.Column("channel", _ID, nullable=False),
    sa.Column("receiver", _ID),
    sa.Column("worker", sa.Integer),
    sa.Column("state", _ID, nullable=False),
    sa.Column("next_at", _TIME, nullable=False),
    sa.Column("send_before", _TIME, nullable=False),
    sa.Column("lease_until", _TIME, nullable=False),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Index("ix_outbox_due", "state", "next_at"),
)

ATTEMPTS = sa.Table(
    "attempts",
    METADATA,
    sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True),
    sa.Column("kind", _ID, nullable=False),
    sa.Column("receiver", _ID, nullable=False),
    sa.Column("attempted_at", _TIME, nullable=False),
)

OUTCOMES = sa.Table(
    "outcomes",
    METADATA,
    sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("outcome", _ID, primary_key=True),
    sa.Column("happened_at", _TIME, primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("reported_at", _TIME, nullable=False),
)

MESSAGE_FIELDS = sa.Table(
    "message_fields",
    METADATA,
    sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("fields", sa.JSON, nullable=False),
)

HALTS = sa.Table(
    "halts",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("is_halted", sa.Boolean, nullable=False),
    sa.Column("by", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("at", _TIME, nullable=False),
)

CONSENTS = sa.Table(
    "consents",
    METADATA,
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("purpose", _ID, primary_key=True),
    sa.Column("channel", _ID, primary_key=True),
    sa.Column("happened_at", _TIME, primary_key=True),
    sa.Column("is_granted", sa.Boolean, primary_key=True),
    sa.Column("source", _ID, nullable=False),
    sa.Column("recorded_at", _TIME, nullable=False, index=True),
)

CONSENT_MERGES = sa.Table(
    "consent_merges",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("digest", _ID, nullable=False),
    sa.Column("new", sa.Integer, nullable=False),
    sa.Column("at", _TIME, nullable=False),
)

LEASES = sa.Table(
    "leases",
    METADATA,
    sa.Column("name", _ID, primary_key=True),
    sa.Column("holder", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("token", sa.Integer, nullable=False),
    sa.Column("until", _TIME, nullable=False),
)

MATURED = sa.Table(
    "matured_outcomes",
    METADATA,
    sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
    sa.Column("is_lost", sa.Boolean),
    sa.Column("matured_at", _TIME, nullable=False),
    sa.Column("recorded_at", _TIME, nullable=False),
)

MEASUREMENTS = sa.Table(
    "measurements",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("campaign_id", _ID, nullable=False, index=True),
    sa.Column("document", sa.JSON, nullable=False),
    sa.Column("measured_at", _TIME, nullable=False),
)

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("campaign_id", _ID, nullable=False),
    sa.Column("state", _ID, nullable=False, index=True),
    sa.Column("asked_by", sa.String(LONGEST_NAME), nullable=False),
    sa.Column("asked_at", _TIME, nullable=False),
    sa.Column("worker", sa.Integer),
    sa.Column("begun", sa.Integer, nullable=False),
    sa.Column("ended_at", _TIME),
    sa.Column("why", sa.Text, nullable=False),
)

SALTS = sa.Table(
    "salts",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("digest", _ID, nullable=False),
    sa.Column("kept_at", _TIME, nullable=False),
)
