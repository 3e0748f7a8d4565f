"""Raw tables as relations: what feature queries can see, and from when to when a row counts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.contracts.tables import TABLES
from features.sql.expressions import known, time_sql
from features.sql.raw import READABLE, RawTables, open_raw
from holdfast.errors import InputError
from tests.builders.raw_tables import START, raw_tables, write_raw_tables

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


def bill(bill_id: str, arrived: datetime, amount: float = 1.0) -> dict[str, Any]:
    return {
        "bill_id": bill_id,
        "account_id": "a",
        "amount": amount,
        "happened_at": MONDAY,
        "arrived_at": arrived,
    }


def write(folder: Path, name: str, rows: list[dict[str, Any]], part: int = 0) -> None:
    schema = TABLES[name].arrow_schema
    (folder / name).mkdir(parents=True, exist_ok=True)
    filled = [{column: row.get(column) for column in schema.names} for row in rows]
    pq.write_table(
        pa.Table.from_pylist(filled, schema=schema), folder / name / f"part-{part}.parquet"
    )


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write_raw_tables(raw_tables(1, 5, only=("customers", "subscriptions")), tmp_path / "raw")


def superseded(raw: Path, work: Path | None = None) -> list[tuple[Any, ...]]:
    with open_raw(raw, work=work, threads=1) as tables:
        query = "SELECT bill_id, arrived_at, superseded_at FROM bills ORDER BY ALL"
        return tables.connection.execute(query).fetchall()


def plain(at: datetime) -> datetime:
    return at.replace(tzinfo=None)


def test_features_cannot_read_what_is_not_theirs(tmp_path: Path) -> None:
    raw = write_raw_tables(raw_tables(2, 10), tmp_path / "raw")
    kept_out = {name for name, table in TABLES.items() if table.use != "features"}
    assert kept_out == {
        *("external_ids", "do_not_call_screenings", "port_requests", "notices", "churn_events"),
    }
    with open_raw(raw) as tables:
        assert not kept_out & tables.present
        for name in kept_out:
            assert (raw / name).exists()
            with pytest.raises(duckdb.CatalogException):
                tables.connection.execute(f"SELECT * FROM {name}")


def test_an_absent_table_is_empty_and_has_its_columns(raw: Path) -> None:
    with open_raw(raw) as tables:
        assert tables.present == {"customers", "subscriptions"}
        for name, table in READABLE.items():
            empty = tables.connection.execute(f"SELECT * FROM {name}").to_arrow_table()
            assert empty.column_names == [*table.columns, "superseded_at"]
            if name not in tables.present:
                assert len(empty) == 0


def test_times_are_plain_and_in_utc(raw: Path) -> None:
    with open_raw(raw) as tables:
        types = dict(
            tables.connection.execute(
                "SELECT column_name, column_type FROM (DESCRIBE customers)"
            ).fetchall()
        )
        assert types["arrived_at"] == types["first_seen_at"] == "TIMESTAMP"
        seen = tables.connection.execute("SELECT max(arrived_at) FROM customers").fetchone()
    stored = pq.read_table(raw / "customers")["arrived_at"].to_pylist()
    assert seen == (plain(max(stored)),)


def test_a_row_is_superseded_when_its_next_version_arrives(raw: Path) -> None:
    write(
        raw,
        "bills",
        [
            bill("1", MONDAY + 2 * HOUR),
            bill("1", MONDAY),
            bill("1", MONDAY + HOUR),
            bill("2", MONDAY),
        ],
    )
    assert superseded(raw) == [
        ("1", plain(MONDAY), plain(MONDAY + HOUR)),
        ("1", plain(MONDAY + HOUR), plain(MONDAY + 2 * HOUR)),
        ("1", plain(MONDAY + 2 * HOUR), None),
        ("2", plain(MONDAY), None),
    ]


def test_corrections_are_kept_up_to_date_with_parts(raw: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    write(
        raw,
        "bills",
        [bill("1", MONDAY), bill("2", MONDAY), bill("2", MONDAY + HOUR), bill("3", MONDAY)],
    )
    assert superseded(raw, work) == superseded(raw)
    write(
        raw,
        "bills",
        [bill("1", MONDAY + HOUR), bill("2", MONDAY + 2 * HOUR), bill("4", MONDAY)],
        part=1,
    )
    assert superseded(raw, work) == superseded(raw)
    assert sum(later is not None for _, _, later in superseded(raw, work)) == 3
    write(raw, "bills", [bill("5", MONDAY)], part=1)
    assert superseded(raw, work) == superseded(raw)
    assert sum(later is not None for _, _, later in superseded(raw, work)) == 1


def test_corrections_are_found_by_the_times_of_their_keys(raw: Path, tmp_path: Path) -> None:
    def week(number: int, late: int = 0) -> dict[str, Any]:
        ends = MONDAY + timedelta(days=7 * number)
        return {
            "subscription_id": "s",
            "week_start_at": ends - timedelta(days=7),
            "happened_at": ends,
            "arrived_at": ends + HOUR * (1 + late),
        }

    def corrected(work: Path | None) -> list[tuple[Any, ...]]:
        with open_raw(raw, work=work, threads=1) as tables:
            query = "SELECT week_start_at, arrived_at, superseded_at FROM usage_weeks ORDER BY ALL"
            return tables.connection.execute(query).fetchall()

    write(raw, "usage_weeks", [week(number) for number in range(9)])
    assert corrected(tmp_path) == corrected(None)
    write(raw, "usage_weeks", [week(3, late=40), week(5, late=8), week(9)], part=1)
    assert corrected(tmp_path) == corrected(None)
    assert [row[2] is not None for row in corrected(tmp_path)].count(True) == 2


@pytest.mark.parametrize("name", ["bills.json", "bills.parquet"])
def test_what_is_kept_of_corrections_may_be_lost(raw: Path, tmp_path: Path, name: str) -> None:
    work = tmp_path / "work"
    write(raw, "bills", [bill("1", MONDAY), bill("1", MONDAY + HOUR)])
    corrected = superseded(raw, work)
    (work / "corrections" / name).unlink()
    assert superseded(raw, work) == corrected


def test_bounds_leave_all_that_a_cutoff_asks_for(raw: Path) -> None:
    cutoff = MONDAY + timedelta(days=182)
    times = [MONDAY - timedelta(days=400), MONDAY + HOUR, cutoff - HOUR, cutoff, cutoff + HOUR]
    write(
        raw, "payments", [{**payment(str(at)), "happened_at": at, "arrived_at": at} for at in times]
    )
    with open_raw(raw) as tables:
        tables.bound(cutoff, cutoff)
        rows = tables.connection.execute(
            "SELECT payment_id FROM payments ORDER BY happened_at"
        ).fetchall()
    assert rows == [(str(at),) for at in times[1:4]]


def test_bounds_of_one_connection_leave_those_of_another(tmp_path: Path) -> None:
    raw = write_raw_tables(raw_tables(3, 10, days=200), tmp_path / "raw")

    def count(tables: RawTables) -> int:
        return len(tables.connection.execute("FROM bills").fetchall())

    early, late = START + timedelta(days=50), START + timedelta(days=150)
    with open_raw(raw) as tables, tables.session() as session:
        everything = count(tables)
        tables.bound(early, early)
        before = count(tables)
        session.bound(late, late)
        assert count(tables) == before
        assert before != count(session)
        tables.bound()
        assert count(tables) == everything > before


def payment(id: str) -> dict[str, Any]:
    return {"payment_id": id, "account_id": "a", "status": "paid"}


def test_held_rows_are_the_same_rows(tmp_path: Path) -> None:
    raw = write_raw_tables(raw_tables(3, 10, days=200), tmp_path / "raw")
    first, last = MONDAY + timedelta(days=100), MONDAY + timedelta(days=190)
    query = "SELECT * FROM usage_weeks ORDER BY ALL"
    with open_raw(raw) as tables:
        tables.bound(last, last)
        expected = tables.connection.execute(query).fetchall()
        tables.hold("usage_weeks", "true", first, last)
        tables.bound(last, last)
        assert tables.connection.execute(query).fetchall() == expected
        tables.hold("bills", "account_id = 'nobody'", first, last)
        tables.bound()
        assert tables.connection.execute("SELECT * FROM bills").fetchall() == []
        tables.release()
        assert tables.connection.execute("SELECT * FROM bills").fetchall()


def test_the_state_in_force_is_the_last_that_happened_of_those_that_had_arrived(raw: Path) -> None:
    drawn = np.random.default_rng(5)
    states = {
        (int(customer), MONDAY + HOUR * int(happened), MONDAY + HOUR * int(happened + late))
        for customer, happened, late in zip(
            drawn.integers(0, 100, 500),
            drawn.integers(0, 9, 500),
            drawn.integers(0, 9, 500),
            strict=True,
        )
    }
    columns = ("customer_id", "happened_at", "arrived_at")
    rows = [
        dict(zip(columns, (f"{customer:03}", *times), strict=True)) for customer, *times in states
    ]
    (raw / "customers" / "part-00000.parquet").unlink()
    write(raw, "customers", rows)
    cutoffs = [MONDAY + HOUR * hour for hour in (0, 3, 9, 20)]
    with open_raw(raw, threads=1) as tables, tables.session() as session:
        for held in (False, True):
            if held:
                tables.hold("customers", "true", cutoffs[0], cutoffs[-1])
            for cutoff in cutoffs:
                session.bound(cutoff, cutoff)
                in_force = session.connection.execute(
                    f"SELECT {', '.join(columns)} FROM customers"
                    f" WHERE {known('customers', time_sql(cutoff))} ORDER BY ALL"
                ).fetchall()
                # Of each customer the greatest comes last.
                last = {state[0]: state for state in sorted(states) if state[2] <= cutoff}
                assert in_force == [
                    (f"{customer:03}", plain(happened), plain(arrived))
                    for customer, happened, arrived in last.values()
                ]


def test_a_required_table_must_be_there(tmp_path: Path) -> None:
    raw = write_raw_tables(raw_tables(1, 5, only=("customers",)), tmp_path / "raw")
    with pytest.raises(InputError, match="must hold the table subscriptions"):
        open_raw(raw)


def test_a_part_must_have_its_required_columns(raw: Path) -> None:
    path = raw / "customers" / "part-00000.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["segment", "region"]), path)
    with pytest.raises(InputError, match="missing: segment"):
        open_raw(raw)


def test_a_column_of_later_contracts_is_null(raw: Path) -> None:
    path = raw / "customers" / "part-00000.parquet"
    kept = pq.read_table(path)
    pq.write_table(kept.drop_columns(["region"]), path)
    with open_raw(raw) as tables:
        counts = tables.connection.execute(
            "SELECT count(*), count(region), count(segment) FROM customers"
        ).fetchone()
    assert counts == (len(kept), 0, len(kept))
