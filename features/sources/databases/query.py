"""The rows of a query to a database, as a team's own table."""

import hashlib
from collections.abc import Iterator

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from features.sources.databases.database import explained, open_engine, value_array
from features.table_files.arrow_types import plain_column
from features.table_files.header import usable_names
from features.table_files.source import SourceTable
from holdfast.errors import InputError

_BATCH_ROWS = 65_536


def read_query(where: str, query: str) -> SourceTable:
    """Read the rows that a query gives.

    Parameters
    ----------
    where : str
        SQLAlchemy URL. Reading needs no more than the right to select, and changes nothing.
    query : str
        One statement that gives rows, in the database's own SQL. Rows come in the query's order.

    Returns
    -------
    SourceTable
        Columns in the types of the database; named after the database.

    Raises
    ------
    InputError
        No such address or driver, or the database refuses the query. No message shows a password.
    """
    shown, engine = open_engine(where, "TABLE")
    try:
        with engine.connect() as connection:
            names, batches = _rows(connection, query)
            names, notes = usable_names(names)
            columns = _columns(batches, len(names))
    except SQLAlchemyError as error:
        raise explained("--query", shown, error) from None
    finally:
        engine.dispose()
    table = pa.table(columns, names=names)
    return SourceTable(
        table, (f"rows of a query to {shown}", *notes), _digest(table), database_name(where)
    )


def database_name(where: str) -> str:
    """What to call a table that comes from a database: the database's name without its folder."""
    name = sa.make_url(where).database or "query"
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def address_without_password(where: str) -> str:
    """A database's address fit to be shown, the password as ``***``."""
    url = sa.make_url(where)
    secret = [key for key in url.query if "pass" in key.lower() or "pwd" in key.lower()]
    masked = url.update_query_dict(dict.fromkeys(secret, "***"))
    return masked.render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def _rows(
    connection: sa.Connection, query: str
) -> tuple[list[str], Iterator[tuple[tuple[object, ...], ...]]]:
    """Names of columns, and batches of columns of values."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
    if connection.dialect.name == "postgresql":
        connection = connection.execution_options(postgresql_readonly=True)
    # The statement goes to the driver as it stands: neither colons nor percent signs are marks for
    # parameters.
    result = connection.execution_options(
        no_parameters=True, stream_results=True, yield_per=_BATCH_ROWS
    ).exec_driver_sql(query)
    if not result.returns_rows:
        raise InputError("--query", "must give rows, as a select does")
    batches = (tuple(zip(*rows, strict=True)) for rows in result.partitions())
    return list(result.keys()), batches


def _columns(
    batches: Iterator[tuple[tuple[object, ...], ...]], width: int
) -> list[pa.ChunkedArray]:
    chunks: list[list[pa.Array]] = [[] for _ in range(width)]
    for batch in batches:
        for place, values in enumerate(batch):
            chunks[place].append(value_array(values))
    return [plain_column(_one_type(column)) for column in chunks]


def _one_type(chunks: list[pa.Array]) -> pa.ChunkedArray:
    """Batches as one column; text where their types have nothing in common."""
    if not chunks:
        return pa.chunked_array([], pa.null())
    try:
        tables = [pa.table({"": chunk}) for chunk in chunks]
        return pa.concat_tables(tables, promote_options="permissive")[""]
    except pa.ArrowException:
        return pa.chunked_array(
            [plain_column(pa.chunked_array([c])).cast(pa.string()) for c in chunks]
        )


def _digest(table: pa.Table) -> str:
    """Digest of the rows, in their order."""
    digest = hashlib.sha256()
    with (
        pa.PythonFile(_Digested(digest), "w") as sink,
        pa.ipc.new_stream(sink, table.schema) as out,
    ):
        out.write_table(table, max_chunksize=_BATCH_ROWS)
    return digest.hexdigest()


class _Digested:
    """A file that keeps nothing but the digest of what is written."""

    closed = False

    def __init__(self, digest: "hashlib._Hash") -> None:
        self._digest = digest

    def write(self, content: bytes) -> int:
        self._digest.update(content)
        return len(content)

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Nothing is open."""
