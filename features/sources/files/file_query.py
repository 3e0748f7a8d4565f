"""A query over relations that lie in files, which DuckDB answers out of core."""

import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from glob import escape
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.sources.content import Content, ContentState
from features.sources.names import refuse_repeats
from features.sources.part import BATCH_ROWS, NOT_MAPPED, Batch, Part, PartMapping
from features.table_files.arrow_types import plain_column
from holdfast.errors import InputError

_MEMORY = "2GB"


class QueryContent:
    """The content of a query's rows: that of the files which it reads, and its words.

    Parameters
    ----------
    sql : str
        The query.
    contents : sequence of Content
        Of all files that it reads.
    """

    def __init__(self, sql: str, contents: tuple[Content, ...]) -> None:
        self._sql, self._contents = sql, contents
        self.opened = self._joined([content.opened for content in contents])

    def state(self) -> ContentState:
        """How it looks now."""
        return self._joined([content.state() for content in self._contents])

    def digest(self) -> str:
        """Digest of the query and of all bytes that it reads."""
        return _hashed(self._sql, *(content.digest() for content in self._contents))

    def _joined(self, states: list[ContentState]) -> ContentState:
        changed = [state.changed_ns for state in states if state.changed_ns is not None]
        return ContentState(
            -1,
            _hashed(self._sql, *(state.mark for state in states)),
            max(changed, default=None),
            max((state.leeway_ns for state in states), default=0),
        )


class FileQueryPart:
    """The rows of a query over files.

    Parameters
    ----------
    name : str
        What to call the part.
    sql : str
        One select of DuckDB's SQL. Relations are tables of their own names, whatever their case;
        columns of text files are texts. It can read nothing else.
    names : collection of str
        The relations that there are.
    parts_of : callable
        Gives a relation's parts.

    Raises
    ------
    InputError
        The query is refused, or one of its relations cannot be read.
    """

    mapping: PartMapping = NOT_MAPPED
    path: Path | None = None
    rows: int | None = None
    renamed: Mapping[str, str] = {}
    odd_lines: float = 0.0
    likely_encoding: str = ""
    as_stored: bool = False
    folder_columns: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        sql: str,
        names: Collection[str],
        parts_of: Callable[[str], tuple[Part, ...]],
    ) -> None:
        self.name, self._sql = name, sql
        by_case = {one.casefold(): one for one in sorted(names)}
        self._parts = {
            table: parts_of(table if table in names else by_case[table.casefold()])
            for table in sorted(_relations(name, sql))
            if table.casefold() in by_case
        }
        parts = [part for parts in self._parts.values() for part in parts]
        contents = [part.content for part in parts if part.content is not None]
        self.content: Content | None = QueryContent(sql, tuple(contents))
        self.notes: tuple[str, ...] = tuple(
            dict.fromkeys(f"{part.name}: {note}" for part in parts for note in part.notes)
        )
        self._folder: Path | None = None
        with closing(duckdb.connect(config={"enable_external_access": "false"})) as connection:
            for table, its_parts in self._parts.items():
                connection.register(table, _empty(its_parts))
            self.schema: pa.Schema = self._reader(connection).schema
        refuse_repeats(name, self.schema.names)

    def batches(self, columns: Collection[str] | None = None) -> Iterator[Batch]:
        """Read it, a bounded number of rows at a time."""
        done = 0
        with closing(self._connected()) as connection:
            reader = self._reader(connection)
            names = [n for n in reader.schema.names if columns is None or n in columns]
            try:
                for rows in reader:
                    yield Batch(rows.select(names), np.arange(done + 1, done + len(rows) + 1))
                    done += len(rows)
            except (duckdb.Error, pa.ArrowException) as error:
                raise refused_query(self.name, error) from None

    def _reader(self, connection: duckdb.DuckDBPyConnection) -> pa.RecordBatchReader:
        try:
            return connection.execute(self._sql).to_arrow_reader(BATCH_ROWS)
        except duckdb.Error as error:
            raise refused_query(self.name, error) from None

    def _connected(self) -> duckdb.DuckDBPyConnection:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="holdfast-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        # One thread, so that rows come in the same order every time.
        connection = duckdb.connect(
            config={"memory_limit": _MEMORY, "temp_directory": str(self._folder), "threads": 1}
        )
        connection.execute("SET TimeZone = 'UTC'")
        files = {
            table: self._files(self._folder, table, parts) for table, parts in self._parts.items()
        }
        allowed = [str(file) for of_table in files.values() for file in of_table]
        connection.execute("SET allowed_paths = $1", [allowed])
        connection.execute("SET enable_external_access = false")
        for table, of_table in files.items():
            paths = ", ".join(_quoted(escape(str(file)), "'") for file in of_table)
            connection.execute(
                f"CREATE VIEW {_quoted(table, chr(34))} AS FROM"
                f" read_parquet([{paths}], union_by_name = true, hive_partitioning = false)"
            )
        return connection

    def _files(self, folder: Path, table: str, parts: tuple[Part, ...]) -> list[Path]:
        """Parquet files with a relation's rows; those of other kinds are written once."""
        files = []
        for number, part in enumerate(parts):
            if part.as_stored and not part.folder_columns and part.path is not None:
                files.append(part.path.absolute())
                continue
            digest = hashlib.sha256(table.encode()).hexdigest()[:16]
            file = folder / f"{digest}-{number}.parquet"
            if not file.exists():
                beside = file.with_suffix(".new")
                with pq.ParquetWriter(beside, _plain_schema(part.schema)) as writer:
                    for batch in part.batches():
                        writer.write_table(_plain_rows(part, batch.rows))
                beside.rename(file)
            files.append(file)
        return files


