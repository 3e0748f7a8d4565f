import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.packed import environment as packed_environment
from features.packed.store import PackedStore, ViewRequest
from holdfast.errors import InputError, ModelError
from tests.builders.processes import processes

COLUMNS = ("a", "b")


def _times(*seconds: int) -> np.ndarray:
    return np.array(seconds, dtype="datetime64[s]").astype("datetime64[us]")


@pytest.fixture
def store(tmp_path: Path) -> PackedStore:
    return PackedStore(tmp_path / "online", create=True)


def test_what_is_written_is_read_and_strangers_are_not_known(store: PackedStore) -> None:
    matrix = np.array([[1.5, np.nan], [-0.0, 1e300]])
    assert store.write("view", COLUMNS, ["007", "ü😀"], _times(10, 20), matrix) == 2
    stored, times = store.read("view", COLUMNS, ["ü😀", "nobody", "007", "", "x" * 600, "007"])
    assert np.array_equal(stored[[0, 2, 5]], matrix[[1, 0, 0]], equal_nan=True)
    assert np.isnan(stored[[1, 3, 4]]).all()
    assert times[[0, 2]].tolist() == _times(20, 10).tolist()
    assert np.isnat(times[[1, 3, 4]]).all()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> PackedStore:
    return PackedStore(tmp_path_factory.mktemp("shared") / "online", create=True)


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abc"), st.integers(-5, 5)), min_size=1, max_size=8),
        min_size=1,
        max_size=5,
    )
)
def test_the_newest_wins_and_the_later_of_equally_new(
    shared: PackedStore, writes: list[list[tuple[str, int]]]
) -> None:
    for view in ("numbers", "texts"):
        shared.drop(view)
    newest: dict[str, tuple[int, float]] = {}
    number = 0
    for rows in writes:
        ids, times = [entity for entity, _ in rows], _times(*(second for _, second in rows))
        numbers = [float(number + position) for position in range(len(rows))]
        shared.write("numbers", ["n"], ids, times, np.array(numbers)[:, None])
        shared.write_texts("texts", ["n"], ids, times, [[str(value)] for value in numbers])
        for (entity, second), value in zip(rows, numbers, strict=True):
            if entity not in newest or second >= newest[entity][0]:
                newest[entity] = second, value
        number += len(rows)
    matrix, times = shared.read("numbers", ["n"], list(newest))
    texts, text_times = shared.read_texts("texts", ["n"], list(newest))
    assert matrix[:, 0].tolist() == [value for _, value in newest.values()]
    assert texts == [[str(value)] for _, value in newest.values()]
    assert (
        times.tolist()
        == text_times.tolist()
        == _times(*(second for second, _ in newest.values())).tolist()
    )


NUMBERS = st.floats(width=64) | st.sampled_from(
    [float("nan"), float("inf"), -float("inf"), -0.0, 5e-324]
)


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8),
        st.tuples(NUMBERS, NUMBERS, st.none() | st.text(max_size=5)),
        max_size=12,
    )
)
def test_what_goes_in_comes_out_bit_by_bit(
    shared: PackedStore, rows: dict[str, tuple[float, float, str | None]]
) -> None:
    rows = {entity: row for entity, row in rows.items() if entity.isprintable() or entity.isascii()}
    matrix = np.array([row[:2] for row in rows.values()]).reshape(len(rows), 2)
    moments = np.arange(len(rows)).astype("datetime64[us]")
    shared.replace("round", COLUMNS, list(rows), moments, matrix)
    shared.write_texts(
        "names",
        ["t", "constant"],
        list(rows),
        _times(*[10**6] * len(rows)),
        [[row[2], "ü"] for row in rows.values()],
    )
    stored, times = shared.read("round", COLUMNS, list(rows))
    assert stored.tobytes() == matrix.tobytes()
    assert np.array_equal(times, moments)
    texts, _ = shared.read_texts("names", ["constant", "t"], list(rows))
    assert texts == [["ü", row[2]] for row in rows.values()]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["one", "two"]), st.sampled_from("abcd"), st.integers(0, 9)),
        max_size=10,
    ),
    st.lists(
        st.tuples(
            st.sampled_from(["one", "two"]),
            st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=5),
        ),
        max_size=4,
    ),
)
def test_views_read_together_are_what_they_are_apart(
    shared: PackedStore,
    writes: list[tuple[str, str, int]],
    asked: list[tuple[str, list[str | None]]],
) -> None:
    for view in ("one", "two"):
        shared.replace(view, COLUMNS, ["a"], _times(0), np.zeros((1, 2)))
    for view, entity, second in writes:
        shared.write(view, COLUMNS, [entity], _times(second), np.full((1, 2), float(second)))
    together = shared.read_views([ViewRequest(view, COLUMNS, ids) for view, ids in asked])
    for (view, ids), (matrix, times) in zip(asked, together, strict=True):
        alone = shared.read(view, COLUMNS, ids)
        assert np.array_equal(matrix, alone[0], equal_nan=True)
        assert np.array_equal(times, alone[1], equal_nan=True)


def test_a_moment_does_not_move(store: PackedStore) -> None:
    store.write("one", ["n"], ["x"], _times(1), np.array([[1.0]]))
    store.write("two", ["n"], ["x"], _times(1), np.array([[1.0]]))
    with store.reading(["one", "two"]) as moment:
        assert moment.read("one", ["n"], ["x"])[0].tolist() == [[1.0]]
        store.write("two", ["n"], ["x"], _times(2), np.array([[2.0]]))
        assert moment.read("two", ["n"], ["x"])[0].tolist() == [[1.0]]
    assert store.read("two", ["n"], ["x"])[0].tolist() == [[2.0]]


