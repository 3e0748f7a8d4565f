"""What concerns the whole operator is passed to a build: customers may be built apart."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.compute.build import BuildReport, build
from features.compute.files import digest_of, write_rows
from features.compute.known import known_rows
from features.compute.whole import Whole, whole_of
from features.settings import FeatureSettings
from features.sql.expressions import files_sql
from features.sql.raw import open_raw
from simulator.engine.simulator import simulate
from tests.builders.clocks import NOW

BUCKETS = 4
SETTINGS = FeatureSettings(threads=1, history_customers=30)
BEARERS = ("customer_id", "subscription_id", "account_id", "contact_id")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("operator") / "simulation"
    simulate(folder, 60, 7)
    return folder / "raw"


@pytest.fixture(scope="module")
def together(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Whole]:
    """All customers built together."""
    directory = tmp_path_factory.mktemp("together")
    with open_raw(raw, threads=1) as tables:
        known = known_rows(tables, directory)
        whole = whole_of(tables, directory, SETTINGS, known, now=NOW)
        report = build(tables, directory, whole, SETTINGS)
    assert 0 < whole.history_share < 1
    assert len(report.history) >= 2
    return directory, whole


def split(raw: Path, directory: Path) -> Iterator[Path]:
    """Raw tables of each bucket of households; of tables that belong to nobody, all."""
    tables = {folder.name: pq.read_table(folder) for folder in raw.iterdir() if folder.is_dir()}
    customers = (
        tables["customers"].select(["customer_id", "account_id", "household_id"]).to_pylist()
    )
    home = {row["customer_id"]: row["household_id"] or row["customer_id"] for row in customers}
    buckets = {name: number % BUCKETS for number, name in enumerate(sorted(set(home.values())))}
    bucket_of = {customer: buckets[household] for customer, household in home.items()}
    bearers = {"customer_id": bucket_of}
    bearers["account_id"] = {
        row["account_id"] or row["customer_id"]: bucket_of[row["customer_id"]] for row in customers
    }
    for key, table in (("subscription_id", "subscriptions"), ("contact_id", "care_contacts")):
        rows = tables[table].select([key, "customer_id"]).to_pylist()
        bearers[key] = {row[key]: bucket_of[row["customer_id"]] for row in rows}
    for bucket in range(BUCKETS):
        for name, table in tables.items():
            bearer = next((key for key in BEARERS if key in table.column_names), None)
            if bearer is not None:
                here = pa.array([i for i, b in bearers[bearer].items() if b == bucket], pa.string())
                table = table.filter(pc.is_in(table[bearer], here))
            folder = directory / f"{bucket}" / name
            folder.mkdir(parents=True)
            pq.write_table(table, folder / "part.parquet")
        yield directory / f"{bucket}"


def test_buckets_of_customers_built_apart_give_the_bytes_of_the_whole(
    raw: Path, together: tuple[Path, Whole], tmp_path: Path
) -> None:
    directory, whole = together
    apart = []
    for folder in split(raw, tmp_path):
        out = tmp_path / f"out-{folder.name}"
        with open_raw(folder, threads=1) as tables:
            report: BuildReport = build(tables, out, whole, SETTINGS)
        assert report.history == whole.mondays
        apart.append(out)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for path in sorted((directory / "tables").rglob("*.parquet")):
            place = path.relative_to(directory)
            assert {digest_of(out / place) for out in apart} == {digest_of(path)}
            key = pq.read_schema(path).names[0]
            # A cell has lines of several buckets, and the same row in each.
            rows = (
                f"SELECT DISTINCT * FROM {files_sql([out / place for out in apart])} ORDER BY {key}"
            )
            write_rows(connection, rows, tmp_path / "merged" / place, digest_of(path) or "")
            assert (tmp_path / "merged" / place).read_bytes() == path.read_bytes(), place


def test_a_bucket_takes_nothing_of_the_whole_from_its_own_rows(
    raw: Path, together: tuple[Path, Whole], tmp_path: Path
) -> None:
    """A table without a row of the bucket is no absent table."""
    _, whole = together
    folder = next(split(raw, tmp_path))
    for name in ("app_events", "refunds"):
        for file in (folder / name).iterdir():
            file.unlink()
        (folder / name).rmdir()
    with open_raw(folder, threads=1) as tables:
        report = build(tables, tmp_path / "out", whole, SETTINGS)
    assert (report.at, report.history, report.disabled) == (whole.newest, whole.mondays, {})
