from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.encoding.encoding import Encoding, infer_encoding
from holdfast.errors import InputError

texts = st.lists(
    st.one_of(st.none(), st.text(max_size=8), st.integers(-999, 999).map(str)),
    min_size=1,
    max_size=30,
)


def _column(values: list[object]) -> pa.Table:
    return pa.table({"x": pa.array(values)})


def _kind(values: list[object]) -> str:
    return infer_encoding(_column(values), ["x"]).columns[0].kind


@pytest.mark.parametrize(
    "values, kind",
    [
        (["1", "2.5", " ", "-3e2", "+4"], "number"),
        (["1", "two"], "category"),
        (["007", "012"], "category"),
        (["0", "0.5"], "number"),
        (["2024-01-31", ""], "date"),
        (["2024-01-31T10:00:00Z"], "date"),
        (["2024-13-31"], "category"),
        ([True, None], "category"),
        ([1, 2], "number"),
        (["nan", "1"], "number"),
    ],
)
def test_what_a_column_is(values: list[object], kind: str) -> None:
    assert _kind(values) == kind


@given(texts)
def test_one_value_at_a_time_reads_as_the_whole_column_does(values: list[str | None]) -> None:
    table = _column([*values, "0"])
    column = infer_encoding(table, ["x"]).columns[0]
    whole = column.encode(table["x"])
    assert np.array_equal(
        [column.encode_value(value) for value in table["x"].to_pylist()], whole, equal_nan=True
    )


@given(texts)
def test_categories_come_back_as_they_were(values: list[str | None]) -> None:
    table = _column([*values, "word", "1"])
    column = infer_encoding(table, ["x"]).columns[0]
    decoded = [column.decode(code) for code in column.encode(table["x"])]
    assert decoded == [value.strip() or None if value else None for value in table["x"].to_pylist()]


@given(texts, texts)
def test_a_category_keeps_its_code_when_others_come(
    before: list[str | None], after: list[str | None]
) -> None:
    first = infer_encoding(_column([*before, "word"]), ["x"])
    grown = first.grown(_column(after))
    known = first.columns[0].categories
    assert grown.columns[0].categories[: len(known)] == known
    assert not np.isnan(grown.encode(_column([*known]))).any()


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=12, unique=True))
def test_feature_names_are_plain_and_differ_without_case(names: list[str]) -> None:
    table = pa.table({name: ["1"] for name in names})
    features = infer_encoding(table, names).features
    assert len({feature.lower() for feature in features}) == len(names)
    for feature in features:
        assert feature.isascii()
        assert feature.isidentifier()
        assert not feature.endswith("_y")


def test_json_round_trip_keeps_everything() -> None:
    table = pa.table({"Ä 😀": ["a", "b"], "n": [1, 2]})
    encoding = infer_encoding(table, table.column_names)
    assert Encoding.from_json(encoding.to_json()) == encoding


def test_dates_are_days_and_read_back() -> None:
    table = _column(["1970-01-02", "1970-01-01T12:00:00+00:00", None])
    column = infer_encoding(table, ["x"]).columns[0]
    assert column.encode(table["x"]).tolist()[:2] == [1.0, 0.5]
    assert [column.decode(code) for code in (1.0, 0.5, float("nan"))] == [
        "1970-01-02",
        "1970-01-01T12:00:00+00:00",
        None,
    ]


def test_times_with_a_zone_and_parquet_times_agree() -> None:
    moment = datetime(2024, 5, 1, 12, tzinfo=UTC)
    text = infer_encoding(_column(["2024-05-01T14:00:00+02:00"]), ["x"]).encode(
        _column(["2024-05-01T14:00:00+02:00"])
    )
    typed = infer_encoding(_column([moment]), ["x"]).encode(_column([moment]))
    assert text == typed


def test_infinite_numbers_are_missing() -> None:
    table = _column([1.0, float("inf"), float("nan")])
    assert np.isnan(infer_encoding(table, ["x"]).encode(table)[1:]).all()


@pytest.mark.parametrize(
    "column, value, rule",
    [
        (["1", "2"], "many", "must be a number"),
        (["1", "2"], True, "must be a number"),
        (["1", "2"], 10**400, "finite"),
        (["a", "b"], ["a"], "must be a category"),
        (["2024-01-01"], "yesterday", "ISO 8601"),
        (["2024-01-01"], 3, "must be a date"),
        (
            ["2024-01-01"],
            "0001-01-01T00:00:00+23:59",
            "x: must be an ISO 8601 date or time that exists",
        ),
        (["a", "b"], 10**400, "finite"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(column: list[object], value: object, rule: str) -> None:
    with pytest.raises(InputError, match=rule):
        infer_encoding(_column(column), ["x"]).columns[0].encode_value(value)


def test_a_number_column_that_turns_to_words_is_refused() -> None:
    encoding = infer_encoding(_column(["1"]), ["x"])
    with pytest.raises(InputError, match=r"x: must be a number.*'many'"):
        encoding.grown(_column(["many"])).encode(_column(["many"]))


def test_nested_columns_are_refused() -> None:
    with pytest.raises(InputError, match="--drop"):
        infer_encoding(_column([[1], [2]]), ["x"])


def test_dates_at_the_end_of_time_read_back_within_it() -> None:
    values = ["9999-12-31 23:59:59.999", "0001-01-01"]
    column = infer_encoding(_column(values), ["x"]).columns[0]
    assert [column.decode(code) for code in column.encode(_column(values)["x"])] == [
        "9999-12-31T23:59:59+00:00",
        "0001-01-01",
    ]
    assert column.decode(1e9) == "9999-12-31T23:59:59+00:00"[:10]
