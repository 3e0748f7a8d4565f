"""Live updates of the packed store: all or nothing, and one at a time."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from features.packed.store import PackedStore
from holdfast.errors import InputError, ModelError
from tests.builders.processes import processes

LIVE = {"live": ["events", "twice"]}


def _moment(second: int) -> np.ndarray:
    return np.array([second], dtype="datetime64[s]").astype("datetime64[us]")


def _count(store: PackedStore, entity: str) -> int:
    with store.updating(LIVE, ["subscription"]) as update:
        events = json.loads(update.get_state("subscription", entity) or "0") + 1
        update.put_state("subscription", entity, json.dumps(events))
        update.put("live", [entity], _moment(events), np.array([[float(events), 2.0 * events]]))
    return int(events)


@pytest.fixture
def store(tmp_path: Path) -> PackedStore:
    return PackedStore(tmp_path / "online", create=True)


def test_states_and_records_are_written_as_one(store: PackedStore) -> None:
    assert [_count(store, "x"), _count(store, "x"), _count(store, "y")] == [1, 2, 1]
    matrix, times = store.read("live", LIVE["live"], ["x", "y", "z"])
    assert matrix[:2].tolist() == [[2, 4], [1, 2]]
    assert np.isnat(times[2])


def test_what_is_put_is_read_at_once_and_only_inside(store: PackedStore) -> None:
    _count(store, "x")
    with store.updating(LIVE, ["subscription"]) as update:
        assert update.read("live", ["x", "nobody"])[0][0].tolist() == [1, 2]
        assert update.put("live", ["x"], _moment(9), np.array([[9.0, 9.0]])) == 1
        update.put_state("subscription", "x", "ü")
        assert update.read("live", ["x"])[0].tolist() == [[9, 9]]
        assert update.get_state("subscription", "x") == "ü"
        assert store.read("live", LIVE["live"], ["x"])[0].tolist() == [[1, 2]]
        # An older record does not replace a newer one.
        assert update.put("live", ["x"], _moment(8), np.array([[8.0, 8.0]])) == 0
    assert store.read("live", LIVE["live"], ["x"])[0].tolist() == [[9, 9]]


def _fail_inside(store: PackedStore) -> None:
    with store.updating(LIVE, ["subscription"]) as update:
        update.put_state("subscription", "x", "7")
        update.put("live", ["x"], _moment(7), np.array([[7.0, 7.0]]))
        raise ZeroDivisionError


def test_an_update_that_fails_changes_nothing(store: PackedStore) -> None:
    _count(store, "x")
    with pytest.raises(ZeroDivisionError):
        _fail_inside(store)
    assert store.read("live", LIVE["live"], ["x"])[0].tolist() == [[1, 2]]
    assert _count(store, "x") == 2
    for wrong in ("", "x" * 481):
        with (
            pytest.raises(InputError, match="480 bytes"),
            store.updating(LIVE, ["subscription"]) as update,
        ):
            update.put_state("subscription", wrong, "7")
        with store.updating(LIVE, ["subscription"]) as update:
            assert update.get_state("subscription", wrong) is None


def test_an_update_empties_no_view(store: PackedStore) -> None:
    _count(store, "x")
    with pytest.raises(ModelError, match=r"live.*columns"), store.updating({"live": ["events"]}):
        pass
    assert store.read("live", LIVE["live"], ["x"])[0].tolist() == [[1, 2]]


def _count_many(directory: Path, times: int) -> None:
    store = PackedStore(directory)
    for _ in range(times):
        _count(store, "x")


def test_no_update_of_several_processes_is_lost(tmp_path: Path) -> None:
    store = PackedStore(tmp_path / "online", create=True)
    context = processes(__name__)
    others = [context.Process(target=_count_many, args=(tmp_path / "online", 40)) for _ in range(3)]
    for process in others:
        process.start()
    for _ in range(40):
        _count(store, "x")
    for process in others:
        process.join()
    assert store.read("live", LIVE["live"], ["x"])[0].tolist() == [[160, 320]]


def _die_inside(directory: Path) -> None:
    with PackedStore(directory).updating(LIVE, ["subscription"]) as update:
        update.put_state("subscription", "x", "100")
        update.put("live", ["x"], _moment(100), np.array([[100.0, 100.0]]))
        os.kill(os.getpid(), signal.SIGKILL)


def test_an_update_killed_inside_changes_nothing_and_blocks_nobody(tmp_path: Path) -> None:
    store = PackedStore(tmp_path / "online", create=True)
    _count(store, "x")
    process = processes(__name__).Process(target=_die_inside, args=(tmp_path / "online",))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert store.read("live", LIVE["live"], ["x"])[0].tolist() == [[1, 2]]
    assert _count(store, "x") == 2
