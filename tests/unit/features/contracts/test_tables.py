import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from features.contracts.tables import ARRIVED, HAPPENED, TABLES, Table
from features.intake.rows import check_rows
from tests.builders.raw_tables import raw_tables, write_raw_tables

TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)


@pytest.fixture(scope="module")
def drawn() -> dict[str, pa.Table]:
    return raw_tables(7)


@TABLE
def test_a_contract_is_whole(table: Table) -> None:
    assert set(table.identity) <= set(table.columns)
    assert table.columns[-2:] == (HAPPENED, ARRIVED)
    assert not any(table.schema.columns[name].nullable for name in table.identity)
    for column in table.schema.columns.values():
        assert column.description
        assert {"arrow", "unit", "data_class", "references", "unlisted"} == set(column.metadata)
        assert column.metadata["data_class"] in ("none", "traffic", "location", "special")
    checks = [
        *table.schema.checks,
        *(check for column in table.schema.columns.values() for check in column.checks),
    ]
    assert all(check.name and check.error for check in checks)


@TABLE
def test_references_lead_to_keys(table: Table) -> None:
    for name, column in table.schema.columns.items():
        if column.metadata["references"] is not None:
            assert TABLES[column.metadata["references"]].key == (name,)


@TABLE
def test_drawn_tables_obey(table: Table, drawn: dict[str, pa.Table]) -> None:
    rows = drawn[table.name]
    assert len(rows) > 0
    assert rows.schema.equals(table.arrow_schema)
    table.schema.validate(rows.to_pandas(types_mapper=pd.ArrowDtype), lazy=True)
    assert rows.group_by(list(table.identity)).aggregate([]).num_rows == len(rows)
    for name, column in table.schema.columns.items():
        assert column.nullable == (rows[name].null_count > 0), name
        if column.metadata["references"] is not None:
            assert set(rows[name].drop_null().to_pylist()) <= set(
                drawn[column.metadata["references"]][name].to_pylist()
            )


def test_drawn_tables_are_awkward(drawn: dict[str, pa.Table]) -> None:
    bills = drawn["bills"].to_pandas()
    assert (bills[ARRIVED] - bills[HAPPENED] > pd.Timedelta(days=7)).any()
    assert bills["bill_id"].duplicated().any()
    assert bills[HAPPENED].duplicated().any()
    assert not bills[ARRIVED].is_monotonic_increasing
    assert (
        drawn["subscriptions"].to_pandas().groupby("subscription_id")["customer_id"].nunique() > 1
    ).any()
    assert drawn["customers"]["customer_id"][0].as_py().startswith("0")


def test_the_same_draw_is_the_same_whatever_else_is_drawn() -> None:
    few, more = raw_tables(3, 5, only=["survey_answers"]), raw_tables(3, 5)
    assert few["survey_answers"].equals(more["survey_answers"])
    assert not few["survey_answers"].equals(raw_tables(4, 5)["survey_answers"])


NASTY = [
    None,
    "",
    "x" * 121,
    "martian",
    -1.0,
    1e9,
    float("inf"),
    -7,
    99,
    pd.Timestamp("1066-10-14", tz="UTC"),
]
NASTY += [pd.Timestamp("9999-12-31", tz="UTC").as_unit("us"), pd.Timestamp("2020-01-01", tz="UTC")]


@pytest.mark.filterwarnings("ignore::FutureWarning:pandera")
@settings(max_examples=12)
@given(st.data())
def test_rows_are_checked_as_panderas_schema_does(data: st.DataObject) -> None:
    table = TABLES[
        data.draw(
            st.sampled_from(
                ["subscriptions", "usage_weeks", "tickets", "survey_answers", "loyalty"]
            )
        )
    ]
    rows = raw_tables(1, 6, only=[table.name])[table.name].slice(0, 6).combine_chunks().to_pydict()
    for _ in range(data.draw(st.integers(0, 4))):
        column, row = data.draw(st.sampled_from(table.columns)), data.draw(st.integers(0, 5))
        type_ = table.arrow_schema.field(column).type
        rows[column][row] = data.draw(
            st.sampled_from([value for value in NASTY if _fits(value, type_)])
        )
    batch = pa.RecordBatch.from_pydict(rows, schema=table.arrow_schema)
    batch, faults, _ = check_rows(table, batch)
    faulty_rows = {int(at) for fault in faults for at in fault.at}
    good = batch.take(
        pa.array([at for at in range(len(batch)) if at not in faulty_rows], pa.int64())
    )
    table.schema.validate(good.to_pandas(types_mapper=pd.ArrowDtype), lazy=True)
    for at in faulty_rows:
        with pytest.raises(SchemaErrors):
            table.schema.validate(
                batch.slice(at, 1).to_pandas(types_mapper=pd.ArrowDtype), lazy=True
            )


def _fits(value: object, type_: pa.DataType) -> bool:
    try:
        pa.scalar(value, type_)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return False
    return True


def test_all_rows_bad_is_told_in_no_time() -> None:
    rows = raw_tables(1, 20, only=["loyalty"])["loyalty"]
    many = rows.take(np.arange(200_000) % len(rows)).combine_chunks()
    many = many.set_column(
        many.schema.get_field_index("tier"), "tier", pa.array(["martian"] * len(many))
    )
    many = many.set_column(
        many.schema.get_field_index("points"), "points", pa.array([-1] * len(many))
    )
    _, (fault,), (replaced,) = check_rows(TABLES["loyalty"], many.to_batches()[0])
    assert (fault.rule, len(fault.at)) == ("range", 200_000)
    assert (replaced.rule, len(replaced.at)) == ("category", 200_000)


@pytest.mark.parametrize("form, parts", [("parquet", 3), ("csv", 1)])
def test_tables_are_written(tmp_path, form: str, parts: int) -> None:
    tables = raw_tables(1, 3, only=["customers"])
    folder = write_raw_tables(tables, tmp_path / "raw", form=form, parts=parts)
    assert len(list(folder.rglob("*.*"))) == parts
