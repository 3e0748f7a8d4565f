"""Rows removed from Parquet files."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from holdfast.parquet_rows import remove_rows

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9)), max_size=12)


def is_a(rows: pa.Table) -> NDArray[np.bool_]:
    return np.array([one == "a" for one in rows["id"].to_pylist()], dtype=np.bool_)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(rows=ROWS, group=st.integers(1, 5))
def test_what_stays_is_as_it_was(
    tmp_path: Path, rows: list[tuple[str, int | None]], group: int
) -> None:
    path = tmp_path / "rows.parquet"
    lists = pa.array(
        [None if two is None else [two] * two for _, two in rows], pa.list_(pa.int64())
    )
    table = pa.table(
        {
            "id": pa.array([one for one, _ in rows], pa.string()),
            "two": pa.array([two for _, two in rows], pa.int32()),
            "lists": lists,
        }
    ).replace_schema_metadata({"digest": "as it was"})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        writer.write_table(table, row_group_size=group)
        writer.add_key_value_metadata({"facts": "at the end"})
    gone = sum(one == "a" for one, _ in rows)
    before = path.read_bytes()
    assert remove_rows(path, ("id",), is_a, dry_run=True) == gone
    assert path.read_bytes() == before
    assert remove_rows(path, ("id", "absent"), is_a) == gone
    assert pq.read_table(path) == table.filter(pa.array(~is_a(table)))
    metadata = pq.read_metadata(path).metadata
    assert metadata[b"digest"] == b"as it was"
    assert metadata[b"facts"] == b"at the end"
    if not gone:
        assert path.read_bytes() == before
    assert remove_rows(path, ("id",), is_a) == 0


def test_a_file_without_the_columns_is_left(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"other": ["a"]}), path)
    assert remove_rows(path, ("id",), is_a) == 0


def test_what_a_killed_run_left_beside_it_goes(tmp_path: Path) -> None:
    path, beside = tmp_path / "rows.parquet", tmp_path / ".rows.parquet.part"
    pq.write_table(pa.table({"id": ["b"]}), path)
    beside.write_bytes(b"a")
    remove_rows(path, ("id",), is_a)
    assert not beside.exists()
    with pytest.raises(FileNotFoundError):
        remove_rows(tmp_path / "absent.parquet", ("id",), is_a)
