from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.contracts.tables import TABLES
from features.intake.history import compare_keys


def write(path: Path, ids: list[str]) -> Path:
    pq.write_table(pa.table({"customer_id": pa.array(ids, pa.string())}), path)
    return path


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        ([], ["a"], False),
        (["a", "b"], [], False),
        (["a", "b", "c"], [], True),
        (["a", "b", "c", "d"], ["a", "x", "y", "z"], True),
    ],
)
def test_ids_that_vanish_are_counted_also_of_tables_without_rows(
    tmp_path: Path, before: list[str], after: list[str], gone: bool
) -> None:
    old, new = write(tmp_path / "old.parquet", before), write(tmp_path / "new.parquet", after)
    with duckdb.connect() as connection:
        unusual = list(compare_keys(connection, [new], [old], TABLES["customers"]))
    assert bool(unusual) is gone
