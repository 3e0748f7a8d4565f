"""Digests of the salt that arms are drawn with. A ledger that has arms already takes over the digest
of its home's salt with the next plan.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "salts",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kept_at", sa.BigInteger, nullable=False),
    )
