"""Raw tables are checked as contracts ask; rows that break a rule go to quarantine, each alone."""

import json
import logging
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from features.intake.check import check
from features.raw_tables.options import RawOptions
from features.settings import ReadingSettings
from features.sources import open_source
from tests.builders.clocks import NOW
from tests.builders.intake_runs import (
    SOME,
    blank_texts_to_null,
    damage_row,
    run_intake,
    same_rows,
    with_values,
)
from tests.builders.raw_tables import raw_tables, write_raw_tables


@pytest.fixture
def tables() -> dict[str, pa.Table]:
    return raw_tables(11, 8, days=60, only=SOME)


@pytest.mark.parametrize("form, parts", [("parquet", 3), ("csv", 1)])
def test_sound_tables_are_accepted_as_they_are(tmp_path: Path, form: str, parts: int) -> None:
    everything = raw_tables(5, 6)
    source = write_raw_tables(everything, tmp_path / "in", form=form, parts=parts)
    report, accepted, quarantined = run_intake(source, tmp_path)
    assert report.clean
    assert quarantined == []
    assert list(accepted) == sorted(TABLES)
    for name, table in accepted.items():
        assert table.schema.equals(TABLES[name].arrow_schema)
        # CSV knows no empty text but null.
        expected = (
            everything[name]
            if name != "tickets" or form == "parquet"
            else blank_texts_to_null(everything[name])
        )
        assert same_rows(table, expected)


