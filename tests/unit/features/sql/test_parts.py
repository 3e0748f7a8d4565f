"""A raw file is known by what it holds."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from features.sql.parts import parts_of

AT = datetime(2025, 3, 3, tzinfo=UTC)


def write(folder: Path, tiers: list[str]) -> str:
    table = pa.table(
        {
            "customer_id": ["1", "2", "3"],
            "tier": tiers,
            "happened_at": [AT] * 3,
            "arrived_at": [AT] * 3,
        }
    )
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "part.parquet")
    return parts_of(folder)[0].identity


def test_two_values_that_change_places_make_another_file(tmp_path: Path) -> None:
    first = write(tmp_path / "loyalty", ["gold", "none", "none"])
    size = (tmp_path / "loyalty" / "part.parquet").stat().st_size
    assert write(tmp_path / "loyalty", ["none", "gold", "none"]) != first
    assert (tmp_path / "loyalty" / "part.parquet").stat().st_size == size
    assert write(tmp_path / "loyalty", ["gold", "none", "none"]) == first
