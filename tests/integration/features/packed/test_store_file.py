"""Data files that were cut: refused, and never read where nothing is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import lmdb
import numpy as np
import pytest

from features.packed.environment import open_environment
from features.packed.store import PackedStore
from features.packed.store_file import StoreFile, require_whole
from holdfast.errors import ModelError

_IDS = [f"customer-{number}" for number in range(3_000)]
_PAGE = 4_096

# In a process of its own: what these tests are about kills the process.
_READ_CUT = """
import os, sys
from pathlib import Path
from features.packed.store import PackedStore
from holdfast.errors import ModelError

for length in sys.argv[2:]:
    directory = Path(sys.argv[1]) / length
    os.truncate(directory / "data.mdb", int(length))
    try:
        PackedStore(directory).read("view", ["a"], ["customer-0", "customer-2999"])
    except ModelError as error:
        print(error)
    else:
        print("read")
"""
_CUT_WHILE_OPEN = """
import os, sys
from pathlib import Path
from features.packed.store import PackedStore
from holdfast.errors import ModelError

directory = Path(sys.argv[1])
file = directory / "data.mdb"
store, whole = PackedStore(directory), file.read_bytes()
store.read("view", ["a"], ["customer-0"])
os.truncate(file, 8192)
uses = {
    "read": lambda: store.read("view", ["a"], ["customer-0"]),
    "version": lambda: store.environment.version,
    "new view": lambda: store.read("other", ["a"], ["customer-0"]),
    "write": lambda: store.drop("view"),
    "open": lambda: PackedStore(directory),
}
for written_over in (False, True):
    if written_over:
        file.write_bytes(whole)
    for use in uses.values():
        try:
            use()
        except ModelError as error:
            print(error)
os.rename(directory, directory.with_name("cut"))
directory.mkdir()
(directory / "data.mdb").write_bytes(whole)
print(PackedStore(directory).read("view", ["a"], ["customer-7"])[0][0, 0])
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole store of some hundred pages."""
    directory = tmp_path_factory.mktemp("whole") / "online"
    store = PackedStore(directory, create=True)
    times = np.full(len(_IDS), 1, "datetime64[us]")
    store.write("view", ["a"], _IDS, times, np.arange(len(_IDS), dtype=float)[:, None])
    return directory


def _run(script: str, *arguments: object) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_file_cut_anywhere_is_refused_with_both_lengths(directory: Path, tmp_path: Path) -> None:
    whole = (directory / "data.mdb").stat().st_size
    pages = [_PAGE * count for count in range(1, whole // _PAGE, 5)]
    lengths = [0, 1, 200, *pages, *(page + 100 for page in pages[:3]), whole - _PAGE, whole - 1]
    for length in lengths:
        shutil.copytree(directory, tmp_path / str(length))
    answers = _run(_READ_CUT, tmp_path, *lengths)
    assert len(answers) == len(lengths)
    for length, answer in zip(lengths, answers, strict=True):
        assert str(tmp_path / str(length)) in answer
        if length > 2 * _PAGE:
            assert f"it has {length:,} bytes and should have {whole:,}" in answer
            assert "holdfast features materialize" in answer


def test_a_file_cut_while_it_is_open_is_refused_for_good_and_a_new_one_read(
    directory: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(directory, tmp_path / "online"))
    *refusals, value = _run(_CUT_WHILE_OPEN, copy)
    assert len(refusals) == 10
    assert all("was cut" in refusal for refusal in refusals)
    assert value == "7.0"


def test_a_file_that_grows_while_another_thread_looks_at_it_was_not_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.mdb"
    path.write_bytes(b"x" * 4096)
    file = StoreFile(path)
    look = os.fstat

    def look_and_be_overtaken(descriptor: int) -> os.stat_result:
        seen = look(descriptor)
        monkeypatch.undo()
        with path.open("ab") as grown:
            grown.write(b"x" * 4096)
        file.require_uncut()  # what the other thread does before this one goes on
        return seen

    monkeypatch.setattr(os, "fstat", look_and_be_overtaken)
    file.require_uncut()
    file.require_uncut()
    os.truncate(path, 4096)
    with pytest.raises(ModelError, match="it has 4,096 bytes and should have 8,192"):
        file.require_uncut()


def test_a_whole_store_may_end_before_its_last_page(tmp_path: Path) -> None:
    short = sum(_short_and_whole(tmp_path / str(seed), Random(seed)) for seed in range(8))
    assert short > 10


def _short_and_whole(directory: Path, draw: Random) -> int:
    """How many transactions left a file that ends before its last page; none may be refused."""
    directory.mkdir()
    short = 0
    with lmdb.open(str(directory), map_size=2**30, max_dbs=1, sync=False) as environment:
        database = environment.open_db(b"records")
        for _ in range(60):
            with environment.begin(write=True) as transaction:
                for _ in range(draw.randint(1, 3)):
                    _change(transaction, database, draw)
            end = (environment.info()["last_pgno"] + 1) * _PAGE
            short += (directory / "data.mdb").stat().st_size < end
            require_whole(directory / "data.mdb", create=False)
    return short


def _change(transaction: lmdb.Transaction, database: Any, draw: Random) -> None:
    """Drop all records, put some, or delete the first ones."""
    kind, count = draw.random(), draw.randint(1, 300)
    if kind < 0.2:
        transaction.drop(database, delete=False)
    elif kind < 0.5:
        for _ in range(count):
            length = draw.randint(1, 6_000 if draw.random() < 0.5 else 300)
            transaction.put(str(draw.randint(0, 300)).encode(), bytes(length), db=database)
    else:
        with transaction.cursor(database) as cursor:
            if cursor.first():
                while count > 0 and cursor.delete():
                    count -= 1


def test_a_file_of_another_kind_is_left_to_lmdb(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"no store" * 2_000)
    require_whole(tmp_path / "data.mdb", create=False)
    require_whole(tmp_path / "absent", create=False)
    with pytest.raises(lmdb.Error):
        lmdb.open(str(tmp_path))
    with pytest.raises(ModelError, match="no readable online store"):
        open_environment(tmp_path, create=False)
