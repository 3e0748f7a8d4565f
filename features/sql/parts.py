"""The files a raw table consists of, and digests that show when one has changed."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import pyarrow.parquet as pq

from features.contracts.vocabulary import ARRIVED, HAPPENED


@dataclass(frozen=True)
class TableFile:
    """One file of a raw table.

    Parameters
    ----------
    path : Path
        Where it lies.
    identity : str
        Digest of its name and content.
    columns : frozenset of str
        What it has.
    rows : int
        How many.
    first_arrived, first_happened, last_arrived : datetime or None
        Extremes of `arrived_at` and `happened_at`, in UTC; None where the file has no statistics.
    """

    path: Path
    identity: str
    columns: frozenset[str]
    rows: int
    first_arrived: datetime | None
    last_arrived: datetime | None
    first_happened: datetime | None

    def may_hold(self, by: datetime) -> bool:
        """Whether it may hold rows that had arrived by then."""
        return self.rows > 0 and (self.first_arrived is None or self.first_arrived <= by)


def parts_of(folder: Path) -> tuple[TableFile, ...]:
    """Parts of the table in a folder, by name; none where the table is absent."""
    return tuple(_part(path) for path in sorted(folder.glob("*.parquet")))


def identity_of(parts: tuple[TableFile, ...], by: datetime | None = None) -> list[str]:
    """Identities of parts; with `by`, only of those that may hold rows arrived by then."""
    return [part.identity for part in parts if by is None or part.may_hold(by)]


def raw_identity(raw: Path) -> str:
    """Digest of all that raw tables hold, whenever their files were written.

    Parameters
    ----------
    raw : Path
        Raw tables: ``<table>/*.parquet``.
    """
    digest = hashlib.sha256()
    for path in sorted(raw.glob("*/*.parquet")):
        state = path.stat()
        content = _content(path, state.st_size, state.st_mtime_ns)
        digest.update(f"{path.parent.name}/{path.name} {content}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=100_000)
def _content(path: Path, size: int, mtime_ns: int) -> str:
    """Digest of a file's content; read once as long as size and time of change stay."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def arrival_of(files: Iterable[Path]) -> datetime | None:
    """When the newest row of some files arrived, UTC; None where none has rows with statistics."""
    newest = []
    for path in files:
        metadata = pq.read_metadata(path)
        _, last = _extremes(metadata, metadata.schema.to_arrow_schema().names, ARRIVED)
        newest.append(last)
    return max((last for last in newest if last is not None), default=None)


def _part(path: Path) -> TableFile:
    with path.open("rb") as file:
        digest = hashlib.file_digest(
            file, lambda: hashlib.blake2b(path.name.encode(), digest_size=16)
        ).hexdigest()
        metadata = pq.read_metadata(file)
    names = metadata.schema.to_arrow_schema().names
    arrived = _extremes(metadata, names, ARRIVED)
    happened = _extremes(metadata, names, HAPPENED)
    return TableFile(path, digest, frozenset(names), metadata.num_rows, *arrived, happened[0])


def _extremes(
    metadata: pq.FileMetaData, names: list[str], column: str
) -> tuple[datetime | None, datetime | None]:
    if column not in names:
        return None, None
    position, lowest, highest = names.index(column), [], []
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(position).statistics
        if statistics is None or not statistics.has_min_max:
            return None, None
        lowest.append(statistics.min)
        highest.append(statistics.max)
    if not lowest:
        return None, None
    return _utc(min(lowest)), _utc(max(highest))


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
