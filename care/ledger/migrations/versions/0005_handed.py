"""Decisions that may still be sent are found by their time."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_decisions_send_before", "decisions", ["send_before"])
    op.create_index("ix_consents_recorded_at", "consents", ["recorded_at"])
