"""Files wherever they are stored, and the trees of folders that they lie in."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from features.sources.content import Content, FileContent
from features.table_files.text_file import open_unpacked

HIDDEN = (".", "_", "~")
"""Files and folders whose names begin so are no tables: notes of programs, and files half written."""


class StoredFile(Protocol):
    """A file that a part is read from.

    Attributes
    ----------
    name : str
        Its name, without its folders.
    path : Path or None
        Where it lies, None where that is no folder of this machine.
    content : Content
        What tells whether it has changed.
    """

    name: str
    path: Path | None
    content: Content

    def opened(self) -> Any:
        """Open it for reading at any place; a path or a file, as Arrow takes it."""
        ...

    def unpacked(self) -> Any:
        """Open it for reading from its beginning, unpacked on the way; OSError where it cannot."""
        ...


class FileTree(Protocol):
    """A folder, and what lies in it.

    Attributes
    ----------
    where : str
        The folder, fit to be shown.
    """

    where: str

    def entries(self) -> Iterator[tuple[str, bool]]:
        """Names of the files and folders directly in it, by name, and whether each is a folder."""
        ...

    def below(self, folder: str) -> Iterator[tuple[str, StoredFile]]:
        """All files below one of its folders, by their paths from there."""
        ...

    def file(self, name: str) -> StoredFile:
        """One of the files directly in it."""
        ...


class LocalFile:
    """A file of this machine.

    Parameters
    ----------
    path : Path
        Where it lies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.path: Path | None = path
        self.name = path.name
        self.content: Content = FileContent(path)

    def opened(self) -> Any:
        """Its path."""
        return self._path

    def unpacked(self) -> Any:
        """Open it for reading from its beginning."""
        return open_unpacked(self._path)


class LocalTree:
    """A folder of this machine.

    Parameters
    ----------
    where : str
        The folder, which exists.
    """

    def __init__(self, where: str) -> None:
        self.where, self._root = where, Path(where).expanduser()

    def entries(self) -> Iterator[tuple[str, bool]]:
        """Names of the files and folders directly in it, and whether each is a folder."""
        for entry in sorted(self._root.iterdir()):
            yield entry.name, entry.is_dir()

    def below(self, folder: str) -> Iterator[tuple[str, StoredFile]]:
        """All files below one of its folders, by their paths from there."""
        root = self._root / folder
        paths = [
            Path(here) / name
            for here, _, names in os.walk(root, followlinks=True)
            for name in names
        ]
        for path in sorted(paths):
            if path.is_file():
                yield path.relative_to(root).as_posix(), LocalFile(path)

    def file(self, name: str) -> StoredFile:
        """One of the files directly in it."""
        return LocalFile(self._root / name)
