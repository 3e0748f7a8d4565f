"""Raw tables as tables, or views, of a database."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from features.contracts.tables import TABLES
from features.sources.names import contract_names, key
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
            self._parts: dict[str, DatabasePart] = {}
            for name, table in _meant(names).items():
                columns = [column["name"] for column in inspector.get_columns(name)]
                self._parts[table] = DatabasePart(engine, table, name, columns)
        except SQLAlchemyError as error:
            raise refused(self.where, error) from None
        used = {part.name for part in self._parts.values()}
        self._unknown = tuple(name for name in names if name not in used)

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
    table : str
        The contract's table.
    name : str
        The database's.
    columns : list of str
        Its columns.
    """

    path: Path | None = None
    rows: int | None = None
    notes: tuple[str, ...] = ()
    odd_lines: float = 0.0
    likely_encoding: str = ""

    def __init__(self, engine: sa.Engine, table: str, name: str, columns: list[str]) -> None:
        self.name, self._engine, self._columns = name, engine, columns
        names, renamed = contract_names(name, columns, TABLES[table].columns)
        self.renamed: Mapping[str, str] = renamed
        self.schema: pa.Schema = pa.schema([(column, pa.null()) for column in names])

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        pairs = [
            (written, name)
            for written, name in zip(self._columns, self.schema.names, strict=True)
            if columns is None or name in columns
        ]
        names = [name for _, name in pairs]
        # Columns without their types, so that values come as the driver gives them: SQLite's texts
        # would lose their offset.
        columns_wanted: list[sa.ColumnClause[Any]] = [sa.column(written) for written, _ in pairs]
        query = sa.select(*columns_wanted).select_from(sa.table(self.name))
        done = 0
        try:
            with self._engine.connect() as connection:
                result = connection.execution_options(
                    stream_results=True, yield_per=BATCH_ROWS // 4
                ).execute(query)
                for rows in result.partitions():
                    arrays = [value_array(values) for values in zip(*rows, strict=True)]
                    yield Batch(
                        pa.record_batch(arrays, names=names),
                        np.arange(done + 1, done + len(rows) + 1),
                    )
                    done += len(rows)
        except SQLAlchemyError as error:
            raise refused(self.name, error) from None


def _meant(names: list[str]) -> dict[str, str]:
    """The contracts' tables by the names that the database has for them; its very name goes first."""
    by_key = {key(table): table for table in TABLES}
    meant: dict[str, str] = {}
    for name in sorted(names, key=lambda name: name not in TABLES):
        table = by_key.get(key(name))
        if table is not None and table not in meant.values():
            meant[name] = table
    return meant


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
