"""What Alembic runs for each step: on the connection that it is given, in one transaction."""

from alembic import context

from care.ledger.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transaction_per_migration=False,
    render_as_batch=True,
)
context.run_migrations()
