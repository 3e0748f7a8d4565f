"""Consents of the raw tables, merged into the ledger: before any plan, and before any claim."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from care.ledger.ledger import Ledger
from features.sql.parts import identity_of, parts_of
from holdfast.home import Home

_COLUMNS = ("customer_id", "purpose", "channel", "happened_at", "state")


@dataclass(frozen=True, kw_only=True)
class MergedConsents:
    """What came of a merge.

    Parameters
    ----------
    new : int
        Statements that the ledger did not have.
    is_unchanged : bool
        Whether the raw table is the one that was merged last, so that nothing was read.
    """

    new: int
    is_unchanged: bool


def merge_consents(home: Home, ledger: Ledger, now: datetime) -> MergedConsents:
    """Bring what the raw table of consents says into the ledger.

    A decision in no list is no consent: it counts as a withdrawal.

    Parameters
    ----------
    home : Home
        Whose raw tables.
    ledger : Ledger
        Its ledger.
    now : datetime
        When (UTC).
    """
    parts = parts_of(home.raw / "consents")
    digest = hashlib.sha256("\n".join(identity_of(parts)).encode()).hexdigest()
    if ledger.consents.merged() == digest:
        return MergedConsents(new=0, is_unchanged=True)
    batches = (batch for part in parts for batch in _batches(part.path))
    return MergedConsents(new=ledger.consents.merge(batches, digest, now), is_unchanged=False)


def _batches(path: Path) -> Iterator[list[tuple[str, str, str, int, bool]]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=list(_COLUMNS)):
            rows = pa.Table.from_batches([batch])
            granted = pc.fill_null(pc.equal(rows["state"], "granted"), False)
            columns = (
                *(rows[name] for name in _COLUMNS[:3]),
                rows["happened_at"].cast(pa.timestamp("us", "UTC")).cast(pa.int64()),
                granted,
            )
            yield list(zip(*(column.to_pylist() for column in columns), strict=True))
