"""Several workers on one port behave as one service, and outlive each other."""

import json
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil  # type: ignore[import-untyped]
import pyarrow.parquet as pq
import pytest

from holdfast.clock import system_clock
from holdfast.home import Home
from models.registry import load_champion
from serving.access.key_store import KeyStore
from tests.builders.night import NIGHT, register_champion
from tests.builders.raw_http import Caller
from tests.builders.served_home import wait_for
from tests.builders.service_process import ServiceProcess, service_process

PER_MINUTE = 100

# Each request has a connection of its own, which any worker may take.
CLIENT = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=30)


@pytest.fixture(scope="module")
def home(operator_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that the tests of this file change, one after the other."""
    root = tmp_path_factory.mktemp("workers") / "home"
    return Home(Path(shutil.copytree(operator_home.root, root)))


@pytest.fixture(scope="module")
def someone(home: Home) -> dict[str, Any]:
    """A score without a mark."""
    (path,) = home.score_sets.glob("at=*/churn.parquet")
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return next(row for row in rows if not row["marks"])


@pytest.fixture(scope="module")
def service(home: Home) -> Iterator[ServiceProcess]:
    environment = {
        "HOLDFAST_SERVING_WORKERS": "2",
        "HOLDFAST_SERVING_RELOAD_SECONDS": "0.2",
        "HOLDFAST_SERVING_REQUESTS_PER_MINUTE": str(PER_MINUTE),
        "HOLDFAST_SERVING_DRAIN_SECONDS": "0.5",
        "HOLDFAST_SERVING_METRICS_PORT": "0",
    }
    # One of its processes crashes below, and leaves no image of its memory.
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    try:
        with service_process(home, environment=environment) as service:
            yield service
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def ask(service: ServiceProcess, someone: dict[str, Any]) -> Ask:
    """Ask for one prediction, with a secret or without."""
    body = {
        "subscription_ids": [someone["subscription_id"]],
        "models": ["churn"],
        "horizons_days": [someone["horizon_days"]],
        "reasons": 0,
    }

    def ask(secret: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return CLIENT.post(f"{service.address}/v1/predictions", json=body, headers=headers)

    return ask


def predictions(ask: Ask) -> list[dict[str, Any]]:
    """What many requests are answered, by all workers."""
    return [ask().json()["predictions"][0] for _ in range(20)]


def versions(ask: Ask) -> set[str]:
    return {one["version"] for one in predictions(ask)}


def test_the_address_is_printed_once_when_all_serve(service: ServiceProcess) -> None:
    assert len(service.workers()) == 2
    (line,) = [line for line in service.printed if line.startswith("holdfast serves")]
    assert line.startswith("holdfast serves churn version 1, csat_low version 1, ")
    assert " with 2 workers on http://127.0.0.1:" in line
    for _ in range(10):
        assert CLIENT.get(f"{service.address}/readyz").status_code == 200


def serving_now(service: ServiceProcess) -> str:
    """How many processes serve a version, by Prometheus's text."""
    (shown,) = [line.split()[-1] for line in service.printed if "shows metrics" in line]
    lines = CLIENT.get(shown).text.splitlines()
    return next(
        line
        for line in lines
        if line.startswith("holdfast_serving_workers{") and 'model="churn"' in line
    )


def connections(worker: int) -> int:
    return sum(
        one.status == psutil.CONN_ESTABLISHED
        for one in psutil.Process(worker).net_connections(kind="tcp")
    )


def test_a_burst_of_connections_is_shared_out(service: ServiceProcess) -> None:
    callers = [Caller(service.port) for _ in range(20)]
    assert {caller.get("/livez").status for caller in callers} == {200}
    # Even, but where a worker was busy for longer than it is waited for.
    assert min(connections(worker) for worker in service.workers()) >= 2
    for caller in callers:
        caller.close()


def test_metrics_are_of_all_workers(service: ServiceProcess) -> None:
    assert serving_now(service).endswith(" 2.0")


def test_an_event_counts_once_and_in_all(
    service: ServiceProcess, ask: Ask, someone: dict[str, Any]
) -> None:
    assert {tuple(one["marks"]) for one in predictions(ask)} == {()}
    row = {
        "customer_id": someone["customer_id"],
        "purpose": "profiling",
        "channel": "any",
        "state": "withdrawn",
        "happened_at": NIGHT.isoformat(),
        "arrived_at": NIGHT.isoformat(),
    }
    body = {"events": [{"event_id": "e-1", "table": "consents", "row": row}]}

    def send(key: str) -> httpx.Response:
        headers = {"Idempotency-Key": key}
        return CLIENT.post(f"{service.address}/v1/events", json=body, headers=headers)

    with ThreadPoolExecutor(8) as senders:
        sent = list(senders.map(lambda _: send("the-same"), range(8)))
    # While one is at work, the others are told to come again.
    assert {answer.status_code for answer in sent} <= {200, 409}
    assert {send("the-same").text for _ in range(8)} == {
        '{"events":[{"event_id":"e-1","status":"taken"}]}'
    }
    for place in range(8):
        assert send(f"another-{place}").json()["events"][0]["status"] == "repeated"
    assert {tuple(one["marks"]) for one in predictions(ask)} == {("profiling_objection",)}


def test_a_worker_that_crashes_says_where_and_is_started_again(
    service: ServiceProcess, ask: Ask
) -> None:
    before = service.workers()
    os.kill(before[0], signal.SIGABRT)
    wait_for(lambda: service.has_printed("; it is started again in 0 s"))
    printed = "".join(service.printed)
    assert f"process {before[0]}) ended with SIGABRT; it is started again" in printed, printed
    assert "Fatal Python error: Aborted" in printed
    assert "serving/process/worker.py" in printed
    # The other one answers meanwhile, and is ready.
    assert ask().status_code == 200
    assert CLIENT.get(f"{service.address}/readyz").status_code == 200
    wait_for(lambda: len(service.workers()) == 2)
    assert len(set(before) & set(service.workers())) == 1
    wait_for(lambda: serving_now(service).endswith(" 2.0"), seconds=120)
    assert len([line for line in service.printed if line.startswith("holdfast serves")]) == 1


def test_a_champion_is_followed_by_all(ask: Ask, home: Home) -> None:
    assert versions(ask) == {"1"}
    register_champion(home, load_champion(home, "churn").model)
    wait_for(lambda: versions(ask) == {"2"}, seconds=120)


def test_a_limit_and_a_revocation_hold_in_all(ask: Ask, home: Home) -> None:
    store = KeyStore(home, system_clock)
    secret = store.create("crm", ["predictions:service"]).secret
    with ThreadPoolExecutor(4) as callers:
        # Until a worker has seen the first key, it answers everybody on this machine and counts
        # nobody. Requests one after the other may all reach the same worker.
        nobody = [None] * 40
        wait_for(lambda: {one.status_code for one in callers.map(ask, nobody)} == {401})
        begun = time.monotonic()
        answers = list(callers.map(ask, [secret] * (4 * PER_MINUTE)))
        minutes = (time.monotonic() - begun) / 60
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    # What a worker takes in advance may be lost to the others; none is given twice. The window
    # slides on while they are asked, and lets as many more pass as have left it.
    assert PER_MINUTE / 2 < statuses.count(200) <= PER_MINUTE * (1 + minutes) + 1
    store.revoke("crm")
    wait_for(lambda: {ask(secret).status_code for _ in range(10)} == {401})


def test_lines_of_the_request_log_are_whole(service: ServiceProcess, home: Home) -> None:
    lines = (home.access / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    requests = [json.loads(line) for line in lines]
    assert len({request["request_id"] for request in requests}) == len(requests) > PER_MINUTE


def test_all_end_with_their_parent(service: ServiceProcess) -> None:
    processes = service.all_processes()
    service.process.kill()
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert alive == []
