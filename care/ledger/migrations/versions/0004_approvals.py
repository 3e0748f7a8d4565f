"""How it is known who approved, rules that approve in advance, and what nights found out."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.String(64)


def upgrade() -> None:
    """Change the table of approvals, and make the new ones."""
    with op.batch_alter_table("approvals") as approvals:
        approvals.add_column(sa.Column("how", _ID, nullable=False, server_default="typed"))
        approvals.add_column(sa.Column("key", _ID))
    with op.batch_alter_table("approvals") as approvals:
        approvals.alter_column("how", existing_type=_ID, server_default=None)
    op.create_table(
        "approval_rules",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("digest", _ID, nullable=False),
        sa.Column("most_messages", sa.Integer, nullable=False),
        sa.Column("most_cost", sa.Double, nullable=False),
        sa.Column("is_ended", sa.Boolean, nullable=False),
        sa.Column("approved_by", sa.String(128), nullable=False),
        sa.Column("how", _ID, nullable=False),
        sa.Column("key", _ID),
        sa.Column("approved_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_approval_rules_campaign_id", "approval_rules", ["campaign_id"])
    op.create_table(
        "matured_outcomes",
        sa.Column("decision_id", _ID, sa.ForeignKey("decisions.decision_id"), primary_key=True),
        sa.Column("is_lost", sa.Boolean),
        sa.Column("matured_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "measurements",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("measured_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_measurements_campaign_id", "measurements", ["campaign_id"])
