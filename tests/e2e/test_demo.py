"""The demo, and the examples of the guide to its service.

Under ``make prove`` it is the demo itself, and the guide's numbers are compared as well; else the
operator that tests share and a model of a few rounds.
"""

import json
import shutil
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from features.online.service import open_service, read
from features.online.settings import OnlineSettings
from holdfast.clock import read_clock
from holdfast.errors import HomeError
from holdfast.home import Home
from models.registry import list_versions
from pipeline import demo
from tests.builders.clocks import clock_at
from training.release.gate import SHADOW_RULES


def run(folder: Path) -> demo.Demo:
    return demo.demo(Home(folder), demo.DemoConfig(), clock=clock_at())


def test_it_overwrites_nobodys_table(tmp_path: Path) -> None:
    (tmp_path / "subscriptions.csv").write_text("mine")
    with pytest.raises(HomeError, match=r"subscriptions\.csv"):
        run(tmp_path)
    assert (tmp_path / "subscriptions.csv").read_text() == "mine"


def test_it_leaves_an_operators_own_raw_tables_alone(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    with pytest.raises(HomeError, match="not simulated"):
        run(tmp_path)
    assert not (tmp_path / "operator").exists()


@pytest.fixture(scope="module")
def printed(demo_folder: Path) -> dict[str, Any]:
    """The object that `holdfast demo --json` printed."""
    document: dict[str, Any] = json.loads((demo_folder / "demo.json").read_text(encoding="utf-8"))
    return document


def test_it_leaves_another_demos_operator_alone(demo_folder: Path, tmp_path: Path) -> None:
    noted = Path("operator") / "simulation.json"
    (tmp_path / "operator").mkdir()
    shutil.copyfile(demo_folder / "home" / noted, tmp_path / noted)
    simulation = json.loads((tmp_path / noted).read_text(encoding="utf-8"))
    (tmp_path / noted).write_text(json.dumps(simulation | {"customers": 17}), encoding="utf-8")
    with pytest.raises(HomeError, match=r"holds another simulated operator.*17 customers"):
        run(tmp_path)


def test_what_the_gate_refuses_scores_nobody_and_is_told(demo_folder: Path, is_proof: bool) -> None:
    if is_proof:
        pytest.skip("the demo's own operator is large enough")
    refused = json.loads((demo_folder / "refused.json").read_text(encoding="utf-8"))
    assert (refused["scores_as"], refused["answer"]) == (None, None)
    (verdict,) = refused["model"]["verdicts"]
    assert verdict["passed"] is False
    assert {reason["rule"] for reason in verdict["reasons"]} - SHADOW_RULES
    assert refused["status"]["scores"] == []
    assert refused["status"]["without_version"]["churn"] == "has neither champion nor shadow"


def test_it_ends_with_everybody_scored_by_the_operators_own_model(
    demo_folder: Path, printed: dict[str, Any], is_proof: bool
) -> None:
    assert printed["scores_as"] in ("champion", "shadow")
    assert printed["model"]["name"] == "churn"
    assert set(printed["model"]["assessment.json"]) == {"30", "60", "90"}
    (scores,) = printed["status"]["scores"]
    assert scores["alias"] == printed["scores_as"]
    assert scores["entities"] > 100
    # The demo's own operator has just ended a campaign, whose outcomes arrive ever less.
    assert printed["night"]["verdict"] in (("done", "doubts") if is_proof else ("done",))
    assert printed["night"]["clock"] == "simulated"


def test_the_service_answers_for_three_with_reasons_and_the_operators_time(
    printed: dict[str, Any],
) -> None:
    predictions = printed["answer"]["predictions"]
    assert len({one["subscription_id"] for one in predictions}) == demo.ASKED
    assert len(predictions) == 3 * demo.ASKED
    expected = ["shadow"] if printed["scores_as"] == "shadow" else []
    for one in predictions:
        assert (one["error"], one["marks"], one["stale"]) == (None, expected, False)
        assert len(one["reasons"]) == 3
        assert one["feature_time"] <= printed["night"]["at"]


def test_another_run_finds_what_is_finished(demo_folder: Path, printed: dict[str, Any]) -> None:
    versions = list_versions(Home(demo_folder / "home"), "churn")
    assert [entry.number for entry in versions] == ["1"]
    table = list_versions(Home(demo_folder / "home" / "table"))
    assert [(entry.name, entry.number) for entry in table] == [("churn_table", "1")]


def test_a_campaign_is_sent_and_measured(printed: dict[str, Any]) -> None:
    campaign = printed["campaign"]
    assert campaign["intended"] == campaign["withheld"] + campaign["sent"]
    assert min(campaign["withheld"], campaign["sent"]) > 0
    assert campaign["sample_ratio_ok"]
    assert campaign["without_outcome"] < campaign["intended"] / 10
    # Ten weeks later everything is known; a few households are too few for an interval.
    assert campaign["known_on"] is None
    if campaign["effect"] is not None:
        effect = campaign["effect"]
        assert effect["low"] < effect["value"] < effect["high"]


def test_the_flat_table_has_features_of_its_monday(
    demo_folder: Path, printed: dict[str, Any]
) -> None:
    home = Home(demo_folder / "home" / "table")
    assert 0.6 < printed["table"]["figures"]["auc"]["value"] < 0.95
    ids = [line.split(",")[1] for line in home.care_list.read_text("utf-8-sig").splitlines()[1:3]]
    _, times = read(open_service(home, "customer_table_v1", OnlineSettings()), ids)
    (monday,) = set(times.ravel().tolist())
    assert read_clock(home.clock) == monday.replace(tzinfo=UTC)
    assert (monday.weekday(), monday.hour) == (0, 0)
    assert monday.year < 2030
