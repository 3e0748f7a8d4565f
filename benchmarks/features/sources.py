"""The same operator out of every kind of place: the same features, and what it costs to read.

``python -m benchmarks.features.sources [CUSTOMERS MONTHS]`` writes the raw tables of a simulated
operator into folders of Parquet and of CSV, Hive partitions, an object store on loopback, a DuckDB file and PostgreSQL
(``HOLDFAST_TEST_POSTGRES_URL``, in a schema of its own), first without the rows of the last week.
Two nights take them in, files as they are and databases by a watermark. CPU seconds are those of
this process: servers have their own.
"""

import hashlib
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import sqlalchemy as sa

from benchmarks.report import show
from features.compute.build import bring_up_to_date
from features.contracts.tables import ARRIVED
from features.intake.report import CheckReport
from features.settings import FeatureSettings
from features.sources import open_source
from features.table_files.text_file import open_unpacked
from holdfast.home import Home
from pipeline.features import take_in
from simulator.engine.simulator import simulate
from tests.builders.clocks import NOW
from tests.builders.object_server import serving_objects
from tests.builders.servers import POSTGRES_URL
from tests.builders.source_kinds import as_duckdb, as_partitions, as_postgres, values_in

T = TypeVar("T")

Tables = Mapping[str, pa.Table]
Write = Callable[[Tables, str], None]
"""Writes rows under a name that tells one night from another."""

LAST = timedelta(days=7)
SETTLED_SECONDS = 3.0
"""Files that were left alone for so long are not hashed again."""


def main() -> None:
    """Measure and print."""
    sizes = [int(one) for one in sys.argv[1:] if one.isdigit()]
    customers, months = sizes or (3_000, 12)
    with tempfile.TemporaryDirectory() as directory, _postgres() as database:
        folder = Path(directory)
        simulate(folder / "operator", customers, months, 7)
        first, last = _split(folder / "operator" / "raw")
        rows = []
        for kind, where, watermark, write in _kinds(folder, database):
            write(first, "first")
            time.sleep(SETTLED_SECONDS)
            rows.append(_measured(kind, where, watermark, partial(write, last, "last"), folder))
            print(f"{kind}: done", file=sys.stderr, flush=True)
    show(f"{customers:,} customers, {months} months", rows)
    if len({row["features"] for row in rows}) != 1:
        sys.exit("the features differ")


def _kinds(folder: Path, database: str) -> Iterator[tuple[str, str, str | None, Write]]:
    plain, hive, file = folder / "plain", folder / "hive", folder / "raw.duckdb"
    text = folder / "text"

    def as_files(tables: Tables, name: str) -> None:
        for table, rows in tables.items():
            (plain / table).mkdir(parents=True, exist_ok=True)
            pq.write_table(rows, plain / table / f"{name}.parquet")

    def as_text(tables: Tables, name: str) -> None:
        for table, rows in tables.items():
            (text / table).mkdir(parents=True, exist_ok=True)
            pa_csv.write_csv(rows, text / table / f"{name}.csv")

    yield "folder of Parquet", str(plain), None, as_files
    yield "folder of CSV", str(text), None, as_text
    yield "Hive partitions", str(hive), None, lambda t, name: as_partitions(t, hive, name)
    with _object_store(folder / "store") as url:
        bucket = folder / "store" / "raw"
        yield (
            "object store, Hive partitions",
            url,
            None,
            lambda t, name: as_partitions(t, bucket, name),
        )
    yield (
        "DuckDB, watermark",
        str(file),
        ARRIVED,
        lambda t, name: as_duckdb(t, file, create=name == "first"),
    )
    yield (
        "PostgreSQL, watermark",
        database,
        ARRIVED,
        lambda t, name: as_postgres(t, database, create=name == "first"),
    )


def _measured(
    kind: str, where: str, watermark: str | None, add_last: Callable[[], None], folder: Path
) -> dict[str, object]:
    reading, read = _cpu_seconds(lambda: _read(where))
    out = folder / f"home of {kind}"

    def night() -> CheckReport:
        return take_in(Home(out), where, now=NOW, watermark=watermark)

    taking, report = _cpu_seconds(night)
    taken = sum(table.accepted for table in report.tables)
    add_last()
    time.sleep(SETTLED_SECONDS)
    with _text_files_opened() as opened:
        second, report = _cpu_seconds(night)
    again = sum(table.read - table.reused for table in report.tables)
    bring_up_to_date(out / "raw", out / "features", FeatureSettings(threads=2), now=NOW)
    features = hashlib.sha256()
    for path, values in values_in(out / "features" / "tables").items():
        features.update(path.as_posix().encode() + values)
    shutil.rmtree(out)
    return {
        "place": kind,
        "rows": f"{read:,}",
        "read, rows/CPU s": f"{read / reading:,.0f}",
        "taken in, rows/CPU s": f"{taken / taking:,.0f}",
        "second night: rows read": f"{again:,}",
        "of": f"{sum(table.read for table in report.tables):,}",
        "CPU s": f"{second:.2f}",
        "first": f"{taking:.2f}",
        "text files opened": f"{len(opened)}, {sum(opened.values()) / 1e6:.1f} MB",
        "features": features.hexdigest()[:12],
    }


@contextmanager
def _text_files_opened() -> Iterator[dict[Path, int]]:
    """Text files of folders that are opened meanwhile, with their bytes."""
    opened: dict[Path, int] = {}

    def noting(path: Path) -> object:
        opened[path] = path.stat().st_size
        return open_unpacked(path)

    with patch("features.sources.files.stored_file.open_unpacked", noting):
        yield opened


def _read(where: str) -> int:
    source = open_source(where)
    return sum(len(rows) for table in source.tables() for rows in source.batches(table))


def _cpu_seconds(action: Callable[[], T]) -> tuple[float, T]:
    begun = time.process_time()
    result = action()
    return time.process_time() - begun, result


def _split(raw: Path) -> tuple[Tables, Tables]:
    """The rows that arrive before the last week, and those of that week."""
    tables = {path.name: pq.read_table(path) for path in raw.iterdir() if path.is_dir()}
    newest = max(pc.max(table[ARRIVED]).as_py() for table in tables.values() if len(table))
    is_late = {name: pc.greater(table[ARRIVED], newest - LAST) for name, table in tables.items()}
    return (
        {name: table.filter(pc.invert(is_late[name])) for name, table in tables.items()},
        {name: table.filter(is_late[name]) for name, table in tables.items()},
    )


@contextmanager
def _object_store(root: Path) -> Iterator[str]:
    """The address of the bucket ``raw`` of a store in another process."""
    (root / "raw").mkdir(parents=True)
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(root, there), daemon=True)
    process.start()
    yield here.recv()
    process.terminate()
    process.join()


def _serve(root: Path, told: Connection) -> None:
    with serving_objects(root) as server:
        told.send(server.url("raw"))
        time.sleep(86_400)


@contextmanager
def _postgres() -> Iterator[str]:
    """The address of a schema of its own."""
    server, schema = sa.create_engine(POSTGRES_URL), f"holdfast_{uuid.uuid4().hex}"
    with server.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    url = sa.make_url(POSTGRES_URL).update_query_dict({"options": f"-csearch_path={schema}"})
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with server.begin() as connection:
            connection.execute(sa.schema.DropSchema(schema, cascade=True))
        server.dispose()


if __name__ == "__main__":
    main()
