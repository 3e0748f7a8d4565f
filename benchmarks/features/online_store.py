"""The packed online store beside Feast's SQLite store: writing feature tables, and reading one
entity and a hundred.

``python -m benchmarks.features.online_store`` writes 100 features in 5 views to both stores, from the same
parquet files: with our bulk writer, and with Feast's own `materialize`. It reads them with
`features.online.service.read` and with `get_online_features`. Then it writes a million entities to
our store only, as one view and as eight. Every write is timed until it is on disk.
"""

import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.report import show
from features.online.feast_layout import layout_of
from features.online.feast_store import open_feast
from features.online.packed_reader import PackedReader
from features.online.service import OnlineLayout, OnlineService, OnlineView, read
from features.packed.bulk_writer import write_parquet
from features.packed.store import PackedStore

if TYPE_CHECKING:
    from feast import FeatureService, FeatureStore

COMPARED, MILLION = 5_000, 1_000_000
WARM_UP = 50
ID, TIME = "customer_id", "event_timestamp"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVICE = "benchmark_v1"
Views = dict[str, tuple[str, ...]]

_CONFIGURATION = """\
project: benchmark
provider: local
registry: registry.db
offline_store:
  type: duckdb
online_store:
  type: sqlite
  path: sqlite.db
entity_key_serialization_version: 3
"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as directory:
        theirs, rows = _compared(Path(directory))
    for views in (_views(1), _views(8)):
        with tempfile.TemporaryDirectory() as directory:
            rows += _million(Path(directory), views, theirs)
    show(f"Online store, 100 features; Feast on SQLite with {COMPARED:,} entities", rows)


def _compared(directory: Path) -> tuple[float, list[dict[str, object]]]:
    views = _views(5)
    ids = _write_tables(directory, views, COMPARED)
    feast, feature_service = _feast(directory, views)
    packed = PackedStore(directory / "online", create=True)
    ours = COMPARED / _seconds(lambda: _write(packed, directory, views))
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COMPARED / _seconds(
            lambda: feast.materialize(NOW - timedelta(days=1), NOW + timedelta(days=1))
        )
    layout = layout_of(feast, SERVICE)
    service = OnlineService(layout, PackedReader(packed, layout))
    rows: list[dict[str, object]] = [
        {
            "what": f"write {COMPARED:,} in 5 views, entities/s",
            "holdfast": ours,
            "Feast on SQLite": theirs,
            "ratio": ours / theirs,
        }
    ]
    for count, calls, their_calls in ((1, 20_000, 500), (100, 2_000, 60)):
        asked = _asked(ids, count)
        _require_equal(service, feast, feature_service, next(asked))
        mine = _milliseconds(lambda asked=asked: read(service, next(asked)), calls)  # type: ignore[misc]
        other = _milliseconds(
            lambda asked=asked: feast.get_online_features(
                feature_service, {ID: next(asked)}
            ).to_dict(),  # type: ignore[misc]
            their_calls,
        )
        for name, one, another in zip(("p50_ms", "p99_ms"), mine, other, strict=True):
            rows.append(
                {
                    "what": f"read {count}, {name}",
                    "holdfast": one,
                    "Feast on SQLite": another,
                    "ratio": another / one,
                }
            )
    return theirs, rows


def _million(directory: Path, views: Views, theirs: float) -> list[dict[str, object]]:
    ids = _write_tables(directory, views, MILLION)
    packed = PackedStore(directory / "online", create=True)
    seconds = _seconds(lambda: _write(packed, directory, views))
    again = _seconds(lambda: _write(packed, directory, views))
    layout = OnlineLayout(
        name=SERVICE,
        entity=ID,
        views=tuple(OnlineView(view, ID, columns, None) for view, columns in views.items()),
        links=None,
        encoded=None,
    )
    service = OnlineService(layout, PackedReader(packed, layout))
    asked = _asked(ids, 1)
    p50, p99 = _milliseconds(lambda: read(service, next(asked)), 20_000)
    named = f"{MILLION:,} in {len(views)} view{'s' if len(views) > 1 else ''}"
    ours = MILLION / seconds
    measured = {
        "write, s": seconds,
        "write again, s": again,
        "read 1, p50_ms": p50,
        "read 1, p99_ms": p99,
    }
    return [
        # Beside Feast's rate for fewer entities: it writes row by row, at a rate that stays the same.
        {
            "what": f"{named}: write, entities/s",
            "holdfast": ours,
            "Feast on SQLite": theirs,
            "ratio": ours / theirs,
        },
        *(
            {"what": f"{named}: {what}", "holdfast": figure, "Feast on SQLite": "", "ratio": ""}
            for what, figure in measured.items()
        ),
    ]


def _views(count: int) -> Views:
    features = [f"c{position}" for position in range(100)]
    return {f"view_{part}": tuple(features[part::count]) for part in range(count)}


def _write_tables(directory: Path, views: Views, rows: int) -> list[str]:
    random = np.random.default_rng(1)
    ids = [f"{number:010d}" for number in range(rows)]
    moments = pa.array(np.full(rows, np.datetime64(NOW.replace(tzinfo=None), "us"))).cast(
        pa.timestamp("us", "UTC")
    )
    for view, columns in views.items():
        values = {column: random.normal(size=rows) for column in columns}
        pq.write_table(pa.table({ID: ids, TIME: moments, **values}), directory / f"{view}.parquet")
    return ids


def _write(packed: PackedStore, directory: Path, views: Views) -> None:
    for view, columns in views.items():
        write_parquet(
            packed, view, columns, directory / f"{view}.parquet", id_column=ID, time_column=TIME
        )


def _feast(directory: Path, views: Views) -> "tuple[FeatureStore, FeatureService]":
    (directory / "feature_store.yaml").write_text(_CONFIGURATION, encoding="utf-8")
    store = open_feast(directory)
    from feast import Entity, FeatureService, FeatureView, Field, FileSource, ValueType
    from feast.types import Float64

    customer = Entity(name="customer", join_keys=[ID], value_type=ValueType.STRING)
    made = [
        FeatureView(
            name=view,
            entities=[customer],
            schema=[Field(name=column, dtype=Float64) for column in columns],
            source=FileSource(
                name=view, path=str(directory / f"{view}.parquet"), timestamp_field=TIME
            ),
        )
        for view, columns in views.items()
    ]
    store.apply([customer, *made, FeatureService(name=SERVICE, features=made)])
    return store, store.get_feature_service(SERVICE)


def _asked(ids: Sequence[str], count: int) -> Iterator[list[str]]:
    random = np.random.default_rng(2)
    while True:
        yield [ids[position] for position in random.integers(0, len(ids), count).tolist()]


def _require_equal(
    service: OnlineService, feast: "FeatureStore", feature_service: "FeatureService", ids: list[str]
) -> None:
    answer = feast.get_online_features(feature_service, {ID: ids}).to_dict()
    if not np.array_equal(
        np.column_stack([answer[name] for name in service.features]), read(service, ids)[0]
    ):
        raise RuntimeError("the two stores give different features")


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _milliseconds(call: Callable[[], object], calls: int) -> tuple[float, float]:
    taken = [1000 * _seconds(call) for _ in range(WARM_UP + calls)][WARM_UP:]
    p50, p99 = np.percentile(taken, [50, 99])
    return float(p50), float(p99)


if __name__ == "__main__":
    main()
