"""What other systems say of our own decisions is left out, and nothing else of them."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.contracts.tables import TABLES
from features.retained.own_decisions import OWN_CARE_PART, OwnDecisions


@pytest.fixture
def own(tmp_path: Path) -> OwnDecisions:
    folder = tmp_path / "care_contacts"
    folder.mkdir()
    pq.write_table(pa.table({"contact_id": ["K1", "K2", "K1"]}), folder / OWN_CARE_PART)
    return OwnDecisions.read(tmp_path)


def rows(contacts: list[str | None], outcomes: list[str | None] | None = None) -> pa.RecordBatch:
    columns = {"contact_id": pa.array(contacts, pa.string())}
    if outcomes is not None:
        columns["outcome"] = pa.array(outcomes, pa.string())
    return pa.record_batch(columns)


def test_contacts_that_are_ours_are_the_ledgers_to_tell(own: OwnDecisions) -> None:
    told = own.are_told_by_others(TABLES["care_contacts"], "crm.csv", rows(["K1", "X", None, "K2"]))
    assert told.tolist() == [True, False, False, True]
    ours = own.are_told_by_others(TABLES["care_contacts"], OWN_CARE_PART, rows(["K1"]))
    assert ours.tolist() == [False]


def test_of_outcomes_only_whether_the_line_was_lost_is_left_out(own: OwnDecisions) -> None:
    told = own.are_told_by_others(
        TABLES["care_outcomes"],
        "crm.csv",
        rows(["K1", "K1", "X", "K2"], ["churned", "accepted", "churned", None]),
    )
    assert told.tolist() == [True, False, False, False]


def test_other_tables_and_homes_without_care_are_left_alone(
    own: OwnDecisions, tmp_path: Path
) -> None:
    bills = own.are_told_by_others(TABLES["bills"], "a.csv", rows(["K1"]))
    assert bills.tolist() == [False]
    nothing = OwnDecisions.read(tmp_path / "absent")
    told = nothing.are_told_by_others(TABLES["care_contacts"], "a.csv", rows(["K1"]))
    assert told.tolist() == [False]