def test_records_of_a_release_that_kept_no_newest_time_are_not_replaced_by_older_ones(
    store: PackedStore,
) -> None:
    store.write("view", ["n"], ["a", "b"], _times(5, 5), np.array([[5.0], [5.0]]))
    newest = store._opened.make_database(b"__newest__")
    with store._opened.writing() as transaction:
        assert transaction.delete(b"view", db=newest)
    for second, there in ((4, 5.0), (6, 6.0), (5, 6.0)):
        store.write(
            "view", ["n"], ["a", "b"], _times(second, second), np.full((2, 1), float(second))
        )
        assert store.read("view", ["n"], ["a", "b"])[0].tolist() == [[there], [there]]


def test_numbers_are_no_texts(store: PackedStore) -> None:
    store.write("view", COLUMNS, ["x"], _times(1), np.ones((1, 2)))
    with pytest.raises(ModelError, match="as texts"):
        store.read_texts("view", COLUMNS, ["x"])
    store.write_texts("view", COLUMNS, ["x"], _times(1), [["one", None]])
    with pytest.raises(ModelError, match="as numbers"):
        store.read("view", COLUMNS, ["x"])
    assert store.columns("view") == list(COLUMNS)
    assert store.read_texts("view", ["b", "a"], ["x", "nobody"])[0] == [[None, "one"], [None, None]]


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
    assert store.read("view", ["a"], ["x"])[0].tolist() == [[0.0]]
    with pytest.raises(ModelError, match="columns asked for"):
        store.read("view", ["a", "c"], ["x"])


def test_a_replaced_view_holds_only_what_replaced_it(store: PackedStore) -> None:
    store.write("view", COLUMNS, ["x", "z"], _times(10, 10), np.ones((2, 2)))
    store.replace("view", COLUMNS, ["x"], _times(1), np.zeros((1, 2)))
    stored, times = store.read("view", COLUMNS, ["x", "z"])
    assert stored[0].tolist() == [0, 0]
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
    with pytest.raises(InputError, match="NaT"):
        store.write(
            "view",
            ["n"],
            ["fine", "too"],
            np.array(["2026-01-01", "NaT"], "datetime64[us]"),
            np.ones((2, 1)),
        )
    with pytest.raises(ModelError, match="not in the online store"):
        store.columns("view")


def test_no_store_and_a_damaged_one_are_model_errors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no readable online store"):
        PackedStore(tmp_path / "nowhere")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "data.mdb").write_bytes(b"\0" * 8192)
    with pytest.raises(ModelError, match="no readable online store"):
        PackedStore(tmp_path / "damaged")


ENTITIES = [str(number) for number in range(3000)]


def _write_forever(directory: Path, has_written: Any) -> None:
    store = PackedStore(directory, create=True)
    for generation in range(1, 10_000):
        matrix = np.full((len(ENTITIES), 50), float(generation))
        store.write(
            "view",
            [f"c{n}" for n in range(50)],
            ENTITIES,
            np.full(len(ENTITIES), np.datetime64(generation, "us")),
            matrix,
        )
        has_written.set()


def _declared(store: PackedStore) -> bool:
    try:
        return bool(store.columns("view"))
    except ModelError:
        return False


@pytest.mark.proof
def test_a_writer_killed_at_any_moment_leaves_whole_records(
    tmp_path: Path, proof_draws: Callable[[int], int]
) -> None:
    context = processes(__name__)
    columns = [f"c{n}" for n in range(50)]
    seen = 0
    for draw in range(proof_draws(100)):
        directory = tmp_path / str(draw)
        has_written = context.Event()
        writer = context.Process(target=_write_forever, args=(directory, has_written))
        writer.start()
        while not (directory / "data.mdb").exists():
            time.sleep(0.01)
        # By turns while it may write for the first time, and later.
        if draw % 2:
            assert has_written.wait(60)
        time.sleep(0.03 * (draw % 20))
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
            assert np.array_equal(
                matrix[written], np.repeat(generation[:, None].astype(float), 50, axis=1)
            )
        store.write("view", columns, ["0"], _times(10**6), np.zeros((1, 50)))
        assert store.read("view", columns, ["0"])[0].tolist() == [[0.0] * 50]
    assert seen


def test_many_threads_find_every_entity(tmp_path: Path) -> None:
    context = processes(__name__)
    maker = context.Process(target=_write_once, args=(tmp_path / "online",))
    maker.start()
    maker.join()
    store = PackedStore(tmp_path / "online")
    columns = [f"c{n}" for n in range(50)]
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(
            lambda entity: np.isnat(store.read("view", columns, [entity])[1][0]), ENTITIES * 4
        )
    assert not any(results)


def _write_once(directory: Path) -> None:
    times = np.full(len(ENTITIES), np.datetime64(1, "us"))
    PackedStore(directory, create=True).write(
        "view", [f"c{n}" for n in range(50)], ENTITIES, times, np.zeros((len(ENTITIES), 50))
    )


def _read_and_die(directory: Path) -> None:
    transaction = PackedStore(directory)._opened.environment.begin()
    assert transaction
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_readers_do_not_use_the_store_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_environment, "_MAX_READERS", 8)
    store = PackedStore(tmp_path / "online", create=True)
    store.write("view", ["n"], ["x"], _times(1), np.ones((1, 1)))
    context = processes(__name__)
    for _ in range(10):
        reader = context.Process(target=_read_and_die, args=(tmp_path / "online",))
        reader.start()
        reader.join()
        assert reader.exitcode == -signal.SIGKILL
    assert store.read("view", ["n"], ["x"])[0].tolist() == [[1.0]]
