"""The same operator out of every kind of place gives the same rows, and the same features."""

import gzip
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.compute.build import bring_up_to_date
from features.intake.check import accept
from features.intake.report import CheckReport
from features.settings import FeatureSettings
from features.sources import open_place, open_source
from features.sources.watermark import Watermark
from holdfast.errors import InputError
from simulator.engine.simulator import simulate
from tests.builders.clocks import NOW
from tests.builders.intake_runs import accepted_in
from tests.builders.object_server import ObjectServer, serving_objects
from tests.builders.source_kinds import (
    as_duckdb,
    as_objects,
    as_partitions,
    as_postgres,
    values_in,
)
from tests.builders.workbooks import write_workbook

SOME = ("customers", "subscriptions", "plans", "usage_weeks", "recharges", "bills")


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pa.Table]:
    folder = tmp_path_factory.mktemp("operator")
    simulate(folder, customers=40, months=3, seed=4, workers=1)
    return {name: table for name, table in accepted_in(folder / "raw").items() if name in SOME}


def taken_in(where: str, out: Path) -> CheckReport:
    report = accept(open_source(where), out / "raw", quarantine=out / "quarantine", now=NOW)
    assert report.clean
    assert report.unknown_tables == ()
    return report


def reused(report: CheckReport) -> bool:
    return all(table.reused == table.read for table in report.tables)


def assert_same(out: Path, tables: dict[str, pa.Table]) -> None:
    """The raw store holds the tables' rows, in whatever order."""
    accepted = accepted_in(out / "raw")
    assert accepted.keys() == tables.keys()
    for name, table in tables.items():
        order = [(column, "ascending") for column in table.column_names]
        rows = accepted[name].select(table.column_names).sort_by(order)
        assert rows.equals(table.sort_by(order)), name


def test_postgresql(tables: dict[str, pa.Table], tmp_path: Path, postgres: str) -> None:
    as_postgres(tables, postgres)
    taken_in(postgres, tmp_path)
    assert_same(tmp_path, tables)


