"""People removed from a ledger: what was decided stays, and no longer says about whom; what they
consented to goes.
"""

from collections.abc import Collection

import sqlalchemy as sa

from care.ledger import tables as t
from care.ledger.database import open_database
from care.ledger.queries import in_parts

ERASED = "erased"
"""Stands for the id of a customer who was erased."""


def forget_people(url: str, customers: Collection[str], *, dry_run: bool = False) -> int:
    """Remove customers from a ledger: from decisions their ids, those of their lines, and the fields
    of messages; and all that they consented to.

    Counts, arms and states stay, so that what a campaign did to all can still be told. A household
    that is the customer alone gets the decision's name.

    Parameters
    ----------
    url : str
        SQLAlchemy URL of the ledger.
    customers : collection of str
        Their ids.
    dry_run : bool
        Whether to count only.

    Returns
    -------
    int
        Decisions about them, and statements of theirs.
    """
    engine = open_database(url)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            about = [
                row
                for part in in_parts(sorted(customers))
                for row in connection.execute(
                    sa.select(t.DECISIONS.c.decision_id, t.DECISIONS.c.customer_id).where(
                        t.DECISIONS.c.customer_id.in_(part)
                    )
                )
            ]
            said = sum(
                connection.execute(
                    sa.select(sa.func.count()).where(t.CONSENTS.c.customer_id.in_(part))
                ).scalar_one()
                for part in in_parts(sorted(customers))
            )
            if dry_run:
                return len(about) + said
            for part in in_parts(sorted(customers)):
                connection.execute(t.CONSENTS.delete().where(t.CONSENTS.c.customer_id.in_(part)))
            for decision, customer in about:
                this = t.DECISIONS.c.decision_id == decision
                connection.execute(
                    t.DECISIONS.update().where(this),
                    {"customer_id": ERASED, "subscription_id": None},
                )
                connection.execute(
                    t.DECISIONS.update().where(this, t.DECISIONS.c.household_id == customer),
                    {"household_id": decision},
                )
                connection.execute(
                    t.MESSAGE_FIELDS.delete().where(t.MESSAGE_FIELDS.c.decision_id == decision)
                )
        if engine.dialect.name == "sqlite":
            _empty_log(engine)
    finally:
        engine.dispose()
    return len(about) + said


def _empty_log(engine: sa.Engine) -> None:
    """Write SQLite's log into its file, which overwrites what was deleted there."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
