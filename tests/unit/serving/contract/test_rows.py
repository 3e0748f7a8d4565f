import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.encoding.encoding import Encoding, infer_encoding
from features.formats.number_format import NumberFormat
from features.tables.column_reading import ColumnReading
from holdfast.errors import InputError
from serving.contract.rows import RowReader

TABLE = pa.table(
    {
        "id": ["007", "008"],
        "Tenure": [1, 72],
        "Plan": ["basic", "plus"],
        "Since": ["2020-01-02", "2024-03-04"],
        "Senior": [True, False],
        "Dropped": ["x", "y"],
        "Churn": ["no", "yes"],
    }
)
ENCODING = infer_encoding(TABLE, ["Tenure", "Plan", "Since", "Senior"])
READER = RowReader(ENCODING, TABLE.column_names, "id")


def test_rows_encode_as_the_table_does() -> None:
    rows: list[dict[str, Any]] = TABLE.to_pylist()
    assert np.array_equal(READER.encode(rows).matrix, ENCODING.encode(TABLE))
    assert READER.ids(rows) == ["007", "008"]


def test_rows_of_text_encode_as_rows_of_numbers() -> None:
    text: list[dict[str, Any]] = [
        {"Tenure": "1", "Senior": "true"},
        {"Tenure": " 72 ", "Senior": "false"},
        {"Tenure": "", "Senior": None},
    ]
    typed: list[dict[str, Any]] = [
        {"Tenure": 1, "Senior": True},
        {"Tenure": 72.0, "Senior": False},
        {"Tenure": None},
    ]
    assert np.array_equal(READER.encode(text).matrix, READER.encode(typed).matrix, equal_nan=True)


def test_what_is_absent_null_blank_or_never_seen_is_missing() -> None:
    matrix = READER.encode(
        [{"Tenure": 1}, {"Tenure": None, "Plan": " "}, {"Plan": "unheard of"}]
    ).matrix
    assert np.array_equal(np.isnan(matrix), [[False, True, True, True], [True] * 4, [True] * 4])


def test_columns_without_a_feature_are_not_looked_at() -> None:
    row = {"Tenure": 5, "Churn": {"any": "thing"}, "Dropped": [1]}
    assert np.array_equal(
        READER.encode([row]).matrix, READER.encode([{"Tenure": 5}]).matrix, equal_nan=True
    )


@pytest.mark.parametrize(
    ("rows", "field", "rule"),
    [
        ([{"Tenure": 1}, {"Tenure": 1, "Foo": 2}], "rows[1].Foo", "not a column"),
        ([{"Tenure": 1, "tenure": 2}], "rows[0].tenure", "not a column"),
        ([{"Tenure": 1}, {}], "rows[1]", "at least one column"),
        ([{"id": "007", "Churn": "no", "Dropped": "x"}], "rows[0]", "at least one column"),
        ([{"Tenure": "many"}], "rows[0].Tenure", "must be a number"),
        ([{"Tenure": "1"}, {"Tenure": "many"}], "rows[1].Tenure", "must be a number"),
        ([{"Tenure": True}], "rows[0].Tenure", "must be a number"),
        ([{"Tenure": [1]}], "rows[0].Tenure", "must be a number"),
        ([{"Tenure": 10**400}], "rows[0].Tenure", "must be a finite number"),
        ([{"Tenure": math.inf}], "rows[0].Tenure", "must be a finite number"),
        ([{"Plan": ["basic"]}], "rows[0].Plan", "must be a category"),
        ([{"Plan": 10**400}], "rows[0].Plan", "must be a finite number"),
        ([{"Since": "soon"}], "rows[0].Since", "ISO 8601"),
        ([{"Since": "2020-01-02"}, {"Since": "2020-02-31"}], "rows[1].Since", "ISO 8601"),
        ([{"Since": 18000}], "rows[0].Since", "must be a date"),
        ([{"Since": "0001-01-01T00:00:00+23:59"}], "rows[0].Since", "must be an ISO 8601 date"),
    ],
)
def test_a_bad_row_is_refused_by_name(rows: list[dict[str, Any]], field: str, rule: str) -> None:
    with pytest.raises(InputError) as refused:
        READER.encode(rows)
    assert refused.value.field == field
    assert rule in refused.value.rule


