"""A night from raw tables to scores: done once, carried on after a kill, stopped with yesterday's
scores standing.
"""

import json
import shutil
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from holdfast.clock import home_clock, system_clock
from holdfast.errors import HomeError, InputError
from holdfast.home import Home, locked
from models.feed.files import FeedFiles
from models.score_set import read_facts
from models.targets import TARGETS
from pipeline.night.night import STEPS, Night, NightRecords
from pipeline.night.score import score_everybody
from pipeline.night.status import read_status
from serving.answers.walk import walk
from serving.served.feeds import Feeds
from tests.builders.clocks import clock_at
from tests.builders.night import (
    CHAMPIONS,
    CONFIG,
    NIGHT,
    NIGHT_CONFIG,
    ONLINE,
    make_operator_version,
    nightly,
    raw_by,
    register_champion,
    scores_of,
    snapshot_of,
)
from tests.builders.processes import processes
from tests.builders.registry import rollback_model


def statuses(night: Night) -> dict[str, str]:
    return {step.name: step.status for step in night.steps}


@dataclass(frozen=True)
class FirstNight:
    """The first night of an operator, done once; to be read, or copied."""

    home: Home
    night: Night


@pytest.fixture(scope="module")
def first(night_operator: Path, tmp_path_factory: pytest.TempPathFactory) -> FirstNight:
    folder = tmp_path_factory.mktemp("first")
    home = Home(Path(shutil.copytree(night_operator / "home", folder / "home")))
    return FirstNight(home, nightly(home, source=str(night_operator / "raw")))


@pytest.fixture
def later_home(first: FirstNight, tmp_path: Path) -> Home:
    """A home of the test's own, in which the first night is done."""
    return Home(Path(shutil.copytree(first.home.root, tmp_path / "home")))


@pytest.fixture
def next_raw(tmp_path: Path) -> Path:
    """Raw tables of the night after that of the home."""
    return raw_by(tmp_path / "next", NIGHT.replace(day=6))


def test_a_night_scores_everybody_and_the_next_run_does_nothing(
    first: FirstNight, night_operator: Path
) -> None:
    home, done = first.home, first.night
    assert done.verdict == "done", done.error
    assert done.exit_code == 0
    assert done.clock == "simulated"
    assert statuses(done) == dict.fromkeys(STEPS, "done")
    assert done.tables
    assert set(done.tables.values()) == {"fresh"}
    assert done.care_may_run
    assert {path.stem for path in home.score_sets.glob("at=2025-05-04/*")} == set(CHAMPIONS)
    before = {path: path.stat().st_mtime_ns for path in home.root.rglob("*") if path.is_file()}
    second = nightly(home, source=str(night_operator / "raw"))
    assert second.changed_nothing
    assert statuses(second) == dict.fromkeys(STEPS, "unchanged")
    assert (second.verdict, second.at, second.tables) == (done.verdict, done.at, done.tables)
    after = {path: path.stat().st_mtime_ns for path in home.root.rglob("*") if path.is_file()}
    changed = {path.name for path in after if after[path] != before.get(path)}
    assert changed <= {".lock"} | {path.name for path in after if path.name.startswith("mlflow.db")}


def test_the_next_night_scores_a_newer_snapshot_and_keeps_the_older(
    later_home: Home, next_raw: Path
) -> None:
    before = scores_of(later_home)
    night = nightly(later_home, source=str(next_raw))
    assert night.at == "2025-05-05T00:00:00+00:00"
    after = scores_of(later_home)
    assert {name: after[name] for name in before} == before
    assert {name.split("/")[0] for name in after} == {"at=2025-05-04", "at=2025-05-05"}


def test_the_next_night_reports_who_has_changed(
    first: FirstNight, later_home: Home, next_raw: Path
) -> None:
    step = first.night.step("score")
    assert step is not None
    scored = {facts["model"]: facts for facts in step.result["sets"]}
    counts = {name: len(facts["bands"]) * facts["entities"] for name, facts in scored.items()}
    counts.pop("contact_csat_low")
    assert step.result["changes"] == {name: {"scored": count} for name, count in counts.items()}
    assert "; changed scores, one for each id and horizon: churn " in step.about
    feeds, clock = Feeds(FeedFiles(later_home.score_feed)), NIGHT
    everybody = walk(feeds, None, None, 10_000, clock)
    night = nightly(later_home, source=str(next_raw))
    step = night.step("score")
    assert step is not None
    changed = walk(feeds, everybody.next, None, 10_000, clock)
    counted = Counter((row["model"], row["change"]) for row in changed.rows)
    assert counted == {
        (model, kind): count
        for model, kinds in step.result["changes"].items()
        for kind, count in kinds.items()
    }
    kept = {feed_key(row): row for row in everybody.rows}
    for row in changed.rows:
        kept[feed_key(row)] = row
        if row["excluded_at"] is not None:
            del kept[feed_key(row)]
    newest = walk(feeds, None, None, 10_000, clock).rows
    assert set(kept) == {feed_key(row) for row in newest}
    for row in newest:
        held = kept[feed_key(row)]
        assert (held["band"], held["marks"]) == (row["band"], row["marks"])
        assert abs(held["probability"] - row["probability"]) < NIGHT_CONFIG.scoring.feed.step


