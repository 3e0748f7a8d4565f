"""Raw tables in the forms that teams have give the same raw store, which features are computed
from, or a question.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from features.intake.check import DEFAULT_OPTIONS, accept
from features.intake.report import CheckReport
from features.raw_tables.options import RawOptions
from features.sources import open_source
from features.tables.plan import OpenQuestions
from holdfast.errors import InputError
from tests.builders.clocks import NOW
from tests.builders.raw_tables import raw_tables, write_raw_tables
from tests.builders.written_tables import FLAGS, HEADERS, TIMES, Style, write_styled

SOME = ("customers", "subscriptions", "plans", "bills", "tickets", "refunds")
UTC = RawOptions(time_zone="UTC")


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return raw_tables(11, 5, days=40, only=SOME)


@pytest.fixture(scope="module")
def plain(tables: dict[str, pa.Table], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("plain")
    source = write_raw_tables(tables, folder / "in", form="csv")
    return _taken_in(source, folder, DEFAULT_OPTIONS)[1]


def _taken_in(
    source: Path, out: Path, options: RawOptions, encoding: str | None = None
) -> tuple[CheckReport, dict[str, Any]]:
    report = accept(
        open_source(str(source), encoding),
        out / "raw",
        quarantine=out / "quarantine",
        now=NOW,
        options=options,
    )
    stored = {
        path.name: sorted(map(str, pq.ParquetDataset(path).read().to_pylist()))
        for path in (out / "raw").iterdir()
        if path.is_dir()
    }
    return report, stored


@given(
    style=st.builds(
        Style,
        encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
        delimiter=st.sampled_from([",", ";", "\t", "|"]),
        header=st.sampled_from(sorted(HEADERS)),
        decimal=st.sampled_from([".", ","]),
        times=st.sampled_from(sorted(TIMES)),
        flags=st.sampled_from(sorted(FLAGS)),
        missing=st.sampled_from(["", "NA", "NULL", "-", "无"]),
        ending=st.sampled_from([".csv", ".CSV", ".tsv", ".txt", ".csv.gz"]),
    ),
    grouped=st.booleans(),
)
@settings(max_examples=8)
def test_any_form_gives_the_same_rows_or_a_question(
    style: Style,
    grouped: bool,
    tables: dict[str, pa.Table],
    plain: Mapping[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("styled")
    thousands = {".": ",", ",": "."}[style.decimal] if grouped else ""
    style = Style(**{**vars(style), "thousands": thousands})
    source = write_styled(tables, folder / "in", style)
    try:
        report, stored = _taken_in(source, folder, UTC)
    except InputError as error:
        refused = error
    else:
        assert report.clean
        assert stored == plain
        return
    if isinstance(refused, OpenQuestions):
        assert all(question.choices for question in refused.questions)
    else:  # text with few characters beyond ASCII: the other way out
        assert "--encoding" in str(refused)
        assert style.encoding == "gb18030"


def test_what_was_read_how_is_said_and_recorded(
    tables: dict[str, pa.Table], plain: Mapping[str, Any], tmp_path: Path
) -> None:
    style = Style(
        header="upper", decimal=",", delimiter=";", times="dots", flags="Chinese", missing="NA",
        encoding="utf-16",
    )  # fmt: skip
    report, stored = _taken_in(write_styled(tables, tmp_path / "in", style), tmp_path, UTC)
    assert stored == plain
    bills = next(table for table in report.tables if table.table == "bills")
    said: dict[str, Any] = bills.to_json()["reading"]  # type: ignore[assignment]
    assert said["renamed"]["BILL_ID"] == "bill_id"
    assert any("utf-16" in note for note in said["notes"])
    columns = {column["name"]: column for column in said["columns"]}
    assert columns["amount"]["decimal"] == ","
    assert columns["due_at"]["order"] == "dmy"
    assert columns["out_of_bundle"]["missing_marks"] == ["NA"]
    assert "'是' is true" in columns["disputed"]["why"]
    assert said["time_zone"] == "UTC"
    manifest = json.loads((tmp_path / "raw" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["readings"]["bills"] == said


def _edited(source: Path, table: str, edit: Any) -> None:
    path = source / f"{table}.csv"
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")


def test_an_order_of_dates_that_nothing_decides_is_a_question_and_its_answer_settles_it(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    refunds = tables["refunds"].slice(0, 1)
    time = NOW.replace(month=4, day=3, year=2025, hour=1)
    for name in (HAPPENED, ARRIVED):
        place = refunds.schema.get_field_index(name)
        refunds = refunds.set_column(
            place, refunds.schema.field(name), pa.array([time], refunds.schema.field(name).type)
        )
    source = write_styled(tables, tmp_path / "in", Style())
    write_styled({"refunds": refunds}, source, Style(times="day first"))
    with pytest.raises(OpenQuestions) as asked:
        _taken_in(source, tmp_path / "a", UTC)
    assert [question.name for question in asked.value.questions] == [
        f"refunds.{HAPPENED}",
        f"refunds.{ARRIVED}",
    ]
    assert not (tmp_path / "a" / "raw").exists()
    answers = {question.name: {"order": "dmy"} for question in asked.value.questions}
    _taken_in(source, tmp_path / "b", RawOptions(time_zone="UTC", answers=answers))
    (row,) = pq.read_table(tmp_path / "b" / "raw" / "refunds").to_pylist()
    assert (row[HAPPENED].month, row[HAPPENED].day) == (4, 3)


def test_the_contract_settles_a_number_that_may_be_read_in_two_ways(tmp_path: Path) -> None:
    tables = raw_tables(3, 6, days=40, only=("customers", "subscriptions", "loyalty"))
    points = pa.array([1234] * len(tables["loyalty"]), pa.int64())
    place = tables["loyalty"].schema.get_field_index("points")
    loyalty = tables["loyalty"].set_column(place, "points", points)
    source = write_styled({**tables, "loyalty": loyalty}, tmp_path / "in", Style(thousands="."))
    _taken_in(source, tmp_path, DEFAULT_OPTIONS)
    rows = pq.read_table(tmp_path / "raw" / "loyalty")
    assert set(rows["points"].to_pylist()) == {1234}


def test_a_table_without_arrivals_is_refused_or_read_under_a_stated_lag(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    without = {**tables, "bills": tables["bills"].drop_columns([ARRIVED])}
    source = write_raw_tables(without, tmp_path / "in", form="csv")
    with pytest.raises(InputError, match=r"bills\.arrived_at: .*--arrival-lag-days 1"):
        _taken_in(source, tmp_path / "a", DEFAULT_OPTIONS)
    options = RawOptions(arrival_lag_days=1.5)
    report, _ = _taken_in(source, tmp_path / "b", options)
    bills = pq.read_table(tmp_path / "b" / "raw" / "bills").to_pylist()
    assert {row[ARRIVED] - row[HAPPENED] for row in bills} == {timedelta(days=1.5)}
    lags = {table.table: table.plan.arrival_lag_days for table in report.tables}
    assert lags == {name: 1.5 if name == "bills" else None for name in lags}
    # A file accepted under one lag is not taken over under another.
    report, _ = _taken_in(source, tmp_path / "b", RawOptions(arrival_lag_days=0))
    bills = pq.read_table(tmp_path / "b" / "raw" / "bills").to_pylist()
    assert all(row[ARRIVED] == row[HAPPENED] for row in bills)


def test_times_without_a_zone_are_refused_or_read_in_the_zone_that_was_said(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    style = Style(times="naive")
    source = write_styled(tables, tmp_path / "in", style)
    report, _ = _taken_in(source, tmp_path / "a", DEFAULT_OPTIONS)
    assert not any(table.accepted for table in report.tables)
    assert all(
        "--time-zone" in rule.reason for _, rule in report.worst() if rule.rule == "naive_time"
    )
    _taken_in(source, tmp_path / "b", RawOptions(time_zone="Asia/Shanghai"))
    shifted = pq.read_table(tmp_path / "b" / "raw" / "plans")[HAPPENED].to_pylist()
    expected = [time - timedelta(hours=8) for time in tables["plans"][HAPPENED].to_pylist()]
    assert sorted(shifted) == sorted(expected)


def test_a_day_of_arrival_counts_from_its_end(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    row = tables["refunds"].slice(0, 1).to_pylist()[0]
    path = source / "refunds.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    values = {**row, HAPPENED: "2025-02-03 14:00", ARRIVED: "2025-02-03"}
    names = [name.strip('"') for name in header.split(",")]
    path.write_text(
        header + "\n" + ",".join(str(values[name] or "") for name in names) + "\n", encoding="utf-8"
    )
    _taken_in(source, tmp_path, UTC)
    (taken,) = pq.read_table(tmp_path / "raw" / "refunds").to_pylist()
    assert taken[ARRIVED].isoformat() == "2025-02-04T00:00:00+00:00"


@pytest.mark.parametrize(
    "answers, options, message",
    [
        ({"bills.amout": {"decimal": ","}}, {}, "bills.amount meant"),
        ({"bills.amount": {"kind": "date"}}, {}, "must be 'number'"),
        ({}, {"time_zone": "Mars/Base"}, "--time-zone: must be an IANA"),
        ({}, {"arrival_lag_days": -1}, "--arrival-lag-days: must lie between 0 and 366"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    answers: Any, options: Any, message: str, tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    with pytest.raises(InputError, match=message):
        _taken_in(source, tmp_path, RawOptions(answers=answers, **options))


def test_a_misspelt_name_is_named(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    _edited(source, "bills", lambda text: text.replace("out_of_bundle", "out_of_bundel", 1))
    (source / "plans.csv").rename(source / "plan.csv")
    report, _ = _taken_in(source, tmp_path, DEFAULT_OPTIONS)
    bills = next(table for table in report.tables if table.table == "bills")
    assert bills.suggestions == {"out_of_bundel": "out_of_bundle"}
    assert report.suggestions == {"plan.csv": "plans"}
    _edited(source, "bills", lambda text: text.replace("bill_id", "bil_id", 1))
    with pytest.raises(InputError, match=r"bills\.bill_id: .*is 'bil_id' meant"):
        _taken_in(source, tmp_path, DEFAULT_OPTIONS)


def test_a_unit_that_is_not_the_contracts_is_no_number(tmp_path: Path) -> None:
    tables = raw_tables(3, 6, days=40, only=("customers", "subscriptions", "usage_weeks"))
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    table = tables["usage_weeks"].to_pandas()
    table["data_gb"] = [
        None if gb is None or gb != gb else f"{gb * 1000:.0f} MB" for gb in table["data_gb"]
    ]
    table.to_csv(source / "usage_weeks.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    report, _ = _taken_in(source, tmp_path, DEFAULT_OPTIONS)
    rules = {(rule.column, rule.rule) for _, rule in report.worst()}
    assert ("data_gb", "type") in rules


def test_every_table_may_be_a_spreadsheets_or_a_databases_names() -> None:
    for table in TABLES.values():
        keys = ["".join(name.split("_")).casefold() for name in table.columns]
        assert len(set(keys)) == len(keys)
