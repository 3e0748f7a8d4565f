"""One operator's raw tables in every kind of place that they can lie in."""

import io
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.dataset as pa_dataset
import pyarrow.parquet as pq
import sqlalchemy as sa

from tests.builders.database_tables import POSTGRES
from tests.builders.object_server import ObjectServer, serving_objects

PARTITIONED = {"usage_weeks": "product_line", "bills": "disputed", "recharges": "channel"}
"""Columns that stand in the names of folders, where the tables have them."""


def as_partitions(tables: Mapping[str, pa.Table], folder: Path, name: str = "part") -> None:
    """Each table as Parquet, some in folders named for the values of a column.

    Parameters
    ----------
    name : str
        What the names of files begin with; others are left as they are.
    """
    for table_name, table in tables.items():
        if not len(table):
            (folder / table_name).mkdir(parents=True, exist_ok=True)
            pq.write_table(table, folder / table_name / f"{name}-0.parquet")
            continue
        column = PARTITIONED.get(table_name)
        columns = [column] if column in table.column_names else []
        pa_dataset.write_dataset(
            table,
            folder / table_name,
            format="parquet",
            basename_template=f"{name}-{{i}}.parquet",
            existing_data_behavior="overwrite_or_ignore",
            partitioning=columns,
            partitioning_flavor="hive",
            max_partitions=4096,
        )


def as_duckdb(tables: Mapping[str, pa.Table], file: Path, *, create: bool = True) -> None:
    """Tables of a DuckDB file; without `create`, more rows of them."""
    with duckdb.connect(file) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.register("rows", table)
            verb = f"CREATE TABLE {name} AS" if create else f"INSERT INTO {name}"
            connection.execute(f"{verb} FROM rows")
            connection.unregister("rows")


def as_postgres(tables: Mapping[str, pa.Table], url: str, *, create: bool = True) -> None:
    """Tables of PostgreSQL, with types; without `create`, more rows of them."""
    types = POSTGRES | {pa.float64(): "double precision"}
    address = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as connection:
        for name, table in tables.items():
            columns = ", ".join(f'"{one.name}" {types[one.type]}' for one in table.schema)
            if create:
                connection.execute(f"CREATE TABLE {name} ({columns})")  # type: ignore[arg-type]
            copy = f"COPY {name} FROM STDIN (FORMAT csv)"
            with connection.cursor().copy(copy) as target:  # type: ignore[arg-type]
                for rows in table.to_batches(max_chunksize=50_000):
                    text = io.BytesIO()
                    pa_csv.write_csv(rows, text, pa_csv.WriteOptions(include_header=False))
                    target.write(text.getvalue())


def values_in(folder: Path) -> dict[Path, bytes]:
    """All values of Parquet files bit for bit, by file; without the note of what they were made of."""
    values = {}
    for file in sorted(folder.rglob("*.parquet")):
        table = pq.read_table(file).replace_schema_metadata(None).combine_chunks()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        values[file.relative_to(folder)] = sink.getvalue().to_pybytes()
    return values


@contextmanager
def as_objects(folder: Path, root: Path) -> Iterator[ObjectServer]:
    """A folder of files as the bucket ``raw`` of an object store on loopback."""
    shutil.copytree(folder, root / "raw")
    with serving_objects(root) as server:
        yield server
