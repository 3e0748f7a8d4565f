"""The two SQLite files in the `access` directory of a home.

`keys.db` holds the API keys. The commands write it and the service reads it, also in a home that
it may not write: so it has a rollback journal, because a file in WAL mode cannot be read without
writing beside it. `requests.db` holds what the service itself writes, in WAL mode.
"""

import sqlite3
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from holdfast.errors import HomeError
from holdfast.home import Home
from holdfast.sqlite import reading_address

requests_metadata = sa.MetaData()
"""The tables of `requests.db`; the modules that use them declare them."""

_WAIT_SECONDS = 5.0


def open_keys(path: Path, *, writable: bool) -> sa.Engine:
    """The keys' file. It is opened anew for each transaction, because it may be
    made or replaced meanwhile.
    """
    address = _address(path, "rwc" if writable else "ro")
    return _engine(address, ("foreign_keys=ON",), sa.pool.NullPool)


def requests_path(home: Home) -> Path:
    """Where the file of what the service counts and remembers lies."""
    return home.access / "requests.db"


def open_requests(home: Home, *, durable: bool) -> sa.Engine:
    """The file of what the service counts and remembers; made where it does not exist.

    Parameters
    ----------
    home : Home
        Whose it is.
    durable : bool
        Whether what was committed outlives a loss of power. It outlives a kill either way.

    Raises
    ------
    HomeError
        It cannot be written.
    """
    path = requests_path(home)
    synchronous = "synchronous=FULL" if durable else "synchronous=NORMAL"
    pragmas = ("journal_mode=WAL", synchronous)
    engine = _engine(_address(path, "rwc"), pragmas, sa.pool.QueuePool)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        requests_metadata.create_all(engine)
        _try_to_write(engine)
    except (OSError, sa.exc.SQLAlchemyError) as error:
        raise unusable(path, "written", error) from None
    return engine


def read_requests(home: Home) -> sa.Engine:
    """The file of what the service counts and remembers, to be read, also where it may not be written."""
    return _engine(reading_address(requests_path(home)), (), sa.pool.NullPool)


def _try_to_write(engine: sa.Engine) -> None:
    """Raise where a file that has its tables already may not be written: SQLite opens it all the
    same, and even begins to write.
    """
    with engine.connect() as connection, connection.begin() as transaction:
        connection.exec_driver_sql("PRAGMA user_version = 0")
        transaction.rollback()


def unusable(path: Path, what: str, error: Exception) -> HomeError:
    """The error to raise where a file cannot be read or written."""
    # The first line alone: the others of SQLAlchemy's message show the statement and its values.
    reason = (str(error).splitlines() or [""])[0]
    return HomeError(str(path), f"must be a SQLite file that can be {what}: {reason}")


def _address(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}"


def _engine(address: str, pragmas: tuple[str, ...], pool: type[sa.Pool]) -> sa.Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address,
            uri=True,
            timeout=_WAIT_SECONDS,
            # Transactions begin where `begin` says so, not at the first write.
            isolation_level=None,
            # The pool gives a connection to one thread at a time.
            check_same_thread=False,
        )
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = sa.create_engine("sqlite://", creator=connect, poolclass=pool)
    # A writer waits for its turn at the start: one that has read already would have to give up.
    statement = "BEGIN" if "mode=ro" in address else "BEGIN IMMEDIATE"
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(statement))
    return engine
