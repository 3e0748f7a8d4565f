from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.flat.customers import CustomerTable, Roles, read_customer_table
from features.sources.databases.query import address_without_password, read_query
from features.tables.options import TableOptions
from features.tables.place import read_table
from holdfast.errors import InputError
from tests.builders.clocks import NOW

QUERY = "select * from subscribers where fee < 100 or fee is null order by customer"
TYPES = {
    "customer": "text",
    "fee": "numeric(8, 2)",
    "calls": "bigint",
    "since": "timestamptz",
    "plan": "text",
    "roaming": "boolean",
    "lost": "boolean",
}


@pytest.fixture(scope="module")
def subscribers() -> pa.Table:
    random = np.random.default_rng(3)
    rows = 200
    return pa.table(
        {
            "customer": [f"{row:05d}" for row in range(rows)],
            "fee": pa.array(
                np.where(random.random(rows) < 0.1, np.nan, random.gamma(2, 10, rows).round(2)),
                from_pandas=True,
            ),
            "calls": random.integers(0, 9, rows),
            "since": pa.array(random.integers(1.2e15, 1.6e15, rows), pa.timestamp("us", "UTC")),
            "plan": random.choice(["A, 50 % off", "B: new"], rows),
            "roaming": random.random(rows) < 0.3,
            "lost": random.random(rows) < 0.4,
        }
    )


def fill(url: str, table: pa.Table, types: dict[str, str]) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        columns = ", ".join(f"{name} {types[name]}" for name in table.column_names)
        connection.execute(sa.text(f"CREATE TABLE subscribers ({columns})"))
        insert = sa.table("subscribers", *map(sa.column, table.column_names)).insert()
        connection.execute(insert, table.to_pylist())
    engine.dispose()


def read(where: str | Path, query: str | None) -> CustomerTable:
    roles = Roles(id="customer", target="lost")
    return read_customer_table(where, roles, NOW, TableOptions(query=query))


def same(one: CustomerTable, other: CustomerTable) -> None:
    assert one.ids == other.ids
    assert [c.kind for c in one.plan.columns] == [c.kind for c in other.plan.columns]
    np.testing.assert_array_equal(one.label, other.label)
    first, second = one.encoding(None), other.encoding(None)
    assert first.to_json() == second.to_json()
    np.testing.assert_allclose(first.encode(one.table), second.encode(other.table), rtol=1e-12)


def test_rows_of_postgresql_are_read_as_those_of_parquet(
    subscribers: pa.Table, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(postgres, subscribers, TYPES)
    pq.write_table(subscribers, tmp_path / "subscribers.parquet")
    monkeypatch.setattr("features.sources.databases.query._BATCH_ROWS", 64)
    customers = read(postgres, QUERY)
    same(customers, read(tmp_path / "subscribers.parquet", None))
    assert customers.sha256 == read(postgres, QUERY).sha256
    assert customers.sha256 != read(postgres, QUERY + " desc").sha256


def test_rows_of_sqlite_are_read_as_those_of_parquet(subscribers: pa.Table, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    written = subscribers.drop_columns(["since"])
    fill(url, written, TYPES | {"fee": "numeric"})
    pq.write_table(written, tmp_path / "subscribers.parquet")
    query = QUERY.replace("*", "customer, fee, calls, plan, roaming = 1 as roaming, lost")
    customers = read(url, query)
    parquet = read(tmp_path / "subscribers.parquet", None)
    assert customers.ids == parquet.ids
    np.testing.assert_array_equal(customers.label, parquet.label)
    assert customers.table["fee"].to_pylist() == parquet.table["fee"].to_pylist()


def test_a_query_changes_nothing(subscribers: pa.Table, tmp_path: Path, postgres: str) -> None:
    for url in (f"sqlite:///{tmp_path / 'shop.db'}", postgres):
        fill(url, subscribers.select(["customer"]), TYPES)
        for query in ("delete from subscribers", "drop table subscribers"):
            with pytest.raises(InputError, match="--query"):
                read_query(url, query)
        assert read_query(url, "select count(*) as n from subscribers").table["n"][0].as_py() == 200


def test_values_of_types_that_have_no_common_one_are_text(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    sa.create_engine(url).connect().close()
    query = "select 1 as a, 2 as a union all select 'x', null"
    source = read_query(url, query)
    assert source.table.to_pydict() == {"a": ["1", "x"], "a.1": [2, None]}
    assert any("repeats the name 'a'" in note for note in source.notes)


def test_a_wrong_query_or_address_is_named_without_the_password(
    tmp_path: Path, postgres: str
) -> None:
    secret = sa.make_url(postgres).set(password="hunter2").render_as_string(hide_password=False)
    cases = {
        (secret, "selct 1"): "--query: the database refused it: syntax error at or near",
        (secret, "select * from nowhere"): 'refused it: relation "nowhere" does not exist',
        # The database's own words would show the value.
        (secret, "select 'Ann Example'::int"): "the database refused; check",
        (f"sqlite:///{tmp_path / 'nowhere.db'}", "select 1"): "must be a database that exists",
        ("nosuch://user:hunter2@host/db", "select 1"): "must name a database that SQLAlchemy knows",
        ("postgresql+psycopg://me:hunter2@127.0.0.1:1/db", "select 1"): "the database refused",
    }
    for (where, query), message in cases.items():
        with pytest.raises(InputError) as refused:
            read_query(where, query)
        assert message in str(refused.value)
        assert "hunter2" not in str(refused.value)
        assert "Ann" not in str(refused.value)


def test_an_address_is_shown_without_its_password() -> None:
    address = "postgresql+psycopg://me:hunter2@host/db?password=hunter2&sslmode=require"
    assert address_without_password(address) == (
        "postgresql+psycopg://me:***@host/db?password=***&sslmode=require"
    )


@pytest.mark.parametrize(
    "where, options, message",
    [
        ("postgresql://me@host/db", TableOptions(), "TABLE: is a database: say with --query"),
        ("t.csv", TableOptions(query="select 1"), "--query: must come with a database as TABLE"),
        (
            "postgresql://me@host/db",
            TableOptions(query="select 1", encoding="cp1252"),
            "--encoding: must come with a text file",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    where: str, options: TableOptions, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_table(where, options)
