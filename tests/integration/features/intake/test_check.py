import json
import logging
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from features.intake.check import DEFAULT_OPTIONS, accept, check
from features.intake.quarantine import SCHEMA
from features.intake.report import CheckReport
from features.raw_tables.options import RawOptions
from features.settings import ReadingSettings
from features.sources import open_source
from holdfast.errors import InputError
from tests.builders.clocks import NOW
from tests.builders.raw_tables import raw_tables, write_raw_tables

SOME = ("customers", "subscriptions", "plans", "usage_weeks", "bills", "tickets", "refunds")


@pytest.fixture
def tables() -> dict[str, pa.Table]:
    return raw_tables(11, 8, days=60, only=SOME)


def accepted_in(folder: Path) -> dict[str, pa.Table]:
    return {
        path.name: pq.ParquetDataset(path).read()
        for path in sorted(folder.iterdir())
        if path.is_dir()
    }


def quarantined_in(folder: Path) -> list[dict[str, Any]]:
    return [
        row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()
    ]


def same_rows(one: pa.Table, other: pa.Table) -> bool:
    return Counter(map(str, one.to_pylist())) == Counter(map(str, other.to_pylist()))


def run(
    source: Path, out: Path, options: RawOptions = DEFAULT_OPTIONS
) -> tuple[CheckReport, dict[str, pa.Table], list[dict[str, Any]]]:
    report = accept(
        open_source(str(source)),
        out / "raw",
        quarantine=out / "quarantine",
        now=NOW,
        options=options,
    )
    for table in report.tables:
        assert table.read == table.accepted + table.quarantined
    return report, accepted_in(out / "raw"), quarantined_in(out / "quarantine")


@pytest.mark.parametrize("form, parts", [("parquet", 3), ("csv", 1)])
def test_sound_tables_are_accepted_as_they_are(tmp_path: Path, form: str, parts: int) -> None:
    everything = raw_tables(5, 6)
    source = write_raw_tables(everything, tmp_path / "in", form=form, parts=parts)
    report, accepted, quarantined = run(source, tmp_path)
    assert report.clean
    assert quarantined == []
    assert list(accepted) == sorted(TABLES)
    for name, table in accepted.items():
        assert table.schema.equals(TABLES[name].arrow_schema)
        # CSV knows no empty text but null.
        expected = (
            everything[name]
            if name != "tickets" or form == "parquet"
            else _blank_is_null(everything[name])
        )
        assert same_rows(table, expected)


