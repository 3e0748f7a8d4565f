from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.flat.customers import CustomerTable, Roles, read_column_names, read_customer_table
from holdfast.errors import InputError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROLES = {"id": "customer", "target": "left"}


@pytest.fixture
def read(tmp_path: Path, customer_table: Callable[..., pa.Table]) -> Callable[..., CustomerTable]:
    """Read a small table, with some columns replaced and some roles given."""

    def go(
        replace: dict[str, list[object]] | None = None,
        rows: int = 400,
        as_of: datetime | None = None,
        **roles: object,
    ) -> CustomerTable:
        table = customer_table(rows)
        for name, values in (replace or {}).items():
            if name in table.column_names:
                table = table.set_column(table.column_names.index(name), name, pa.array(values))
            else:
                table = table.append_column(name, pa.array(values))
        pq.write_table(table, tmp_path / "t.parquet")
        chosen = Roles(**{**ROLES, **roles})  # type: ignore[arg-type]
        return read_customer_table(tmp_path / "t.parquet", chosen, NOW, as_of=as_of)

    return go


def test_roles_are_no_features_and_blank_targets_are_not_known(
    read: Callable[..., CustomerTable],
) -> None:
    customers = read(value="margin", drop=("since",))
    assert customers.columns == (
        "Contract",
        "contract",
        "dropped calls 📉",
        "套餐",
        "fee_y",
        "margin",
    )
    assert customers.ids[:2] == ["00000", "00001"]
    assert int((~customers.known).sum()) == 10
    assert customers.roles.positive == ("yes",)
    assert set(customers.times.tolist()) == {NOW.replace(tzinfo=None)}


def test_without_an_id_the_row_number_is_the_id(read: Callable[..., CustomerTable]) -> None:
    customers = read(id=None)
    assert customers.ids[:2] == ["1", "2"]
    assert "customer" in customers.left_out


def test_whole_number_ids_read_as_whole_numbers(read: Callable[..., CustomerTable]) -> None:
    assert read({"customer": [float(n) for n in range(400)]}).ids[:2] == ["0", "1"]


def test_any_listed_value_is_positive_however_it_is_spelt(
    read: Callable[..., CustomerTable],
) -> None:
    customers = read({"left": [float(n % 4) for n in range(400)]}, positive=("1", "2.0"))
    assert customers.label[:5].tolist() == [0, 1, 1, 0, 0]


@pytest.mark.parametrize(
    "pair, positive",
    [
        (("no", "Yes"), "Yes"),
        ((0, 1), "1"),
        ((False, True), "true"),
        (("stayed", "churned"), "churned"),
    ],
)
def test_the_positive_of_two_is_recognised(
    read: Callable[..., CustomerTable], pair: tuple[object, object], positive: str
) -> None:
    assert read({"left": [pair[n % 2] for n in range(400)]}).roles.positive == (positive,)


def test_columns_not_available_or_all_missing_are_left_out_and_named(
    read: Callable[..., CustomerTable],
) -> None:
    customers = read({"fee_y": [None] * 400}, available=frozenset({"Contract", "fee_y", "套餐"}))
    assert customers.columns == ("Contract", "套餐")
    assert customers.left_out == ("contract", "dropped calls 📉", "fee_y", "since", "margin")


def test_rows_without_a_group_stand_alone(read: Callable[..., CustomerTable]) -> None:
    customers = read({"household": ["a", "a", None, None] * 100}, group="household")
    assert customers.group is not None
    assert len(np.unique(customers.group)) == 201
    assert "household" not in customers.columns


def test_dates_order_rows_and_become_their_times(read: Callable[..., CustomerTable]) -> None:
    customers = read({"day": [f"2025-01-{1 + n % 20:02d}" for n in range(400)]}, time="day")
    assert customers.order is not None
    assert customers.times[1] - customers.times[0] == np.timedelta64(1, "D")


def test_rows_without_dates_are_of_the_day_that_a_person_names(
    read: Callable[..., CustomerTable],
) -> None:
    day = datetime(2025, 11, 3, tzinfo=UTC)
    assert set(read(as_of=day).times.tolist()) == {day.replace(tzinfo=None)}
    assert not any("--as-of" in note for note in read(as_of=day).notes)
    assert any("unless --as-of says when" in note for note in read().notes)
    assert not any("--as-of" in note for note in read(time="since").notes)
    with pytest.raises(InputError, match=r"--as-of: must come without --time"):
        read(as_of=day, time="since")
    with pytest.raises(InputError, match=r"--as-of: must not lie after now, 2026-01-01"):
        read(as_of=datetime(2026, 1, 2, tzinfo=UTC))


