"""Raw tables as spreadsheets, archives, databases and partitions, in the encodings of old systems,
and what is computed from them.
"""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.compute.build import bring_up_to_date
from features.fields import VIEWS
from features.intake.check import accept, check
from features.raw_tables.options import RawOptions
from features.settings import FeatureSettings
from features.sources import open_source
from holdfast.errors import InputError
from simulator.engine.simulator import simulate
from tests.builders.clocks import NOW
from tests.builders.intake_runs import accepted_in, blank_texts_to_null, same_rows
from tests.builders.partitions import write_partitioned
from tests.builders.raw_tables import raw_tables, write_raw_tables
from tests.builders.workbooks import write_workbook
from tests.builders.written_tables import Style, write_styled

SOME = ("customers", "subscriptions", "plans", "bills", "tickets")


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    tables = raw_tables(11, 5, days=40, only=SOME)
    return {**tables, "tickets": blank_texts_to_null(tables["tickets"])}


def taken_in(source: str, out: Path, encoding: str | None = None) -> dict[str, pa.Table]:
    report = accept(
        open_source(source, encoding), out / "raw", quarantine=out / "quarantine", now=NOW
    )
    assert report.clean
    return accepted_in(out / "raw")


def assert_same(accepted: dict[str, pa.Table], expected: dict[str, pa.Table]) -> None:
    assert set(accepted) == set(expected)
    assert [name for name in expected if not same_rows(accepted[name], expected[name])] == []


def with_text(tables: dict[str, pa.Table], text: str) -> dict[str, pa.Table]:
    tickets = tables["tickets"]
    place = tickets.schema.get_field_index("text")
    texts = pa.array([text] * len(tickets), pa.string())
    return {**tables, "tickets": tickets.set_column(place, tickets.schema.field(place), texts)}


