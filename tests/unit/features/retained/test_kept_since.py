"""Since when a home keeps what has an age, and which raw rows that leaves out."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.contracts.tables import TABLES
from features.contracts.types import Fault
from features.erased.erased_ids import ErasedIds
from features.erased.erased_rows import ErasedRows
from features.retained.kept_since import EVERYTHING, KeptSince, is_kept_by_age
from features.retained.old_rows import forget_old_rows
from features.retained.refused_rows import RefusedRows
from holdfast.errors import HomeError

SINCE = datetime(2025, 1, 6, tzinfo=UTC)
KEPT = KeptSince(raw=SINCE)


def recharges(*happened: datetime | None, ids: tuple[str, ...] = ()) -> pa.RecordBatch:
    table = TABLES["recharges"]
    rows = [
        {
            "subscription_id": ids[number] if ids else f"S{number}",
            "happened_at": at,
            "arrived_at": at,
            "amount": 10.0,
        }
        for number, at in enumerate(happened)
    ]
    return pa.RecordBatch.from_pylist(rows, table.arrow_schema)


def test_a_home_without_a_note_keeps_everything_and_a_damaged_note_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / "kept_since.json"
    assert KeptSince.read(path) == EVERYTHING
    kept = KeptSince(SINCE, SINCE - timedelta(days=7))
    kept.write(path)
    assert KeptSince.read(path) == kept
    for text in ("{", '{"raw": null}', '{"raw": "2025-01-06T00:00:00", "snapshots": null}'):
        path.write_text(text)
        with pytest.raises(HomeError, match="must say since when raw rows and snapshots are kept"):
            KeptSince.read(path)


def test_states_and_what_counts_until_a_later_row_stay() -> None:
    stay = {name for name, table in TABLES.items() if KEPT.rows_since(table) is None}
    assert {name for name, table in TABLES.items() if table.kind == "state"} <= stay
    assert stay >= {"survey_answers", "survey_invitations", "care_contacts", "port_requests"}
    assert stay == {name for name, table in TABLES.items() if not is_kept_by_age(table)}
    assert EVERYTHING.rows_since(TABLES["recharges"]) is None
    # Bills are referred to by payments and bill lines, which may be later.
    bills = KEPT.rows_since(TABLES["bills"])
    assert bills is not None
    assert bills < SINCE - timedelta(days=365)


def test_no_row_that_stays_must_refer_to_one_that_goes() -> None:
    for table in TABLES.values():
        for column in table.schema.columns.values():
            other = column.metadata["references"]
            if other in TABLES:
                since, since_other = KEPT.rows_since(table), KEPT.rows_since(TABLES[other])
                assert since_other is None or (since is not None and since_other < since)


def test_old_rows_are_left_out_with_their_faults_beside_those_of_erased_people() -> None:
    gone = ErasedIds.nobody().with_people({"C1": {"subscription_id": ("S-ERASED",)}}, "2025-01-01")
    rows = recharges(
        SINCE - timedelta(microseconds=1),
        SINCE,
        None,
        SINCE + timedelta(days=1),
        ids=("A", "B", "C", "S-ERASED"),
    )
    faults = [
        Fault("amount", "range", "must be", np.array([0, 1])),
        Fault("amount", "null", "must be", np.array([0])),
    ]
    refused = RefusedRows(ErasedRows(gone), KEPT)
    at, left = refused.leave_out(TABLES["recharges"], "a", rows, faults)
    assert at.tolist() == [0, 3]
    assert [(fault.rule, fault.at.tolist()) for fault in left] == [("range", [1])]
    at, left = RefusedRows().leave_out(TABLES["recharges"], "a", rows, faults)
    assert (at.tolist(), left) == ([], faults)


def test_old_rows_are_removed_from_a_store_once(tmp_path: Path) -> None:
    folder = tmp_path / "recharges"
    folder.mkdir()
    days = [SINCE - timedelta(days=1), SINCE, SINCE - timedelta(days=30)]
    pq.write_table(pa.Table.from_batches([recharges(*days)]), folder / "a.parquet")
    pq.write_table(pa.Table.from_batches([recharges(days[1])]), folder / "b.parquet")
    untouched = (folder / "b.parquet").stat().st_ino
    (would,) = forget_old_rows(tmp_path, KEPT, dry_run=True)
    assert (would.table, would.rows, would.since) == ("recharges", 2, SINCE)
    assert pq.read_metadata(folder / "a.parquet").num_rows == 3
    (went,) = forget_old_rows(tmp_path, KEPT)
    assert went.rows == 2
    assert pq.read_table(folder / "a.parquet")["happened_at"].to_pylist() == [SINCE]
    assert (folder / "b.parquet").stat().st_ino == untouched
    assert list(forget_old_rows(tmp_path, KEPT)) == []
