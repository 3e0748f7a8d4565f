"""The demo, and the examples of the guide to its service.

Under ``make prove`` it is the demo itself, and the guide's numbers are compared as well; else the
operator that tests share and a model of a few rounds.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.csv as pa_csv
import pytest
import uvicorn

from features.online.service import open_service, read
from features.online.settings import OnlineSettings
from holdfast.clock import system_clock
from holdfast.errors import HomeError
from holdfast.home import Home
from models.registry import list_versions
from pipeline import demo
from serving.access.access import Access
from serving.health import Health
from serving.served.follower import ModelFollower
from serving.service import make_service
from serving.settings import ServingSettings
from tests.builders.clocks import clock_at

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "crm.md"
GUIDE_ADDRESS = "http://127.0.0.1:3000"
EXAMPLE = re.compile(r"```sh\n(curl .*?)```\n\n```(?:json|text)\n(.*?)```", re.DOTALL)


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
    assert {reason["rule"] for reason in verdict["reasons"]} - {"positives"}
    assert refused["status"]["scores"] == []
    assert refused["status"]["without_version"]["churn"] == "has neither champion nor shadow"


def test_it_ends_with_everybody_scored_by_the_operators_own_model(
    demo_folder: Path, printed: dict[str, Any]
) -> None:
    assert printed["scores_as"] in ("champion", "shadow")
    assert printed["model"]["name"] == "churn"
    assert set(printed["model"]["assessment.json"]) == {"30", "60", "90"}
    (scores,) = printed["status"]["scores"]
    assert scores["alias"] == printed["scores_as"]
    assert scores["entities"] > 100
    assert printed["night"]["verdict"] == "done"
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


def test_the_flat_table_has_features_of_its_monday(
    demo_folder: Path, printed: dict[str, Any]
) -> None:
    home = Home(demo_folder / "home" / "table")
    assert 0.6 < printed["table"]["figures"]["auc"]["value"] < 0.95
    ids = [line.split(",")[1] for line in home.care_list.read_text("utf-8-sig").splitlines()[1:3]]
    _, times = read(open_service(home, "customer_table_v1", OnlineSettings()), ids)
    (monday,) = set(times.ravel().tolist())
    assert (monday.weekday(), monday.hour) == (0, 0)
    assert monday.year < 2030


@pytest.fixture(scope="module")
def address(demo_folder: Path) -> Iterator[str]:
    """Address of the service of the demo's model, in this process."""
    home = Home(demo_folder / "home")
    follower = ModelFollower(home, OnlineSettings(), system_clock)
    settings = ServingSettings()
    access = Access(home, system_clock, settings.requests_per_minute)
    service = make_service(follower, Health(follower), access, settings)
    server = uvicorn.Server(uvicorn.Config(service.to_asgi(is_main=False), log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


@pytest.mark.proof
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_guide_shows_what_the_service_answers(
    demo_folder: Path, printed: dict[str, Any], address: str, is_proof: bool
) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    examples = EXAMPLE.findall(guide)
    assert len(examples) == guide.count("```sh\ncurl") == 5
    columns = set(pa_csv.read_csv(demo_folder / "home" / "subscriptions.csv").column_names)
    shown_id, made_id = "S000006978", printed["answer"]["predictions"][0]["subscription_id"]
    assert shown_id in guide
    if is_proof:
        assert shown_id == made_id
    for command, shown in examples:
        done = subprocess.run(
            ["bash", "-c", command.replace(GUIDE_ADDRESS, address).replace(shown_id, made_id)],
            capture_output=True,
            text=True,
            env={**os.environ, "no_proxy": "127.0.0.1", "HOLDFAST_SERVING_API_KEY": "key"},
            timeout=60,
            check=True,
        )
        expected = json.loads(shown.replace(shown_id, made_id))
        compare(expected, json.loads(done.stdout), columns, exact=is_proof)


def compare(shown: Any, answered: Any, columns: set[str], *, exact: bool, name: str = "") -> None:
    """Compare an answer with the one that the guide shows; numbers of the model only where they
    must be exact.
    """
    if isinstance(shown, dict):
        assert list(answered) == list(shown)
        for key, value in shown.items():
            compare(value, answered[key], columns, exact=exact, name=key)
    elif isinstance(shown, list):
        assert len(answered) == len(shown), name
        for one, other in zip(shown, answered, strict=True):
            compare(one, other, columns, exact=exact, name=name)
    elif name == "feature_time" and shown is not None:  # the time of the run
        assert datetime.fromisoformat(answered).tzinfo == datetime.fromisoformat(shown).tzinfo
    elif exact and isinstance(shown, float):
        assert answered == pytest.approx(shown, rel=1e-6), name
    elif exact:
        assert answered == shown, name
    elif name == "value":
        assert answered is None or isinstance(answered, float | int)
    elif shown is None:
        assert answered is None, name
    elif name == "band":
        assert {shown, answered} <= {"high", "medium", "low"}
    elif name == "feature":
        assert {shown, answered} <= columns
    elif name in ("probability", "base", "contribution"):
        assert isinstance(answered, float)
    else:
        assert answered == shown, name
