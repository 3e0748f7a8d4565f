"""LMDB environments, each opened once in a process, with the handles of their databases."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb

from features.packed.store_file import StoreFile, require_whole
from holdfast.errors import ModelError

_MAP_BYTES = 2**36  # address space, not memory or disk
_MAX_DATABASES = 256
# A transaction leaves alone what the last one and the one before it read.
_SAFE_WRITES = 1
_MAX_READERS = 1022  # processes and threads that read at one time

_DATA, _LOCK = "data.mdb", "lock.mdb"

_environments: dict[tuple[int, int], "PackedEnvironment"] = {}
_opening = threading.Lock()


class PackedEnvironment:
    """An open LMDB environment and the databases in it; get it from `open_environment`.

    Parameters
    ----------
    environment : lmdb.Environment
        What LMDB opened.
    file : StoreFile
        Its data file. Every use begins with a look at it.
    locks : bool
        Whether readers are noted in the lock file. Where it may not be written, a writer elsewhere
        does not know of them, and each reading looks afterwards whether it was overtaken.
    """

    def __init__(self, environment: lmdb.Environment, file: StoreFile, *, locks: bool) -> None:
        self.environment = environment
        self.file = file
        self._locks = locks
        self._databases: dict[bytes, lmdb._Database] = {}
        self._opening = threading.Lock()

    @property
    def version(self) -> int:
        """Number of the last write transaction of any process; while it stays, so do all records."""
        self.file.require_uncut()
        try:
            return int(self.environment.info()["last_txnid"])
        except lmdb.Error as error:
            raise _unusable(error) from None

    def database(self, name: bytes) -> "lmdb._Database | None":
        """Handle of a named database, None where it does not exist."""
        try:
            return self._handle(name, create=False)
        except lmdb.NotFoundError:
            return None

    def make_database(self, name: bytes) -> "lmdb._Database":
        """Handle of a named database, created where it does not exist.

        Never call it inside a write transaction: it takes one itself.
        """
        with telling_errors():
            return self._handle(name, create=True)

    @contextmanager
    def reading(self) -> Iterator[lmdb.Transaction]:
        """A read transaction: the store as it was at one time.

        Raises
        ------
        ModelError
            The store cannot be read, or, without locks, was written twice meanwhile: read again.
        """
        # Readers that were killed keep their slots until somebody clears them: whoever finds none
        # left does.
        self.file.require_uncut()
        with telling_errors():
            try:
                transaction = self.environment.begin(buffers=True)
            except lmdb.ReadersFullError:
                self.environment.reader_check()
                transaction = self.environment.begin(buffers=True)
            with transaction:
                yield transaction
                if not self._locks and self.version > transaction.id() + _SAFE_WRITES:
                    raise ModelError("online store", "was written while it was read; read again")

    @contextmanager
    def writing(self) -> Iterator[lmdb.Transaction]:
        """The one write transaction of all threads and processes.

        It is on disk when the context ends, and undone if it raises.
        """
        self.file.require_uncut()
        with telling_errors(), self.environment.begin(write=True, buffers=True) as transaction:
            yield transaction

    def _handle(self, name: bytes, create: bool) -> "lmdb._Database":
        # LMDB lets one transaction of a process at a time open handles: they are opened apart from
        # all reading, and kept.
        handle = self._databases.get(name)
        if handle is not None:
            return handle
        self.file.require_uncut()
        with self._opening:
            if name not in self._databases:
                self._databases[name] = self.environment.open_db(name, create=create)
            return self._databases[name]


def open_environment(directory: Path, *, create: bool) -> PackedEnvironment:
    """Open the environment in a directory, or give the one that this process has open.

    Raises
    ------
    ModelError
        There is none, or it is damaged: it names the file, and both lengths where it was cut.
    """
    # LMDB forbids opening one store twice in a process: its locks would die with the second handle.
    # A store is known by its file, not its name, since a home may be moved, or removed and made
    # anew.
    with _opening:
        known = _environments.get(_file_of(directory))
        if known is not None:
            known.file.require_whole()
            return known
        if create:
            directory.mkdir(parents=True, exist_ok=True)
        require_whole(directory / _DATA, create=create)
        writable = _may_write(directory)
        # Readers note in the lock file which pages they read, so that a writer leaves them alone.
        locks = writable or os.access(directory / _LOCK, os.R_OK | os.W_OK)
        try:
            environment = lmdb.open(
                str(directory),
                map_size=_MAP_BYTES,
                max_dbs=_MAX_DATABASES,
                max_readers=_MAX_READERS,
                create=create,
                readonly=not writable,
                lock=locks,
            )
            environment.reader_check()
        except lmdb.Error as error:
            raise ModelError(str(directory), f"holds no readable online store: {error}") from None
        opened = PackedEnvironment(environment, StoreFile(directory / _DATA), locks=locks)
        _environments[_file_of(directory)] = opened
        return opened


@contextmanager
def telling_errors() -> Iterator[None]:
    """Turn LMDB's errors into a `ModelError`."""
    try:
        yield
    except lmdb.Error as error:
        raise _unusable(error) from None


def _unusable(error: lmdb.Error) -> ModelError:
    return ModelError("online store", f"cannot be used: {error}")


def _may_write(directory: Path) -> bool:
    files = [file for file in (directory / _DATA, directory / _LOCK) if file.exists()]
    return all(os.access(path, os.W_OK) for path in (directory, *files))


def _file_of(directory: Path) -> tuple[int, int]:
    try:
        file = (directory / _DATA).stat()
    except OSError:
        return 0, 0
    return file.st_dev, file.st_ino