def _blank_is_null(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index("text")
    return table.set_column(
        at, table.schema.field(at), pa.array([value or None for value in table["text"].to_pylist()])
    )


Damage = Callable[[dict[str, Any]], None]


def _set(**values: Any) -> Damage:
    return lambda row: row.update(values)


DAMAGES = {
    "a number with a comma": ("usage_weeks", _set(minutes="1,5"), [("minutes", "type", "1,5")]),
    "a word for a count": (
        "usage_weeks",
        _set(zero_use_days="two"),
        [("zero_use_days", "type", "two")],
    ),
    "a time without a zone": (
        "refunds",
        _set(happened_at="2026-01-31T09:30:00"),
        [(HAPPENED, "naive_time", "2026-01-31T09:30:00")],
    ),
    "arrival before happening": (
        "refunds",
        _set(happened_at="2026-02-01T00:00:00Z", arrived_at="2026-01-01T00:00:00Z"),
        [(f"{HAPPENED}, {ARRIVED}", "arrival", "2026-02-01T00:00:00Z, 2026-01-01T00:00:00Z")],
    ),
    "an unknown category": (
        "tickets",
        _set(status="forgotten"),
        [("status", "category", "forgotten")],
    ),
    "out of range": ("usage_weeks", _set(zero_use_days="8"), [("zero_use_days", "range", "8")]),
    "below zero": ("refunds", _set(amount="-0.01"), [("amount", "range", "-0.01")]),
    "no end that is a far end": (
        "bills",
        _set(due_at="9999-12-31T00:00:00Z"),
        [("due_at", "year", "9999-12-31T00:00:00Z")],
    ),
    "empty where required": ("refunds", _set(amount=None), [("amount", "null", None)]),
    "an id that leads nowhere": (
        "tickets",
        _set(customer_id="nobody"),
        [("customer_id", "orphan", "nobody")],
    ),
    "an id too long": (
        "refunds",
        _set(account_id="x" * 121),
        [("account_id", "length", "x" * 121)],
    ),
    "an empty id": ("refunds", _set(account_id=""), [("account_id", "null", None)]),
    "two faults": (
        "usage_weeks",
        _set(minutes="-1", roaming_days="often"),
        [("roaming_days", "type", "often"), ("minutes", "range", "-1")],
    ),
    "two ids that lead nowhere": (
        "tickets",
        _set(customer_id="nobody", subscription_id="none"),
        [("customer_id", "orphan", "nobody"), ("subscription_id", "orphan", "none")],
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_yields_its_reason_and_leaves_the_rest_alone(
    name: str, tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    table, damage, faults = DAMAGES[name]
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    _damage(source / f"{table}.csv", 3, damage)
    report, accepted, quarantined = run(source, tmp_path)
    (row,) = quarantined
    assert (row["table"], row["part"], row["row"]) == (table, f"{table}.csv", 4)
    assert [(fault["column"], fault["rule"], fault["value"]) for fault in row["faults"]] == faults
    assert all(fault["reason"] for fault in row["faults"])
    assert set(json.loads(row["record"])) == set(TABLES[table].columns)
    for other in SOME:
        expected = tables[other] if other != "tickets" else _blank_is_null(tables[other])
        if other == table:
            expected = pa.concat_tables([expected.slice(0, 3), expected.slice(4)])
        assert same_rows(accepted[other], expected), other
    counts = {
        one.table: [(rule.column, rule.rule, rule.rows) for rule in one.rules]
        for one in report.tables
        if one.rules
    }
    assert counts == {table: [(column, rule, 1) for column, rule, _ in faults]}


def _damage(path: Path, row: int, damage: Damage) -> None:
    types = dict.fromkeys(TABLES[path.stem].columns, pa.string())
    options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
    rows = pa_csv.read_csv(
        path, parse_options=pa_csv.ParseOptions(newlines_in_values=True), convert_options=options
    ).to_pylist()
    damage(rows[row])
    names = list(rows[0])
    pa_csv.write_csv(
        pa.table({name: pa.array([one[name] for one in rows], pa.string()) for name in names}), path
    )


def test_broken_lines_and_bytes_are_quarantined_alone(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    path = source / "refunds.csv"
    lines = path.read_bytes().splitlines()
    lines[2] += b",more"
    lines[4] = (
        lines[4].replace(b'"a', b'"\xe9', 1) if b'"a' in lines[4] else b'"\xe9' + lines[4][1:]
    )
    path.write_bytes(b"\n".join(lines) + b"\n")
    _, accepted, quarantined = run(
        source, tmp_path, RawOptions(settings=ReadingSettings(unread_share=0.05))
    )
    by_row = {row["row"]: row for row in quarantined}
    assert {
        number: [fault["rule"] for fault in row["faults"]] for number, row in by_row.items()
    } == {
        2: ["fields"],
        4: ["encoding"],
    }
    assert json.loads(by_row[2]["record"]).endswith(",more")
    assert len(accepted["refunds"]) == len(tables["refunds"]) - 2


def test_rows_that_share_an_identity(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    refunds = tables["refunds"]
    copy = refunds.slice(2, 1)
    amount = refunds.schema.get_field_index("amount")
    other = copy.set_column(amount, "amount", pa.array([copy["amount"][0].as_py() + 1]))
    tables["refunds"] = pa.concat_tables([other, refunds, copy])
    kept = []
    for order in (slice(None), slice(None, None, -1)):
        rows = tables["refunds"].take(np.arange(len(tables["refunds"]))[order])
        folder = tmp_path / str(order)
        report, accepted, quarantined = run(
            write_raw_tables(tables | {"refunds": rows}, folder / "in", parts=2), folder
        )
        rules = sorted(fault["rule"] for row in quarantined for fault in row["faults"])
        assert rules == ["conflict", "duplicate"]
        assert same_rows(accepted["refunds"], refunds)
        kept.append(accepted["refunds"])
        assert {rule.rows for one in report.tables for rule in one.rules} == {1}
    assert same_rows(*kept)


def test_a_lost_row_does_not_stand_in_the_way_of_its_twin(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    tickets = tables["tickets"]
    lost = tickets.slice(0, 1).set_column(
        tickets.schema.get_field_index("customer_id"), "customer_id", pa.array(["000000"])
    )
    tables["tickets"] = pa.concat_tables([lost, tickets])
    _, accepted, quarantined = run(write_raw_tables(tables, tmp_path / "in"), tmp_path)
    assert [[fault["rule"] for fault in row["faults"]] for row in quarantined] == [["orphan"]]
    assert same_rows(accepted["tickets"], tickets)


def test_a_quarantined_row_loses_those_that_refer_to_it(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    customers = tables["customers"]
    lost = customers["customer_id"][0].as_py()
    segments = [
        None if customer == lost else value
        for customer, value in zip(
            *(customers[n].to_pylist() for n in ("customer_id", "segment")), strict=True
        )
    ]
    tables["customers"] = customers.set_column(
        customers.schema.get_field_index("segment"), "segment", pa.array(segments)
    )
    report, accepted, _ = run(write_raw_tables(tables, tmp_path / "in"), tmp_path)
    assert lost not in accepted["subscriptions"]["customer_id"].to_pylist()
    assert lost not in accepted["tickets"]["customer_id"].to_pylist()
    assert next(report.worst())[1].rule == "null"


@settings(max_examples=6)
@given(data=st.data())
def test_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    tmp_path = tmp_path_factory.mktemp("lost")
    tables = raw_tables(2, 4, days=40, only=("customers", "subscriptions", "tickets", "refunds"))
    repeated = st.lists(st.integers(0, 3), max_size=4)
    tables = {
        name: pa.concat_tables([table, table.take(pa.array(data.draw(repeated), pa.int64()))])
        for name, table in tables.items()
    }
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    for _ in range(data.draw(st.integers(0, 6))):
        name = data.draw(st.sampled_from(sorted(tables)))
        column = data.draw(st.sampled_from(TABLES[name].columns))
        value = data.draw(
            st.sampled_from(
                [
                    None,
                    "",
                    "x" * 130,
                    "-1",
                    "1e400",
                    "2026-01-01",
                    "2026-01-01T00:00:00Z",
                    "\u2028",
                    '"',
                ]
            )
        )
        _damage(
            source / f"{name}.csv",
            data.draw(st.integers(0, len(tables[name]) - 1)),
            _set(**{column: value}),
        )
    _, accepted, quarantined = run(source, tmp_path)
    rows = Counter((row["table"], row["row"]) for row in quarantined)
    assert max(rows.values(), default=1) == 1
    for name, table in tables.items():
        assert len(accepted[name]) + sum(1 for where, _ in rows if where == name) == len(table)
        assert accepted[name].group_by(list(TABLES[name].identity)).aggregate([]).num_rows == len(
            accepted[name]
        )
    # What was accepted is clean, and checked as such again.
    again = check(open_source(str(tmp_path / "raw")), quarantine=tmp_path / "again", now=NOW)
    assert again.clean


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda tables: tables.pop("subscriptions"), "subscriptions: the table must be there"),
        (
            lambda tables: tables.update(refunds=tables["refunds"].drop_columns(["amount"])),
            r"refunds\.amount: the column must be there",
        ),
        (
            lambda tables: tables.update(
                {name: _naive(tables[name]) for name in ("refunds", "tickets")}
            ),
            r"refunds\.happened_at: times must name their zone.* refused too: tickets\.happened_at \(got 'timestamp\[ns\]'\)",
        ),
    ],
)
def test_a_table_refused_as_a_whole_changes_nothing(
    change: Callable[[dict[str, pa.Table]], Any],
    message: str,
    tables: dict[str, pa.Table],
    tmp_path: Path,
) -> None:
    run(write_raw_tables(tables, tmp_path / "in"), tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.parquet")}
    change(tables)
    with pytest.raises(InputError, match=message):
        accept(
            open_source(str(write_raw_tables(tables, tmp_path / "worse"))),
            tmp_path / "raw",
            quarantine=tmp_path / "quarantine",
            now=NOW,
        )
    assert before == {
        path: path.read_bytes() for path in tmp_path.rglob("*.parquet") if "worse" not in path.parts
    }


def _naive(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index(HAPPENED)
    return table.set_column(at, HAPPENED, table[HAPPENED].cast(pa.timestamp("ns")))


def test_parquet_of_other_types_is_cast(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    other = {
        "status": lambda column: column.dictionary_encode(),
        HAPPENED: lambda column: column.cast(pa.timestamp("ns", "Europe/Berlin")),
        "zero_use_days": lambda column: column.cast(pa.float64()),
        "amount": lambda column: column.cast(pa.decimal128(20, 6), safe=False),
        "customer_id": lambda column: column.cast(pa.large_string()),
    }
    packed = {
        name: pa.table(
            {
                column: other.get(column, lambda same: same)(table[column])
                for column in table.column_names
            }
        )
        for name, table in tables.items()
    }
    report, accepted, _ = run(write_raw_tables(packed, tmp_path / "in"), tmp_path)
    assert report.clean
    assert all(same_rows(accepted[name], tables[name]) for name in SOME)


def test_nan_is_null_even_where_types_fit(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    weeks = tables["usage_weeks"]
    at = weeks.schema.get_field_index("minutes")
    tables["usage_weeks"] = weeks.set_column(at, "minutes", pa.array([float("nan")] * len(weeks)))
    report, accepted, _ = run(write_raw_tables(tables, tmp_path / "in"), tmp_path)
    assert report.clean
    assert accepted["usage_weeks"]["minutes"].null_count == len(weeks)


def test_files_accepted_before_are_not_read_again(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", parts=2)
    first, before, _ = run(source, tmp_path)
    assert sum(table.reused for table in first.tables) == 0
    second, after, _ = run(source, tmp_path)
    assert all(table.reused == table.read for table in second.tables)
    assert before == after
    # A file of the same rows once more: new to the store, and all of it repeats.
    part = source / "refunds" / "part-00000.parquet"
    (source / "refunds" / "part-00002.parquet").write_bytes(part.read_bytes())
    _, after, quarantined = run(source, tmp_path)
    assert {row["part"] for row in quarantined} <= {"part-00000.parquet", "part-00002.parquet"}
    assert len(quarantined) == pq.read_metadata(part).num_rows
    assert same_rows(after["refunds"], before["refunds"])
    # A file that changed is checked anew; the others that stayed without a fault are not.
    pq.write_table(pq.read_table(part).slice(1), part)
    fourth, _, _ = run(source, tmp_path)
    assert {table.table for table in fourth.tables if table.reused < table.read} == {"refunds"}


def test_a_run_that_dies_leaves_the_store_and_the_next_one_mends_it(
    tables: dict[str, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    _, before, _ = run(source, tmp_path)
    # Killed between the two steps that put the new store in the old one's place, with half a store
    # beside.
    (tmp_path / "raw").rename(tmp_path / ".raw.old")
    (tmp_path / ".raw.new" / "bills").mkdir(parents=True)
    (tmp_path / ".raw.new" / "bills" / "bills.parquet").write_bytes(b"half")
    with monkeypatch.context() as broken:
        broken.setattr("features.intake.check.doubts", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(source, tmp_path)
    assert accepted_in(tmp_path / "raw") == before
    report, after, _ = run(source, tmp_path)
    assert after == before
    assert all(table.reused for table in report.tables)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "quarantine", "raw"]


def test_somebody_elses_files_are_left_alone(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    source = write_raw_tables(tables, tmp_path / "in")
    for name in tables:
        (source / name / "part-00000.parquet").rename(source / f"{name}.parquet")
        (source / name).rmdir()
    with pytest.raises(InputError, match=r"has a file of somebody else's .*customers\.parquet"):
        check(open_source(str(source)), quarantine=source, now=NOW)
    with pytest.raises(InputError, match="must be a raw store or empty"):
        accept(open_source(str(source)), source, quarantine=tmp_path / "quarantine", now=NOW)
    run(source, tmp_path)
    with pytest.raises(InputError, match="must not be the raw store itself"):
        accept(
            open_source(str(tmp_path / "raw")),
            tmp_path / "raw",
            quarantine=tmp_path / "quarantine",
            now=NOW,
        )


def test_a_check_keeps_nothing_but_the_quarantine_and_says_the_same(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    _damage(source / "refunds.csv", 0, _set(amount="much"))
    kept, _, quarantined = run(source, tmp_path / "kept")
    checked = check(open_source(str(source)), quarantine=tmp_path / "quarantine", now=NOW)
    assert quarantined_in(tmp_path / "quarantine") == quarantined
    assert [table.rules for table in checked.tables] == [table.rules for table in kept.tables]
    assert pq.read_schema(tmp_path / "quarantine" / "refunds.parquet").equals(SCHEMA)
    # Mended, the quarantine is empty.
    _damage(source / "refunds.csv", 0, _set(amount="1"))
    assert check(open_source(str(source)), quarantine=tmp_path / "quarantine", now=NOW).clean
    assert list((tmp_path / "quarantine").iterdir()) == []


def test_attributes_stay_in_the_quarantine(
    tables: dict[str, pa.Table], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    _damage(source / "tickets.csv", 0, _set(text="s" * 4001, status="secret state"))
    _damage(source / "customers.csv", 0, _set(age_band="secret age", region="secret region" * 20))
    with caplog.at_level(logging.DEBUG):
        report, _, quarantined = run(source, tmp_path)
    shown = json.dumps(report.to_json())
    assert "secret state" in shown
    assert "secret age" not in shown
    assert "secret region" not in shown
    assert "ssss" not in shown
    assert "secret" not in caplog.text
    assert "secret age" in str(quarantined)


def test_what_is_absent_unknown_or_doubtful_is_named(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    bills = (
        tables["bills"]
        .drop_columns(["discount"])
        .append_column("colour", pa.array(["red"] * len(tables["bills"])))
    )
    bills = bills.set_column(
        bills.schema.get_field_index("account_id"), "account_id", pa.array(["nobody"] * len(bills))
    )
    bills = bills.set_column(
        bills.schema.get_field_index("disputed"), "disputed", pa.nulls(len(bills), pa.bool_())
    )
    months = pa.scalar(timedelta(days=1000))
    refunds = tables["refunds"]
    for name in (HAPPENED, ARRIVED):
        earlier = pa.compute.subtract(refunds[name], months).cast(pa.timestamp("us", "UTC"))
        refunds = refunds.set_column(refunds.schema.get_field_index(name), name, earlier)
    tables |= {"bills": bills, "refunds": refunds, "tickets": tables["tickets"].slice(0, 0)}
    del tables["plans"]
    source = write_raw_tables(tables, tmp_path / "in")
    (source / "bils.csv").touch()
    report = check(
        open_source(str(source)),
        quarantine=tmp_path / "quarantine",
        now=NOW,
        disables=lambda table: [f"{table}_feature"],
    )
    by_name = {table.table: table for table in report.tables}
    assert by_name["bills"].absent_columns == ("discount",)
    assert by_name["bills"].unknown_columns == ("colour",)
    assert by_name["bills"].empty_columns == ("disputed",)
    assert 0 < by_name["usage_weeks"].late_share < 1
    assert report.unknown_tables == ("bils.csv",)
    assert (report.absent[0].table, report.absent[0].disables) == ("plans", ("plans_feature",))
    doubts = {(doubt.table, doubt.kind) for doubt in report.doubts}
    assert doubts == {
        ("bills", "empty_columns"),
        ("bills", "rarely_found"),
        ("refunds", "stale"),
        ("tickets", "no_rows"),
        ("subscriptions", "not_checked"),
    }
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["clean"] is True
