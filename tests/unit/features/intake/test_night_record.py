import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from features.intake.night_record import NightRecord
from features.intake.verdicts import Verdict
from holdfast.errors import InputError
from tests.builders.nights import FRESH, LATE, night

NOW = datetime(2026, 3, 3, 2, 30, tzinfo=UTC)


def test_the_last_verdict_reads_back_as_it_was(tmp_path: Path) -> None:
    record = NightRecord(tmp_path / "expectations")
    assert record.last() is None
    record.write(night(FRESH), NOW)
    record.write(night(LATE, FRESH, stopped=("usage_weeks",)), NOW)
    assert record.last() == night(LATE, FRESH, stopped=("usage_weeks",))


def test_what_is_overruled_is_appended_with_time_and_verdict(tmp_path: Path) -> None:
    record = NightRecord(tmp_path)
    accepted = replace(LATE, accepted=True, used="tonight's")
    both = night(accepted, replace(FRESH, accepted=True))
    assert both.needlessly_accepted == (FRESH.table,)
    record.write(both, NOW, "Ada")
    record.write(night(accepted), NOW)
    first, second = record.overrulings()
    assert (first.table, first.verdict, first.at) == ("usage_weeks", "late", NOW.isoformat())
    assert first.by == "Ada"
    assert replace(first, by="") == second


def test_overrulings_of_an_earlier_release_name_nobody(tmp_path: Path) -> None:
    record = NightRecord(tmp_path)
    record.write(night(replace(LATE, accepted=True)), NOW)
    lines = tmp_path / "overrulings.jsonl"
    lines.write_text(lines.read_text(encoding="utf-8").replace('"by": "", ', ""), encoding="utf-8")
    assert [one.by for one in record.overrulings()] == [""]


def test_sentences_that_earlier_releases_stored_as_text_still_read(tmp_path: Path) -> None:
    record = NightRecord(tmp_path)
    record.write(night(replace(LATE, accepted=True)), NOW)
    last, lines = tmp_path / "last_night.json", tmp_path / "overrulings.jsonl"
    document = json.loads(last.read_text(encoding="utf-8"))
    (reason,) = document["tables"][0]["reasons"]
    assert "arrived" not in json.dumps(reason["sentence"])  # what is stored has no language
    del reason["sentence"]
    reason["about"] = "0 rows arrived"
    last.write_text(json.dumps(document), encoding="utf-8")
    overruled = json.loads(lines.read_text(encoding="utf-8")) | {"reasons": ["0 rows arrived"]}
    lines.write_text(json.dumps(overruled) + "\n", encoding="utf-8")
    read = record.last()
    assert read is not None
    assert read.tables[0].reasons[0].about == "0 rows arrived"
    assert record.overrulings()[0].to_json()["reasons"] == ["0 rows arrived"]


def test_nothing_is_overruled_in_a_night_that_stops(tmp_path: Path) -> None:
    record = NightRecord(tmp_path)
    record.write(night(replace(LATE, accepted=True), LATE, stopped=("usage_weeks",)), NOW)
    assert record.overrulings() == ()


def test_half_a_line_is_passed_over_and_a_damaged_one_named(tmp_path: Path) -> None:
    record = NightRecord(tmp_path)
    record.write(night(replace(LATE, accepted=True)), NOW)
    lines = tmp_path / "overrulings.jsonl"
    whole = lines.read_text(encoding="utf-8")
    lines.write_text(whole + whole[:20], encoding="utf-8")
    assert len(record.overrulings()) == 1
    record.write(night(replace(LATE, accepted=True)), NOW)
    assert len(record.overrulings()) == 2
    lines.write_text(whole + "{\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"overrulings\.jsonl: 2"):
        record.overrulings()


@pytest.mark.parametrize(
    "verdict, may_run",
    [("fresh", True), ("changed", True), ("late", False), ("thin", False), ("missing", False)],
)
def test_care_runs_only_with_all_that_says_whom_we_may_contact(
    verdict: Verdict, may_run: bool
) -> None:
    consents = replace(FRESH, verdict=verdict)
    assert night(consents, replace(LATE, table="loyalty")).care_may_run is may_run
    assert night(replace(consents, accepted=True)).care_may_run
