"""Entities deleted from packed records, and from the bytes of their file."""

from pathlib import Path

import lmdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.packed.store import PackedStore

VIEWS = ("numbers", "texts")


def filled(directory: Path, count: int, long: int) -> PackedStore:
    store = PackedStore(directory, create=True)
    ids = names(count)
    times = np.full(count, np.datetime64("2026-01-01", "us"))
    store.write("numbers", ["one", "two"], ids, times, np.arange(2.0 * count).reshape(count, 2))
    texts = [[f"{one} " * (long if place % 7 == 0 else 1)] for place, one in enumerate(ids)]
    store.write_texts("texts", ["text"], ids, times, texts)
    with store.updating({}, ["customer"]) as update:
        for one in ids[::5]:
            update.put_state("customer", one, f'{{"t":1,"of":"{one * long}"}}')
    return store


def names(count: int) -> list[str]:
    return [f"person-{place:05d}" for place in range(count)]


def records(store: PackedStore) -> dict[bytes, list[tuple[bytes, bytes]]]:
    found = {}
    for name in (b"records/numbers", b"records/texts", b"state/customer", b"__newest__"):
        database = store.environment.database(name)
        with store.environment.reading() as transaction, transaction.cursor(database) as cursor:
            found[name] = [(bytes(key), bytes(value)) for key, value in cursor]
    return found


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=6, deadline=None
)
@given(
    count=st.integers(1, 900),
    long=st.sampled_from([1, 90, 700]),
    every=st.integers(1, 40),
    first=st.integers(0, 39),
)
def test_the_others_stay_and_nothing_is_left_of_those_deleted(
    tmp_path_factory: pytest.TempPathFactory, count: int, long: int, every: int, first: int
) -> None:
    directory = tmp_path_factory.mktemp("store")
    store = filled(directory, count, long)
    gone = names(count)[first::every]
    before = records(store)
    store.forget({**dict.fromkeys(VIEWS, gone), "absent": gone}, {"customer": gone})
    assert store.scrub()
    kept = {
        name: [(key, value) for key, value in rows if key.decode() not in gone]
        for name, rows in before.items()
    }
    assert records(store) == kept
    content = (directory / "data.mdb").read_bytes()
    assert not [one for one in gone if one.encode() in content]
    # The store still takes writes, and reads them back.
    store.write(
        "numbers", ["one", "two"], ["new"], np.array(["2026-02-01"], "M8[us]"), np.ones((1, 2))
    )
    assert store.read("numbers", ["two"], ["new"])[0].tolist() == [[1.0]]


def test_a_reader_that_began_before_keeps_what_it_reads(tmp_path: Path) -> None:
    store = filled(tmp_path, 500, 90)
    gone = names(500)[::3]
    with store.reading(["numbers"]) as reading:
        store.forget({"numbers": gone}, {})
        assert not store.scrub(wait_seconds=0.0)
        assert reading.read("numbers", ["one"], gone)[0].tolist() == [
            [2.0 * place] for place in range(0, 500, 3)
        ]
    assert store.scrub()


def test_a_second_environment_sees_a_whole_store(tmp_path: Path) -> None:
    store = filled(tmp_path / "one", 800, 700)
    store.forget(dict.fromkeys(VIEWS, names(800)[::2]), {})
    assert store.scrub()
    store.environment.environment.copy(str(_made(tmp_path / "two")))
    with lmdb.open(str(tmp_path / "two"), max_dbs=20) as copied, copied.begin() as transaction:
        texts = copied.open_db(b"records/texts", transaction, create=False)
        with transaction.cursor(texts) as cursor:
            assert [key.decode() for key, _ in cursor] == names(800)[1::2]


def _made(path: Path) -> Path:
    path.mkdir()
    return path
