import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import packed
from features.packed import PackedStore
from holdfast.errors import InputError, ModelError

COLUMNS = ("a", "b")


def _times(*seconds: int) -> np.ndarray:
    return np.array(seconds, dtype="datetime64[s]").astype("datetime64[us]")


@pytest.fixture
def store(tmp_path: Path) -> PackedStore:
    return PackedStore(tmp_path / "online", create=True)


def test_what_is_written_is_read_and_strangers_are_not_known(store: PackedStore) -> None:
    matrix = np.array([[1.5, np.nan], [-0.0, 1e300]])
    assert store.write("view", COLUMNS, ["007", "ü😀"], _times(10, 20), matrix) == 2
    found, times = store.read("view", COLUMNS, ["ü😀", "nobody", "007", "", "x" * 600, "007"])
    assert np.array_equal(found[[0, 2, 5]], matrix[[1, 0, 0]], equal_nan=True)
    assert np.isnan(found[[1, 3, 4]]).all()
    assert times[[0, 2]].tolist() == _times(20, 10).tolist()
    assert np.isnat(times[[1, 3, 4]]).all()


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5)), min_size=1, max_size=25))
def test_the_newest_wins_and_the_later_of_equally_new(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[str, int]]
) -> None:
    store = PackedStore(tmp_path_factory.mktemp("store"), create=True)
    newest: dict[str, tuple[int, float]] = {}
    for number, (entity, second) in enumerate(writes):
        store.write("view", ["n"], [entity], _times(second), np.array([[float(number)]]))
        if entity not in newest or second >= newest[entity][0]:
            newest[entity] = second, float(number)
    found, times = store.read("view", ["n"], list(newest))
    assert found[:, 0].tolist() == [number for _, number in newest.values()]
    assert times.tolist() == _times(*(second for second, _ in newest.values())).tolist()


def test_views_do_not_meet(store: PackedStore) -> None:
    store.write("one", ["n"], ["x"], _times(1), np.array([[1.0]]))
    store.write("two", ["n"], ["x"], _times(1), np.array([[2.0]]))
    store.drop("one")
    assert store.read("two", ["n"], ["x"])[0].tolist() == [[2.0]]
    with pytest.raises(ModelError, match="one"):
        store.read("one", ["n"], ["x"])


def test_other_columns_empty_the_view_first(store: PackedStore) -> None:
    store.write("view", COLUMNS, ["x", "z"], _times(1, 1), np.ones((2, 2)))
    store.write("view", ["b", "a"], ["x"], _times(1), np.zeros((1, 2)))
    assert store.columns("view") == ["b", "a"]
    assert np.isnat(store.read("view", ["b", "a"], ["z"])[1]).all()
    with pytest.raises(ModelError, match="columns asked for"):
        store.read("view", COLUMNS, ["x"])


def test_a_replaced_view_holds_only_what_replaced_it(store: PackedStore) -> None:
    store.write("view", COLUMNS, ["x", "z"], _times(10, 10), np.ones((2, 2)))
    store.replace("view", COLUMNS, ["x"], _times(1), np.zeros((1, 2)))
    found, times = store.read("view", COLUMNS, ["x", "z"])
    assert found[0].tolist() == [0, 0]
    assert np.isnat(times).tolist() == [False, True]
    with pytest.raises(InputError, match="480 bytes"):
        store.replace("view", COLUMNS, ["fine", "x" * 481], _times(2, 2), np.ones((2, 2)))
    assert store.read("view", COLUMNS, ["x"])[0].tolist() == [[0, 0]]


def test_documents(store: PackedStore) -> None:
    assert store.get_document("none") is None
    store.put_document("layout", {"ü": [1, None]})
    assert store.get_document("layout") == {"ü": [1, None]}


def test_an_id_that_cannot_be_a_key_writes_nothing(store: PackedStore) -> None:
    with pytest.raises(InputError, match="480 bytes"):
        store.write("view", ["n"], ["fine", "x" * 481], _times(1, 1), np.ones((2, 1)))
    assert np.isnat(store.read("view", ["n"], ["fine"])[1]).all()


def test_no_store_and_a_damaged_one_are_model_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no readable online store"):
        PackedStore(tmp_path / "nowhere")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "data.mdb").write_bytes(b"\0" * 8192)
    with pytest.raises(ModelError, match="no readable online store"):
        PackedStore(tmp_path / "damaged")


ENTITIES = [str(number) for number in range(3000)]


def _write_forever(directory: Path) -> None:
    store = PackedStore(directory, create=True)
    for generation in range(1, 10_000):
        matrix = np.full((len(ENTITIES), 50), float(generation))
        store.write(
            "view", [f"c{n}" for n in range(50)], ENTITIES, np.full(len(ENTITIES), np.datetime64(generation, "us")), matrix
        )


def _declared(store: PackedStore) -> bool:
    try:
        return bool(store.columns("view"))
    except ModelError:
        return False


@pytest.mark.proof
def test_a_writer_killed_at_any_moment_leaves_whole_records(tmp_path: Path, proof_draws: Callable[[int], int]) -> None:
    context = multiprocessing.get_context("spawn")
    columns = [f"c{n}" for n in range(50)]
    seen = 0
    for draw in range(proof_draws(100)):
        directory = tmp_path / str(draw)
        writer = context.Process(target=_write_forever, args=(directory,))
        writer.start()
        while not (directory / "data.mdb").exists():
            time.sleep(0.01)
        time.sleep(0.1 + 0.03 * (draw % 20))
        assert writer.pid is not None
        os.kill(writer.pid, signal.SIGKILL)
        writer.join()
        store = PackedStore(directory, create=True)
        if _declared(store):  # else it was killed before it wrote anything
            matrix, times = store.read("view", columns, ENTITIES)
            written = ~np.isnat(times)
            generation = times[written].astype("datetime64[us]").astype(np.int64)
            assert len(set(generation.tolist())) <= 1
            seen += bool(written.any())
            assert np.array_equal(matrix[written], np.repeat(generation[:, None].astype(float), 50, axis=1))
        store.write("view", columns, ["0"], _times(10**6), np.zeros((1, 50)))
        assert store.read("view", columns, ["0"])[0].tolist() == [[0.0] * 50]
    assert seen


def test_many_threads_find_every_entity(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    maker = context.Process(target=_write_once, args=(tmp_path / "online",))
    maker.start()
    maker.join()
    store = PackedStore(tmp_path / "online")
    columns = [f"c{n}" for n in range(50)]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda entity: np.isnat(store.read("view", columns, [entity])[1][0]), ENTITIES * 4)
    assert not any(found)


def _write_once(directory: Path) -> None:
    times = np.full(len(ENTITIES), np.datetime64(1, "us"))
    PackedStore(directory, create=True).write(
        "view", [f"c{n}" for n in range(50)], ENTITIES, times, np.zeros((len(ENTITIES), 50))
    )


def _read_and_die(directory: Path) -> None:
    transaction = PackedStore(directory)._opened.environment.begin()
    assert transaction
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_readers_do_not_use_the_store_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "_MAX_READERS", 8)
    store = PackedStore(tmp_path / "online", create=True)
    store.write("view", ["n"], ["x"], _times(1), np.ones((1, 1)))
    context = multiprocessing.get_context("spawn")
    for _ in range(10):
        reader = context.Process(target=_read_and_die, args=(tmp_path / "online",))
        reader.start()
        reader.join()
        assert reader.exitcode == -signal.SIGKILL
    assert store.read("view", ["n"], ["x"])[0].tolist() == [[1.0]]
