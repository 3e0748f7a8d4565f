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

from features.online.settings import OnlineSettings
from features.settings import FeatureSettings
from holdfast.clock import system_clock
from holdfast.errors import HomeError
from holdfast.home import Home
from pipeline import demo
from serving.access.access import Access
from serving.health import Health
from serving.served.follower import ModelFollower
from serving.service import make_service
from serving.settings import ServingSettings
from tests.builders.clocks import clock_at
from training.settings import TrainingConfig

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "crm.md"
GUIDE_ADDRESS = "http://127.0.0.1:3000"
EXAMPLE = re.compile(r"```sh\n(curl .*?)```\n\n```(?:json|text)\n(.*?)```", re.DOTALL)


def run(folder: Path) -> demo.Demo:
    return demo.demo(
        Home(folder),
        TrainingConfig(),
        features=FeatureSettings(),
        online=OnlineSettings(),
        clock=clock_at(),
    )


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


def test_it_trains_serves_asks_and_stops(demo_folder: Path, printed: dict[str, Any]) -> None:
    assert 0.6 < printed["auc"] < 0.95
    assert printed["operator"]["check"]["clean"] is True
    assert {flag["kind"] for flag in printed["flags"]} <= {
        "missingness"
    }  # no commitment means something
    predictions = printed["answer"]["predictions"]
    assert len(predictions) == demo.ASKED
    assert all(
        prediction["error"] is None and len(prediction["reasons"]) == 3
        for prediction in predictions
    )
    home = Home(demo_folder / "home")
    care_list = home.care_list.read_text(encoding="utf-8-sig").splitlines()
    assert [line.split(",")[1] for line in care_list[1:4]] == [
        prediction["subscription_id"] for prediction in predictions
    ]


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
    shown_id, made_id = "S000006978", printed["answer"]["predictions"][0]["customer_id"]
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