def test_spreadsheets(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name, table in tables.items():
        write_workbook(table, tmp_path / "in" / f"{name}.xlsx")
    assert_same(taken_in(str(tmp_path / "in"), tmp_path), tables)


@pytest.mark.parametrize("ending", [".csv.zip", ".csv.zst"])
def test_archives(ending: str, tables: dict[str, pa.Table], tmp_path: Path) -> None:
    source = write_styled(tables, tmp_path / "in", Style(ending=ending))
    assert_same(taken_in(str(source), tmp_path), tables)


@pytest.mark.parametrize(
    "encoding, text", [("big5", "訊號不好,沒有人回電話"), ("latin-1", "kein Empfang in Köln-Süd")]
)
def test_encodings_that_a_person_names(
    encoding: str, text: str, tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    written = with_text(tables, text)
    source = write_styled(written, tmp_path / "in", Style(encoding=encoding))
    assert_same(taken_in(str(source), tmp_path, encoding), written)


def test_a_database_in_upper_case(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'raw.db'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for name, table in tables.items():
            names = [column.upper() for column in table.column_names]
            columns = ", ".join(f'"{column}"' for column in names)
            connection.execute(sa.text(f'CREATE TABLE "{name.upper()}" ({columns})'))
            rows = [
                {
                    column.upper(): value.isoformat() if hasattr(value, "isoformat") else value
                    for column, value in row.items()
                }
                for row in table.to_pylist()
            ]
            target = sa.table(name.upper(), *(sa.column(column) for column in names))
            connection.execute(target.insert(), rows)
    engine.dispose()
    assert_same(taken_in(url, tmp_path), tables)


def test_partitions_of_a_column_that_no_contract_has(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    bills = tables["bills"]
    half = len(bills) // 2
    shutil.rmtree(source / "bills")
    for year, rows in (("2025", bills.slice(0, half)), ("2026", bills.slice(half))):
        folder = source / "bills" / f"year={year}" / "month=1"
        folder.mkdir(parents=True)
        pq.write_table(rows, folder / "part-0.parquet")
    (source / "bills" / "year=2026" / "notes.md").touch()
    assert_same(taken_in(str(source), tmp_path), tables)
    opened = open_source(str(source))
    assert [part.name for part in opened.parts("bills")] == [
        "year=2025/month=1/part-0.parquet",
        "year=2026/month=1/part-0.parquet",
    ]
    assert opened.unknown() == ("bills/year=2026/notes.md",)


def test_partitions_of_a_contracts_columns(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    for name, columns in (("bills", ("DISPUTED",)), ("tickets", ("ticket_class", "arrived_at"))):
        shutil.rmtree(source / name)
        write_partitioned(tables[name], source / name, columns)
    assert any(source.rglob("DISPUTED=__HIVE_DEFAULT_PARTITION__"))
    assert any(source.rglob("arrived_at=*T*%3A*"))
    assert_same(taken_in(str(source), tmp_path), tables)


def test_folders_of_csv_name_columns_too(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    shutil.rmtree(source / "bills")
    write_partitioned(tables["bills"], source / "bills", ("Account-Id",), form="csv")
    report = accept(
        open_source(str(source)), tmp_path / "raw", quarantine=tmp_path / "quarantine", now=NOW
    )
    assert report.clean
    assert_same(accepted_in(tmp_path / "raw"), tables)
    (bills,) = (table for table in report.tables if table.table == "bills")
    assert bills.renamed == {"Account-Id": "account_id"}


def test_what_folders_name_beside_the_contract_is_told(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    (source / "bills").rename(tmp_path / "bills")
    (source / "bills").mkdir()
    (source / "bills" / "load=7").mkdir()
    (tmp_path / "bills").rename(source / "bills" / "load=7" / "Disputed=true")
    report = check(open_source(str(source)), quarantine=tmp_path / "quarantine", now=NOW)
    assert report.clean
    (bills,) = (table for table in report.tables if table.table == "bills")
    told = "\n".join(bills.notes)
    assert "Disputed of the folders' names is in the file too, which is read" in told
    assert "no contract knows load of the folders' names; ignored" in told


def test_folders_that_name_a_column_twice_are_refused(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    write_raw_tables(tables, tmp_path / "in")
    folder = tmp_path / "in" / "bills" / "year=2025" / "YEAR=2026"
    folder.mkdir(parents=True)
    pq.write_table(tables["bills"], folder / "part-0.parquet")
    with pytest.raises(InputError, match=r"bills: folders must name a column once.*'YEAR'"):
        open_source(str(tmp_path / "in"))


def test_parts_in_other_folders_are_named(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    (source / "bills" / "before").mkdir()
    (source / "bills" / "before" / "b.parquet").touch()
    assert open_source(str(source)).unknown() == ("bills/before",)
    (source / "bills" / "part-00000.parquet").rename(source / "bills" / "before" / "a.parquet")
    with pytest.raises(InputError, match=r"bills: .*directly or in folders such as year=2026"):
        open_source(str(source))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_ids_that_a_spreadsheet_rounded_are_refused(
    form: str, tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    bills = tables["bills"]
    place = bills.schema.get_field_index("account_id")
    accounts = ["1.38E+10", *bills["account_id"].to_pylist()[1:]]
    rounded = bills.set_column(place, "account_id", pa.array(accounts, pa.string()))
    source = write_raw_tables({**tables, "bills": rounded}, tmp_path / "in", form=form)
    with pytest.raises(
        InputError, match=r"bills\.account_id: .*a spreadsheet has rounded.*1\.38E\+10"
    ):
        check(open_source(str(source)), quarantine=tmp_path / "quarantine", now=NOW)


def test_features_do_not_depend_on_how_tables_are_written(tmp_path: Path) -> None:
    simulate(tmp_path / "operator", customers=60, months=4, seed=4, workers=1)
    plain = tmp_path / "operator" / "raw"
    simulated = accepted_in(plain)
    style = Style(
        encoding="utf-16", delimiter=";", header="upper", decimal=",", times="dots", missing="NA"
    )
    styled = write_styled(simulated, tmp_path / "styled", style)
    built = []
    for source, options in ((plain, RawOptions()), (styled, RawOptions(time_zone="UTC"))):
        out = tmp_path / f"from {source.name}"
        report = accept(
            open_source(str(source)),
            out / "raw",
            quarantine=out / "quarantine",
            now=NOW,
            options=options,
        )
        assert report.clean
        settings = FeatureSettings(threads=1)
        bring_up_to_date(out / "raw", out / "features", settings, now=NOW)
        tables = out / "features" / "tables"
        built.append(
            {
                file.relative_to(tables): file.read_bytes()
                for file in sorted(tables.rglob("*.parquet"))
            }
        )
    assert len(built[0]) > len(VIEWS)
    assert built[0] == built[1]
