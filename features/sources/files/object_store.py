"""Folders of an object store, through Arrow's file systems: S3, and untested Google's and Azure's.

Credentials and endpoints are found as Arrow finds them: in the address and in the environment.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs as pa_fs

from features.sources.content import Content, ContentState
from features.sources.files.stored_file import StoredFile
from features.table_files.paths import compression
from features.table_files.text_file import CODECS, open_zip
from holdfast.errors import InputError

LEEWAY_NS = 15 * 60 * 1_000_000_000
"""A quarter of an hour: stores refuse requests from clocks that are further from theirs."""

_BLOCK_BYTES = 8 << 20


class ObjectContent:
    """The content of an object: its size and time of change, and the tag that the store gives it.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
        The store.
    info : pyarrow.fs.FileInfo
        What it said of the object.
    """

    def __init__(self, filesystem: pa_fs.FileSystem, info: pa_fs.FileInfo) -> None:
        self._filesystem, self._path = filesystem, info.path
        self.opened = _state(info)

    def state(self) -> ContentState:
        """How it looks now."""
        (info,) = self._filesystem.get_file_info([self._path])
        if info.type != pa_fs.FileType.File:
            raise FileNotFoundError(self._path)
        return _state(info)

    def digest(self) -> str:
        """The store's tag, without reading the object; SHA-256 of its bytes where it has none."""
        with self._filesystem.open_input_stream(self._path) as stream:
            tag = (stream.metadata() or {}).get("ETag", b"")
            if tag:
                return f"tag {tag.decode()}"
            digest = hashlib.sha256()
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
        return digest.hexdigest()


class ObjectFile:
    """An object as a file.

    Parameters
    ----------
    filesystem : pyarrow.fs.FileSystem
        The store.
    info : pyarrow.fs.FileInfo
        What it said of the object.
    """

    path: Path | None = None

    def __init__(self, filesystem: pa_fs.FileSystem, info: pa_fs.FileInfo) -> None:
        self._filesystem, self._path = filesystem, info.path
        self.name = info.base_name
        self.content: Content = ObjectContent(filesystem, info)

    def opened(self) -> Any:
        """Open it for reading at any place."""
        return self._filesystem.open_input_file(self._path)

    def unpacked(self) -> Any:
        """Open it for reading from its beginning, unpacked on the way."""
        packed = compression(PurePath(self.name))
        if packed == ".zip":
            return open_zip(self.opened(), self.name)
        return self._filesystem.open_input_stream(self._path, compression=CODECS[packed])


class ObjectTree:
    """A folder of an object store.

    Parameters
    ----------
    where : str
        Such as ``s3://bucket/folder?region=eu-central-1``.

    Raises
    ------
    InputError
        The address is none, or there is nothing. No message shows a key.
    """

    def __init__(self, where: str) -> None:
        parts = urlsplit(where)
        self.where = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"
        address = where.replace("az://", "abfs://", 1) if parts.scheme == "az" else where
        try:
            self._filesystem, root = pa_fs.FileSystem.from_uri(address)
            self._root = root.rstrip("/")
            self._top = self._listed("", recursive=False)
        except (pa.ArrowException, OSError, ValueError) as error:
            # Arrow's own words may quote the address, with keys in it.
            raise InputError(
                "WHERE",
                f"must be a folder of an object store that answers ({type(error).__name__}); check"
                " bucket, region, endpoint and keys",
                self.where,
            ) from None

    def entries(self) -> Iterator[tuple[str, bool]]:
        """Names of the objects and folders directly in it, and whether each is a folder."""
        for name, info in self._top.items():
            yield name, info.type == pa_fs.FileType.Directory

    def below(self, folder: str) -> Iterator[tuple[str, StoredFile]]:
        """All objects below one of its folders, by their paths from there."""
        try:
            listed = self._listed(folder, recursive=True)
        except (pa.ArrowException, OSError) as error:
            raise InputError(folder, "cannot be listed", type(error).__name__) from None
        for name, info in listed.items():
            if info.type == pa_fs.FileType.File:
                yield name, ObjectFile(self._filesystem, info)

    def file(self, name: str) -> StoredFile:
        """One of the objects directly in it."""
        return ObjectFile(self._filesystem, self._top[name])

    def _listed(self, folder: str, *, recursive: bool) -> dict[str, Any]:
        base = f"{self._root}/{folder}" if folder else self._root
        found = self._filesystem.get_file_info(pa_fs.FileSelector(base, recursive=recursive))
        return {info.path[len(base) + 1 :]: info for info in sorted(found, key=lambda i: i.path)}


def _state(info: pa_fs.FileInfo) -> ContentState:
    changed = info.mtime_ns or 0
    return ContentState(info.size or 0, f"{info.size}-{changed}", changed, LEEWAY_NS)
