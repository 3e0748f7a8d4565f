"""What was deleted from LMDB's file, overwritten with zeros.

LMDB only notes that a page is free; what stood in it stays until the page is used again. In pages
that are in use, the space between the list of places and the first node, and the end of a long
value's last page, hold bytes of what was there before. Nobody reads any of these places.

It is done while nobody writes, and once no reader is left that began before the deletion: such a
reader still reads pages that are free by now.
"""

import os
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import lmdb
import numpy as np

from features.packed.store_file import META_PAGES, StoreMeta, free_pages, read_meta

HEADER_BYTES = 16
BRANCH, _LEAF, _OVERFLOW = 0x01, 0x02, 0x04
_IS_ELSEWHERE = 0x01
_NODE_BYTES = 8
_PAGES_AT_ONCE = 1_024
_PAUSE_SECONDS = 0.05


def has_older_readers(environment: lmdb.Environment, transaction: int) -> bool:
    """Whether anybody still reads the store as it was before a transaction."""
    environment.reader_check()
    lines = environment.readers().splitlines()[1:]
    begun = [line.split()[-1] for line in lines if line.split()]
    return any(one.isdecimal() and int(one) < transaction for one in begun)


def await_readers(environment: lmdb.Environment, transaction: int, seconds: float) -> bool:
    """Wait until nobody reads the store as it was before a transaction; whether that is so."""
    until = time.monotonic() + seconds
    while has_older_readers(environment, transaction):
        if time.monotonic() > until:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def scrub(path: Path) -> int:
    """Overwrite what no transaction reads any more; how many bytes were not zero.

    Parameters
    ----------
    path : Path
        LMDB's data file. The caller holds the write transaction, in which nothing was written.
    """
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        meta = read_meta(file)
        free = None if meta is None else free_pages(file, meta)
        if meta is None or free is None:
            return 0
        overwritten = sum(_overwrite(file, *place) for place in _Places(file, meta, free))
        os.fsync(file)
        return overwritten
    finally:
        os.close(file)


@dataclass
class _Places:
    """Places of a file that hold nothing that is read, each as its start and length in bytes."""

    file: int
    meta: StoreMeta
    free: set[int]
    _sizes: dict[int, int] = field(default_factory=dict)
    _long: dict[int, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        size, page = self.meta.page_bytes, META_PAGES
        while page <= self.meta.last_page:
            content = os.pread(self.file, _PAGES_AT_ONCE * size, page * size)
            pages = len(content) // size
            if not pages:
                break
            at = 0
            while at < pages:
                yield from self._of_page(page + at, content[at * size : (at + 1) * size])
                at += self._long.get(page + at, 1)
            page += at
        end = (self.meta.last_page + 1) * size
        if (beyond := os.fstat(self.file).st_size - end) > 0:
            yield end, beyond
        for first, pages in self._long.items():
            if first in self._sizes:
                used = HEADER_BYTES + self._sizes[first]
                yield first * size + used, pages * size - used

    def _of_page(self, number: int, content: bytes) -> Iterator[tuple[int, int]]:
        start = number * self.meta.page_bytes
        if number in self.free:
            yield start, len(content)
            return
        own, flags, lower, upper = struct.unpack_from("<Q 2x H H H", content)
        if own != number:
            return
        if flags & _OVERFLOW:
            (self._long[number],) = struct.unpack_from("<12x I", content)
        elif flags & (BRANCH | _LEAF) and HEADER_BYTES <= lower <= upper <= len(content):
            yield start + lower, upper - lower
            if flags & _LEAF:
                self._note_long_values(content, lower)

    def _note_long_values(self, content: bytes, lower: int) -> None:
        words = np.frombuffer(content, dtype="<u2")
        nodes = words[HEADER_BYTES // 2 : lower // 2].astype(np.intp)
        for node in nodes[(words[nodes // 2 + 2] & _IS_ELSEWHERE) > 0].tolist():
            low, high, _, key_bytes = struct.unpack_from("<HHHH", content, node)
            (first,) = struct.unpack_from("<Q", content, node + _NODE_BYTES + key_bytes)
            self._sizes[first] = low | high << 16


def _overwrite(file: int, start: int, length: int) -> int:
    if length <= 0:
        return 0
    content = np.frombuffer(os.pread(file, length, start), dtype=np.uint8)
    dirty = int(np.count_nonzero(content))
    if dirty:
        os.pwrite(file, bytes(len(content)), start)
    return dirty