def feed_key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What a caller keeps a score under."""
    return row["model"], row["subscription_id"] or row["customer_id"], row["horizon_days"]


def test_a_new_champion_is_scored_without_computing_anything_else(
    later_home: Home, night_operator: Path
) -> None:
    version = make_operator_version(later_home, TARGETS["churn"], seed=2)
    number = register_champion(later_home, version)
    night = nightly(later_home, source=str(night_operator / "raw"))
    told = statuses(night)
    assert told["features"] == told["materialize"] == "unchanged"
    assert told["score"] == "done"
    facts = read_facts(later_home.score_sets / "at=2025-05-04" / "churn.parquet")
    assert facts.version == number


def test_scores_of_a_version_that_was_rolled_back_do_not_stay(
    later_home: Home, night_operator: Path
) -> None:
    path = later_home.score_sets / "at=2025-05-04" / "churn.parquet"
    before = read_facts(path).version
    register_champion(later_home, make_operator_version(later_home, TARGETS["churn"], seed=2))
    score_everybody(later_home, CONFIG, clock=clock_at(NIGHT), online=ONLINE)
    assert read_facts(path).version != before
    rollback_model(later_home, "churn")
    # The inputs are those of the night before, but not what lies there.
    source = str(night_operator / "raw")
    assert statuses(nightly(later_home, source=source))["score"] == "done"
    assert read_facts(path).version == before
    assert nightly(later_home, source=source).changed_nothing


def test_without_a_champion_it_takes_in_builds_and_reports(raw: Path, tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    night = nightly(home, source=str(raw))
    assert night.verdict == "done"
    score = night.step("score")
    assert score is not None
    assert score.status == "skipped"
    assert "no model was trained yet" in score.about
    assert snapshot_of(home)
    assert statuses(nightly(home, source=str(raw)))["score"] == "skipped"
    assert read_status(home, home_clock(home, system_clock)).now == NIGHT


def test_a_table_that_is_gone_stops_the_night_and_yesterdays_scores_stand(
    raw: Path, later_home: Home
) -> None:
    before = scores_of(later_home), snapshot_of(later_home)
    shutil.rmtree(raw / "customers")
    night = nightly(later_home, source=str(raw))
    assert (night.verdict, night.exit_code) == ("stopped", 1)
    assert night.error is not None
    assert "customers" in night.error
    assert not night.care_may_run
    assert statuses(night) == {"take_in": "stopped"}
    assert (scores_of(later_home), snapshot_of(later_home)) == before


def test_a_later_step_after_a_stopped_night_tells_that_its_tables_are_yesterdays(
    raw: Path, later_home: Home
) -> None:
    shutil.rmtree(raw / "customers")
    assert nightly(later_home, source=str(raw)).verdict == "stopped"
    night = nightly(later_home, first_step="score")
    assert (night.verdict, night.exit_code, night.care_may_run) == ("doubts", 3, False)
    assert night.tables == {}
    assert "night 2 were not taken in" in night.doubts[0]
    assert nightly(later_home).doubts == night.doubts


def test_a_night_of_the_past_says_that_newer_scores_stand(raw: Path, later_home: Home) -> None:
    newer = scores_of(later_home)
    night = nightly(later_home, source=str(raw), at=NIGHT.replace(day=1).date())
    assert (night.verdict, night.care_may_run) == ("doubts", False)
    assert night.doubts == ("the snapshot is older than scores that stand, those of 2025-05-04",)
    summary = night.step("summary")
    assert summary is not None
    assert {one["at"][:10] for one in summary.result["scores"]} == {"2025-05-01"}
    assert {name: scores_of(later_home)[name] for name in newer} == newer


def test_a_night_may_begin_at_a_later_step(home: Home) -> None:
    night = nightly(home, first_step="score")
    assert list(statuses(night)) == ["score", "care", "retention", "summary"]
    assert night.verdict == "done"


def test_wrong_use_is_refused_before_anything_begins(home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="RAW: must be an existing folder"):
        nightly(home, source=str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="RAW: must be given the first time"):
        nightly(Home(tmp_path / "empty"))
    assert not home.nights.exists()


def _hold(home: Path, ready: Any, let_go: Any) -> None:
    with locked(Home(home)):
        ready.set()
        let_go.wait(240)


def test_it_waits_for_another_process_as_long_as_it_is_told(home: Home) -> None:
    context = processes("tests.builders.preloaded")
    ready, let_go = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(home.root, ready, let_go))
    holder.start()
    assert ready.wait(60)
    with pytest.raises(HomeError, match="another process is writing there"):
        nightly(home, first_step="score")
    threading.Timer(0.5, let_go.set).start()
    assert nightly(home, first_step="score", wait_seconds=120).verdict == "done"
    holder.join()


def test_the_record_of_a_night_is_read_back(first: FirstNight) -> None:
    (stored,) = NightRecords(first.home).newest_first()
    assert stored == first.night
    json.dumps(first.night.to_json(), allow_nan=False)
    page = (first.home.nights / "status.html").read_text(encoding="utf-8")
    assert "Everybody is scored" in page
