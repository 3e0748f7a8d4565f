"""Rows of the newest snapshot: of entities linked to others, and kept in a file."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.operator import kept_rows
from features.operator.kept_rows import KeptRows
from features.operator.newest import LinkedValues, NewestTable

AT = datetime(2025, 5, 5, tzinfo=UTC)


def linked(path: Path, ids: list[str]) -> LinkedValues:
    rows = {
        "customer_id": pa.array(ids, pa.string()),
        "event_timestamp": pa.array([AT] * len(ids), pa.timestamp("us", "UTC")),
        "points": pa.array([float(place) for place in range(len(ids))], pa.float64()),
    }
    pq.write_table(pa.table(rows), path)
    return LinkedValues(NewestTable("loyalty", "customer_id", ("points",), path))


@pytest.mark.parametrize("ids", [["007", "10", "9", "ä", "日"], []])
def test_linked_values_are_found_by_any_id(ids: list[str], tmp_path: Path) -> None:
    values = linked(tmp_path / "newest.parquet", ids)
    asked = [*reversed(ids), "", "1", "a much longer one", None, "日日"]
    matrix, times = values.of(pa.chunked_array([asked], pa.string()))
    expected = [float(place) for place in reversed(range(len(ids)))] + [np.nan] * 5
    np.testing.assert_array_equal(matrix[:, 0], expected)
    assert np.isnat(times).tolist() == [False] * len(ids) + [True] * 5
    assert set(times[: len(ids)].tolist()) <= {AT.replace(tzinfo=None)}


class Reader:
    """Seven entities with two numbers each."""

    features = ("a", "b")
    main = NewestTable("usage", "subscription_id", ("a",), Path("nowhere"))

    def read(self, ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
        numbers = np.array([[float(id_), -float(id_)] for id_ in ids])
        times = np.array([[AT.replace(tzinfo=None), None]] * len(ids), "datetime64[us]")
        return numbers, times


@pytest.mark.parametrize("at_once", [1, 3, 7, 100])
def test_kept_rows_are_read_in_any_batches(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_rows, "_ROWS_AT_ONCE", at_once)
    monkeypatch.setattr(NewestTable, "ids", lambda table: list("0123456"))
    path = tmp_path / "churn_v1.rows"
    with KeptRows(Reader(), path) as rows:  # type: ignore[arg-type]
        for ids in ("", "0", "6", "25", "013456", "0123456"):
            places = rows.places(pa.array(list(ids), pa.string()))
            read = rows.read(places)
            assert read[:, 0].tolist() == [float(id_) for id_ in ids]
            assert read[:, 1].tolist() == [-float(id_) for id_ in ids]
            assert set(rows.times(places).tolist()) <= {AT.replace(tzinfo=None)}
    assert not path.exists()
