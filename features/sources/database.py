"""Raw tables as tables, or views, of a database."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from features.contracts.tables import TABLES
from features.sources.part import BATCH_ROWS, Batch, Part
from holdfast.errors import InputError


class DatabaseSource:
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
        self.where, engine = open_engine(where, "WHERE")
        try:
            inspector = sa.inspect(engine)
            names = sorted({*inspector.get_table_names(), *inspector.get_view_names()})
            self._parts: dict[str, DatabasePart] = {
                name: DatabasePart(
                    engine, name, [column["name"] for column in inspector.get_columns(name)]
                )
                for name in names
                if name in TABLES
            }
        except SQLAlchemyError as error:
            raise refused(self.where, error) from None
        self._unknown = tuple(name for name in names if name not in TABLES)

    def tables(self) -> tuple[str, ...]:
        """Contracts' tables that are there, in the contracts' order."""
        return tuple(name for name in TABLES if name in self._parts)

    def unknown(self) -> tuple[str, ...]:
        """Tables that no contract is about."""
        return self._unknown

    def parts(self, table: str) -> tuple[Part, ...]:
        """A table's one part."""
        return (self._parts[table],)

    def batches(self, table: str) -> Iterator[pa.RecordBatch]:
        """Read a table."""
        for batch in self._parts[table].batches():
            yield batch.rows


class DatabasePart:
    """A table of a database, streamed.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        The database.
    name : str
        The table.
    columns : list of str
        Its columns.
    """

    path: Path | None = None
    rows: int | None = None

    def __init__(self, engine: sa.Engine, name: str, columns: list[str]) -> None:
        self.name, self._engine, self._columns = name, engine, columns
        self.schema: pa.Schema = pa.schema([(column, pa.null()) for column in columns])

    def batches(self) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        # Columns without their types, so that values come as the driver gives them: SQLite's texts
        # would lose their offset.
        columns_wanted: list[sa.ColumnClause[Any]] = [sa.column(column) for column in self._columns]
        query = sa.select(*columns_wanted).select_from(sa.table(self.name))
        done = 0
        try:
            with self._engine.connect() as connection:
                result = connection.execution_options(
                    stream_results=True, yield_per=BATCH_ROWS // 4
                ).execute(query)
                for rows in result.partitions():
                    columns = [value_array(values) for values in zip(*rows, strict=True)]
                    yield Batch(
                        pa.record_batch(columns, names=self._columns),
                        np.arange(done + 1, done + len(rows) + 1),
                    )
                    done += len(rows)
        except SQLAlchemyError as error:
            raise refused(self.name, error) from None


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


def refused(field: str, error: SQLAlchemyError) -> InputError:
    """An error of a database without the driver's own words."""
    # The driver's own words may quote the address.
    cause = getattr(error, "orig", None) or error
    return InputError(
        field,
        "the database refused; check address, user, password and rights",
        type(cause).__name__,
    )
