"""One journey: a table becomes a served model, CRM asks, the model is damaged, the service refuses
to start.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow.parquet as pq
import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client.parser import text_string_to_metric_families

from holdfast.home import Home
from models.churn import TABLE_CHURN
from models.registry import find_champion
from tests.builders.guides import ROOT, examples
from tests.builders.raw_http import wait_for
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
    environment = os.environ | {"HOLDFAST_SERVING_METRICS_PORT": "0"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def metrics_address(process: "subprocess.Popen[str]") -> str:
    assert process.stderr is not None
    ready = "holdfast shows metrics on "
    line = next(line for line in process.stderr if line.startswith(ready))
    return line.removeprefix(ready).strip()


@pytest.fixture(scope="module")
def service(process: "subprocess.Popen[str]", metrics_address: str) -> Iterator[httpx.Client]:
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
    assert {(one["model"], one["version"], *one["marks"]) for one in known} == {(TABLE_CHURN, "1")}
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
    of_rows = {"feature_time": None, "scored_at": None, "stale": None}
    assert by_row | of_rows == by_id | of_rows
    assert by_id["feature_time"]


def test_mistakes_are_told_as_problems(service: httpx.Client) -> None:
    for body, status in (
        (b"{", 400),
        (b"{}", 422),
        (b'{"customer_ids": []}', 422),
        (b" " * 2_000_000, 413),
    ):
        headers = {"Content-Type": "application/json"}
        answer = service.post("/v1/predictions", content=body, headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    assert service.get("/readyz").status_code == service.get("/livez").status_code == 200
    assert "/v1/predictions" in service.get("/openapi.json").json()["paths"]


def test_prometheus_reads_the_metrics_that_the_guide_shows(
    service: httpx.Client, metrics_address: str
) -> None:
    answer = httpx.get(metrics_address)
    assert answer.headers["content-type"].startswith("text/plain")
    scraped = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert set(scraped) >= {
        "holdfast_request_duration_seconds",
        "holdfast_problems",
        "holdfast_answered_entities",
        "holdfast_computed_predictions",
    }
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in scraped.values()
        for sample in family.samples
    }
    assert samples["holdfast_serving_workers", "1", "champion", TABLE_CHURN] == 1
    assert samples["holdfast_problems_total", "too_large"] == 1
    guide = ROOT / "docs" / "guides" / "operate.md"
    (shown,) = (one.text for one in examples(guide, "text") if "holdfast_request" in one.text)
    shown_names = {
        sample.name for family in text_string_to_metric_families(shown) for sample in family.samples
    }
    known = {name for name, *_ in samples} | {"holdfast_events_total"}
    assert shown_names <= known
    (rules,) = examples(guide, "yaml")
    alerts = [rule for group in yaml.safe_load(rules.text)["groups"] for rule in group["rules"]]
    assert len(alerts) >= 2
    for alert in alerts:
        used = re.findall(r"holdfast_\w+", alert["expr"])
        assert used
        assert set(used) <= known


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


@pytest.fixture(scope="module")
def issued(home: Home, invoke: Invoke, service: httpx.Client) -> dict[str, str]:
    """Secrets by name of a key: of `crm`, of `sender`, which may only send events, of `left`, which is
    revoked, and of `old`, which has ended.
    """
    scopes = {"sender": "events"}
    made = {
        name: invoke(
            *("keys", "create", name, "--scope", scopes.get(name, "predictions:service")),
            *("--home", home.root),
        )
        for name in ("crm", "sender", "left", "old")
    }
    assert {done.exit_code for done in made.values()} == {0}
    assert invoke("keys", "revoke", "left", "--home", home.root).exit_code == 0
    with sqlite3.connect(home.access / "keys.db") as keys:
        keys.execute("UPDATE secrets SET expires_at = 1 WHERE key = 'old'")
    return {name: done.stdout.strip() for name, done in made.items()}


def ask(service: httpx.Client, secret: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}"}
    return service.post("/v1/predictions", json={"customer_ids": ["00001"]}, headers=headers)


def test_the_first_key_closes_a_running_service(
    service: httpx.Client, issued: dict[str, str]
) -> None:
    asked = {"customer_ids": ["00001"]}
    wait_for(lambda: service.post("/v1/predictions", json=asked).status_code == 401)
    assert ask(service, issued["crm"]).status_code == 200
    assert service.get("/readyz").status_code == 200


def test_wrong_revoked_and_ended_keys_are_refused(
    service: httpx.Client, issued: dict[str, str]
) -> None:
    wrong = issued["crm"][:-4] + "AAAA"
    for secret, why in (
        (wrong, "not known"),
        (issued["left"], "revoked"),
        (issued["old"], "expired"),
    ):
        answer = ask(service, secret)
        assert answer.status_code == 401
        assert why in answer.json()["detail"]
        assert secret not in answer.text


def test_no_route_opens_to_a_key_that_is_revoked_has_ended_or_lacks_the_scope(
    service: httpx.Client, issued: dict[str, str]
) -> None:
    paths = service.get("/openapi.json").json()["paths"]
    routes = [(method, path) for path, methods in paths.items() for method in methods]
    assert len(routes) > 4
    for method, path in routes:
        lacking = "crm" if path == "/v1/events" else "sender"
        for name, status in (("left", 401), ("old", 401), (lacking, 403)):
            answer = service.request(
                method,
                path,
                content=b"{}" if method == "post" else None,
                headers={
                    "Authorization": f"Bearer {issued[name]}",
                    "Content-Type": "application/json",
                    "Idempotency-Key": f"{name}-1",
                },
            )
            assert answer.status_code == status, (method, path, name)
            assert answer.headers["content-type"] == "application/problem+json"
            told = f"{answer.text} {answer.headers}"
            assert issued[name][-43:] not in told
            assert "Traceback" not in told
            assert "Bearer" in answer.headers["www-authenticate"]


def test_a_rotated_key_opens_with_both_secrets_until_it_is_revoked(
    service: httpx.Client, home: Home, issued: dict[str, str], invoke: Invoke
) -> None:
    rotated = invoke("keys", "rotate", "crm", "--home", home.root, "--json")
    assert rotated.exit_code == 0, rotated.stderr
    new = json.loads(rotated.stdout)["secret"]
    wait_for(lambda: ask(service, new).status_code == 200)
    assert ask(service, issued["crm"]).status_code == 200
    listed = json.loads(invoke("keys", "list", "--home", home.root, "--json").stdout)["keys"]
    assert {key["name"]: key["state"] for key in listed} == {
        "crm": "valid",
        "sender": "valid",
        "left": "revoked",
        "old": "expired",
    }
    (today,) = {secret["last_used"] for secret in listed[0]["secrets"]}
    assert today
    assert invoke("keys", "revoke", "crm", "--home", home.root).exit_code == 0
    wait_for(lambda: ask(service, new).status_code == 401)
    assert {ask(service, secret).status_code for secret in (issued["crm"], new)} == {401}
    table = invoke("keys", "list", "--home", home.root).stdout
    assert all(secret not in table + json.dumps(listed) for secret in (new, *issued.values()))


def test_it_stops_when_told_to(service: httpx.Client, process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_the_log_says_who_asked_and_no_secret(
    process: "subprocess.Popen[str]", home: Home, issued: dict[str, str]
) -> None:
    assert process.stderr is not None
    requests = (home.access / "requests.jsonl").read_text(encoding="utf-8")
    logged = process.stderr.read() + requests
    lines = [json.loads(line) for line in requests.splitlines()]
    assert {"crm", "sender", None} == {line["key"] for line in lines}
    assert "Traceback" not in logged
    assert {200, 401, 403} <= {line["status"] for line in lines}
    assert "00001" not in requests
    # The random part, which may hold underscores itself.
    assert all(secret[-43:] not in logged for secret in issued.values())
