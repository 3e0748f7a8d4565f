from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.contracts.tables import TABLES
from features.intake.check import accept, check
from features.sources import open_place, open_source
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
    monkeypatch.setattr("features.sources.databases.copied._BLOCK_BYTES", 2_000)
    source = open_source(postgres)
    assert source.tables() == SOME
    assert len(list(source.batches("subscriptions"))) > 2
    report = accept(source, tmp_path / "raw", quarantine=tmp_path / "quarantine", now=NOW)
    assert report.clean
    assert _same_rows(tmp_path / "raw", tables)


ODD_VALUES = """
    CREATE TYPE mood AS ENUM ('sad', 'a,"b"');
    CREATE TABLE odd ("Né: 100 %" text, b varchar, c numeric(8, 3), d numeric, e mood, f uuid,
        g date, h timestamp, i timestamptz, j boolean, k real, l smallint, m char(3));
    INSERT INTO odd VALUES
        ('', E'"x", \\\\N\n%s :a', 1.5, 12345678901234567890.25, 'a,"b"',
            'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-01-31', '2026-01-31 09:30',
            '2026-01-31 09:30:00.25+05:30', true, 0.1, -7, 'x'),
        (NULL, 'NULL', -99999.999, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL, NULL, NULL),
        ('訊號', ' ', NULL, 7, 'sad', NULL, '0001-01-01', NULL, '1900-01-01 00:00:00+00', NULL,
            'NaN', 0, '');
"""


def test_copied_rows_are_those_that_the_driver_gives(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = sa.create_engine(postgres)
    with engine.begin() as connection:
        connection.exec_driver_sql(ODD_VALUES, execution_options={"no_parameters": True})
        connection.exec_driver_sql("CREATE TABLE none AS SELECT * FROM odd LIMIT 0")

    def read(name: str) -> list[pa.RecordBatch]:
        (part,) = open_place(postgres).parts(name)
        return [batch.rows for batch in part.batches()]

    (copied,) = read("odd")
    assert read("none") == []
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE none ADD z integer[]")
        connection.exec_driver_sql("INSERT INTO none(z) VALUES ('{1,2}')")
    (lists,) = read("none")  # a type that only the driver reads
    assert lists.column("z").to_pylist() == [[1, 2]]
    monkeypatch.setattr("features.sources.databases.database.copied_rows", lambda *_: None)
    (streamed,) = read("odd")
    assert copied.schema.names == streamed.schema.names
    for name in copied.schema.names:
        one, other = (
            [str(value) for value in rows.column(name).to_pylist()] for rows in (copied, streamed)
        )
        assert one == other, name
    types = {name: (copied.field(name).type, streamed.field(name).type) for name in "cdghjl"}
    assert all(
        one == other or (pa.types.is_decimal(one) and pa.types.is_decimal(other))
        for one, other in types.values()
    )
    engine.dispose()


def test_a_time_without_end_is_named(postgres: str) -> None:
    with sa.create_engine(postgres).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE odd AS SELECT timestamptz 'infinity' AS a")
    (part,) = open_place(postgres).parts("odd")
    with pytest.raises(InputError, match="odd: has a value that no column can hold"):
        list(part.batches())


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
