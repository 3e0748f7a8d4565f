"""The packed online store beside Feast's SQLite store: writing a table, reading one customer and a hundred.

``python -m benchmarks.online_store`` compares 20,000 customers x 100 features: our bulk write and direct read on one side,
Feast's own `materialize` and `get_online_features` on the other.
"""

import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.report import show
from features import online
from features.encoding import infer_encoding
from features.table_repository import SERVICE, TableRepository, snapshot_time
from holdfast.settings import Home

ROWS, COLUMNS = 20_000, 100
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    from feast import FeatureStore

    with tempfile.TemporaryDirectory() as directory:
        home = Home(Path(directory))
        ids = [f"{number:08d}" for number in range(ROWS)]
        repository = _repository(home, ids)
        ours_write = _seconds(repository.materialize)
        service = online.open_service(home, SERVICE)
        configuration = home.features / "feature_store.yaml"
        text = (
            configuration.read_text()
            .replace("features.packed_online_store.PackedOnlineStore", "sqlite")
            .replace("online\n", "sqlite.db\n")
        )
        configuration.write_text(text)
        store = FeatureStore(repo_path=str(home.features))
        store.apply([*store.list_entities(), *store.list_feature_views(), *store.list_feature_services()])
        with contextlib.redirect_stdout(io.StringIO()):
            theirs_write = _seconds(lambda: store.materialize(NOW - timedelta(days=1), NOW + timedelta(days=1)))
        feature_service = store.get_feature_service(SERVICE)
        rows = [
            {
                "what": "write, customers/s",
                "holdfast": ROWS / ours_write,
                "Feast on SQLite": ROWS / theirs_write,
                "ratio": theirs_write / ours_write,
            }
        ]
        for count in (1, 100):
            asked = ids[1000 : 1000 + count]
            entities = [{"customer_id": entity} for entity in asked]
            ours = _median_ms(lambda asked=asked: online.read(service, asked), 2000)  # type: ignore[misc]
            theirs = _median_ms(lambda entities=entities: store.get_online_features(feature_service, entities).to_dict(), 30)  # type: ignore[misc]
            rows.append({"what": f"read {count}, p50_ms", "holdfast": ours, "Feast on SQLite": theirs, "ratio": theirs / ours})
    show(f"Online store, {ROWS:,} customers x {COLUMNS} features", rows)


def _repository(home: Home, ids: list[str]) -> TableRepository:
    matrix = np.random.default_rng(1).normal(size=(ROWS, COLUMNS))
    table = pa.table({f"c{position}": matrix[:, position] for position in range(COLUMNS)})
    repository = TableRepository(home)
    repository.write(infer_encoding(table, table.column_names), ids, snapshot_time(NOW, ROWS), matrix)
    return repository


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _median_ms(call: Callable[[], object], calls: int) -> float:
    return float(np.median([1000 * _seconds(call) for _ in range(calls)]))


if __name__ == "__main__":
    main()
