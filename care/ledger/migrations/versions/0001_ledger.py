"""The tables of the first ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.String(64)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", _ID, primary_key=True),
        sa.Column("digest", _ID, primary_key=True),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "plans",
        sa.Column("plan_id", _ID, primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("campaign_digest", _ID, nullable=False),
        sa.Column("digest", _ID, nullable=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("about", sa.JSON, nullable=False),
        sa.UniqueConstraint("number", name="uq_plans_number"),
    )
    op.create_index("ix_plans_campaign_id", "plans", ["campaign_id"])
    op.create_table(
        "approvals",
        sa.Column("plan_id", _ID, sa.ForeignKey("plans.plan_id"), primary_key=True),
        sa.Column("digest", _ID, nullable=False),
        sa.Column("approved_by", sa.String(128), nullable=False),
        sa.Column("approved_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("decision_id", _ID, primary_key=True),
        sa.Column("plan_id", _ID, sa.ForeignKey("plans.plan_id"), nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("household_id", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Text, nullable=False),
        sa.Column("subscription_id", sa.Text),
        sa.Column("trigger", _ID, nullable=False),
        sa.Column("action", _ID, nullable=False),
        sa.Column("action_class", _ID, nullable=False),
        sa.Column("channel", _ID),
        sa.Column("arm", _ID),
        sa.Column("propensity", sa.Double),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("send_after", sa.BigInteger),
        sa.Column("send_before", sa.BigInteger),
        sa.Column("facts_digest", _ID, nullable=False),
    )
    for column in ("plan_id", "campaign_id", "household_id", "customer_id"):
        op.create_index(f"ix_decisions_{column}", "decisions", [column])
    op.create_table(
        "transitions",
        sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", _ID, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("ix_transitions_state", "transitions", ["state"])
    op.create_table(
        "outbox",
        sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("state", _ID, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("send_before", sa.BigInteger, nullable=False),
        sa.Column("lease_until", sa.BigInteger, nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
    )
    op.create_index("ix_outbox_due", "outbox", ["state", "next_at"])
    op.create_table(
        "attempts",
        sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("attempt", sa.Integer, primary_key=True),
        sa.Column("attempted_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "outcomes",
        sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("outcome", _ID, primary_key=True),
        sa.Column("happened_at", sa.BigInteger, primary_key=True),
        sa.Column("value", sa.Double, nullable=False),
        sa.Column("reported_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "message_fields",
        sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("fields", sa.JSON, nullable=False),
    )
    op.create_table(
        "halts",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("is_halted", sa.Boolean, nullable=False),
        sa.Column("by", sa.String(128), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
