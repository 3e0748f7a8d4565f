"""Digests of what was known: of rows, whatever files they lie in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.compute.known import (
    KnownRows,
    LastBuild,
    known_rows,
    last_build,
    require_last_tables,
)
from features.contracts.tables import ARRIVED, TABLES
from features.sql.raw import open_raw
from holdfast.errors import InputError
from tests.builders.raw_tables import START, raw_tables, write_raw_tables

ROWS = raw_tables(3, 8, days=30, only=("customers", "subscriptions", "bills"))
LAST = START + timedelta(days=100)


def known(tables: dict[str, pa.Table], folder: Path, kept: Path, parts: int = 1) -> KnownRows:
    with open_raw(write_raw_tables(tables, folder, parts=parts), threads=1) as raw:
        return known_rows(raw, kept)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> KnownRows:
    """What is known of the rows as they are."""
    return known(ROWS, tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("kept"))


@settings(max_examples=15)
@given(seed=st.integers(0, 99), parts=st.integers(1, 4), day=st.integers(-600, 100))
def test_neither_order_nor_files_matter(once: KnownRows, seed: int, parts: int, day: int) -> None:
    order = np.random.default_rng(seed)
    shuffled = {name: table.take(order.permutation(len(table))) for name, table in ROWS.items()}
    at = START + timedelta(days=day)
    with TemporaryDirectory() as folder:
        again = known(shuffled, Path(folder), Path(folder), parts)
    for name, table in again.present.items():
        assert table.digest(at) == once.present[name].digest(at)
        assert table.first_arrived == once.present[name].first_arrived
        assert table.first_happened == once.present[name].first_happened
        assert table.restated(once.present[name], LAST) is None


@settings(max_examples=30)
@given(
    row=st.integers(0, len(ROWS["bills"]) - 1),
    column=st.sampled_from(TABLES["bills"].columns),
    gone=st.booleans(),
)
def test_a_changed_row_changes_what_is_known_from_its_arrival_on(
    once: KnownRows, row: int, column: str, gone: bool
) -> None:
    bills = ROWS["bills"]
    if gone or column in ("happened_at", ARRIVED):
        changed = pa.concat_tables([bills.slice(0, row), bills.slice(row + 1)])
    else:
        values = bills[column].to_pylist()
        other = next(value for value in values if value != values[row])
        values[row] = other
        changed = bills.set_column(
            bills.column_names.index(column), column, pa.array(values, bills[column].type)
        )
    with TemporaryDirectory() as folder:
        table = known({**ROWS, "bills": changed}, Path(folder), Path(folder)).present["bills"]
    arrived = bills[ARRIVED][row].as_py()
    midnight = arrived.replace(hour=0, minute=0, second=0, microsecond=0)
    midnight += timedelta(days=midnight < arrived)
    before = once.present["bills"]
    assert table.digest(midnight - timedelta(days=1)) == before.digest(midnight - timedelta(days=1))
    assert table.digest(midnight) != before.digest(midnight)
    assert table.restated(before, LAST) == midnight
    assert table.restated(before, midnight - timedelta(days=1)) is None


def test_only_new_files_are_read(tmp_path: Path) -> None:
    first = known(ROWS, tmp_path / "raw", tmp_path)
    first.keep(LAST)
    with open_raw(tmp_path / "raw", threads=1) as raw:
        raw.connection.close()  # so that nothing can be read
        again = known_rows(raw, tmp_path)
    assert again.present == first.present
    assert again.restated == {}
    early = ROWS["bills"].slice(0, 1)
    pq.write_table(early, tmp_path / "raw" / "bills" / "part-twice.parquet")
    with open_raw(tmp_path / "raw", threads=1) as raw:
        twice = known_rows(raw, tmp_path)
    assert list(twice.restated) == ["bills"]
    assert twice.restated["bills"] >= pc.min(early[ARRIVED]).as_py()


def test_an_absent_table_is_remembered(tmp_path: Path, once: KnownRows) -> None:
    known(ROWS, tmp_path / "all", tmp_path).keep(LAST)
    some = {name: table for name, table in ROWS.items() if name != "bills"}
    for night in range(2):
        without = known(some, tmp_path / f"some-{night}", tmp_path)
        assert set(without.remembered) == {"bills"}
        assert without.remembered["bills"].digest(LAST) == once.present["bills"].digest(LAST)
        without.keep(LAST)
    assert last_build(tmp_path) == LastBuild(LAST, frozenset(some))


def test_a_table_of_the_last_build_must_be_there_or_accepted() -> None:
    last = LastBuild(datetime(2026, 1, 5, tzinfo=UTC), frozenset({"bills", "usage_weeks"}))
    require_last_tables(["bills", "usage_weeks"], (), last)
    require_last_tables([], (), None)
    require_last_tables(["bills"], ["usage_weeks"], last)
    with pytest.raises(InputError, match="--accept usage_weeks") as error:
        require_last_tables(["bills", "orders"], ["orders"], last)
    assert error.value.field == "usage_weeks"
