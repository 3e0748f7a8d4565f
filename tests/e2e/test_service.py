"""One journey: a table becomes a served model, CRM asks, the model is damaged, the service refuses
to start.
"""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest

from holdfast.home import Home
from models.churn import TABLE_CHURN
from models.registry import find_champion
from tests.e2e.conftest import HOLDFAST, Command, Invoke


@pytest.fixture(scope="module")
def quickstart(holdfast: Command, table_path: Path) -> "subprocess.CompletedProcess[str]":
    home = table_path.parent / "home"
    return holdfast(
        "quickstart",
        table_path,
        "--target",
        "left",
        "--id",
        "customer",
        "--value",
        "margin",
        "--home",
        home,
        "--json",
    )


@pytest.fixture(scope="module")
def home(quickstart: "subprocess.CompletedProcess[str]", table_path: Path) -> Home:
    assert quickstart.returncode == 0, quickstart.stderr
    return Home(table_path.parent / "home")


@pytest.fixture(scope="module")
def process(home: Home) -> Iterator["subprocess.Popen[str]"]:
    """The service, as a process that the last test ends."""
    command = [HOLDFAST, "serve", "--home", home.root, "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def service(process: "subprocess.Popen[str]") -> Iterator[httpx.Client]:
    assert process.stderr is not None
    ready = f"holdfast serves {TABLE_CHURN} version 1 on "
    line = next(line for line in process.stderr if line.startswith(ready))
    address = line.removeprefix(ready).strip()
    with httpx.Client(base_url=address, timeout=30) as client:
        yield client


def test_quickstart_prints_one_object_and_progress_elsewhere(
    quickstart: "subprocess.CompletedProcess[str]", home: Home
) -> None:
    (line,) = quickstart.stdout.splitlines()
    summary = json.loads(line)
    assert summary["home"] == str(home.root)
    assert "Cross-validating" in quickstart.stderr
    assert "Warning" not in quickstart.stderr


def test_crm_gets_the_stored_scores_and_reasons(service: httpx.Client, home: Home) -> None:
    scores = pq.read_table(home.scores).to_pydict()
    answer = service.post(
        "/v1/predictions", json={"customer_ids": [*scores["customer_id"], "nobody"], "reasons": 2}
    )
    assert answer.status_code == 200
    *known, stranger = answer.json()["predictions"]
    assert answer.json()["model"] == {"name": TABLE_CHURN, "version": "1", "shadow": False}
    assert [prediction["probability"] for prediction in known] == scores["probability"]
    assert [prediction["band"] for prediction in known] == scores["band"]
    assert all(
        len(prediction["reasons"]) == 2 and prediction["error"] is None for prediction in known
    )
    assert stranger["error"]
    assert stranger["probability"] is None


def test_a_row_scores_like_the_customer_it_describes(
    service: httpx.Client, home: Home, table_path: Path
) -> None:
    import csv

    with table_path.open(encoding="utf-8", newline="") as stream:
        row = next(csv.DictReader(stream))
    by_row = service.post("/v1/predictions", json={"rows": [row]}).json()["predictions"][0]
    by_id = service.post("/v1/predictions", json={"customer_ids": [row["customer"]]}).json()[
        "predictions"
    ][0]
    assert {**by_row, "feature_time": None} == {**by_id, "feature_time": None}
    assert by_id["feature_time"]


def test_mistakes_are_told_as_problems(service: httpx.Client) -> None:
    for body, status in (
        (b"{", 400),
        (b"{}", 422),
        (b'{"customer_ids": []}', 422),
        (b" " * 2_000_000, 413),
    ):
        answer = service.post("/v1/predictions", content=body)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert service.get("/readyz").status_code == service.get("/livez").status_code == 200
    assert "/v1/predictions" in service.get("/openapi.json").json()["paths"]


def test_a_damaged_model_is_refused_before_the_port_opens(
    service: httpx.Client, home: Home, invoke: Invoke
) -> None:
    booster = find_champion(home, TABLE_CHURN).directory / "booster.txt"
    booster.write_text(booster.read_text().replace("num_leaves=", "num_leaves=9", 1))
    done = invoke("serve", "--home", home.root, "--port", "1")
    assert done.exit_code == 2
    assert "booster.txt" in done.stderr
    assert "damaged" in done.stderr
    # What serves already goes on.
    assert service.post("/v1/predictions", json={"customer_ids": ["00001"]}).status_code == 200


def test_a_home_without_a_model_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("serve", "--home", tmp_path)
    assert done.exit_code == 2
    assert "quickstart" in done.stderr
    assert not list(tmp_path.iterdir())


def test_it_stops_when_told_to(service: httpx.Client, process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
