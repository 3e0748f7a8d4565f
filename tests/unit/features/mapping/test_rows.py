from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from features.mapping.assigning import assign
from features.mapping.mapping import RelationMapping
from features.mapping.row_filter import RowFilter
from features.mapping.rows import contract_rows
from holdfast.errors import InputError

DAY = datetime(2026, 1, 31, tzinfo=UTC)


def _rows(written: pa.Array, column: str, **said: Any) -> pa.Array:
    relation = RelationMapping(
        table="subscriptions", field="m.toml: t", source="x", columns={column: "W"}, **said
    )
    rows = pa.record_batch([written], names=["W"])
    mapped = contract_rows(relation, assign(relation, ["W"]), rows)
    assert mapped.schema.names == [column]
    return mapped.column(0)


@pytest.mark.parametrize(
    ("written", "values", "mapped"),
    [
        (pa.array(["A", " a ", "B", None, ""]), {"A": "active"}, ["active", "active", "B", None, ""]),
        (pa.array(["", "B"]), {"": "active", "B": None}, ["active", None]),
        (pa.array([b"A", b"\xff", None]), {"A": "active"}, [b"active", b"\xff", None]),
        (pa.array(["A"]).dictionary_encode(), {"A": "active"}, ["active"]),
        (pa.array(["A", "a"]), {"A": "active", "a": "ended"}, ["active", "ended"]),
        (pa.array([1, 2, None]), {"1": "active"}, ["active", "2", None]),
        (pa.array([1.0, 2.5]), {"1": "active"}, ["active", "2.5"]),
        (pa.array([True, False]), {"true": "active"}, ["active", "false"]),
        (pa.array([None, None]), {"A": "active"}, [None, None]),
    ],
)  # fmt: skip
def test_written_values_become_the_contracts(
    written: pa.Array, values: dict[str, str | None], mapped: list[object]
) -> None:
    assert _rows(written, "status", values={"status": values}).to_pylist() == mapped


@pytest.mark.parametrize("kind", [pa.timestamp("us", "UTC"), pa.timestamp("us"), pa.date32()])
def test_a_time_that_stands_for_none_becomes_null(kind: pa.DataType) -> None:
    written = pa.array([date(9999, 12, 31), date(2026, 1, 31)]).cast(pa.timestamp("us")).cast(kind)
    mapped = _rows(written, "commitment_end_at", values={"commitment_end_at": {"9999-12-31": None}})
    assert mapped.type == kind
    assert mapped.is_null().to_pylist() == [True, False]


@pytest.mark.parametrize(
    ("written", "column", "default", "filled"),
    [
        (pa.array(["A", None, " "]), "status", "active", ["A", "active", "active"]),
        (pa.array([b"A", None]), "status", "active", [b"A", b"active"]),
        (pa.array([1.5, None]), "termination_fee", 0.0, [1.5, 0.0]),
        (pa.array([None, "3"]), "termination_fee", 2.5, ["2.5", "3"]),
        (pa.array([True, None]), "autopay", False, [True, False]),
        (pa.array(["J", None]), "autopay", False, ["J", "false"]),
        (pa.array([None, DAY]), "activated_at", "2026-01-31T00:00:00Z", [DAY, DAY]),
        (pa.array([None, None]), "activated_at", "2026-01-31T00:00:00Z", [DAY, DAY]),
        (
            pa.array([None, datetime(2026, 1, 31)]),  # noqa: DTZ001 - as a database without zones
            "activated_at",
            "2026-01-31T00:00:00Z",
            ["2026-01-31T00:00:00Z", "2026-01-31T00:00:00.000000"],
        ),
    ],
)
def test_a_default_stands_where_there_is_none(
    written: pa.Array, column: str, default: Any, filled: list[object]
) -> None:
    assert _rows(written, column, defaults={column: default}).to_pylist() == filled


def test_columns_are_found_by_the_mapping_then_by_their_own_name() -> None:
    relation = RelationMapping(
        table="subscriptions",
        field="m.toml: t",
        source="x",
        columns={"status_reason": "STATUS", "customer_id": "Party"},
    )
    found = assign(relation, ["Status", "party", "plan-id", "Other"])
    assert found.taken == {
        "customer_id": "party",
        "plan_id": "plan-id",
        "status_reason": "Status",
    }
    assert found.by_name == ("plan_id",)
    assert found.unused == ("Other",)


def test_one_written_column_may_be_several_of_the_contracts() -> None:
    columns = {"product_line": "Type", "billing_type": "Type"}
    relation = RelationMapping(table="plans", field="m.toml: t", source="x", columns=columns)
    assert assign(relation, ["Type"]).taken == columns


@pytest.mark.parametrize(
    ("columns", "values", "written", "error"),
    [
        ({"status": "Statsu"}, {}, ["Status"], r"t.columns.status: must name a column that is there; is 'Status' meant"),
        ({"status": "A"}, {}, ["a", "A "], r"t.columns.status: must name a column that is there"),
        ({}, {"status": {"A": "active"}}, ["x"], r"t.values.status: must be about a column that is there"),
        ({}, {}, ["Plan_Id", "planid"], "column names must differ"),
    ],
)  # fmt: skip
def test_columns_that_are_not_there_are_named(
    columns: dict[str, str],
    values: dict[str, dict[str, str | None]],
    written: list[str],
    error: str,
) -> None:
    relation = RelationMapping(
        table="subscriptions", field="m.toml: t", source="x", columns=columns, values=values
    )
    with pytest.raises(InputError, match=error):
        assign(relation, written)


def test_a_condition_is_asked_of_rows_as_they_are_written() -> None:
    rows = pa.record_batch(
        [pa.array([b"DE", b"\xff", None, b"DE"]), pa.array([1, 2, 3, None])], names=["Land", "n"]
    )
    assert RowFilter("Land = 'DE'", "w").positions(rows).tolist() == [0, 3]
    assert RowFilter("n < 3 -- a remark", "w").positions(rows).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        ("Lnd = 'DE'", "w: DuckDB refuses it: .*Lnd"),
        ("Land = ", "w: DuckDB refuses it: "),
        ("count(*) > 1", "w: DuckDB refuses it: .*aggregates"),
        ("row_number() OVER () < 3", "w: DuckDB refuses it: .*window"),
        ("Land IN (FROM read_csv('/etc/passwd'))", "w: DuckDB refuses it: "),
    ],
)
def test_a_condition_that_is_none_is_refused(condition: str, error: str) -> None:
    with pytest.raises(InputError, match=error):
        RowFilter(condition, "w").check(pa.schema([("Land", pa.binary())]))


def test_a_value_that_cannot_be_converted_is_not_quoted() -> None:
    rows = pa.record_batch([pa.array(["secret"])], names=["n"])
    with pytest.raises(InputError, match=r"ConversionException; TRY_CAST") as refused:
        RowFilter("CAST(n AS INTEGER) > 1", "w").positions(rows)
    assert "secret" not in str(refused.value)
