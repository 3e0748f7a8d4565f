"""Whether LMDB's data file is whole: a page that is not there kills the process that reads it.

LMDB maps the file into memory. Where the file was cut, by a copy that broke off or a full disk,
reading what is gone is no error but a bus error (SIGBUS), which ends the process with every request
in it. So the length of the file is compared with what the file itself says before LMDB maps it.

A whole store may end before its last page: LMDB does not write pages that one transaction both took
and gave back. Such pages are in the store's list of free pages, which is read where pages are missing.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from holdfast.errors import ModelError

_MAGIC = 0xBEEFC0DE
META_PAGES = 2
# Of a meta page, after the 16 bytes that begin every page: magic, version, address, size of the
# map; size of a page, five numbers and the root of the tree of free pages; the tree of databases;
# last page and transaction.
_META = struct.Struct("<16x I 4x 8x 8x I 36x Q 48x Q Q")
_NODE = struct.Struct("<HHHH")  # low and high half of a size or page, flags, size of the key
_NO_PAGE = 2**64 - 1
_BRANCH = 0x01
_HEADER_BYTES = 16
_IS_ELSEWHERE = 0x01
_MOST_TRIES = 100


@dataclass(frozen=True)
class StoreMeta:
    """What a store says of itself as of one transaction."""

    page_bytes: int
    free_root: int
    last_page: int
    transaction: int


class StoreFile:
    """The data file of a store that this process has mapped.

    Parameters
    ----------
    path : Path
        The file. It is kept open, so that its length is known whatever becomes of its name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._most_bytes = 0
        self._was_cut = False

    def require_uncut(self) -> None:
        """Refuse a file that is shorter than it was: it takes less than a microsecond.

        LMDB never makes the file shorter. What was cut once stays refused, since what this process
        knows of the store does not hold for whatever is written over it.

        Raises
        ------
        ModelError
            The file was cut.
        """
        # Known before the file is looked at: meanwhile, another thread may see it grow.
        known = self._most_bytes
        size = os.fstat(self._file).st_size
        if size < known or self._was_cut:
            self._was_cut = True
            raise _cut(self.path, size, known)
        self._most_bytes = max(size, self._most_bytes)

    def require_whole(self) -> None:
        """Refuse a file that was cut, or that lacks pages in use; ModelError."""
        self.require_uncut()
        _require_pages(self.path, self._file)


def require_whole(path: Path, *, create: bool) -> None:
    """Refuse a data file that lacks pages in use, before LMDB maps it.

    A file that is not LMDB's is left to LMDB to refuse.

    Parameters
    ----------
    path : Path
        The file; it need not exist.
    create : bool
        Whether an empty file is as good as none, and will be made a store.

    Raises
    ------
    ModelError
        Pages are missing; it names the file, its length and the length it should have.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not create and os.fstat(file).st_size == 0:
            # LMDB would take it for a store without anything in it.
            raise _cut(path, 0, None)
        _require_pages(path, file)
    finally:
        os.close(file)


def _require_pages(path: Path, file: int) -> None:
    # While nobody writes, one look is enough. A writer may use pages again that are being read here,
    # so that only what two looks agree on counts.
    meta = read_meta(file)
    for _ in range(_MOST_TRIES):
        size = os.fstat(file).st_size
        if meta is None or size >= (meta.last_page + 1) * meta.page_bytes:
            return
        missing = range(size // meta.page_bytes, meta.last_page + 1)
        try:
            free = free_pages(file, meta)
        except struct.error:  # a writer uses one of its pages for something else now
            free = None
        if free is not None and free.issuperset(missing):
            return
        before, meta = meta, read_meta(file)
        if meta == before:
            raise _cut(path, size, (before.last_page + 1) * before.page_bytes)


def read_meta(file: int) -> StoreMeta | None:
    """What the store says as of its last transaction; None where the file is not LMDB's."""
    first = _unpack_meta(os.pread(file, _META.size, 0))
    if first is None:
        return None
    second = _unpack_meta(os.pread(file, _META.size, first.page_bytes))
    if second is None:
        # The other meta page is gone; LMDB refuses that by itself, and without a bus error.
        return None
    return max(first, second, key=lambda meta: meta.transaction)


def _unpack_meta(content: bytes) -> StoreMeta | None:
    if len(content) < _META.size:
        return None
    magic, page_bytes, free_root, last_page, transaction = _META.unpack(content)
    return StoreMeta(page_bytes, free_root, last_page, transaction) if magic == _MAGIC else None


def free_pages(file: int, meta: StoreMeta) -> set[int] | None:
    """The pages that are free; None where the list itself lacks a page."""
    free: set[int] = set()
    waiting = [] if meta.free_root == _NO_PAGE else [meta.free_root]
    read = 0
    while waiting and read <= meta.last_page:
        read += 1
        page = _read_pages(file, meta, waiting.pop(), 1)
        if page is None:
            return None
        flags, lower = struct.unpack_from("<10x H H", page)
        places = struct.unpack_from(f"<{(lower - _HEADER_BYTES) // 2}H", page, _HEADER_BYTES)
        for place in places:
            low, high, node_flags, key_bytes = _NODE.unpack_from(page, place)
            if flags & _BRANCH:
                waiting.append(low | high << 16 | node_flags << 32)
                continue
            start = place + _NODE.size + key_bytes
            content = page[start : start + (low | high << 16)]
            if node_flags & _IS_ELSEWHERE:
                (first,) = struct.unpack("<Q", page[start : start + 8])
                length = _HEADER_BYTES + (low | high << 16)
                pages = _read_pages(file, meta, first, -(-length // meta.page_bytes))
                if pages is None:
                    return None
                content = pages[_HEADER_BYTES:length]
            count, *numbers = struct.unpack(f"<{len(content) // 8}Q", content)
            free.update(numbers[:count])
    return free


def _read_pages(file: int, meta: StoreMeta, number: int, count: int) -> bytes | None:
    wanted = count * meta.page_bytes
    content = os.pread(file, wanted, number * meta.page_bytes)
    return content if len(content) == wanted else None


def _cut(path: Path, size: int, expected: int | None) -> ModelError:
    wanted = "more" if expected is None else f"{expected:,}"
    return ModelError(
        str(path),
        f"was cut: it has {size:,} bytes and should have {wanted}. Remove "
        f"{path.parent}, then put a backup there, or write it anew with `holdfast features "
        "materialize` (for a flat table: `holdfast quickstart`)",
    )
