"""Relations as tables, views or queries of a DuckDB file, read in Arrow's columns."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from features.sources.content import Content, ContentState, FileContent
from features.sources.files.file_query import refused_query
from features.sources.names import refuse_repeats
from features.sources.part import BATCH_ROWS, NOT_MAPPED, Batch, Part, PartMapping
from features.sources.watermark import Increment, Mark, Range, Watermark, check_texts, increment
from holdfast.errors import InputError

_MEMORY = "2GB"
PREFIX = "duckdb:///"


class DuckDBPlace:
    """The tables and views of a DuckDB file, in its main schema. It is only read.

    Parameters
    ----------
    where : str
        Its path, or ``duckdb:///`` and its path.

    Raises
    ------
    InputError
        There is no such file, or it cannot be opened.
    """

    def __init__(self, where: str) -> None:
        self._path = Path(where.removeprefix(PREFIX)).expanduser()
        self.where, self._file = str(self._path), _Opened(self._path)
        if not self._path.is_file():
            raise InputError("WHERE", "must be a DuckDB file that exists", self.where)
        names = self._asked(
            self.where,
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
            " ORDER BY table_name",
        )
        self._names = tuple(names.column(0).to_pylist())

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
        return (self._part(name, self._table(name), None, DuckDBContent(self._path)),)

    def quoted(self, name: str) -> str | None:
        """A table's name between quotation marks."""
        return _quoted(name)

    def query(self, sql: str, name: str) -> tuple[Part, ...]:
        """The rows of a query."""
        return (self._part(name, _view(sql), None, DuckDBContent(self._path, sql)),)

    def since(
        self, name: str, watermark: Watermark, before: Mark | None, sql: str | None = None
    ) -> Increment:
        """A table's parts, or a query's, of which closed ranges need not be read again."""
        relation = self._table(name) if sql is None else _view(sql)
        if watermark.column not in self._asked(name, f"FROM {relation} LIMIT 0").schema.names:
            raise InputError(f"{name}.{watermark.column}", "the column must be there", self.where)
        newest = self._asked(name, f"SELECT max({_quoted(watermark.column)}) FROM {relation}")
        return increment(
            Mark.of(name, watermark.column, before),
            watermark.overlap,
            newest.column(0)[0].as_py(),
            lambda part, stretch, content: self._part(part, relation, stretch, content),
        )

    def _table(self, name: str) -> str:
        if name not in self._names:
            raise InputError(name, "must be a table or view of the database", self.where)
        return _quoted(name)

    def _part(
        self, name: str, relation: str, stretch: Range | None, content: Content | None
    ) -> Part:
        schema = self._asked(name, f"FROM {relation} LIMIT 0").schema
        return DuckDBPart(self._file, name, relation, schema, stretch, content)

    def _asked(self, name: str, question: str) -> pa.Table:
        try:
            with closing(self._file.cursor()) as connection:
                return connection.execute(question).to_arrow_table()
        except (duckdb.IOException, duckdb.ConnectionException) as error:
            raise InputError(
                "WHERE",
                "cannot be opened as a DuckDB file; is another process writing it?",
                f"{self._path.name}, {type(error).__name__}",
            ) from None
        except duckdb.Error as error:
            raise refused_query(name, error) from None


class DuckDBContent:
    """The content of a DuckDB file, which changes with every change to any of its tables.

    Parameters
    ----------
    path : Path
        The file.
    sql : str
        What is asked of it, where that is no table.
    """

    def __init__(self, path: Path, sql: str = "") -> None:
        self._path, self._sql = path, sql
        self.opened = self.state()

    def state(self) -> ContentState:
        """How it looks now, with what was written and not yet put into it."""
        log = self._path.with_name(f"{self._path.name}.wal")
        states = [FileContent(path).opened for path in (self._path, log) if path.exists()]
        return ContentState(
            -1,
            " ".join([*(state.mark for state in states), self._sql]),
            max(state.changed_ns or 0 for state in states),
            max(state.leeway_ns for state in states),
        )

    def digest(self) -> str:
        """Empty: hashing the whole file for each table takes longer than reading the table."""
        return ""


class _Opened:
    """A DuckDB file, opened once for all that is asked of it: each opening takes its time."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own for a question."""
        return self._connection.cursor()

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        # One thread, so that the rows of a query come in the same order every time. Queries reach
        # nothing outside the file.
        connection = duckdb.connect(
            self._path,
            read_only=True,
            config={"memory_limit": _MEMORY, "threads": 1, "enable_external_access": "false"},
        )
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
        return connection


class DuckDBPart:
    """A table, view or query of a DuckDB file.

    Parameters
    ----------
    file : _Opened
        The file.
    name : str
        The part's name.
    relation : str
        SQL that stands for its rows.
    schema : pyarrow.Schema
        Its columns.
    stretch : Range, optional
        Which rows. Default: all.
    content : Content, optional
        What tells that they are the same.
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
        file: _Opened,
        name: str,
        relation: str,
        schema: pa.Schema,
        stretch: Range | None,
        content: Content | None,
    ) -> None:
        refuse_repeats(name, schema.names)
        self._file, self.name, self._relation = file, name, relation
        self.schema, self._range, self.content = schema, stretch, content

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        names = [name for name in self.schema.names if columns is None or name in columns]
        condition, values = _within(self._range)
        question = f"SELECT {', '.join(map(_quoted, names))} FROM {self._relation}{condition}"
        done = 0
        try:
            with closing(self._file.cursor()) as connection:
                for rows in connection.execute(question, values).to_arrow_reader(BATCH_ROWS):
                    if self._range and self._range.is_text and self._range.column in names:
                        field = f"{self.name}.{self._range.column}"
                        check_texts(field, rows.column(self._range.column))
                    yield Batch(rows, np.arange(done + 1, done + len(rows) + 1))
                    done += len(rows)
        except duckdb.Error as error:
            raise refused_query(self.name, error) from None


def _within(stretch: Range | None) -> tuple[str, list[str | datetime]]:
    if stretch is None:
        return "", []
    column = _quoted(stretch.column)
    conditions: list[str] = []
    values: list[Any] = []
    if stretch.after is not None:
        conditions.append(f"{column} > ?")
        values.append(stretch.after)
    if stretch.until is not None:
        conditions.append(f"{column} <= ?")
        values.append(stretch.until)
    elif conditions:
        conditions = [f"({conditions[0]} OR {column} IS NULL)"]
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values


def _view(sql: str) -> str:
    # A line of its own for the bracket, since the statement may end in a comment.
    return f"(\n{sql.strip().removesuffix(';')}\n) AS holdfast_rows"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
