"""The commands of every day print one JSON object on every exit, and say the same in words."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from commands.main import app
from features.live.event import read_event
from features.live.store import LiveStore
from features.online.service import OPERATOR_DIRECTORY, online_directory
from features.packed.store import PackedStore
from holdfast.clock import home_clock, system_clock
from holdfast.home import Home


@pytest.fixture(scope="module")
def operator(night_operator: Path) -> Path:
    return night_operator


@pytest.fixture
def home(operator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOLDFAST_EXPECTATION_QUARANTINE_SHARE", "1")
    monkeypatch.setenv("HOLDFAST_FEATURE_THREADS", "1")
    return Path(shutil.copytree(operator / "home", tmp_path / "home"))


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_night_its_scores_and_its_status(home: Path, operator: Path) -> None:
    night = run("nightly", operator / "raw", "--home", home, "--json")
    assert night.exit_code == 0, night.output
    document = told(night)
    assert document["verdict"] == "done"
    assert document["care_may_run"] is True
    assert [step["name"] for step in document["steps"]][-1] == "summary"
    assert not document["changed_nothing"]
    again = run("nightly", operator / "raw", "--home", home)
    assert "Nothing has changed since the last night" in again.stdout
    scores = told(run("score", "--home", home, "--json"))
    assert len(scores["unchanged"]) == 3
    assert set(scores["changes"]) == {"churn", "csat_low"}
    in_words = " ".join(run("score", "--home", home).stdout.split())
    for model, kinds in scores["changes"].items():
        assert set(kinds) == {"scored"}
        assert (
            f"{model} {kinds['scored']:,} scored"
            in in_words.split("Reported as changed, one for each id and horizon: ")[1]
        )
    status = told(run("status", "--home", home, "--page", "--json"))
    assert status["nights"][0]["verdict"] == "done"
    assert {model["model"] for model in status["models"]} == {
        "churn",
        "csat_low",
        "contact_csat_low",
    }
    assert {table["verdict"] for table in status["tables"]} == {"fresh"}
    assert Path(status["page"]).exists()
    chinese = told(run("status", "--home", home, "--page", "--language", "zh-CN", "--json"))
    assert "所有人都已评分" in Path(chinese["page"]).read_text(encoding="utf-8")
    words = run("status", "--home", home).stdout
    assert "by the clock of a simulated operator" in words
    assert "churn 1" in words
    assert "Scores reported as changed: churn " in words
    assert "wait for" not in words
    hold_a_recharge(home, "S-TYPO")
    (held,) = told(run("status", "--home", home, "--json"))["held_events"]["ids"]
    assert (held["kind"], held["id"]) == ("subscription", "S-TYPO")
    assert held["tables"] == {"recharges": 1}
    words = run("status", "--home", home).stdout
    assert "1 live events wait for 1 ids that no build knows" in words
    assert "subscription S-TYPO: 1 recharges, since " in words
    nobody = run("show", "S-TYPO", "--home", home)
    assert nobody.exit_code == 2
    assert "events of this subscription wait since" in " ".join(nobody.stderr.split())


def hold_a_recharge(home: Path, line: str) -> None:
    """Send an event of a line that no build knows."""
    where = Home(home)
    clock = home_clock(where, system_clock)
    times = dict.fromkeys(("happened_at", "arrived_at"), clock())
    row = {"subscription_id": line, "amount": 5.0, **times}
    store = PackedStore(online_directory(where.features / OPERATOR_DIRECTORY))
    assert LiveStore(store, clock).apply(read_event("recharges", row)).fates == (("held",),)


def test_a_night_that_stops_says_so_in_json(home: Path, operator: Path, tmp_path: Path) -> None:
    raw = Path(shutil.copytree(operator / "raw", tmp_path / "raw"))
    shutil.rmtree(raw / "subscriptions")
    stopped = run("nightly", raw, "--home", home, "--json")
    assert stopped.exit_code == 1
    assert told(stopped)["verdict"] == "stopped"
    assert "subscriptions" in told(stopped)["error"]
    assert told(stopped)["care_may_run"] is False
    later = run("nightly", "--from", "score", "--home", home, "--json")
    assert later.exit_code == 3
    assert set(told(later)) >= {"verdict", "tables", "steps", "care_may_run", "doubts"}
    assert (told(later)["verdict"], told(later)["care_may_run"]) == ("doubts", False)


def test_a_night_that_cannot_begin_says_so_in_json(home: Path, tmp_path: Path) -> None:
    wrong = run("nightly", tmp_path / "nowhere", "--home", home, "--json")
    assert wrong.exit_code == 2
    assert set(told(wrong)) >= {"verdict", "tables", "steps", "doubts", "care_may_run", "error"}
    nobody = run("nightly", "--by", "Ada", "--home", home, "--json")
    assert nobody.exit_code == 2
    assert "--by: must come with --accept" in told(nobody)["error"]
    unknown = run("nightly", "--accept", "bils", "--home", home, "--json")
    assert unknown.exit_code == 2
    assert "--accept: must name raw tables" in told(unknown)["error"]


def test_a_cut_store_is_refused_by_name_in_every_command(home: Path) -> None:
    file = online_directory(Home(home).features / OPERATOR_DIRECTORY) / "data.mdb"
    os.truncate(file, 50_000)
    for command in (("features", "show", "S1"), ("show", "S1"), ("score",)):
        refused = run(*command, "--home", home)
        assert refused.exit_code == 2, refused.output
        assert f"{file}: was cut: it has 50,000 bytes" in refused.stderr.replace("\n", "")