def test_duckdb(
    tables: dict[str, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.sources.content.LOCAL_LEEWAY_NS", 0)
    file = tmp_path / "raw.duckdb"
    as_duckdb(tables, file)
    taken_in(f"duckdb:///{file}", tmp_path)
    assert_same(tmp_path, tables)
    assert reused(taken_in(str(file), tmp_path))


@pytest.fixture
def objects(tables: dict[str, pa.Table], tmp_path: Path) -> Iterator[ObjectServer]:
    as_partitions(tables, tmp_path / "in")
    with as_objects(tmp_path / "in", tmp_path / "store") as server:
        yield server


def test_partitions_in_an_object_store_give_the_features_of_plain_files(
    tables: dict[str, pa.Table], tmp_path: Path, objects: ObjectServer
) -> None:
    assert any((tmp_path / "in").rglob("*=*"))
    report = taken_in(objects.url("raw"), tmp_path)
    assert report.where == "s3://raw"
    assert_same(tmp_path, tables)
    # Just written, so that the store is asked for tags; no object is read again.
    read = sum(request.startswith("GET /raw/") for request in objects.requests)
    objects.requests.clear()
    assert reused(taken_in(objects.url("raw"), tmp_path))
    assert sum(request.startswith("GET /raw/") for request in objects.requests) < read
    plain = tmp_path / "plain"
    for name, table in tables.items():
        (plain / "raw" / name).mkdir(parents=True)
        pq.write_table(table, plain / "raw" / name / "all.parquet")
    built = []
    for out in (tmp_path, plain):
        bring_up_to_date(out / "raw", out / "features", FeatureSettings(threads=1), now=NOW)
        built.append(values_in(out / "features" / "tables"))
    assert len(built[0]) > len(SOME)
    assert built[0] == built[1]


def test_objects_of_other_kinds(tmp_path: Path) -> None:
    folder = tmp_path / "store" / "raw" / "in"
    folder.mkdir(parents=True)
    text = b"customer_id;a\n01;x\n02;\n"
    (folder / "customers.csv.gz").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(folder / "bills.csv.zip", "w") as archive:
        archive.writestr("bills.csv", text)
    write_workbook(pa.table({"customer_id": ["01", "02"], "a": ["x", ""]}), folder / "refunds.xlsx")
    (folder / "notes.md").touch()
    with serving_objects(tmp_path / "store") as server:
        place = open_place(server.url("raw/in"))
        assert place.names() == ("bills", "customers", "refunds")
        assert place.others() == ("notes.md",)
        for name in place.names():
            (part,) = place.parts(name)
            (batch,) = part.batches()
            ids = batch.rows.column("customer_id").cast(pa.string())
            assert ids.to_pylist() == ["01", "02"]
            assert part.content is not None
            assert part.content.digest().startswith("tag ")
        (part,) = place.query("SELECT count(*) AS n FROM customers WHERE a IS NULL", "counted")
        assert [batch.rows.column(0).to_pylist() for batch in part.batches()] == [[1]]


def test_many_objects_are_listed_page_by_page(tmp_path: Path) -> None:
    folder = tmp_path / "raw" / "customers"
    folder.mkdir(parents=True)
    for number in range(25):
        (folder / f"{number:03d}.csv").write_text("customer_id\n1\n")
    with serving_objects(tmp_path) as server:
        assert len(open_place(server.url("raw")).parts("customers")) == 25


@pytest.mark.parametrize("where", ["nowhere", "raw/nothing"])
def test_a_store_without_such_a_folder_is_named_without_its_keys(
    where: str, tmp_path: Path
) -> None:
    (tmp_path / "raw").mkdir()
    with (
        serving_objects(tmp_path) as server,
        pytest.raises(
            InputError, match=rf"must be a folder of an object store that answers.*s3://{where}"
        ) as refused,
    ):
        open_place(server.url(where))
    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_an_object_that_changed_while_it_was_read_stops_the_run(
    tables: dict[str, pa.Table], tmp_path: Path, objects: ObjectServer
) -> None:
    source = open_source(objects.url("raw"))
    file = objects.root / "raw" / "customers" / "part-0.parquet"
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(InputError, match=r"customers, part-0\.parquet: "):
        accept(source, tmp_path / "raw", quarantine=tmp_path / "quarantine", now=NOW)
    assert not (tmp_path / "raw").exists()


def test_a_duckdb_file_is_only_read(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    file = tmp_path / "raw.duckdb"
    as_duckdb({"bills": tables["bills"]}, file)
    before = file.read_bytes()
    place = open_place(str(file))
    assert place.names() == ("bills",)
    (part,) = place.query("SELECT bill_id FROM bills ORDER BY 1 -- a note", "sorted")
    ids = [value for batch in part.batches() for value in batch.rows.column(0).to_pylist()]
    assert ids == sorted(tables["bills"]["bill_id"].to_pylist())
    for sql in (
        "SELECT nothing FROM bills",
        f"SELECT * FROM read_csv('{tmp_path}/a.csv')",
        "DELETE FROM bills",
    ):
        with pytest.raises(InputError, match=r"^wrong: the query"):
            place.query(sql, "wrong")
    with pytest.raises(InputError, match="nowhere: must be a table or view"):
        place.parts("nowhere")
    assert file.read_bytes() == before
    (tmp_path / "other.duckdb").write_bytes(b"no such thing" * 1000)
    with pytest.raises(InputError, match="cannot be opened as a DuckDB file"):
        open_place(str(tmp_path / "other.duckdb"))
    with pytest.raises(InputError, match="must be a DuckDB file that exists"):
        open_place("duckdb:///nowhere.duckdb")


def test_a_duckdb_file_by_a_watermark(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    file, bills = tmp_path / "raw.duckdb", tables["bills"].sort_by("arrived_at")
    half = len(bills) // 2
    as_duckdb({"bills": bills.slice(0, half)}, file)
    by_arrival = Watermark("arrived_at", timedelta(days=3))
    first = open_place(str(file)).since("bills", by_arrival, None)
    name, mark = first.parts[0].name, first.mark
    del first  # the file is closed, so that it can be written
    with duckdb.connect(file) as connection:
        connection.register("rows", bills.slice(half))
        connection.execute("INSERT INTO bills FROM rows")
    second = open_place(str(file)).since("bills", by_arrival, mark)
    assert second.parts[0].name == name
    assert [part.content is None for part in second.parts] == [False, False, True]
    read = [
        value
        for part in second.parts
        for batch in part.batches(["bill_id"])
        for value in batch.rows.column(0).to_pylist()
    ]
    assert sorted(read) == sorted(bills["bill_id"].to_pylist())


def test_times_as_spark_writes_them(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    bills = tables["bills"]
    end = datetime(9999, 12, 31, tzinfo=UTC)
    far = pa.array([end, *[None] * (len(bills) - 1)], pa.timestamp("us"))
    (tmp_path / "in").mkdir()
    pq.write_table(
        bills.append_column("closed_on", far),
        tmp_path / "in" / "bills.parquet",
        use_deprecated_int96_timestamps=True,
    )
    (part,) = open_place(str(tmp_path / "in")).parts("bills")
    (told,) = part.notes
    assert told.startswith("times of 96 bits in due_at, ")
    assert told.endswith("closed_on are taken as instants in UTC, as Spark and Hive write them")
    assert not part.as_stored
    rows = pa.Table.from_batches([batch.rows for batch in part.batches()])
    assert rows.select(bills.column_names).equals(bills)
    assert rows["closed_on"][0].as_py() == end
