"""What tells whether the content of a part is still the same, without reading it where possible."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

LOCAL_LEEWAY_NS = 2_000_000_000
"""Two seconds: the coarsest times of change that file systems keep."""


@dataclass(frozen=True)
class ContentState:
    """How a part's content looks from outside.

    Parameters
    ----------
    size : int
        Bytes; -1 where that is not known.
    mark : str
        Another one where the content is another: size, times of change and the like.
    changed_ns : int or None
        When it changed last, in nanoseconds since 1970, by the clock of where it lies. None where
        equal marks prove by themselves that nothing changed.
    leeway_ns : int
        How coarse that time is, and how far that clock may be from ours: something that changed
        later than so long before it was read may have changed again without another mark.
    """

    size: int
    mark: str
    changed_ns: int | None = None
    leeway_ns: int = 0

    def is_settled(self, at_ns: int) -> bool:
        """Whether a change from a time on, in nanoseconds since 1970, would give another mark."""
        return self.changed_ns is None or self.changed_ns < at_ns - self.leeway_ns


class Content(Protocol):
    """The content of a part.

    Attributes
    ----------
    opened : ContentState
        How it looked when the part was opened.
    """

    opened: ContentState

    def state(self) -> ContentState:
        """How it looks now."""
        ...

    def digest(self) -> str:
        """Digest of the content as it is now; may take reading it. Empty where there is none."""
        ...


class FileContent:
    """The content of a file.

    Its mark holds the time of change of its entry in the file system too, which no program can set:
    a file that was given back its old time after a change has another mark.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.opened = self.state()

    def state(self) -> ContentState:
        """How it looks now."""
        state = self._path.stat()
        return ContentState(
            state.st_size,
            f"{state.st_size}-{state.st_mtime_ns}-{state.st_ctime_ns}-{state.st_ino}",
            max(state.st_mtime_ns, state.st_ctime_ns),
            LOCAL_LEEWAY_NS,
        )

    def digest(self) -> str:
        """SHA-256 of its bytes."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
