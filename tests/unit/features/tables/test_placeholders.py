"""Values that may stand for missing: told of where a table is read, and missing where a plan says so."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from features.settings import ReadingSettings
from features.table_files.source import SourceTable
from features.tables.placeholders import find_placeholder
from features.tables.plan import apply_plan, decide_plan

FAR = datetime(9999, 12, 31, tzinfo=UTC)
DAYS = [datetime(2024, 1 + month % 12, 1, tzinfo=UTC) for month in range(100)]
NUMBERS = [float(number) for number in range(100)]
SIGNALS = [-60.5 - number for number in range(50)]


def column(*values: object) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(list(values))])


@pytest.mark.parametrize(
    ("usual", "odd", "text"),
    [
        (NUMBERS, -9999.0, "-9999"),
        (NUMBERS, 999.0, "999"),
        (NUMBERS, 9999.99, "9999.99"),
        (SIGNALS, 9999.0, "9999"),
        (SIGNALS, -999.0, "-999"),
        (list(range(100)), -9999, "-9999"),
        (DAYS, FAR, "9999-12-31"),
        (DAYS, datetime(1900, 1, 1, tzinfo=UTC), "1900-01-01"),
        (DAYS, datetime(1970, 1, 1, tzinfo=UTC), "1970-01-01"),
    ],
)
def test_a_recurring_value_far_from_all_others_is_told(
    usual: list[object], odd: object, text: str
) -> None:
    told = find_placeholder(column(*usual, *([odd] * 10), None))
    assert told is not None
    assert told.text == text
    assert told.share == pytest.approx(10 / (len(usual) + 10))


@pytest.mark.parametrize(
    "values",
    [
        (),
        (None, None),
        (*NUMBERS, *[-9999.0] * 4),
        (*NUMBERS, *[9998.0] * 10),
        (*[number * 10 for number in NUMBERS], *[999.0] * 10),
        (*[9999.0] * 20,),
        (*NUMBERS, float("inf"), float("-inf"), *[float("nan")] * 10),
        (*DAYS, *[datetime(2030, 12, 31, tzinfo=UTC)] * 10),
        (*DAYS, *[datetime(1999, 1, 1, tzinfo=UTC)] * 10),
        (*[datetime(1960 + year, 1, 1, tzinfo=UTC) for year in range(40)], *DAYS),
    ],
)
def test_values_that_may_well_be_meant_are_not_told(values: tuple[object, ...]) -> None:
    kinds = {type(value) for value in values if value is not None}
    arrow = pa.float64() if kinds <= {float} else pa.timestamp("us", "UTC")
    assert find_placeholder(pa.chunked_array([pa.array(values, arrow)])) is None


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        (column(*[f"{number:.2f}" for number in NUMBERS], *["-9999.00"] * 10), "-9999"),
        (column(*NUMBERS, *[-9999.0] * 10), "-9999"),
        (column(*range(100), *[-9999] * 10), "-9999"),
        (column(*[f"{day:%d.%m.%Y}" for day in DAYS], *["31.12.9999"] * 10), "9999-12-31"),
        (column(*DAYS, *[FAR] * 10), "9999-12-31"),
    ],
)
def test_it_is_taken_as_it_stands_and_missing_where_the_plan_says_so(
    values: pa.ChunkedArray, mark: str
) -> None:
    source = SourceTable(pa.table({"limit": values}), (), "", "limits.csv")
    table, plan = apply_plan(source, decide_plan(source, ReadingSettings()))
    assert table["limit"].null_count == 0
    (note,) = plan.notes
    assert f"9.1% are {mark}" in note
    assert f'missing_marks = ["{mark}"]' in note
    answers = {"limit": {"missing_marks": [mark]}}
    table, plan = apply_plan(source, decide_plan(source, ReadingSettings(), answers))
    assert table["limit"].null_count == 10
    assert table["limit"].is_null().to_pylist()[-10:] == [True] * 10
    assert plan.notes == ()
    assert plan.column("limit").unread_share == 0
