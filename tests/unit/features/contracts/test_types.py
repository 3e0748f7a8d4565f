from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from features.contracts.tables import TABLES
from features.contracts.types import typed
from holdfast.errors import InputError
from tests.builders.raw_tables import raw_tables

MOMENT = datetime(2026, 1, 31, 7, 30, tzinfo=UTC)


def read(
    table: str, column: str, values: pa.Array
) -> tuple[list[object], list[tuple[str, list[int]]]]:
    """Put values into a column of a valid table; gives what is read, and the faults."""
    rows = raw_tables(1, 3, only=[table])[table].combine_chunks()
    rows = rows.take(np.arange(len(values)) % len(rows))
    rows = rows.set_column(rows.schema.get_field_index(column), column, values).combine_chunks()
    batch, faults = typed(TABLES[table], rows.to_batches()[0])
    assert batch.schema.equals(TABLES[table].arrow_schema)
    assert {fault.column for fault in faults} <= {column}
    return batch.column(column).to_pylist(), [(fault.rule, fault.at.tolist()) for fault in faults]


@pytest.mark.parametrize(
    "text, moment",
    [
        ("2026-01-31T07:30:00Z", MOMENT),
        ("2026-01-31 09:30:00+02:00", MOMENT),
        ("2026-01-31T07:30Z", MOMENT),
        ("2026-01-31T02:00:00-0530", MOMENT),
        (" 2026-01-31T09:30:00+02 ", MOMENT),
        ("2026-01-31T07:30:00.5Z", MOMENT.replace(microsecond=500_000)),
        ("2026-01-31T07:30:00.123456789Z", MOMENT.replace(microsecond=123_456)),
    ],
)
def test_times_with_a_zone_become_utc(text: str, moment: datetime) -> None:
    assert read("bills", "due_at", pa.array([text, None])) == ([moment, None], [])


@pytest.mark.parametrize(
    "text, rule",
    [
        ("2026-01-31T07:30:00", "naive_time"),
        ("2026-01-31", "naive_time"),
        ("31.01.2026 07:30", "type"),
        ("2026-02-30T07:30:00Z", "type"),
        ("2026-01-31T25:30:00Z", "type"),
        ("1769844600", "type"),
        ("soon", "type"),
    ],
)
def test_other_times_are_that_rows_fault(text: str, rule: str) -> None:
    assert read("bills", "due_at", pa.array(["2026-01-31T07:30:00Z", text])) == (
        [MOMENT, None],
        [(rule, [1])],
    )


def test_times_of_parquet() -> None:
    for unit in ("s", "ms", "us", "ns"):
        values = pa.array([MOMENT], pa.timestamp(unit, "Europe/Berlin"))
        assert read("bills", "due_at", values) == ([MOMENT], [])
    for naive in (
        pa.array([MOMENT.replace(tzinfo=None)], pa.timestamp("us")),
        pa.array([MOMENT.date()], pa.date32()),
    ):
        with pytest.raises(InputError, match=r"bills\.due_at: times must name their zone"):
            read("bills", "due_at", naive)
    with pytest.raises(InputError, match=r"bills\.due_at: must be timestamps .*got 'int64'"):
        read("bills", "due_at", pa.array([1]))


@pytest.mark.parametrize(
    "text, number", [("1.5", 1.5), ("-2", -2.0), ("+.5", 0.5), ("1e3", 1000.0), (" 7. ", 7.0)]
)
def test_numbers_as_text(text: str, number: float) -> None:
    assert read("bills", "amount", pa.array([text])) == ([number], [])


@pytest.mark.parametrize("text", ["1,5", "1.000,50", "1 000", "nan", "inf", "NULL", "", "0x10"])
def test_what_is_no_number(text: str) -> None:
    assert read("bills", "amount", pa.array([text, "1"])) == ([None, 1.0], [("type", [0])])


def test_numbers_of_other_types() -> None:
    assert read("bills", "amount", pa.array([1, 2], pa.int8())) == ([1.0, 2.0], [])
    assert read("bills", "amount", pa.array([Decimal("1.25")])) == ([1.25], [])
    assert read("bills", "amount", pa.array([1.5, float("nan")], pa.float32())) == ([1.5, None], [])
    assert read("bills", "amount", pa.nulls(2)) == ([None, None], [])
    assert read("bills", "amount", pa.array(["1.5", "2"]).dictionary_encode()) == ([1.5, 2.0], [])
    with pytest.raises(InputError, match=r"bills\.amount: must be numbers \(got 'bool'\)"):
        read("bills", "amount", pa.array([True]))
    with pytest.raises(InputError, match=r"bills\.amount: must be numbers"):
        read("bills", "amount", pa.array([[1.0]]))


def test_whole_numbers() -> None:
    assert read("loyalty", "points", pa.array(["12", " 7.0", "+3"])) == ([12, 7, 3], [])
    assert read("loyalty", "points", pa.array([12.0, float("nan"), 1.5])) == (
        [12, None, None],
        [("type", [2])],
    )
    assert read("loyalty", "points", pa.array(["1.5", "9" * 19])) == (
        [None, None],
        [("type", [0, 1])],
    )
    assert read("loyalty", "points", pa.array([2**64 - 1, 5], pa.uint64())) == (
        [None, 5],
        [("type", [0])],
    )
    assert read("loyalty", "points", pa.array([Decimal("4"), Decimal("4.5")])) == (
        [4, None],
        [("type", [1])],
    )


def test_flags() -> None:
    texts = ["true", "FALSE", "1", "0", "Yes", "no", None, "maybe"]
    assert read("bills", "disputed", pa.array(texts)) == (
        [True, False, True, False, True, False, None, None],
        [("type", [7])],
    )
    assert read("bills", "disputed", pa.array([1, 0, None, 2])) == (
        [True, False, None, None],
        [("type", [3])],
    )


def test_ids_keep_their_zeros_and_lose_a_floats() -> None:
    assert read("bills", "bill_id", pa.array(["007", " 7"])) == (["007", " 7"], [])
    assert read("bills", "bill_id", pa.array([7, 8])) == (["7", "8"], [])
    assert read("bills", "bill_id", pa.array([7.0, None])) == (["7", None], [])
    assert read("bills", "bill_id", pa.array(["007"], pa.large_string())) == (["007"], [])


def test_bytes_that_are_not_utf8() -> None:
    values = pa.array([b"ok", "né".encode("latin-1"), None])
    assert read("tickets", "text", values) == (["ok", None, None], [("encoding", [1])])
    forged = pa.StringArray.from_buffers(3, *values.buffers()[1:], values.buffers()[0])
    assert read("tickets", "text", forged) == (["ok", None, None], [("encoding", [1])])


def test_columns_that_are_not_there() -> None:
    rows = raw_tables(1, 3, only=["bills"])["bills"]
    batch, faults = typed(
        TABLES["bills"], rows.drop_columns(["discount"]).combine_chunks().to_batches()[0]
    )
    assert (batch.column("discount").null_count, faults) == (len(rows), [])
    with pytest.raises(InputError, match=r"bills\.amount: the column must be there"):
        typed(TABLES["bills"], rows.drop_columns(["amount"]).combine_chunks().to_batches()[0])