def test_numbers_order_rows_and_leave_the_time_of_reading(
    read: Callable[..., CustomerTable],
) -> None:
    customers = read({"month": [202500 + n % 12 for n in range(400)]}, time="month")
    assert customers.order is not None
    assert customers.order[:2].tolist() == [202500, 202501]
    assert set(customers.times.tolist()) == {NOW.replace(tzinfo=None)}


@pytest.mark.parametrize(
    "replace, roles, message",
    [
        ({}, {"target": "Left"}, r"--target: .*did you mean 'left'"),
        ({}, {"id": "nobody"}, r"--id: must be a column of the table"),
        ({}, {"drop": ("nothing",)}, "--drop"),
        (
            {},
            {"available": frozenset({"Contrakt"})},
            "--available-at-scoring.*did you mean 'Contract'",
        ),
        ({}, {"id": "left"}, "no other role"),
        ({}, {"drop": ("left",)}, "--drop: must not be the column of --target"),
        ({"left": [1, 2] * 200}, {}, "--positive"),
        ({"left": ["left", "right"] * 200}, {}, "--positive"),
        ({"left": [["no"]] * 400}, {}, "--target: column 'left' must hold numbers, text"),
        ({"customer": [b"\xff"] * 400}, {}, "--id: column 'customer' must hold numbers, text"),
        ({"customer": ["1", "1", *map(str, range(2, 400))]}, {}, r"no duplicates .*'1'"),
        (
            {"customer": ["  ", *map(str, range(1, 400))]},
            {},
            r"no blanks; this row has one \(got 1\)",
        ),
        ({"customer": ["x" * 481, *map(str, range(1, 400))]}, {}, "480 bytes"),
        ({"customer": ["长" * 200, "x" * 300, *map(str, range(2, 400))]}, {}, "480 bytes"),
        ({"margin": [None] * 400}, {"value": "margin"}, "--value"),
        ({"left": ["no"] * 400}, {}, "two classes"),
        ({"left": ["a", "b", "c", "d"] * 100}, {}, "4 classes.*--positive"),
        ({"left": ["stay", "go"] * 200}, {}, "--positive"),
        ({}, {"positive": ("maybe",)}, r"--positive: must occur.*'no', 'yes'.*'maybe'"),
        ({"left": ["yes"] * 19 + ["no"] * 381}, {}, "20 positive"),
        ({"left": ["no"] * 19 + ["yes"] * 381}, {}, "20 rows that are not positive"),
        ({"left": ["no", "yes"] * 49 + [""] * 302}, {}, "100 rows where it is not blank"),
        ({"day": ["2025-01-01"] * 399 + [""]}, {"time": "day"}, "no blanks"),
        ({"day": ["2025-01-01"] * 400}, {"time": "day"}, "two different times"),
        ({"day": ["early", "late"] * 200}, {"time": "day"}, "dates or numbers"),
        ({"day": ["2025-01-01 10:00", "2025-01-02 10:00"] * 200}, {"time": "day"}, "zone"),
        ({"day": [datetime(2025, 1, 1 + n % 9, 10) for n in range(400)]}, {"time": "day"}, "zone"),  # noqa: DTZ001
        ({}, {"value": "套餐"}, "--value.*numbers"),
        ({}, {"available": frozenset({"left"})}, "no column to learn from"),
    ],
)
def test_wrong_input_is_named(
    read: Callable[..., CustomerTable],
    replace: dict[str, list[object]],
    roles: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(InputError, match=message):
        read(replace, **roles)


def test_too_few_rows(read: Callable[..., CustomerTable]) -> None:
    with pytest.raises(InputError, match="at least 100 rows"):
        read(rows=99)


def test_column_names_come_one_a_line(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("套餐\n\n fee \n", encoding="utf-8")
    assert read_column_names(path) == {"套餐", "fee"}


@pytest.mark.parametrize("content", [b"", b"\n \n", "ü".encode("latin-1")])
def test_a_useless_list_of_columns_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match="--available-at-scoring"):
        read_column_names(path)
