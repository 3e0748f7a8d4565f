"""Relations as tables, views or queries of a database."""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import (
    ArgumentError,
    NoSuchModuleError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
)

from features.sources.content import Content
from features.sources.databases.copied import copied_rows
from features.sources.names import refuse_repeats
from features.sources.part import BATCH_ROWS, NOT_MAPPED, Batch, Part, PartMapping
from features.sources.watermark import Increment, Mark, Range, Watermark, check_texts, increment
from holdfast.errors import InputError

_From = sa.FromClause | sa.TextClause


class DatabasePlace:
    """A database's tables and views, in its default schema.

    Parameters
    ----------
    where : str
        SQLAlchemy URL. Reading needs no more than the right to select.

    Raises
    ------
    InputError
        No such address, driver, or permission.
    """

    def __init__(self, where: str) -> None:
        self.where, self._engine = open_engine(where, "WHERE")
        try:
            self._inspector = sa.inspect(self._engine)
            tables, views = self._inspector.get_table_names(), self._inspector.get_view_names()
        except SQLAlchemyError as error:
            raise refused(self.where, error) from None
        self._names = tuple(sorted({*tables, *views}))

    def names(self) -> tuple[str, ...]:
        """Tables and views."""
        return self._names

    def others(self) -> tuple[str, ...]:
        """Nothing: all that is there is a relation."""
        return ()

    def shown(self, name: str) -> str:
        """A table by its name."""
        return name

    def parts(self, name: str) -> tuple[Part, ...]:
        """A table's one part."""
        return (DatabasePart(self._engine, name, *self._table(name)),)

    def query(self, sql: str, name: str) -> tuple[Part, ...]:
        """The rows of a query, which the database runs."""
        return (DatabasePart(self._engine, name, *self._view(sql, name)),)

    def since(
        self, name: str, watermark: Watermark, before: Mark | None, sql: str | None = None
    ) -> Increment:
        """A table's parts, or a query's, of which closed ranges need not be read again."""
        table, columns = self._table(name) if sql is None else self._view(sql, name)
        if watermark.column not in columns:
            raise InputError(f"{name}.{watermark.column}", "the column must be there", self.where)
        column: sa.ColumnClause[Any] = sa.column(watermark.column)
        newest = sa.select(sa.func.max(column)).select_from(table)
        try:
            with self._engine.connect() as connection:
                value = connection.execute(newest).scalar()
        except SQLAlchemyError as error:
            raise refused(name, error) from None
        return increment(
            Mark.of(name, watermark.column, before),
            watermark.overlap,
            value,
            lambda part, stretch, content: DatabasePart(
                self._engine, part, table, columns, stretch, content
            ),
        )

    def _table(self, name: str) -> tuple[_From, list[str]]:
        if name not in self._names:
            raise InputError(name, "must be a table or view of the database", self.where)
        try:
            columns = [column["name"] for column in self._inspector.get_columns(name)]
        except SQLAlchemyError as error:
            raise refused(name, error) from None
        return sa.table(name), columns

    def quoted(self, name: str) -> str | None:
        """A table's name between the quotation marks of the database."""
        return self._engine.dialect.identifier_preparer.quote_identifier(name)

    def _view(self, sql: str, name: str) -> tuple[_From, list[str]]:
        view = _query_table(sql)
        nothing = sa.select(sa.text("*")).select_from(view).where(sa.false())
        try:
            with self._engine.connect() as connection:
                return view, list(connection.execute(nothing).keys())
        except SQLAlchemyError as error:
            raise explained(name, self.where, error) from None


class DatabasePart:
    """A table of a database, streamed.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database.
    name : str
        The part's name.
    table : sqlalchemy.FromClause or sqlalchemy.TextClause
        The table, or a query in its place.
    columns : list of str
        Its columns.
    stretch : Range, optional
        Which rows. Default: all.
    content : Content, optional
        What tells that they are the same; None where only reading does.
    """

    mapping: PartMapping = NOT_MAPPED
    path: Path | None = None
    rows: int | None = None
    renamed: Mapping[str, str] = {}
    notes: tuple[str, ...] = ()
    odd_lines: float = 0.0
    likely_encoding: str = ""
    as_stored: bool = False
    folder_columns: tuple[str, ...] = ()

    def __init__(
        self,
        engine: sa.Engine,
        name: str,
        table: _From,
        columns: list[str],
        stretch: Range | None = None,
        content: Content | None = None,
    ) -> None:
        refuse_repeats(name, columns)
        self.name, self._engine, self._table, self._columns = name, engine, table, columns
        self._range, self.content = stretch, content
        self.schema: pa.Schema = pa.schema([(column, pa.null()) for column in columns])

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        names = [name for name in self._columns if columns is None or name in columns]
        # Columns without their types, so that values come as the driver gives them: SQLite's texts
        # would lose their offset.
        wanted: list[sa.ColumnClause[Any]] = [sa.column(name) for name in names]
        query = sa.select(*wanted).select_from(self._table).where(*_within(self._range))
        errors: tuple[type[Exception], ...] = (SQLAlchemyError, *driver_errors(self._engine))
        done = 0
        try:
            with self._engine.connect() as connection:
                copied = copied_rows(connection, query)
                # Closed before its connection is, also where reading stops in the middle.
                with closing(copied or streamed_rows(connection, query, names)) as batches:
                    for rows in batches:
                        self._check_range(rows)
                        yield Batch(rows, np.arange(done + 1, done + len(rows) + 1))
                        done += len(rows)
        except pa.ArrowInvalid:
            # Arrow's own words quote the value.
            raise InputError(
                self.name, "has a value that no column can hold, such as an infinite time"
            ) from None
        except errors as error:
            raise (
                broken_off(self.name, done, error) if done else refused(self.name, error)
            ) from None

    def _check_range(self, rows: pa.RecordBatch) -> None:
        if self._range and self._range.is_text and self._range.column in rows.schema.names:
            field = f"{self.name}.{self._range.column}"
            check_texts(field, rows.column(self._range.column))


