"""The bulk writer: what it takes, what it refuses, and what a kill leaves."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.packed import bulk_writer
from features.packed.bulk_writer import write_batches, write_parquet
from features.packed.store import PackedStore
from holdfast.errors import InputError, ModelError
from holdfast.logging import SilentReporter, show_progress_with
from tests.builders.processes import processes

NAN = float("nan")
WHERE = {"id_column": "customer_id", "time_column": "event_timestamp"}


def _moments(*microseconds: int, zone: str | None = "UTC") -> pa.Array:
    return pa.array(microseconds, pa.int64()).cast(pa.timestamp("us", zone))


def _table(ids: list[Any], moments: pa.Array, **columns: Any) -> pa.Table:
    return pa.table({"customer_id": ids, "event_timestamp": moments, **columns})


def _parquet(table: pa.Table, directory: Path) -> Path:
    path = directory / "table.parquet"
    pq.write_table(table, path)
    return path


@pytest.fixture
def store(tmp_path: Path) -> PackedStore:
    return PackedStore(tmp_path / "online", create=True)


def test_numbers_of_any_type(store: PackedStore, tmp_path: Path) -> None:
    columns = {
        "half": pa.array([1.5, None, -0.0], pa.float32()),
        "whole": pa.array([2**53, None, -1], pa.int64()),
        "small": pa.array([255, None, 0], pa.uint8()),
        "flag": pa.array([True, None, False]),
        "money": pa.array([None, None, 3], pa.decimal128(9, 2)),
        "never": pa.nulls(3),
    }
    table = _table(["b", "ü", "007"], _moments(1, 2, 3), other=["not", "read", "here"], **columns)
    path = _parquet(table.select(table.column_names[::-1]), tmp_path)
    assert write_parquet(store, "view", list(columns), path, **WHERE) == 3
    stored, times = store.read("view", list(columns), ["007", "b", "ü"])
    expected = [[-0.0, -1, 0, 0, 3, NAN], [1.5, 2**53, 255, 1, NAN, NAN], [NAN] * 6]
    assert np.array_equal(stored, expected, equal_nan=True)
    assert times.astype(int).tolist() == [3, 1, 2]


def test_texts_and_times_of_other_units_and_zones(store: PackedStore, tmp_path: Path) -> None:
    moments = pa.array([1], pa.int64()).cast(pa.timestamp("s", "Europe/Berlin"))
    ids = pa.array(["s1"]).dictionary_encode()
    path = _parquet(
        _table(
            ids, moments, linked_customer=["c1"], linked_account=pa.array([None], pa.large_string())
        ),
        tmp_path,
    )
    columns = ["linked_customer", "linked_account"]
    assert write_parquet(store, "links", columns, path, **WHERE) == 1
    texts, times = store.read_texts("links", columns, ["s1"])
    assert texts == [["c1", None]]
    assert times.astype(int).tolist() == [1_000_000]


def test_the_newest_row_wins_within_and_between_batches(
    store: PackedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_writer, "_ROWS_PER_BATCH", 7)
    random = np.random.default_rng(1)
    ids, moments = random.integers(0, 20, 500), random.integers(0, 9, 500)
    table = _table([str(entity) for entity in ids], _moments(*moments.tolist()), n=np.arange(500.0))
    newest: dict[str, tuple[int, float]] = {}
    for row, (entity, moment) in enumerate(zip(ids.tolist(), moments.tolist(), strict=True)):
        if str(entity) not in newest or moment >= newest[str(entity)][0]:
            newest[str(entity)] = moment, float(row)
    for _ in range(2):  # the same write run again changes nothing
        write_batches(store, "view", ["n"], table.to_reader(max_chunksize=50), **WHERE)
        stored, times = store.read("view", ["n"], list(newest))
        assert stored[:, 0].tolist() == [value for _, value in newest.values()]
        assert times.astype(int).tolist() == [moment for moment, _ in newest.values()]
    older = _table(["1", "later"], _moments(-1, -1), n=[0.0, 0.0])
    assert write_batches(store, "view", ["n"], older.to_reader(), **WHERE) == 1
    assert store.read("view", ["n"], ["1"])[0][0, 0] == newest["1"][1]


@pytest.mark.parametrize(
    "table, field",
    [
        (_table([1], _moments(1), n=[1.0]), "customer_id"),
        (_table(["x"], _moments(1, zone=None), n=[1.0]), "event_timestamp"),
        (_table(["x"], ["2026-01-01"], n=[1.0]), "event_timestamp"),
        (_table(["x"], _moments(1), n=["text"], m=[1.0]), "n"),
        (_table(["x"], _moments(1), m=[1.0]), "n"),
        (_table(pa.array([None, "x"], pa.string()), _moments(1, 2), n=[1.0, 1.0]), "customer_id"),
        (_table(["x"], pa.nulls(1, pa.timestamp("us", "UTC")), n=[1.0]), "event_timestamp"),
        (_table(["x" * 481], _moments(1), n=[1.0]), "id"),
    ],
)
def test_what_cannot_be_stored_is_named_and_not_written(
    store: PackedStore, tmp_path: Path, table: pa.Table, field: str
) -> None:
    columns = ["n", "m"] if "m" in table.column_names else ["n"]
    with pytest.raises(InputError) as caught:
        write_parquet(store, "view", columns, _parquet(table, tmp_path), **WHERE)
    assert caught.value.field == field
    with pytest.raises(ModelError):
        store.columns("view")


def test_a_row_deep_in_a_file_is_met_before_anything_is_written(
    store: PackedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_writer, "_ROWS_PER_BATCH", 2)
    table = _table(["a", "b", "c", "d", ""], _moments(*range(5)), n=np.zeros(5))
    with pytest.raises(InputError, match="480 bytes"):
        write_parquet(store, "view", ["n"], _parquet(table, tmp_path), **WHERE)
    with pytest.raises(ModelError):
        store.columns("view")


def test_no_parquet_file(store: PackedStore, tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("text")
    for name in ("text.parquet", "none.parquet"):
        with pytest.raises(InputError, match="readable parquet"):
            write_parquet(store, "view", ["n"], tmp_path / name, **WHERE)


def test_an_empty_table_makes_an_empty_view(store: PackedStore, tmp_path: Path) -> None:
    path = _parquet(
        _table(pa.array([], pa.string()), _moments(), n=pa.array([], pa.float64())), tmp_path
    )
    assert write_parquet(store, "view", ["n"], path, **WHERE) == 0
    assert store.columns("view") == ["n"]


def test_progress_counts_every_row(
    store: PackedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_writer, "_ROWS_PER_BATCH", 4)
    steps: list[int] = []
    totals: list[int | None] = []

    class Reporter:
        def task(
            self, description: str, total: int | None
        ) -> AbstractContextManager[Callable[[int], None]]:
            totals.append(total)
            return _yielding(steps.append)

    show_progress_with(Reporter())
    try:
        path = _parquet(
            _table([str(n) for n in range(10)], _moments(*range(10)), n=np.zeros(10)), tmp_path
        )
        write_parquet(store, "view", ["n"], path, **WHERE)
    finally:
        show_progress_with(SilentReporter())
    assert (totals, sum(steps), max(steps)) == ([10], 10, 4)


@contextmanager
def _yielding(value: Any) -> Any:
    yield value


ENTITIES, WIDTH = 2_000, 40
COLUMNS = [f"c{n}" for n in range(WIDTH)]
IDS = [f"{number:05d}" for number in range(ENTITIES)]


def _version(version: int) -> pa.Table:
    values = np.full(ENTITIES, float(version))
    return _table(
        IDS,
        pa.array(np.full(ENTITIES, version)).cast(pa.timestamp("us", "UTC")),
        **dict.fromkeys(COLUMNS, values),
    )


def _write_versions(directory: Path, first: int) -> None:
    bulk_writer._ROWS_PER_BATCH = 250
    store = PackedStore(directory, create=True)
    for version in range(first, first + 10_000):
        write_batches(store, "view", COLUMNS, _version(version).to_reader(), **WHERE)


def _versions(store: PackedStore) -> np.ndarray:
    matrix, times = store.read("view", COLUMNS, IDS)
    written = ~np.isnat(times)
    versions = times[written].astype(np.int64)
    # No record is torn: all of its values are of the version that its time says.
    assert np.array_equal(
        matrix[written], np.repeat(versions[:, None].astype(float), WIDTH, axis=1)
    )
    assert np.isnan(matrix[~written]).all()
    return versions


@pytest.mark.proof
def test_a_bulk_writer_killed_at_any_moment(
    tmp_path: Path, proof_draws: Callable[[int], int]
) -> None:
    context = processes(__name__)
    store = PackedStore(tmp_path / "online", create=True)
    write_batches(store, "view", COLUMNS, _version(0).to_reader(), **WHERE)
    random = np.random.default_rng(20260101)
    newest = half_done = reads = 0
    lives = 0.0
    for _ in range(proof_draws(100)):
        writer = context.Process(target=_write_versions, args=(tmp_path / "online", newest + 1))
        writer.start()
        begun = None
        while begun is None or time.monotonic() < begun + lives:
            # Beside the writer: every entity is there, and none goes back.
            versions = _versions(store)
            assert len(versions) == ENTITIES
            assert versions.min() >= newest
            assert writer.is_alive()
            if begun is None and versions.max() > newest:
                begun, lives = time.monotonic(), random.uniform(0, 0.1)
            reads += begun is not None
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        assert _versions(store).min() >= newest
        # A commit that was on disk when its writer died, but not announced to readers yet, shows
        # when the next writer begins.
        store.put_document("next", newest)
        versions = _versions(store)
        half_done += int(versions.min() != versions.max())
        newest = int(versions.max())
        # The next run completes what the killed one began.
        write_batches(store, "view", COLUMNS, _version(newest).to_reader(), **WHERE)
        assert set(_versions(store).tolist()) == {newest}
    assert half_done
    assert reads
