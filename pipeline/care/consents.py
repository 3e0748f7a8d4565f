"""Consents of the raw tables, merged into the ledger: before any plan, and before any claim."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from care.ledger.ledger import Ledger
from features.sql.parts import parts_of
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
        Whether all parts of the raw table had been merged before, so that nothing was read.
    """

    new: int
    is_unchanged: bool


def merge_consents(home: Home, ledger: Ledger, now: datetime) -> MergedConsents:
    """Bring what the raw table of consents says into the ledger: the parts that are new or changed.

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
    merged = ledger.consents.merged()
    parts = [part for part in parts_of(home.raw / "consents") if part.identity not in merged]
    new = sum(ledger.consents.merge(_batches(part.path), part.identity, now) for part in parts)
    return MergedConsents(new=new, is_unchanged=not parts)


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
