import json
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.contracts.vocabulary import ARRIVED
from features.intake.expectations import Expectations
from features.intake.verdicts import NightStoppedError, NightVerdict
from features.settings import ExpectationSettings
from tests.builders.night_faults import FAULTS, Fault, without
from tests.builders.operator_nights import TONIGHT, Nights, take_in

FEW = ("customers", "subscriptions", "usage_weeks")


def without_last_week(source: Path, midnight: datetime) -> None:
    file = source / "usage_weeks" / "part-00000.parquet"
    rows = pq.read_table(file)
    file.unlink()
    pq.write_table(
        rows.filter(
            pc.less(rows[ARRIVED], pa.scalar(midnight - timedelta(days=1), rows[ARRIVED].type))
        ),
        file,
    )


def doubts_of(night: NightVerdict) -> dict[str, str]:
    return {table.table: table.verdict for table in night.tables if table.verdict != "fresh"}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_clean_night_raises_no_doubt(nights: Nights, tmp_path: Path) -> None:
    night = nights.judge(tmp_path)
    assert doubts_of(night) == {}
    assert night.care_may_run
    assert {table.used for table in night.tables} == {"tonight's"}


def test_rows_that_arrived_since_midnight_raise_no_doubt(nights: Nights, tmp_path: Path) -> None:
    source, home = nights.copy(tmp_path, (*FEW, "app_events"))
    midnight = TONIGHT - timedelta(days=1)
    expectations = Expectations(ExpectationSettings(), night=midnight)
    night = take_in(source, home, TONIGHT, expectations).night
    assert night is not None
    assert doubts_of(night) == {}
    early = take_in(source, home, midnight, expectations).night
    assert early is not None
    assert doubts_of(early)["app_events"] == "changed"


def test_a_late_table_is_replaced_by_yesterdays_rows(nights: Nights, tmp_path: Path) -> None:
    night = nights.judge(tmp_path, without_last_week, only=FEW)
    assert doubts_of(night) == {"usage_weeks": "late"}
    (verdict,) = [table for table in night.tables if table.verdict == "late"]
    assert (verdict.used, verdict.policy) == ("yesterday's", "use yesterday's")
    reason = verdict.reasons[0]
    assert reason.low is not None
    assert reason.seen < reason.low < reason.expected
    assert contents(tmp_path / "home/raw/usage_weeks") == contents(
        nights.folder / "home/raw/usage_weeks"
    )


def test_a_table_that_stops_the_night_leaves_everything_as_it_was(
    nights: Nights, tmp_path: Path
) -> None:
    source, home = nights.copy(tmp_path, FEW)
    without_last_week(source, TONIGHT)
    before = contents(home)
    expectations = Expectations(ExpectationSettings(), frozenset({"usage_weeks"}), night=TONIGHT)
    with pytest.raises(NightStoppedError, match="--accept usage_weeks") as stop:
        take_in(source, home, TONIGHT, expectations)
    assert stop.value.night.stopped == ("usage_weeks",)
    assert stop.value.exit_code == 1
    assert contents(home) == before


def test_an_accepted_table_is_taken_as_it_is(nights: Nights, tmp_path: Path) -> None:
    night = nights.judge(
        tmp_path,
        without_last_week,
        ExpectationSettings(stop="usage_weeks"),
        FEW,
        accepted=frozenset({"usage_weeks"}),
    )
    assert doubts_of(night) == {"usage_weeks": "late"}
    assert (night.doubts, night.stopped) == ((), ())
    (verdict,) = [table for table in night.tables if table.table == "usage_weeks"]
    assert verdict.accepted
    assert verdict.used == "tonight's"


def test_ids_that_lead_nowhere_are_seen_though_their_rows_are_accepted(
    nights: Nights, tmp_path: Path
) -> None:
    without_a_plan = without("plan_id = 'MOB-01'", "plans")
    night = nights.judge(tmp_path, without_a_plan, only=(*FEW, "plans"))
    (verdict,) = [table for table in night.tables if table.table == "subscriptions"]
    assert (verdict.verdict, verdict.used) == ("changed", "yesterday's")
    assert any("lead to no row of plans" in reason.about for reason in verdict.reasons)
    (measure,) = [one for one in verdict.measures if one.name == "values replaced"]
    assert measure.seen is not None
    assert measure.seen > 0
    assert measure.expected == 0


def test_a_store_of_an_earlier_release_is_compared_with(nights: Nights, tmp_path: Path) -> None:
    source, home = nights.copy(tmp_path, FEW)
    for path in (home / "raw" / "subscriptions").glob("*.parquet"):
        older = pq.read_table(path).drop_columns(["account_id", "ends_at"])
        path.unlink()
        pq.write_table(older, path)
    manifest = home / "raw" / "manifest.json"
    document = json.loads(manifest.read_text())
    del document["replaced"]
    manifest.unlink()
    manifest.write_text(json.dumps({**document, "contracts": "of an earlier release"}))
    expectations = Expectations(ExpectationSettings(stop=""), night=TONIGHT)
    night = take_in(source, home, TONIGHT, expectations).night
    assert night is not None
    assert doubts_of(night) == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.table}: {fault.name}")
def test_a_fault_is_seen_and_named(nights: Nights, tmp_path: Path, fault: Fault) -> None:
    night = nights.judge(tmp_path, fault.apply, only=fault.tables)
    (verdict,) = [table for table in night.tables if table.table == fault.table]
    used = "tonight's" if fault.verdict == "fresh" else "yesterday's"
    assert (verdict.verdict, verdict.used) == (fault.verdict, used)
    assert any(fault.names in reason.about for reason in verdict.reasons) or not fault.names
