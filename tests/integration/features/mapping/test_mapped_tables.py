"""Tables under other names, values and zones, mapped back, give the same raw store and features."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from features.compute.build import bring_up_to_date
from features.guessing.guess import guess_mapping
from features.guessing.text import mapping_text
from features.intake.check import accept
from features.intake.report import CheckReport
from features.mapping.opening import open_raw_tables
from features.mapping.source import MappedTables
from features.settings import FeatureSettings
from features.sources.place import open_place
from holdfast.errors import InputError
from simulator.engine.simulator import simulate
from tests.builders.clocks import NOW
from tests.builders.foreign_tables import write_foreign
from tests.builders.intake_runs import blank_texts_to_null
from tests.builders.raw_tables import raw_tables, write_raw_tables
from tests.builders.telco_dump import write_telco_dump

SOME = ("customers", "subscriptions", "bills", "tickets")


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    tables = raw_tables(11, 5, days=40, only=SOME)
    return tables | {"tickets": blank_texts_to_null(tables["tickets"])}


@pytest.fixture(scope="module")
def plain(
    tables: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[bytes]]:
    folder = tmp_path_factory.mktemp("plain")
    _take_in(write_raw_tables(tables, folder / "in", form="csv"), folder)
    return _stored(folder)


def _take_in(source: Path, home: Path) -> CheckReport:
    return accept(
        open_raw_tables(str(source)), home / "raw", quarantine=home / "quarantine", now=NOW
    )


def _stored(home: Path) -> dict[str, list[bytes]]:
    return {
        folder.name: [file.read_bytes() for file in sorted(folder.iterdir())]
        for folder in (home / "raw").iterdir()
        if folder.is_dir()
    }


def _map(folder: Path, text: str) -> Path:
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return path


@given(
    numbers=st.lists(st.integers(1, 900), min_size=1, max_size=4),
    form=st.sampled_from(["csv", "parquet"]),
    zone=st.sampled_from([None, "Asia/Shanghai", "America/Bogota", "Africa/Lagos"]),
)
@settings(max_examples=2)
def test_mapped_back_rows_are_the_same_bytes(
    numbers: list[int],
    form: str,
    zone: str | None,
    tables: dict[str, pa.Table],
    plain: Mapping[str, list[bytes]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("foreign")
    mapping = write_foreign(tables, folder, form=form, numbers=numbers, zone=zone)
    report = _take_in(mapping, folder)
    assert report.clean
    assert {table.unknown_columns for table in report.tables} == {("Nobody's",)}
    assert _stored(folder) == plain
    # How rows were read is kept with them.
    kept = json.loads((folder / "raw" / "manifest.json").read_text(encoding="utf-8"))
    (said,) = kept["readings"]["bills"]["mapped"]
    assert said["values"]["disputed"] == {f"on{numbers[2 % len(numbers)]}": "true"} | {
        f"off{numbers[2 % len(numbers)]}": "false"
    }


def test_a_simulated_operator_mapped_back_has_the_same_features(tmp_path: Path) -> None:
    simulate(tmp_path / "operator", 30, 1, 2, workers=1)
    raw = tmp_path / "operator" / "raw"
    tables = {
        folder.name: pq.ParquetDataset(folder).read()
        for folder in sorted(raw.iterdir())
        if folder.is_dir()
    }
    assert _take_in(write_foreign(tables, tmp_path / "foreign"), tmp_path / "mapped").clean
    features = {}
    for name, store in (("plain", raw), ("mapped", tmp_path / "mapped" / "raw")):
        out = tmp_path / "features" / name
        bring_up_to_date(store, out, FeatureSettings(threads=1), now=NOW)
        features[name] = {
            str(path.relative_to(out)): pq.read_table(path)
            for path in sorted((out / "tables").rglob("*.parquet"))
        }
    assert features["plain"]
    assert features["mapped"] == features["plain"]


def test_a_monthly_dump_of_one_wide_table_reaches_features(tmp_path: Path) -> None:
    mapping = write_telco_dump(tmp_path)
    report = _take_in(mapping, tmp_path)
    assert report.clean
    # What another table takes of the same relation is used.
    assert {name for table in report.tables for name in table.unknown_columns} == {
        "Contract",
        "gender",
    }
    assert report.unknown_tables == ()
    at = datetime(2024, 6, 29, tzinfo=UTC)
    built = bring_up_to_date(
        tmp_path / "raw", tmp_path / "features", FeatureSettings(threads=1), now=NOW, at=at
    )
    newest = pq.read_table(tmp_path / "features" / "tables" / "value" / "newest.parquet")
    assert built.rows["value"] == len(newest) > 20


def test_a_change_of_what_rows_mean_reads_them_again(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    mapping = write_foreign(tables, tmp_path)
    _take_in(mapping, tmp_path)

    def reused() -> dict[str, bool]:
        report = _take_in(mapping, tmp_path)
        return {table.table: table.reused == table.read for table in report.tables}

    text = mapping.read_text(encoding="utf-8")
    mapping.write_text(text + "# a remark\n", encoding="utf-8")
    assert reused() == dict.fromkeys(SOME, True)
    section = "[tables.bills]\n"
    mapping.write_text(text.replace(section, section + "arrival_lag_days = 3\n"), encoding="utf-8")
    assert reused() == dict.fromkeys(SOME, True) | {"bills": False}


def test_relations_of_several_places_make_one_table(
    tables: dict[str, pa.Table], tmp_path: Path, to_sqlite: Callable[[Path, str, pa.Table], str]
) -> None:
    write_raw_tables({name: tables[name] for name in SOME[:2]}, tmp_path / "lake", form="csv")
    tickets = tables["tickets"]
    half = len(tickets) // 2
    to_sqlite(tmp_path / "siebel.db", "S_SRV_REQ", tickets.slice(0, half))
    write_raw_tables({"tickets": tickets.slice(half)}, tmp_path / "jira", form="parquet")
    mapping = _map(
        tmp_path,
        """
        source = "lake"
        [tables.customers]
        [tables.subscriptions]
        [[tables.tickets]]
        source = "sqlite:///siebel.db"
        relation = "S_SRV_REQ"
        [[tables.tickets]]
        source = "jira"
        """,
    )
    report = _take_in(mapping, tmp_path)
    assert report.clean
    by_table = {table.table: table.read for table in report.tables}
    assert by_table["tickets"] == len(tickets)
    assert sorted(path.name for path in (tmp_path / "raw" / "tickets").iterdir()) == [
        "S_SRV_REQ__S_SRV_REQ.parquet",
        "tickets__part-00000.parquet",
    ]


@pytest.fixture
def to_sqlite() -> Callable[[Path, str, pa.Table], str]:
    """Writes a table into a database, times as texts."""

    def write(path: Path, name: str, table: pa.Table) -> str:
        url = f"sqlite:///{path}"
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            columns = ", ".join(f'"{column}"' for column in table.column_names)
            connection.execute(sa.text(f'CREATE TABLE "{name}" ({columns})'))
            rows: list[dict[str, Any]] = [
                {
                    key: str(value) if hasattr(value, "isoformat") else value
                    for key, value in row.items()
                }
                for row in table.to_pylist()
            ]
            insert = sa.table(name, *(sa.column(one) for one in table.column_names)).insert()
            connection.execute(insert, rows)
        engine.dispose()
        return url

    return write


@pytest.mark.parametrize("place", ["folder", "database"])
@pytest.mark.parametrize(
    "said",
    [
        "where = \"refund_id <> 'r2'\"",
        "sql = \"SELECT * FROM refunds WHERE refund_id <> 'r2' ORDER BY refund_id\"",
    ],
    ids=["where", "sql"],
)
def test_rows_that_are_not_wanted_stay_where_they_are(
    place: str,
    said: str,
    tables: dict[str, pa.Table],
    tmp_path: Path,
    to_sqlite: Callable[[Path, str, pa.Table], str],
) -> None:
    write_raw_tables({name: tables[name] for name in SOME[:2]}, tmp_path / "lake", form="csv")
    time = "2026-01-01T00:00:00Z"
    refunds = pa.table(
        {
            "refund_id": ["r1", "r2", "r3", "r3"],
            "account_id": ["a", "a", "a", "a"],
            "amount": [1.0, 2.0, 3.0, 3.0],
            "happened_at": [time] * 4,
            "arrived_at": [time] * 4,
        }
    )
    source = "lake"
    if place == "folder":
        pq.write_table(refunds, tmp_path / "lake" / "refunds.parquet")
    else:
        to_sqlite(tmp_path / "raw.db", "refunds", refunds)
        source = "sqlite:///raw.db"
    mapping = _map(
        tmp_path,
        f'source = "lake"\n[tables.customers]\n[tables.subscriptions]\n'
        f'[tables.refunds]\nsource = "{source}"\n{said}\n',
    )
    report = _take_in(mapping, tmp_path)
    (refunds_report,) = (table for table in report.tables if table.table == "refunds")
    assert (refunds_report.read, refunds_report.accepted) == (3, 2)
    (rule,) = refunds_report.rules
    assert rule.rule == "duplicate"
    # A file's rows keep their numbers; a query's are counted as they come.
    assert rule.row in ((3, 4) if (place, said[:5]) == ("folder", "where") else (2, 3))
    assert "refunds" not in " ".join(report.unknown_tables)


def test_tables_under_their_own_names_are_guessed_and_nothing_is_asked(
    tables: dict[str, pa.Table], plain: Mapping[str, list[bytes]], tmp_path: Path
) -> None:
    write_raw_tables(tables, tmp_path / "in", form="csv")
    guess = guess_mapping(open_place(str(tmp_path / "in")))
    assert not guess.asks
    assert _take_in(_map(tmp_path, mapping_text(guess, "in")), tmp_path).clean
    assert _stored(tmp_path) == plain


def test_a_column_that_must_be_there_is_asked_for_by_the_mappings_keys(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    bills = tables["bills"].drop_columns(["amount", "arrived_at"])
    bills = bills.append_column("Amnt", tables["bills"]["amount"])
    write_raw_tables({**tables, "bills": bills}, tmp_path / "lake")
    head = 'source = "lake"\n[tables.customers]\n[tables.subscriptions]\n[tables.bills]\n'
    asked = r"amount: .*is 'Amnt' meant\? name it in columns; refused too: bills.arrived_at"
    with pytest.raises(InputError, match=asked):
        _take_in(_map(tmp_path, head), tmp_path)
    asked = r"arrived_at: .*name it in columns or defaults of \[tables.bills\].*arrival_lag_days"
    with pytest.raises(InputError, match=asked):
        _take_in(_map(tmp_path, head + 'columns.amount = "Amnt"\n'), tmp_path)
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("section", "error"),
    [
        ('[tables.bills]\nrelation = "bils"', r"tables.bills.relation: must name a relation that is there; is 'bills' meant"),
        ('[tables.bills]\nsql = "SELECT * FROM bils"', r"tables.bills.sql: .*bils"),
        ('[tables.bills]\nsql = "DROP TABLE bills"', r"tables.bills.sql: "),
        ('[tables.bills]\ncolumns.amount = "amuont"', r"tables.bills.columns.amount: .*is 'amount' meant"),
        ('[tables.bills]\nwhere = "amuont > 1"', r"tables.bills.where: .*amuont"),
        ('[tables.bills]\nsource = "nowhere"', r"source: must be an existing folder"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named_and_nothing_is_taken(
    section: str, error: str, tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    write_raw_tables(tables, tmp_path / "lake")
    mapping = _map(
        tmp_path, f'source = "lake"\n[tables.customers]\n[tables.subscriptions]\n{section}\n'
    )
    with pytest.raises(InputError, match=error) as refused:
        _take_in(mapping, tmp_path)
    assert refused.value.field.startswith("mapping.toml")
    assert not (tmp_path / "raw").exists()


def test_what_nothing_maps_is_named(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    write_raw_tables(tables, tmp_path / "lake")
    mapping = _map(
        tmp_path,
        'source = "lake"\n[tables.customers]\n[tables.subscriptions]\ncolumns.status_reason = "status"\n'
        'defaults.status = "active"\n[tables.subscriptions.values.status_reason]\nactive = ""\n'
        'suspended = "other"\nended = "other"\n',
    )
    source = open_raw_tables(str(mapping))
    assert isinstance(source, MappedTables)
    assert source.unknown() == ("bills", "tickets")
    subscriptions = source.to_json()["relations"][1]
    assert subscriptions["columns"]["status_reason"] == "status"
    # It is taken for something else, so not by its own name too.
    assert "status" not in subscriptions["columns"]
    assert subscriptions["unused_columns"] == ["status_reason"]
    report = _take_in(mapping, tmp_path)
    assert report.clean
    stored = pq.ParquetDataset(tmp_path / "raw" / "subscriptions").read()
    assert set(stored["status"].to_pylist()) == {"active"}
