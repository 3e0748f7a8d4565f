"""Records of single entities deleted from LMDB, so that their keys are gone, too.

LMDB deletes a key from the page that holds its value. The pages above may go on naming it: there it
says where one page ends and the next begins. A database in which that is so is written anew, in one
transaction.
"""

import os
import struct
from collections.abc import Iterable, Iterator, Sequence

import lmdb

from features.packed.environment import PackedEnvironment
from features.packed.record import key_of
from features.packed.scrub import BRANCH, HEADER_BYTES, await_readers, scrub
from features.packed.store_file import read_meta

_ROOT = struct.Struct("<4x 2x 2x 8x 8x 8x 8x Q")
"""What LMDB says of a database in the database of databases: its last field is the root page."""
_NO_PAGE = 2**64 - 1
_NODE = struct.Struct("<HHHH")


def forget(environment: PackedEnvironment, named: Iterable[tuple[bytes, Iterable[str]]]) -> int:
    """Delete entities' records; how many were there.

    Killed at any time, it is completed by calling it again.

    Parameters
    ----------
    environment : PackedEnvironment
        The store's.
    named : iterable of (bytes, iterable of str)
        Databases and entities; databases that are not there are passed over.
    """
    deleted = 0
    for name, ids in named:
        database = environment.database(name)
        if database is None:
            continue
        keys = [key for key in map(key_of, ids) if key is not None]
        with environment.writing() as transaction:
            deleted += sum(transaction.delete(key, db=database) for key in keys)
        with environment.writing() as transaction:
            # Nothing was written in it yet: the file holds what the last transaction left.
            if not set(keys).isdisjoint(_branch_keys(environment, transaction, name)):
                _write_anew(transaction, database)
    return deleted


def scrub_deleted(environment: PackedEnvironment, wait_seconds: float) -> bool:
    """Overwrite what was deleted; False where readers keep it for longer than the wait."""
    if not await_readers(environment.environment, environment.version, wait_seconds):
        return False
    with environment.writing():
        scrub(environment.file.path)
    return True


def _branch_keys(
    environment: PackedEnvironment, transaction: lmdb.Transaction, name: bytes
) -> Iterator[bytes]:
    """Keys that pages above those with values name."""
    about = transaction.get(name)
    file = os.open(environment.file.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        meta = read_meta(file)
        if about is None or meta is None:
            return
        waiting = list(_ROOT.unpack(bytes(about)))
        while waiting:
            number = waiting.pop()
            if number == _NO_PAGE:
                continue
            page = os.pread(file, meta.page_bytes, number * meta.page_bytes)
            flags, lower = struct.unpack_from("<10x H H", page)
            if not flags & BRANCH:
                continue
            for place in _places(page, lower):
                low, high, above, key_bytes = _NODE.unpack_from(page, place)
                waiting.append(low | high << 16 | above << 32)
                yield page[place + _NODE.size : place + _NODE.size + key_bytes]
    finally:
        os.close(file)


def _places(page: bytes, lower: int) -> Sequence[int]:
    return struct.unpack_from(f"<{(lower - HEADER_BYTES) // 2}H", page, HEADER_BYTES)


def _write_anew(transaction: lmdb.Transaction, database: "lmdb._Database") -> None:
    with transaction.cursor(database) as cursor:
        records = [(bytes(key), bytes(value)) for key, value in cursor]
    transaction.drop(database, delete=False)
    with transaction.cursor(database) as cursor:
        cursor.putmulti(records, append=True)
