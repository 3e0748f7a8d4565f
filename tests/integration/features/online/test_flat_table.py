"""A team's own table in Redis."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.encoding.encoding import infer_encoding
from features.flat.repository import SERVICE, TableRepository, snapshot_time
from features.online import service as online
from features.online.feast_store import open_feast
from features.online.settings import OnlineSettings
from holdfast.home import Home
from tests.builders.servers import require_redis

DAY = datetime(2026, 1, 1, tzinfo=UTC)
REDIS = OnlineSettings(online_store="redis")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    require_redis()
    home = Home(tmp_path / "home")
    yield home
    open_feast(home.features).teardown()


def test_a_table_is_what_redis_holds(home: Home, customer_table: Callable[..., pa.Table]) -> None:
    table = customer_table(60)
    ids = table["customer"].to_pylist()
    table = table.drop_columns(["customer", "left"])
    table = table.set_column(
        0, "Contract", pa.array([None if row % 7 == 0 else f"c{row % 3}" for row in range(60)])
    )
    encoding = infer_encoding(table, table.column_names)
    matrix = encoding.encode(table)
    repository = TableRepository(home, REDIS)
    repository.write(encoding, ids, snapshot_time(DAY, 60), matrix)
    project = open_feast(home.features).project
    repository.materialize()
    service = online.open_service(home, SERVICE, REDIS)
    assert service.encoding == encoding
    served, times = online.read(service, ids)
    assert np.array_equal(served, matrix, equal_nan=True)
    assert set(online.oldest(times).tolist()) == {DAY.replace(tzinfo=None)}

    # An earlier and smaller table replaces it whole.
    earlier = DAY - timedelta(days=9)
    repository.write(encoding, ids[:40], snapshot_time(earlier, 40), matrix[20:])
    repository.materialize()
    assert open_feast(home.features).project == project
    served, times = online.read(service, ids)
    assert np.array_equal(served[:40], matrix[20:], equal_nan=True)
    assert np.isnan(served[40:]).all()
    assert np.isnat(times).sum() == 20
    assert set(times[:40, 0].tolist()) == {earlier.replace(tzinfo=None)}
