import os
from pathlib import Path

import pytest

from features.mapping.document import read_mapping
from holdfast.errors import InputError

HEAD = 'source = "exports"\n[tables.subscriptions]\n'


def test_a_mapping_is_read_as_a_value(tmp_path: Path) -> None:
    mapping = read_mapping(
        _written(
            tmp_path,
            """
            source = "exports"
            time_zone = "Europe/Berlin"
            arrival_lag_days = 1
            [[tables.tickets]]
            source = "sqlite:///siebel.db"
            relation = "S_SRV_REQ"
            where = "LAND = 'DE'"
            columns = { ticket_id = "SR_NUM", customer_id = "KDNR" }
            values.status = { Offen = "opened", "zu" = "closed" }
            [[tables.tickets]]
            arrival_lag_days = 2
            [tables.customers]
            defaults = { segment = "consumer", first_seen_at = 2020-01-01 }
            values.accessibility_needs = { X = true, "-" = "" }
            """,
        )
    )
    customers, siebel, other = mapping.relations
    assert mapping.tables == ("customers", "tickets")
    assert customers.relation == "customers"
    assert customers.source == str(tmp_path / "exports")
    # A day without a clock is one of the mapping's own zone.
    assert customers.defaults == {"segment": "consumer", "first_seen_at": "2019-12-31T23:00:00Z"}
    assert customers.values == {"accessibility_needs": {"X": "true", "-": None}}
    assert siebel.source == f"sqlite:///{tmp_path / 'siebel.db'}"
    assert (siebel.where, siebel.time_zone) == ("LAND = 'DE'", "Europe/Berlin")
    assert (siebel.arrival_lag_days, other.arrival_lag_days) == (1, 2)
    assert siebel.field == "mapping.toml: tables.tickets.1"
    assert siebel.digest != other.digest


def _written(folder: Path, text: str) -> Path:
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("/data/exports", "/data/exports"),
        ("../exports", "{folder}/../exports"),
        ("s3://bucket/exports", "s3://bucket/exports"),
        ("sqlite:///raw.db", "sqlite:///{folder}/raw.db"),
        ("sqlite:////data/raw.db", "sqlite:////data/raw.db"),
        ("postgresql+psycopg://me:s3cret@host/db", "postgresql+psycopg://me:s3cret@host/db"),
    ],
)
def test_paths_are_relative_to_the_file(source: str, read: str, tmp_path: Path) -> None:
    mapping = read_mapping(_written(tmp_path, f'source = "{source}"\n[tables.customers]\n'))
    assert mapping.source == read.replace("{folder}", str(tmp_path))


def test_the_digest_tells_what_rows_mean_not_where_they_lie(tmp_path: Path) -> None:
    def digest(text: str, source: str = "exports") -> str:
        return (
            read_mapping(
                _written(tmp_path, f'source = "{source}"\n[tables.subscriptions]\n{text}\n')
            )
            .relations[0]
            .digest
        )

    plain = digest("")
    assert digest("", "elsewhere") == plain
    others = [
        digest('columns.status = "STATE"'),
        digest('columns.status = "STATE"\nvalues.status.A = "active"'),
        digest('columns.status = "STATE"\nvalues.status.A = "ended"'),
        digest('defaults.status = "active"'),
        digest("where = \"STATE = 'A'\""),
        digest('sql = "SELECT 1"'),
        digest('time_zone = "Asia/Shanghai"'),
        digest("arrival_lag_days = 1"),
    ]
    assert len({plain, *others}) == 9


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "tables: is missing"),
        ("tables = 3", "tables: must be a table"),
        ('source = "x"\n[tables]', "tables: must map a table"),
        ("[tables.customers]", "tables.customers.source: must be given here or at the head"),
        ("source = 1\n[tables.customers]", r"source: must be a text \(got 1\)"),
        ('source = "x', "must be TOML"),
        ('source = "x"\nsorce = "y"\n[tables.customers]', "has no such key; is source meant"),
        ('source = "x"\ntime_zone = "Berlin"\n[tables.customers]', "is Europe/Berlin meant"),
        (HEAD + 'time_zone = "Asia/Shangai"', "subscriptions.time_zone.*is Asia/Shanghai"),
        ('source = "x"\n[tables.custmers]', r"tables: .*is customers meant\? \(got 'custmers'\)"),
        (HEAD + "colums = {}", r"tables.subscriptions: has no such key; is columns meant"),
        (HEAD + 'columns = { customr_id = "x" }', r"columns: .*is customer_id meant"),
        (HEAD + 'columns.status = "x"\ncolumns.status = "y"', "must name a key once"),
        (HEAD + "columns = { status = 3 }", r"columns.status: must be a text \(got 3\)"),
        (HEAD + 'values.status = { A = "activ" }', r"values.status.A: must be one of .*is active"),
        (HEAD + 'values.status = { A = "" }', "values.status.A: must not be empty"),
        (HEAD + 'values.autopay = { A = "maybe" }', "values.autopay.A: must be true or false"),
        (HEAD + 'defaults.termination_fee = "much"', r"termination_fee: must be a number"),
        (HEAD + "defaults.termination_fee = -3", r"termination_fee: must be 0 or more"),
        (HEAD + "defaults.termination_fee = true", r"termination_fee: must be a number"),
        (HEAD + "defaults.activated_at = 2020-01-01", "activated_at: must name its zone"),
        (HEAD + "defaults.autopay = 3", "defaults.autopay: must be true or false"),
        (HEAD + 'defaults.status = "gone"', r"defaults.status: must be one of active"),
        (HEAD + 'sql = "select 1"\nwhere = "1"', "where: must not stand beside sql"),
        (HEAD + 'sql = "select 1"\nrelation = "x"', "relation: must not stand beside sql"),
        (HEAD + "arrival_lag_days = 900", r"must lie between 0 and 366 \(got 900\)"),
        ('source = "x"\n[tables]\nsubscriptions = 3', "must be a table such as"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named_by_its_place(text: str, error: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=error) as refused:
        read_mapping(_written(tmp_path, text))
    assert refused.value.field.startswith("mapping.toml")
    assert os.linesep not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mapping: must be a readable file .*none\.toml"):
        read_mapping(tmp_path / "none.toml")
