from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.contracts.tables import TABLES
from features.intake.check import accept, check
from features.sources import open_source
from holdfast.errors import InputError
from tests.builders.clocks import NOW
from tests.builders.database_tables import POSTGRES, fill
from tests.builders.raw_tables import raw_tables

SOME = ("customers", "subscriptions", "plans", "bills", "tickets")


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return raw_tables(21, 6, days=40, only=SOME)


def _same_rows(folder: Path, tables: dict[str, pa.Table]) -> bool:
    return all(
        Counter(
            map(
                str,
                pq.ParquetDataset(folder / name)
                .read(columns=list(TABLES[name].columns))
                .to_pylist(),
            )
        )
        == Counter(map(str, table.to_pylist()))
        for name, table in tables.items()
    )


def test_sqlite(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'raw.db'}"
    fill(url, tables | {"elsewhere": tables["plans"]})
    source = open_source(url)
    assert source.tables() == SOME
    assert source.unknown() == ("elsewhere",)
    report = accept(source, tmp_path / "raw", quarantine=tmp_path / "quarantine", now=NOW)
    assert report.clean
    assert _same_rows(tmp_path / "raw", tables)


def test_sqlite_holds_anything_in_a_column(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'raw.db'}"
    fill(url, tables)
    with sa.create_engine(url).begin() as connection:
        connection.execute(sa.text("UPDATE bills SET amount = 'much' WHERE rowid = 2"))
        connection.execute(sa.text("UPDATE bills SET bill_id = 7 WHERE rowid = 3"))
        connection.execute(
            sa.text("UPDATE bills SET due_at = '2026-01-01 00:00:00' WHERE rowid = 4")
        )
    report = check(open_source(url), quarantine=tmp_path / "quarantine", now=NOW)
    (bills,) = (table for table in report.tables if table.table == "bills")
    assert sorted((rule.column, rule.rule, rule.part, rule.row) for rule in bills.rules) == [
        ("amount", "type", "bills", 2),
        ("due_at", "naive_time", "bills", 4),
    ]


def test_postgresql(
    tables: dict[str, pa.Table], tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(postgres, tables)
    monkeypatch.setattr("features.sources.databases.database.BATCH_ROWS", 20)
    source = open_source(postgres)
    assert source.tables() == SOME
    assert len(list(source.batches("subscriptions"))) > 2
    report = accept(source, tmp_path / "raw", quarantine=tmp_path / "quarantine", now=NOW)
    assert report.clean
    assert _same_rows(tmp_path / "raw", tables)


def test_postgresql_times_without_a_zone_are_refused(
    tables: dict[str, pa.Table], tmp_path: Path, postgres: str
) -> None:
    fill(postgres, tables, POSTGRES | {pa.timestamp("us", "UTC"): "timestamp"})
    with pytest.raises(InputError, match=r"customers\.first_seen_at: times must name their zone"):
        check(open_source(postgres), quarantine=tmp_path / "quarantine", now=NOW)
    assert not (tmp_path / "quarantine").exists()


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    with pytest.raises(
        InputError, match=r"postgresql\+psycopg://127\.0\.0\.1/db: the database refused"
    ) as refused:
        open_source("postgresql+psycopg://me:hunter2@127.0.0.1:1/db")
    assert "hunter2" not in str(refused.value)