def test_a_long_column_name_is_not_echoed_whole() -> None:
    with pytest.raises(InputError) as refused:
        READER.encode([{"F" * 9999: 1}])
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("value", "shown"), [("007", "007"), (7, "7"), (7.0, "7"), (10**30, f"{10**30}"), (None, None)]
)
def test_an_id_comes_back_as_text(value: object, shown: str | None) -> None:
    assert READER.ids([{"id": value}]) == [shown]
    assert RowReader(ENCODING, TABLE.column_names, None).ids([{"id": value}]) == [None]


@pytest.mark.parametrize("value", [True, [], {}])
def test_an_id_of_another_kind_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"rows\[1\]\.id: must be text or a number"):
        READER.ids([{"id": "1"}, {"id": value}])


SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.dates().map(str)
)


@given(
    st.lists(
        st.dictionaries(st.sampled_from(TABLE.column_names), SCALAR, min_size=1),
        min_size=2,
        max_size=4,
    )
)
def test_rows_together_encode_as_each_alone_or_are_refused_alike(
    rows: list[dict[str, Any]],
) -> None:
    def outcome(some: list[dict[str, Any]]) -> Any:
        try:
            return READER.encode(some).matrix.tolist()
        except InputError:
            return None

    together, alone = outcome(rows), [outcome([row]) for row in rows]
    if together is None:
        assert None in alone
    else:
        assert np.array_equal(
            together, [row[0] for row in alone if row is not None], equal_nan=True
        )


def test_the_encoding_survives_its_document() -> None:
    again = RowReader(Encoding.from_json(ENCODING.to_json()), TABLE.column_names, "id")
    assert np.array_equal(
        again.encode(TABLE.to_pylist()).matrix, READER.encode(TABLE.to_pylist()).matrix
    )


LOCAL = pa.table({"fee": [1234.5, 2.0], "since": [1.0, 2.0], "plan": ["Month-to-month", "Yearly"]})
LOCAL_READER = RowReader(
    infer_encoding(
        LOCAL,
        LOCAL.column_names,
        {"fee": ("number", ""), "since": ("date", ""), "plan": ("category", "")},
    ),
    LOCAL.column_names,
    None,
    [
        ColumnReading(
            name="fee", kind="number", why="", missing_marks=("NA",), number=NumberFormat(",", ".")
        ),
        ColumnReading(name="since", kind="date", why="", order="dmy", missing_marks=("NA",)),
        ColumnReading(name="plan", kind="category", why="", missing_marks=("NULL",)),
    ],
)


@pytest.mark.parametrize(
    "row, values",
    [
        ({"fee": "1.234,5"}, [1234.5, np.nan, np.nan]),
        ({"fee": 1234.5, "since": "NA"}, [1234.5, np.nan, np.nan]),
        ({"fee": "NA", "since": "2.1.1970"}, [np.nan, 1.0, np.nan]),
        ({"since": "1970-01-02"}, [np.nan, 1.0, np.nan]),
        ({"since": "1970-01-02T12:00:00Z"}, [np.nan, 1.5, np.nan]),
        ({"plan": " Month-to-month "}, [np.nan, np.nan, 0.0]),
        ({"plan": "MONTH-TO-MONTH"}, [np.nan, np.nan, 0.0]),
        ({"plan": "NULL"}, [np.nan, np.nan, np.nan]),
    ],
)
def test_a_row_is_read_as_the_table_was(row: dict[str, Any], values: list[float]) -> None:
    encoded = LOCAL_READER.encode([row])
    assert np.array_equal(encoded.matrix[0], values, equal_nan=True)
    assert encoded.unseen == [[]]


def test_a_category_never_seen_is_named() -> None:
    assert LOCAL_READER.encode([{"plan": "Weekly"}, {"plan": "Yearly"}]).unseen == [["plan"], []]


def test_a_date_of_another_order_is_refused() -> None:
    with pytest.raises(InputError, match=r"rows\[0\]\.since: must be a date"):
        LOCAL_READER.encode([{"since": "1/31/1970"}])


def test_a_number_of_another_locale_is_refused() -> None:
    with pytest.raises(InputError, match=r"rows\[1\]\.fee: must be a number"):
        LOCAL_READER.encode([{"fee": "1,5"}, {"fee": "1,234.5"}])
