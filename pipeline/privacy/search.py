"""The whole home searched for ids: in columns of Parquet files, in keys and bytes of databases, and
in texts.
"""

import mmap
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.packed.store import PackedStore
from holdfast.home import Home

_WORD = r"[\w-]"


@dataclass(frozen=True)
class Finding:
    """A file in which ids stand.

    Parameters
    ----------
    path : str
        The file, below the home.
    place : str
        The column, or what kind of text it is.
    count : int
        How many rows or places.
    """

    path: str
    place: str
    count: int


def search_home(home: Home, ids: Mapping[str, Collection[str]]) -> list[Finding]:
    """Search every file of a home for ids.

    A column that is named as a kind of id is searched for ids of that kind, because a customer and a
    subscription may have the same. Everywhere else each id counts that stands there as a word.

    Parameters
    ----------
    home : Home
        The home.
    ids : mapping of str to collection of str
        Ids by kind.
    """
    findings = []
    for path in sorted(home.root.rglob("*")):
        if path.is_symlink() or not path.is_file() or path in (home.erasing, home.lock):
            continue
        name = str(path.relative_to(home.root))
        for place, count in _in_file(path, ids):
            findings.append(Finding(name, place, count))
    return findings


def _in_file(path: Path, ids: Mapping[str, Collection[str]]) -> Iterator[tuple[str, int]]:
    if path.suffix == ".parquet":
        yield from _in_parquet(path, ids)
        return
    if path.name == "data.mdb" and (count := _in_keys(path.parent, ids)):
        yield "keys", count
    if count := _in_bytes(path, ids):
        yield "text", count


def _in_parquet(path: Path, ids: Mapping[str, Collection[str]]) -> Iterator[tuple[str, int]]:
    counts: dict[str, int] = {}
    every = {one for some in ids.values() for one in some}
    pattern = f"(^|[^0-9A-Za-z_-])({'|'.join(map(re.escape, sorted(every)))})([^0-9A-Za-z_-]|$)"
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches():
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                for values in _texts(column):
                    if name in ids:
                        held = pc.is_in(values, pa.array(sorted(ids[name]), values.type))
                    else:
                        held = pc.match_substring_regex(values, pattern)
                    if count := pc.sum(held).as_py():
                        counts[name] = counts.get(name, 0) + count
    yield from counts.items()


def _texts(column: pa.Array) -> Iterator[pa.Array]:
    """All arrays of text in a column, however deep."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        yield from _texts(column.dictionary_decode())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield column
    elif pa.types.is_list(kind):
        yield from _texts(column.flatten())
    elif pa.types.is_struct(kind):
        for part in column.flatten():
            yield from _texts(part)


def _in_keys(directory: Path, ids: Mapping[str, Collection[str]]) -> int:
    # A view does not name its kind, so an id of another kind that is the same counts, too.
    store, count = PackedStore(directory), 0
    every = sorted({one for some in ids.values() for one in some})
    with store.reading(store.views()) as reading:
        for view in store.views():
            records = reading.records(view, [one.encode() for one in every], b"")
            count += int(np.count_nonzero([len(one) for one in records]))
    return count


def _in_bytes(path: Path, ids: Mapping[str, Collection[str]]) -> int:
    every = sorted({one for some in ids.values() for one in some})
    pattern = rf"(?<!{_WORD})(?:{'|'.join(map(re.escape, every))})(?!{_WORD})".encode()
    if not path.stat().st_size or not every:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return sum(1 for _ in re.finditer(pattern, content))
