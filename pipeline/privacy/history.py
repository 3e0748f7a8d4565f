"""Old raw rows and old snapshots of a home, removed so that nothing is computed anew because of it.

Which rows go is noted in a journal with what was known of them: killed at any moment, the next
removal, night or build carries it on.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from features.compute.forget import forget_old_snapshots, keep_removed, old_sums
from features.compute.known import SUMS
from features.operator.repository import OperatorRepository
from features.retained.kept_since import KeptSince
from features.retained.old_rows import OldRows, forget_old_rows
from holdfast.documents import read_document, to_document
from holdfast.errors import HomeError, InputError
from holdfast.failpoint import Failpoint, no_failpoint
from holdfast.files import write_beside
from holdfast.home import Home
from holdfast.logging import progress
from holdfast.zone import monday_before
from pipeline.privacy.journal import sums_rows
from pipeline.privacy.settings import RetentionSettings


@dataclass(frozen=True)
class Removal:
    """A removal of old raw rows that has begun.

    Parameters
    ----------
    raw_since : str
        Rows that happened earlier go (ISO 8601, UTC).
    sums : dict of str to list
        What was known of them, by table, as rows of `known`.
    """

    raw_since: str
    sums: dict[str, list[dict[str, Any]]]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read the journal of a removal that has not ended; None where there is none.

        Raises
        ------
        HomeError
            It is damaged.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return read_document(cls, json.loads(text), path.name)
        except (ValueError, InputError) as error:
            raise HomeError(
                str(path), f"must be the journal of a removal of old raw rows: {error}"
            ) from None


def kept_from_now_on(home: Home, settings: RetentionSettings, now: datetime) -> KeptSince:
    """Since when raw rows and snapshots are to be kept; whole weeks, and never less than before."""
    before, zone = KeptSince.read(home.kept_since), OperatorRepository(home).zone

    def since(days: object, earlier: datetime | None) -> datetime | None:
        if not isinstance(days, int):
            return earlier
        monday = monday_before(now - timedelta(days=days), zone)
        return monday if earlier is None else max(monday, earlier)

    return KeptSince(
        since(settings.raw_days, before.raw), since(settings.snapshots_days, before.snapshots)
    )


def remove_old_rows(
    home: Home, kept: KeptSince, *, dry_run: bool = False, failpoint: Failpoint = no_failpoint
) -> tuple[OldRows, ...]:
    """Remove raw rows that are older than they are to be kept; what went, or would go.

    Parameters
    ----------
    home : Home
        The home; the caller holds its lock.
    kept : KeptSince
        Since when rows are to be kept.
    dry_run : bool
        Whether to count only.
    failpoint : Failpoint, optional
        For tests.
    """
    old = tuple(forget_old_rows(home.raw, kept, dry_run=True))
    if dry_run or kept.raw is None or not old:
        return old
    directory = OperatorRepository(home).directory
    sums = sums_rows(old_sums(home.raw, kept, directory))
    removal = Removal(kept.raw.isoformat(), sums)
    write_beside(home.removing, json.dumps(to_document(removal)) + "\n")
    failpoint("old rows: noted")
    return finish_removal(home, failpoint=failpoint)


def finish_removal(home: Home, *, failpoint: Failpoint = no_failpoint) -> tuple[OldRows, ...]:
    """Carry a removal of old rows on that has begun; what went, nothing where there is none.

    The caller holds the home's lock.
    """
    removal = Removal.read(home.removing)
    if removal is None:
        return ()
    before = KeptSince.read(home.kept_since)
    kept = replace(before, raw=datetime.fromisoformat(removal.raw_since))
    sums = {name: pa.Table.from_pylist(rows, SUMS) for name, rows in removal.sums.items()}
    keep_removed(OperatorRepository(home).directory, sums, f"before {removal.raw_since}")
    failpoint("old rows: counted")
    with progress("Removing old raw rows"):
        gone = tuple(_each(forget_old_rows(home.raw, kept), failpoint))
    kept.write(home.kept_since)
    failpoint("old rows: removed")
    home.removing.unlink()
    return gone


def remove_old_snapshots(
    home: Home, kept: KeptSince, *, dry_run: bool = False, failpoint: Failpoint = no_failpoint
) -> list[tuple[Path, int]]:
    """Remove snapshots of Mondays that are not to be kept; files that went, or would go, with their
    bytes. Parameters as of `remove_old_rows`.
    """
    directory = OperatorRepository(home).directory
    old = [
        (path, path.stat().st_size) for path in forget_old_snapshots(directory, kept, dry_run=True)
    ]
    if dry_run or not old:
        return old
    # First the note, so that no build computes again what has gone.
    replace(KeptSince.read(home.kept_since), snapshots=kept.snapshots).write(home.kept_since)
    failpoint("old snapshots: noted")
    forget_old_snapshots(directory, kept)
    return old


def _each(old: Iterator[OldRows], failpoint: Failpoint) -> Iterator[OldRows]:
    for one in old:
        failpoint(f"old rows: {one.table}")
        yield one