def refused_query(name: str, error: Exception) -> InputError:
    """The error for a query that DuckDB refuses.

    Parameters
    ----------
    name : str
        What the query is for.
    error : Exception
        What DuckDB raised.
    """
    if isinstance(error, (duckdb.CatalogException, duckdb.BinderException, duckdb.ParserException)):
        # They name tables, columns and words of the query. Others may quote values.
        said = str(error).splitlines()[0]
        return InputError(name, f"the query must be one that DuckDB takes: {said}")
    return InputError(name, "the query cannot be answered", type(error).__name__)


def _relations(name: str, sql: str) -> set[str]:
    """Names of the tables that a query reads, those of its own common tables among them."""
    with closing(duckdb.connect()) as connection:
        (text,) = connection.execute("SELECT json_serialize_sql($1)", [sql]).fetchone() or ("{}",)
    tree = json.loads(text)
    if tree.get("error") or len(tree["statements"]) != 1:
        said = tree.get("error_message", "only one statement can be taken")
        raise InputError(name, f"the query must be one select of DuckDB's SQL: {said}")
    return set(_table_names(tree))


def _table_names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE":
            yield node["table_name"]
        for value in node.values():
            yield from _table_names(value)
    elif isinstance(node, list):
        for value in node:
            yield from _table_names(value)


def _empty(parts: tuple[Part, ...]) -> pa.Table:
    schemas = [_plain_schema(part.schema) for part in parts]
    return pa.unify_schemas(schemas, promote_options="permissive").empty_table()


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    def kind(stored: pa.DataType) -> pa.DataType:
        is_text = pa.types.is_binary(stored) or pa.types.is_null(stored)
        return pa.string() if is_text else plain_column(pa.chunked_array([], stored)).type

    return pa.schema([(column.name, kind(column.type)) for column in schema])


def _plain_rows(part: Part, rows: pa.RecordBatch) -> pa.Table:
    columns = [plain_column(pa.chunked_array([column])) for column in rows.columns]
    try:
        return pa.table(columns, names=rows.schema.names).cast(_plain_schema(rows.schema))
    except pa.ArrowInvalid:
        raise InputError(part.name, "must be UTF-8 to be read by a query") from None


def _hashed(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _quoted(text: str, mark: str) -> str:
    return f"{mark}{text.replace(mark, mark * 2)}{mark}"
