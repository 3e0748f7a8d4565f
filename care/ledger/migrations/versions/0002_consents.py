"""Consents as events, and which raw tables they were merged from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.String(64)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "consents",
        sa.Column("customer_id", sa.Text, primary_key=True),
        sa.Column("purpose", _ID, primary_key=True),
        sa.Column("channel", _ID, primary_key=True),
        sa.Column("happened_at", sa.BigInteger, primary_key=True),
        sa.Column("is_granted", sa.Boolean, primary_key=True),
        sa.Column("source", _ID, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "consent_merges",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", _ID, nullable=False),
        sa.Column("new", sa.Integer, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