def streamed_rows(
    connection: sa.Connection, query: sa.Select[Any], names: list[str]
) -> Generator[pa.RecordBatch, None, None]:
    """The rows of a query of any database, as its driver gives them.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        To the database.
    query : sqlalchemy.Select
        What to read.
    names : list of str
        Its columns.
    """
    result = connection.execution_options(stream_results=True, yield_per=BATCH_ROWS // 4).execute(
        query
    )
    for rows in result.partitions():
        arrays = [value_array(values) for values in zip(*rows, strict=True)]
        yield pa.record_batch(arrays, names=names)


def driver_errors(engine: sa.Engine) -> tuple[type[Exception], ...]:
    """What a database's driver raises where it is asked itself."""
    driver = engine.dialect.loaded_dbapi
    return () if driver is None else (driver.Error,)


def _within(stretch: Range | None) -> list[sa.ColumnElement[bool]]:
    if stretch is None:
        return []
    column: sa.ColumnClause[Any] = sa.column(stretch.column)
    later = [] if stretch.after is None else [column > sa.literal(stretch.after)]
    if stretch.until is not None:
        return [*later, column <= sa.literal(stretch.until)]
    return [sa.or_(column.is_(None), *later)] if later else []


def _query_table(sql: str) -> sa.TextClause:
    """A query in the place of a table; a semicolon at its end is left out."""
    # A line of its own for the bracket, since the statement may end in a comment. Colons are no
    # marks for parameters.
    statement = sql.strip().removesuffix(";").replace(":", r"\:")
    return sa.text(f"(\n{statement}\n) holdfast_rows")


def value_array(values: Sequence[Any]) -> pa.Array:
    """Values as a driver gives them, as a column: text where they are of several kinds."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        # SQLite lets a column hold what it likes.
        return pa.array(
            [value if value is None or isinstance(value, str) else str(value) for value in values],
            pa.string(),
        )


def open_engine(where: str, field: str) -> tuple[str, sa.Engine]:
    """A database, and its address fit to be shown.

    Parameters
    ----------
    where : str
        SQLAlchemy URL.
    field : str
        What named it, for an error.

    Raises
    ------
    InputError
        No such address, driver or file. No message shows a password.
    """
    scheme = where.partition("://")[0]
    try:
        url = sa.make_url(where)
        if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
            raise InputError(field, "must be a database that exists", url.database) from None
        shown = f"{url.drivername}://{url.host or ''}/{url.database or ''}"
        return shown, sa.create_engine(url)
    except NoSuchModuleError:
        raise InputError(field, "must name a database that SQLAlchemy knows", scheme) from None
    except (ArgumentError, ValueError):
        # The address itself may hold a password.
        raise InputError(
            field,
            "must be a database URL such as postgresql+psycopg://user@host/database",
            scheme,
        ) from None
    except ModuleNotFoundError as error:
        raise InputError(
            field, f"needs the driver {error.name}, which is not installed", scheme
        ) from None


def refused(field: str, error: Exception) -> InputError:
    """An error of a database without the driver's own words."""
    # The driver's own words may quote the address.
    cause = getattr(error, "orig", None) or error
    return InputError(
        field,
        "the database refused; check address, user, password and rights",
        type(cause).__name__,
    )


def broken_off(field: str, rows: int, error: Exception) -> InputError:
    """The error of a source that ends in the middle.

    Parameters
    ----------
    field : str
        What was read.
    rows : int
        How many rows had come.
    error : Exception
        What was raised.
    """
    cause = getattr(error, "orig", None) or error
    return InputError(
        field,
        f"must come to its end; it broke off after {rows:,} rows, and nothing was taken in: run again",
        type(cause).__name__,
    )


def explained(field: str, shown: str, error: SQLAlchemyError) -> InputError:
    """What a database says of a wrong statement: it names tables, columns and words of the statement.

    Other errors may quote the address, or values: they are as `refused`.

    Parameters
    ----------
    field : str
        What gave the statement.
    shown : str
        The database, without a password.
    error : SQLAlchemyError
        What was raised.
    """
    cause = getattr(error, "orig", None)
    is_sqlite = shown.startswith("sqlite")
    if cause is None or not isinstance(error, OperationalError if is_sqlite else ProgrammingError):
        return refused(shown, error)
    said = getattr(getattr(cause, "diag", None), "message_primary", None) or str(cause)
    return InputError(field, f"the database refused it: {said.splitlines()[0]}", shown)
