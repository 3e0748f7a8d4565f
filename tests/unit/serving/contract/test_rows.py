import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.encoding.encoding import Column, Encoding, infer_encoding
from features.formats.number_format import NumberFormat
from features.tables.column_reading import ColumnReading
from holdfast.errors import InputError
from serving.contract.rows import DoubtfulRowsError, RowReader

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
        ([{"Tenure": [1]}], "rows[0].Tenure", "must be text"),
        ([{"Plan": {"is": "basic"}}], "rows[0].Plan", "must be text"),
        ([{"Tenur": 1}], "rows[0].Tenur", "did you mean 'Tenure'?"),
    ],
)
def test_a_bad_row_is_refused_by_name(rows: list[dict[str, Any]], field: str, rule: str) -> None:
    with pytest.raises(InputError) as refused:
        READER.encode(rows)
    assert refused.value.field == field
    assert rule in refused.value.rule


@pytest.mark.parametrize(
    ("row", "warning"),
    [
        ({"Tenure": "many"}, '"Tenure": "many" is no number, and counts as missing'),
        ({"Tenure": True}, '"Tenure": true is no number'),
        ({"Tenure": math.inf}, "is no number"),
        ({"Since": "soon"}, '"Since": "soon" is no date'),
        ({"Since": "2020-02-31"}, "is no date"),
        ({"Since": 18000}, "is no date"),
        ({"Since": "0001-01-01T00:00:00+23:59"}, "is no date"),
        (
            {"Plan": "basicc"},
            'was not seen in training, and counts as missing; did you mean "basic"?',
        ),
        ({"Plan": "gold"}, '"Plan": "gold" was not seen in training, and counts as missing'),
        ({"Plan": 7}, '"Plan": 7 was not seen in training'),
        ({"Plan": "x" * 9999}, '"Plan": "xxx'),
    ],
)
@pytest.mark.parametrize("before", [{"Plan": "plus"}, {"Tenure": "1", "Since": "2020-01-02"}])
def test_a_doubtful_value_is_missing_and_warned_of_or_refused(
    before: dict[str, Any], row: dict[str, Any], warning: str
) -> None:
    encoded = READER.encode([before, row])
    assert np.isnan(encoded.matrix[1]).all()
    none, (said,) = encoded.warnings
    assert none == []
    assert warning in said
    assert len(said) < 200
    with pytest.raises(DoubtfulRowsError) as refused:
        READER.encode([before, row], strict=True)
    assert [doubt.field for doubt in refused.value.doubts] == [f"rows[1].{next(iter(row))}"]


CODED_COLUMNS = (
    Column(
        name="billing",
        feature="billing",
        kind="category",
        why="",
        categories=("postpaid", "prepaid"),
    ),
    Column(name="auto", feature="auto", kind="category", why="", categories=("no", "yes")),
)


def test_names_of_codes_are_read_and_so_are_the_codes_that_features_show() -> None:
    reader = RowReader(
        Encoding(CODED_COLUMNS), ["billing", "auto"], None, coded=("billing", "auto")
    )
    rows = [
        {"billing": "prepaid", "auto": True},
        {"billing": "postpaid", "auto": "no"},
        {"billing": 1, "auto": 0},
        {"billing": " 0", "auto": 1.0},
    ]
    encoded = reader.encode(rows)
    np.testing.assert_array_equal(encoded.matrix, [[1, 1], [0, 0], [1, 0], [0, 1]])
    assert encoded.warnings == [[], [], [], []]


@pytest.mark.parametrize("value", [2, -1, 0.5, 1.0000001, "7", True, 10**30, 10**400, "fibre"])
def test_what_is_no_code_is_missing_and_the_warning_names_what_is_known(value: object) -> None:
    reader = RowReader(
        Encoding(CODED_COLUMNS), ["billing", "auto"], None, coded=("billing", "auto")
    )
    encoded = reader.encode([{"billing": value}])
    assert np.isnan(encoded.matrix).all()
    ((warning,),) = encoded.warnings
    assert warning.startswith('"billing": ')
    assert warning.endswith(
        " was not seen in training, and counts as missing;"
        ' known are "postpaid" or 0, "prepaid" or 1'
    )


def test_a_number_is_no_position_in_a_teams_own_categories() -> None:
    encoded = RowReader(Encoding(CODED_COLUMNS), ["billing", "auto"], None).encode([{"billing": 1}])
    assert np.isnan(encoded.matrix).all()
    assert encoded.warnings == [['"billing": 1 was not seen in training, and counts as missing']]


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
        ({"plan": "NULL"}, [np.nan, np.nan, np.nan]),
    ],
)
def test_a_row_is_read_as_the_table_was(row: dict[str, Any], values: list[float]) -> None:
    encoded = LOCAL_READER.encode([row])
    assert np.array_equal(encoded.matrix[0], values, equal_nan=True)
    assert encoded.warnings == [[]]


def test_a_category_in_another_letter_case_is_read_with_a_warning() -> None:
    encoded = LOCAL_READER.encode([{"plan": "month-to-month"}, {"plan": "month to month"}])
    np.testing.assert_array_equal(encoded.matrix[:, 2], [0.0, np.nan])
    assert encoded.warnings == [
        [
            '"plan": "month-to-month" was not seen in training; did you mean "Month-to-month"? It is read as that'
        ],
        [
            '"plan": "month to month" was not seen in training, and counts as missing; did you mean "Month-to-month"?'
        ],
    ]


def test_dates_and_numbers_of_another_order_or_locale_are_missing() -> None:
    encoded = LOCAL_READER.encode([{"since": "1/31/1970", "fee": "1,5"}, {"fee": "1,234.5"}])
    np.testing.assert_array_equal(encoded.matrix, [[1.5, np.nan, np.nan], [np.nan] * 3])
    assert encoded.warnings == [
        ['"since": "1/31/1970" is no date, and counts as missing'],
        ['"fee": "1,234.5" is no number, and counts as missing'],
    ]