DAMAGES = {
    "a number with a comma": (
        "usage_weeks",
        with_values(minutes="1,5"),
        [("minutes", "type", "1,5")],
    ),
    "a word for a count": (
        "usage_weeks",
        with_values(zero_use_days="two"),
        [("zero_use_days", "type", "two")],
    ),
    "a time without a zone": (
        "refunds",
        with_values(happened_at="2026-01-31T09:30:00"),
        [(HAPPENED, "naive_time", "2026-01-31T09:30:00")],
    ),
    "arrival before happening": (
        "refunds",
        with_values(happened_at="2026-02-01T00:00:00Z", arrived_at="2026-01-01T00:00:00Z"),
        [(f"{HAPPENED}, {ARRIVED}", "arrival", "2026-02-01T00:00:00Z, 2026-01-01T00:00:00Z")],
    ),
    "out of range": (
        "usage_weeks",
        with_values(zero_use_days="8"),
        [("zero_use_days", "range", "8")],
    ),
    "below zero": ("refunds", with_values(amount="-0.01"), [("amount", "range", "-0.01")]),
    "no end that is a far end": (
        "bills",
        with_values(due_at="9999-12-31T00:00:00Z"),
        [("due_at", "year", "9999-12-31T00:00:00Z")],
    ),
    "empty where required": ("refunds", with_values(amount=None), [("amount", "null", None)]),
    "an id that leads nowhere": (
        "tickets",
        with_values(customer_id="nobody"),
        [("customer_id", "orphan", "nobody")],
    ),
    "an id too long": (
        "refunds",
        with_values(account_id="x" * 121),
        [("account_id", "length", "x" * 121)],
    ),
    "an empty id": ("refunds", with_values(account_id=""), [("account_id", "null", None)]),
    "two faults": (
        "usage_weeks",
        with_values(minutes="-1", roaming_days="often"),
        [("roaming_days", "type", "often"), ("minutes", "range", "-1")],
    ),
    "another id that leads nowhere": (
        "usage_weeks",
        with_values(subscription_id="none"),
        [("subscription_id", "orphan", "none")],
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_yields_its_reason_and_leaves_the_rest_alone(
    name: str, tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    table, damage, faults = DAMAGES[name]
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    damage_row(source / f"{table}.csv", 3, damage)
    report, accepted, quarantined = run_intake(source, tmp_path)
    (row,) = quarantined
    assert (row["table"], row["part"], row["row"]) == (table, f"{table}.csv", 4)
    assert [(fault["column"], fault["rule"], fault["value"]) for fault in row["faults"]] == faults
    assert all(fault["reason"] for fault in row["faults"])
    assert set(json.loads(row["record"])) == set(TABLES[table].columns)
    for other in SOME:
        expected = tables[other] if other != "tickets" else blank_texts_to_null(tables[other])
        if other == table:
            expected = pa.concat_tables([expected.slice(0, 3), expected.slice(4)])
        assert same_rows(accepted[other], expected), other
    counts = {
        one.table: [(rule.column, rule.rule, rule.rows) for rule in one.rules]
        for one in report.tables
        if one.rules
    }
    assert counts == {table: [(column, rule, 1) for column, rule, _ in faults]}


REPLACED = {
    "an unknown status": ("tickets", "status", "forgotten", "category", "forgotten", "other"),
    "no status": ("tickets", "status", None, "empty", None, "other"),
    "an unknown reason": ("refunds", "reason", "mercy", "category", "mercy", "other"),
    "an unknown age, which stays untold": (
        *("customers", "age_band", "old", "category", None, None),
    ),
    "a word that proves no replacement": (
        *("subscriptions", "replacement", "perhaps", "category", "perhaps", None),
    ),
    "an optional id that leads nowhere": (
        *("tickets", "subscription_id", "none", "orphan", None, None),
    ),
    "a plan that is not there": ("subscriptions", "plan_id", "none", "orphan", None, None),
}


@pytest.mark.parametrize("name", REPLACED)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_value_is_lost_and_not_its_row(
    name: str, form: str, tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    table, column, written, rule, shown, became = REPLACED[name]
    values = tables[table][column].to_pylist()
    values[3] = written
    at = tables[table].schema.get_field_index(column)
    wrong = tables[table].set_column(at, column, pa.array(values, pa.string()))
    source = write_raw_tables(tables | {table: wrong}, tmp_path / "in", form=form)
    for _ in range(2):
        # The second run takes over what it can.
        report, accepted, quarantined = run_intake(source, tmp_path)
        assert quarantined == []
        assert report.clean
        values[3] = became
        assert accepted[table][column].to_pylist() == values
        counts = {
            one.table: [vars(value) for value in one.replaced]
            for one in report.tables
            if one.replaced
        }
        expected = {"column": column, "rule": rule, "value": shown, "became": became, "rows": 1}
        assert counts == {table: [expected]}
        assert json.loads(json.dumps(report.to_json()))["tables"]


def test_an_id_that_led_nowhere_leads_there_once_its_row_has_come(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    plan = tables["subscriptions"]["plan_id"].drop_null()[0].as_py()
    without = tables["plans"].filter(pc.not_equal(tables["plans"]["plan_id"], plan))
    source = write_raw_tables(tables | {"plans": without}, tmp_path / "in")
    _, accepted, _ = run_intake(source, tmp_path)
    assert plan not in accepted["subscriptions"]["plan_id"].to_pylist()
    write_raw_tables({"plans": tables["plans"]}, tmp_path / "in")
    report, accepted, _ = run_intake(source, tmp_path)
    assert same_rows(accepted["subscriptions"], tables["subscriptions"])
    assert not any(one.replaced for one in report.tables)


def test_rows_do_not_repeat_whose_keys_are_in_no_list(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    tickets = tables["tickets"]
    place = tickets.schema.get_field_index("status")
    steps = [
        tickets.slice(0, 1).set_column(place, "status", pa.array([status]))
        for status in ("pending", "held", "pending")
    ]
    source = write_raw_tables(
        tables | {"tickets": pa.concat_tables([tickets, *steps])}, tmp_path / "in"
    )
    report, accepted, quarantined = run_intake(source, tmp_path)
    assert (report.clean, quarantined) == (True, [])
    assert len(accepted["tickets"]) == len(tickets) + 3


def test_consents_in_no_list_are_told(tmp_path: Path) -> None:
    tables = raw_tables(11, 8, days=60, only=("customers", "subscriptions", "consents"))
    place = tables["consents"].schema.get_field_index("channel")
    channels = pa.array(["pigeon"] * len(tables["consents"]))
    tables["consents"] = tables["consents"].set_column(place, "channel", channels)
    report, _, _ = run_intake(write_raw_tables(tables, tmp_path / "in"), tmp_path)
    (doubt,) = [doubt for doubt in report.doubts if doubt.kind == "unlisted"]
    assert (doubt.table, doubt.about.partition(":")[0]) == ("consents", "channel")


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
    _, accepted, quarantined = run_intake(
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
        report, accepted, quarantined = run_intake(
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
    _, accepted, quarantined = run_intake(write_raw_tables(tables, tmp_path / "in"), tmp_path)
    assert [[fault["rule"] for fault in row["faults"]] for row in quarantined] == [["orphan"]]
    assert same_rows(accepted["tickets"], tickets)


def test_a_quarantined_row_loses_those_that_refer_to_it(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    customers = tables["customers"]
    lost = customers["customer_id"][0].as_py()
    times = [
        None if customer == lost else value
        for customer, value in zip(
            *(customers[n].to_pylist() for n in ("customer_id", HAPPENED)), strict=True
        )
    ]
    tables["customers"] = customers.set_column(
        customers.schema.get_field_index(HAPPENED),
        HAPPENED,
        pa.array(times, customers.schema.field(HAPPENED).type),
    )
    report, accepted, _ = run_intake(write_raw_tables(tables, tmp_path / "in"), tmp_path)
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
        damage_row(
            source / f"{name}.csv",
            data.draw(st.integers(0, len(tables[name]) - 1)),
            with_values(**{column: value}),
        )
    _, accepted, quarantined = run_intake(source, tmp_path)
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
    report, accepted, _ = run_intake(write_raw_tables(packed, tmp_path / "in"), tmp_path)
    assert report.clean
    assert all(same_rows(accepted[name], tables[name]) for name in SOME)


def test_nan_is_null_even_where_types_fit(tables: dict[str, pa.Table], tmp_path: Path) -> None:
    weeks = tables["usage_weeks"]
    at = weeks.schema.get_field_index("minutes")
    tables["usage_weeks"] = weeks.set_column(at, "minutes", pa.array([float("nan")] * len(weeks)))
    report, accepted, _ = run_intake(write_raw_tables(tables, tmp_path / "in"), tmp_path)
    assert report.clean
    assert accepted["usage_weeks"]["minutes"].null_count == len(weeks)


def test_attributes_stay_in_the_quarantine(
    tables: dict[str, pa.Table], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = write_raw_tables(tables, tmp_path / "in", form="csv")
    damage_row(source / "tickets.csv", 0, with_values(text="s" * 4001))
    damage_row(source / "tickets.csv", 1, with_values(status="open state"))
    damage_row(
        source / "customers.csv", 0, with_values(age_band="secret age", region="secret region" * 20)
    )
    with caplog.at_level(logging.DEBUG):
        report, _, quarantined = run_intake(source, tmp_path)
    shown = json.dumps(report.to_json())
    assert "open state" in shown
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
        disables=lambda table, present: [f"{table}_feature"],
    )
    by_name = {table.table: table for table in report.tables}
    assert by_name["bills"].absent_columns == ("discount",)
    assert by_name["bills"].unknown_columns == ("colour",)
    assert by_name["bills"].empty_columns == ("disputed",)
    assert 0 < by_name["usage_weeks"].late_share < 1
    assert report.unknown_tables == ("bils.csv",)
    absent = {absent.table: absent.disables for absent in report.absent}
    assert absent["plans"] == ("plans_feature",)
    doubts = {(doubt.table, doubt.kind) for doubt in report.doubts}
    assert doubts == {
        ("bills", "empty_columns"),
        ("bills", "rarely_found"),
        ("refunds", "stale"),
        ("tickets", "no_rows"),
        ("subscriptions", "not_checked"),
    }
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["clean"] is True


def test_a_number_that_may_stand_for_missing_is_told_and_taken_as_it_stands(
    tables: dict[str, pa.Table], tmp_path: Path
) -> None:
    usage = tables["usage_weeks"]
    gigabytes = np.minimum(usage["data_gb"].to_numpy(), 100.0)
    gigabytes[::5] = 9999.0
    place = usage.schema.get_field_index("data_gb")
    tables["usage_weeks"] = usage.set_column(place, "data_gb", pa.array(gigabytes))
    source = write_raw_tables(tables, tmp_path / "in")
    report, accepted, _ = run_intake(source, tmp_path)
    (doubt,) = [doubt for doubt in report.doubts if doubt.kind == "placeholder"]
    assert doubt.table == "usage_weeks"
    assert "data_gb: 2" in doubt.about
    assert "% are 9999, far from all others" in doubt.about
    assert 9999.0 in accepted["usage_weeks"]["data_gb"].to_pylist()
