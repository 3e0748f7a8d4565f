"""Tables of a database read night after night by what is new."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa

from features.contracts.tables import ARRIVED, Table
from features.intake.check import accept
from features.intake.report import CheckReport
from features.intake.rows import check_rows
from features.intake.store import RawStore
from features.mapping.opening import open_raw_tables
from features.raw_tables.options import RawOptions
from features.settings import ReadingSettings
from features.sources import open_place, open_source
from features.sources.watermark import Mark, Watermark
from holdfast.errors import InputError
from tests.builders.clocks import NOW
from tests.builders.database_tables import fill
from tests.builders.intake_runs import accepted_in, same_rows
from tests.builders.raw_tables import raw_tables

SOME = ("customers", "subscriptions", "bills")
OVERLAP_HOURS = 48.0
TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = :name AND pid <> pg_backend_pid()"
)


@dataclass
class Warehouse:
    """A database that gets rows, and a store that takes them in."""

    url: str
    tables: dict[str, pa.Table]
    out: Path

    def insert(self, name: str, rows: pa.Table) -> None:
        fill(self.url, {name: rows}, create=False)

    def execute(self, statement: str, **values: Any) -> None:
        engine = sa.create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(sa.text(statement), values)
        engine.dispose()

    def take_in(
        self, watermark: str | None = ARRIVED, hours: float = OVERLAP_HOURS, store: str = "raw"
    ) -> tuple[CheckReport, dict[str, pa.Table]]:
        report = accept(
            open_source(self.url, watermark=watermark),
            self.out / store,
            quarantine=self.out / f"quarantine of {store}",
            now=NOW,
            options=RawOptions(settings=ReadingSettings(watermark_overlap_hours=hours)),
        )
        return report, accepted_in(self.out / store)


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return raw_tables(31, 6, days=60, only=SOME)


@pytest.fixture(params=["sqlite", "postgresql"])
def warehouse(
    request: pytest.FixtureRequest, tables: dict[str, pa.Table], tmp_path: Path
) -> Warehouse:
    is_file = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'raw.db'}" if is_file else request.getfixturevalue("postgres")
    fill(url, {name: table.slice(0, 0) for name, table in tables.items()})
    return Warehouse(url, tables, tmp_path)


def arriving(table: pa.Table, share: float) -> tuple[pa.Table, pa.Table]:
    """The rows that arrive first, and the others."""
    table = table.sort_by(ARRIVED)
    first = int(len(table) * share)
    return table.slice(0, first), table.slice(first)


def night_by_night(warehouse: Warehouse) -> dict[str, tuple[pa.Table, pa.Table]]:
    """What arrives first and later: all that bills refer to first, so that none leads nowhere."""
    return {
        name: arriving(table, 0.7 if name == "bills" else 1.0)
        for name, table in warehouse.tables.items()
    }


def test_a_night_reads_what_is_new(warehouse: Warehouse) -> None:
    before = night_by_night(warehouse)
    for name, (first, _) in before.items():
        warehouse.insert(name, first)
    report, _ = warehouse.take_in()
    assert sum(table.reused for table in report.tables) == 0
    for name, (_, second) in before.items():
        # One row's transaction is still open.
        warehouse.insert(name, second.slice(1))
    report, grown = warehouse.take_in()
    assert report.clean
    for table in report.tables:
        assert table.reused > 0
        assert table.reused < len(before[table.table][0])
        assert table.read == len(warehouse.tables[table.table]) - (table.table == "bills")
    for name, (_, second) in before.items():
        warehouse.insert(name, second.slice(0, 1))
    # It bears a time before the overlap of two days: a longer one opens ranges again.
    report, grown = warehouse.take_in(hours=60 * 24)
    _, at_once = warehouse.take_in(None, store="at once")
    assert all(same_rows(grown[name], at_once[name]) for name in SOME)
    # And back: a table read as a whole leaves no ranges behind.
    report, whole = warehouse.take_in(None)
    assert sum(table.reused for table in report.tables) == 0
    assert all(same_rows(whole[name], at_once[name]) for name in SOME)


def test_a_watermark_that_goes_backwards_changes_nothing(warehouse: Warehouse) -> None:
    for name, table in warehouse.tables.items():
        warehouse.insert(name, table)
    _, before = warehouse.take_in()
    manifest = (warehouse.out / "raw" / "manifest.json").read_bytes()
    warehouse.execute("DELETE FROM bills WHERE arrived_at IN (SELECT max(arrived_at) FROM bills)")
    with pytest.raises(InputError, match=r"bills\.arrived_at: a watermark must not go backwards"):
        warehouse.take_in()
    assert accepted_in(warehouse.out / "raw") == before
    assert (warehouse.out / "raw" / "manifest.json").read_bytes() == manifest
    assert warehouse.take_in(None)[0].clean


def test_rows_without_a_time_of_arrival_are_seen(warehouse: Warehouse) -> None:
    for name, table in warehouse.tables.items():
        warehouse.insert(name, table)
    warehouse.take_in()
    warehouse.execute("UPDATE bills SET arrived_at = NULL WHERE bill_id = :id", id="nobody's")
    bills = warehouse.tables["bills"].slice(0, 1)
    nameless = bills.set_column(
        bills.schema.get_field_index(ARRIVED), ARRIVED, pa.nulls(1, bills[ARRIVED].type)
    )
    warehouse.insert("bills", nameless)
    report, _ = warehouse.take_in()
    (faulty,) = (table for table in report.tables if table.quarantined)
    assert [(rule.column, rule.rule) for rule in faulty.rules] == [(ARRIVED, "null")]


def test_a_run_that_dies_keeps_the_watermarks(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, table in warehouse.tables.items():
        warehouse.insert(name, arriving(table, 0.7)[0])
    warehouse.take_in()
    for name, table in warehouse.tables.items():
        warehouse.insert(name, arriving(table, 0.7)[1])
    with monkeypatch.context() as broken:
        broken.setattr("features.intake.check.doubts", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            warehouse.take_in()
    _, grown = warehouse.take_in()
    assert all(same_rows(grown[name], warehouse.tables[name]) for name in SOME)


def test_a_query_is_read_by_a_watermark_too(warehouse: Warehouse) -> None:
    bills = warehouse.tables["bills"]
    first, second = arriving(bills, 0.7)
    sql = "SELECT bill_id AS id, arrived_at AS seen FROM bills WHERE bill_id <> 'a:b %'; "
    warehouse.insert("bills", first)
    by_seen = Watermark("seen", timedelta(days=2))
    night = open_place(warehouse.url).since("q", by_seen, None, sql)
    warehouse.insert("bills", second)
    later = open_place(warehouse.url).since("q", by_seen, night.mark, sql)
    assert later.parts[0].name == night.parts[0].name
    read = [
        value
        for part in later.parts
        for batch in part.batches(["id"])
        for value in batch.rows.column("id").to_pylist()
    ]
    assert sorted(read) == sorted(bills["bill_id"].to_pylist())
    with pytest.raises(InputError, match=r"q\.lost: the column must be there"):
        open_place(warehouse.url).since("q", Watermark("lost"), None, sql)


def test_a_mapping_file_names_watermarks_of_its_own(warehouse: Warehouse) -> None:
    file = warehouse.out / "mapping.toml"
    named = "\n".join(f'[tables.{name}]\nwatermark = "arrived_at"\n' for name in SOME)
    file.write_text(f"source = '{warehouse.url}'\n{named}where = \"bill_id <> 'none'\"\n")
    for first_night in (True, False):
        for name, rows in night_by_night(warehouse).items():
            warehouse.insert(name, rows[0 if first_night else 1])
        report = accept(
            open_raw_tables(str(file)),
            warehouse.out / "raw",
            quarantine=warehouse.out / "quarantine",
            now=NOW,
        )
        assert report.clean
        assert all(bool(table.reused) != first_night for table in report.tables)
    grown = accepted_in(warehouse.out / "raw")
    assert all(same_rows(grown[name], warehouse.tables[name]) for name in SOME)
    warehouse.execute("DELETE FROM bills")
    with pytest.raises(
        InputError, match=r"mapping\.toml: tables\.bills\.watermark: a watermark must not go back"
    ):
        open_raw_tables(str(file)).resume(stored_marks(warehouse), timedelta(days=1))
    with pytest.raises(InputError, match="watermark: must stand in the mapping file"):
        open_raw_tables(str(file), watermark=ARRIVED)


def stored_marks(warehouse: Warehouse) -> Mapping[str, Mark]:
    return RawStore(warehouse.out / "raw").marks


def test_texts_in_another_zone_are_refused(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    warehouse = Warehouse(f"sqlite:///{tmp_path / 'raw.db'}", tables, tmp_path)
    fill(warehouse.url, tables)
    warehouse.execute("UPDATE bills SET arrived_at = '2001-01-01T09:00:00+02:00' WHERE rowid = 2")
    with pytest.raises(InputError, match=r"bills_until_.*\.arrived_at: must be a time to serve"):
        warehouse.take_in()


def test_a_database_that_breaks_off_in_the_middle_is_named(
    tables: dict[str, pa.Table],
    tmp_path: Path,
    postgres: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = sa.make_url(postgres).update_query_dict({"application_name": tmp_path.name})
    warehouse = Warehouse(url.render_as_string(hide_password=False), tables, tmp_path)
    fill(warehouse.url, tables)
    _, before = warehouse.take_in(None)
    monkeypatch.setattr("features.sources.databases.database.BATCH_ROWS", 20)
    monkeypatch.setattr("features.sources.databases.database.copied_rows", lambda *_: None)

    def ending(table: Table, rows: pa.RecordBatch) -> Any:
        if table.name == "bills":
            warehouse.execute(TERMINATE, name=tmp_path.name)
        return check_rows(table, rows)

    monkeypatch.setattr("features.intake.check.check_rows", ending)
    with pytest.raises(
        InputError, match=r"bills: must come to its end; it broke off after [\d,]+ rows"
    ):
        warehouse.take_in(None)
    assert accepted_in(tmp_path / "raw") == before


def test_a_copy_that_breaks_off_in_the_middle_is_named(postgres: str, tmp_path: Path) -> None:
    url = sa.make_url(postgres).update_query_dict({"application_name": tmp_path.name})
    warehouse = Warehouse(url.render_as_string(hide_password=False), {}, tmp_path)
    # More than what lies on the way between the server and here, and an end that never comes.
    rows = (
        "SELECT repeat('x', 100) AS a FROM generate_series(1, 600000)"
        " UNION ALL SELECT pg_sleep(300)::text"
    )
    (part,) = open_place(warehouse.url).query(rows, "many")
    batches = part.batches()
    next(batches)
    warehouse.execute(TERMINATE, name=tmp_path.name)
    with pytest.raises(InputError, match=r"many: must come to its end; it broke off after \d+"):
        list(batches)
