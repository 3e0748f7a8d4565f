"""Opening the ledger's database: SQLite beside the home, or PostgreSQL by its URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from holdfast.errors import InputError

_MIGRATIONS = Path(__file__).with_name("migrations")
_BUSY_MS = 30_000
"""How long a process waits for another that writes."""


def open_database(url: str) -> sa.Engine:
    """Open a ledger's database, and bring its tables up to date.

    Parameters
    ----------
    url : str
        SQLAlchemy URL: ``sqlite:///path`` or ``postgresql+psycopg://user@host/database``.

    Raises
    ------
    InputError
        The database cannot be opened, is neither, or was made by a newer version. No message shows
        a password.
    """
    try:
        address = sa.make_url(url)
        if address.get_backend_name() not in ("sqlite", "postgresql"):
            raise InputError("ledger", "must be SQLite or PostgreSQL", address.get_backend_name())
        # No error quotes ids or facts of customers, also where somebody asks for its traceback.
        engine = sa.create_engine(address, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError):
        raise InputError("ledger", "must be a database URL such as sqlite:///care.db") from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    try:
        _bring_up_to_date(engine)
    except SQLAlchemyError as error:
        # The driver's own words may quote the address.
        raise InputError("ledger", "cannot be opened", type(error).__name__) from None
    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that only reads: it waits for nobody who writes."""
    with engine.connect().execution_options(holdfast_reads=True) as connection:
        yield connection


def _bring_up_to_date(engine: sa.Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # Two processes that open a new ledger at once make its tables one after the other.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7203419)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # The driver would begin transactions by itself, and too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    # What is recorded before a message is sent must survive the loss of power.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later would fail where another wrote in between.
    reads = connection.get_execution_options().get("holdfast_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
