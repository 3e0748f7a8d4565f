"""What is on its way says through which channel, and to whom; one worker holds a lease."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.String(64)


def upgrade() -> None:
    """Change the tables, and fill what is new of rows that are there."""
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("kind", _ID, nullable=False, server_default="send"))
        outbox.add_column(sa.Column("channel", _ID, nullable=False, server_default=""))
        outbox.add_column(sa.Column("receiver", _ID))
        outbox.add_column(sa.Column("worker", sa.Integer))
    op.execute(
        "UPDATE outbox SET channel = (SELECT channel FROM decisions"
        " WHERE decisions.decision_id = outbox.decision_id)"
    )
    with op.batch_alter_table("attempts") as attempts:
        attempts.add_column(sa.Column("kind", _ID, nullable=False, server_default="send"))
        # Until now everything was handed over as a file.
        attempts.add_column(sa.Column("receiver", _ID, nullable=False, server_default="files"))
    for table, columns in (("outbox", ("kind", "channel")), ("attempts", ("kind", "receiver"))):
        with op.batch_alter_table(table) as changed:
            for column in columns:
                changed.alter_column(column, existing_type=_ID, server_default=None)
    op.create_table(
        "leases",
        sa.Column("name", _ID, primary_key=True),
        sa.Column("holder", sa.String(128), nullable=False),
        sa.Column("token", sa.Integer, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
