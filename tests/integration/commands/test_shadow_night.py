"""A first model that only lacks evidence, from the gate through a whole night to the service."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from commands.main import app
from features.online.settings import OnlineSettings
from holdfast.home import Home
from models.targets import TARGETS
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.night import (
    NIGHT,
    make_operator_version,
    with_evidence,
)
from tests.builders.served_home import predict, serving
from training.release.tracking import RunRecord, Tracking


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(result: Result) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def home(
    night_operator: Path, tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch
) -> Home:
    """A home whose only model is a challenger with 250 positives in its test period."""
    patch.setenv("HOLDFAST_EXPECTATION_QUARANTINE_SHARE", "1")
    patch.setenv("HOLDFAST_FEATURE_THREADS", "1")
    patch.setenv("HOLDFAST_GATE_FEWEST_POSITIVES", "300")
    folder = tmp_path_factory.mktemp("shadow") / "home"
    left_out = shutil.ignore_patterns("mlflow.db*", "mlartifacts")
    home = Home(Path(shutil.copytree(night_operator / "home", folder, ignore=left_out)))
    version = with_evidence(make_operator_version(home, TARGETS["churn"]))
    Tracking(home, clock_at(NIGHT)).register(version, RunRecord(parameters={}, metrics={}))
    return home


@pytest.fixture(scope="module")
def promoted(home: Home) -> Result:
    return run("models", "promote", "--shadow", "--home", home.root, "--json")


@pytest.fixture(scope="module")
def night(home: Home, night_operator: Path, promoted: Result) -> dict[str, Any]:
    assert promoted.exit_code == 0, promoted.output
    return told(run("nightly", night_operator / "raw", "--home", home.root, "--json"))


def test_the_gate_refuses_it_for_its_counts_alone(home: Home, promoted: Result) -> None:
    verdict = told(promoted)
    assert {reason["rule"] for reason in verdict["reasons"]} == {"positives"}
    assert (verdict["passed"], verdict["promoted"], verdict["shadow"]) == (False, False, True)
    assert run("models", "promote", "--home", home.root).exit_code == 3


def test_every_score_of_the_night_is_marked(home: Home, night: dict[str, Any]) -> None:
    assert night["verdict"] == "done", night["error"]
    (score,) = (step for step in night["steps"] if step["name"] == "score")
    assert "by churn 1 (shadow)" in score["about"]
    (path,) = home.score_sets.glob("at=*/*.parquet")
    marks = pq.read_table(path)["marks"].to_pylist()
    assert marks
    assert all("shadow" in of for of in marks)


def test_the_morning_says_so_as_text_json_and_page(home: Home, night: dict[str, Any]) -> None:
    status = told(run("status", "--home", home.root, "--page", "--json"))
    (model,) = status["models"]
    assert (model["model"], model["alias"], model["since"]) == (
        "churn",
        "shadow",
        NIGHT.isoformat(),
    )
    assert {facts["alias"] for facts in status["scores"]} == {"shadow"}
    shown = run("status", "--home", home.root).stdout
    assert "churn 1" in shown
    assert "shadow" in shown
    assert "shadow" in Path(status["page"]).read_text(encoding="utf-8")


def test_the_service_says_so_and_gives_the_nights_probabilities(
    home: Home, night: dict[str, Any]
) -> None:
    (path,) = home.score_sets.glob("at=*/*.parquet")
    rows = [row for row in pq.read_table(path).to_pylist() if row["horizon_days"] == 90][:3]
    ids = [row["subscription_id"] for row in rows]
    follower = ModelFollower(home, OnlineSettings(), clock_at())
    asked = {"subscription_ids": ids, "horizons_days": [90], "reasons": 2}
    with serving(follower) as caller:
        answer = predict(caller, asked)
    assert follower.current().title == "churn version 1 (shadow)"
    for row, prediction in zip(rows, answer["predictions"], strict=True):
        assert (prediction["model"], prediction["version"]) == ("churn", "1")
        assert "shadow" in prediction["marks"]
        assert prediction["probability"] == row["probability"]
        assert prediction["feature_time"] == row["feature_time"].isoformat()
        assert len(prediction["reasons"]) == 2


def test_the_service_lives_in_the_operators_time(home: Home, night: dict[str, Any]) -> None:
    (path,) = home.score_sets.glob("at=*/*.parquet")
    asked = {"subscription_ids": pq.read_table(path)["subscription_id"].to_pylist()[:1]}
    follower = ModelFollower(home, OnlineSettings(), clock_at())
    with serving(follower) as caller:
        assert follower.now() == NIGHT
        assert predict(caller, asked)["predictions"][0]["stale"] is False
    noted = home.clock.read_text(encoding="utf-8")
    home.clock.unlink()  # the time is that of the clock now, years later
    try:
        with serving(ModelFollower(home, OnlineSettings(), clock_at())) as caller:
            one = predict(caller, asked)["predictions"][0]
            assert one["error"] is not None
            assert (one["stale"], one["error"]["code"]) == (True, "features_too_old")
    finally:
        home.clock.write_text(noted, encoding="utf-8")
