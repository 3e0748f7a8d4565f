"""Kinds of columns that are read, said or asked about, and never something else in silence."""

from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from features.settings import ReadingSettings
from features.table_files.source import SourceTable
from features.tables.column_reading import ColumnReading
from features.tables.plan import apply_plan, decide_plan

ROWS = range(120)


def read(name: str, cells: list[object]) -> tuple[ColumnReading, list[object]]:
    source = SourceTable(pa.table({name: pa.array(cells)}), (), "", "t.csv")
    table, plan = apply_plan(source, decide_plan(source, ReadingSettings()))
    return plan.columns[0], table[name].to_pylist()


def _month(k: int) -> tuple[int, int]:
    return 2012 + k % 9, 1 + k % 12


MONTHS = {
    "year first": ("x", "{y}-{m:02}"),
    "month first": ("x", "{m:02}/{y}"),
    "words": ("x", "{name} {y}"),
    "short words": ("x", "{name}-{short:02}"),
    "Chinese": ("x", "{y}年{m}月"),
    "digits": ("bill_month", "{y}{m:02}"),
}
SHORT = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@pytest.mark.parametrize("name, form", MONTHS.values(), ids=MONTHS)
def test_months_are_dates(name: str, form: str) -> None:
    cells = [form.format(y=y, m=m, name=SHORT[m - 1], short=y % 100) for y, m in map(_month, ROWS)]
    reading, values = read(name, cells)
    assert (reading.kind, reading.question, reading.unread_share) == ("date", "", 0.0)
    assert list(map(str, values)) == ["{}-{:02}-01 00:00:00".format(*_month(k)) for k in ROWS]
    assert "month" in reading.why


def test_six_digits_are_a_month_by_name_only() -> None:
    cells = [f"{y}{m:02}" for y, m in map(_month, ROWS)]
    assert read("postcode", cells)[0].kind == "number"
    assert read("month", [int(cell) for cell in cells])[0].kind == "date"


TIMES = {
    "day": ("01:01:00", 3660.0),
    "minutes": ("125:30", 7530.0),
    "fraction": ("0:00:01.5", 1.5),
    "days": ("1 days 00:00:05", 86405.0),
    "named": ("1h 30m", 5400.0),
    "ISO": ("P1DT2H", 93600.0),
    "words": ("1 day, 2 hours, 5 minutes", 93900.0),
    "afternoon": ("1:05 PM", 785.0),
}


@pytest.mark.parametrize("cell, value", TIMES.values(), ids=TIMES)
def test_times_are_numbers_of_their_smallest_part(cell: str, value: float) -> None:
    reading, values = read("spent", [cell, cell.replace("1", "2", 1).replace("PM", "AM")] * 60)
    assert (reading.kind, values[0]) == ("number", value)
    assert "smallest part" in reading.why


FACTORS = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}


@pytest.mark.parametrize("order", FACTORS)
@pytest.mark.parametrize("as_number", [False, True])
def test_time_since_1970_is_a_date_by_name_or_whole_hours_and_said_otherwise(
    order: str, as_number: bool
) -> None:
    def cells(step: int) -> list[object]:
        counted = [(1_500_000_000 // step * step + k * step) * FACTORS[order] for k in ROWS]
        return list(counted if as_number else map(str, counted))

    for name, step in (("created_at", 7), ("x", 86_400)):
        reading, values = read(name, cells(step))
        assert (reading.kind, reading.order) == ("date", order)
        first = np.datetime64(1_500_000_000 // step * step, "s")
        assert str(values[0]) == str(first).replace("T", " ")
        assert order in reading.why
    reading, values = read("x", cells(7))
    assert reading.kind == "number"
    assert f'they may be {order} since 1970: kind = "date" and order = "{order}"' in reading.why


MARKS = ["{} ± 2", "~{}", ">{}", "< {}", "{}+", "ca. {}", "≥{}", "about {}", "~${}", "约{}"]


@pytest.mark.parametrize("form", MARKS)
def test_numbers_with_a_mark_of_an_estimate_are_numbers_and_said(form: str) -> None:
    for marked in (1, 10):
        cells = [form.format(k) if k % marked == 0 else str(k) for k in ROWS]
        reading, values = read("fee", cells)
        assert (reading.kind, values[10]) == ("number", 10.0)
        assert "marks as in" in reading.why or reading.question


def test_groups_with_a_mark_are_categories() -> None:
    assert read("lines", ["1", "2", "3+"] * 40)[0].kind == "category"
    assert read("age", ["<18", "18-30", "31-60", ">60"] * 30)[0].kind == "category"
    assert read("network", ["4G", "5G", "2G"] * 40)[0].kind == "category"
    assert read("traffic", [f"{k}G" for k in range(120)])[0].kind == "number"


def test_years_of_eras_are_read() -> None:
    reading, values = read("d", ["令和3年5月1日", "平成元年1月8日", "民國110年12月31日"] * 40)
    assert (reading.kind, reading.unread_share) == ("date", 0.0)
    days = [str(value)[:10] for value in values[:3]]
    assert days == ["2021-05-01", "1989-01-08", "2021-12-31"]


CALENDARS = {
    "Persian": ("{}/02/{:02}", 1400, "Persian or the Islamic"),
    "Buddhist": ("{}-05-{:02}", 2564, "Buddhist"),
    "Jewish": ("{}-05-{:02}", 5781, "Jewish"),
    "Minguo": ("{}/05/{:02}", 110, "Minguo"),
}


@pytest.mark.parametrize("form, year, calendar", CALENDARS.values(), ids=CALENDARS)
def test_dates_of_other_calendars_are_a_question(form: str, year: int, calendar: str) -> None:
    cells: list[object] = [form.format(year + k % 4, 1 + k % 31) for k in ROWS]
    assert f"{calendar} calendar, which is not read" in read("d", cells)[0].question


def test_far_dates_beside_usual_ones_are_no_other_calendar() -> None:
    cells: list[object] = [str(date(2020, 1, 1 + k % 28)) for k in ROWS] + ["9999-12-31"] * 200
    assert read("d", cells)[0].question == ""


@pytest.mark.parametrize("form", ["{}-Q{}", "{} Q{}", "{}q{}"])
def test_quarters_are_dates(form: str) -> None:
    reading, values = read("x", [form.format(2015 + k % 5, 1 + k % 4) for k in ROWS])
    assert (reading.kind, reading.unread_share) == ("date", 0.0)
    assert [str(value)[:10] for value in values[:2]] == ["2015-01-01", "2016-04-01"]


@pytest.mark.parametrize("form", ["[{}]", '"{}"', "'{}'"])
def test_numbers_in_brackets_or_quotation_marks_are_numbers(form: str) -> None:
    reading, values = read("x", [form.format(k) for k in ROWS])
    assert (reading.kind, values[7]) == ("number", 7.0)


def test_a_score_is_no_date() -> None:
    assert read("x", [f"{1 + k % 10} out of 10" for k in ROWS])[0].kind == "category"


UNCHANGED = {
    "hours": ("{} h", "number"),
    "versions": ("{}.1.2", "category"),
    "bins": ("{0}0-{0}9", "category"),
    "seasons": ("201{0}/2{0}", "category"),
}


@pytest.mark.parametrize("form, kind", UNCHANGED.values(), ids=UNCHANGED)
def test_what_only_looks_like_another_kind(form: str, kind: str) -> None:
    reading, _ = read("x", [form.format(1 + k % 9) for k in ROWS])
    assert (reading.kind, reading.question) == (kind, "")
