"""Several workers on one port behave as one service, and outlive each other."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from holdfast.clock import system_clock
from holdfast.home import Home
from serving.access.key_store import KeyStore
from tests.builders.served_home import Built, register, trained, wait_for
from tests.builders.service_process import ServiceProcess, service_process

PER_MINUTE = 100

# Each request has a connection of its own, which any worker may take.
CLIENT = httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), timeout=30)


@pytest.fixture(scope="module")
def home(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that the tests of this file change, one after the other."""
    root = tmp_path_factory.mktemp("workers") / "home"
    return Home(Path(shutil.copytree(built.home.root, root)))


@pytest.fixture(scope="module")
def service(home: Home) -> Iterator[ServiceProcess]:
    environment = {
        "HOLDFAST_SERVING_WORKERS": "2",
        "HOLDFAST_SERVING_RELOAD_SECONDS": "0.2",
        "HOLDFAST_SERVING_REQUESTS_PER_MINUTE": str(PER_MINUTE),
        "HOLDFAST_SERVING_DRAIN_SECONDS": "0.5",
        "HOLDFAST_SERVING_METRICS_PORT": "0",
    }
    with service_process(home, environment=environment) as service:
        yield service


def ask(service: ServiceProcess, secret: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    body = {"customer_ids": ["00001"], "reasons": 0}
    return CLIENT.post(f"{service.address}/v1/predictions", json=body, headers=headers)


def versions(service: ServiceProcess) -> set[str]:
    return {ask(service).json()["predictions"][0]["version"] for _ in range(20)}


def test_the_address_is_printed_once_when_all_serve(service: ServiceProcess) -> None:
    assert len(service.workers()) == 2
    (line,) = [line for line in service.printed if line.startswith("holdfast serves")]
    assert line.startswith("holdfast serves churn version 1 with 2 workers on http://127.0.0.1:")
    for _ in range(10):
        assert CLIENT.get(f"{service.address}/readyz").status_code == 200


def serving_now(service: ServiceProcess) -> str:
    """How many processes serve a version, by Prometheus's text."""
    (shown,) = [line.split()[-1] for line in service.printed if "shows metrics" in line]
    lines = CLIENT.get(shown).text.splitlines()
    return next(line for line in lines if line.startswith("holdfast_serving_workers{"))


def test_metrics_are_of_all_workers(service: ServiceProcess) -> None:
    assert serving_now(service).endswith(" 2.0")


def test_a_worker_that_is_killed_is_started_again(service: ServiceProcess) -> None:
    before = service.workers()
    os.kill(before[0], signal.SIGKILL)
    wait_for(lambda: service.has_printed("ended with SIGKILL; it is started again in 0 s"))
    # The other one answers meanwhile, and is ready.
    assert ask(service).status_code == 200
    assert CLIENT.get(f"{service.address}/readyz").status_code == 200
    wait_for(lambda: len(service.workers()) == 2)
    assert len(set(before) & set(service.workers())) == 1
    wait_for(lambda: serving_now(service).endswith(" 2.0"), seconds=120)
    assert len([line for line in service.printed if line.startswith("holdfast serves")]) == 1


def test_a_champion_is_followed_by_all(service: ServiceProcess, built: Built, home: Home) -> None:
    assert versions(service) == {"1"}
    assert register(home, trained(built.encoding, built.matrix, built.table, seed=20)) == "2"
    wait_for(lambda: versions(service) == {"2"}, seconds=120)


def test_a_limit_and_a_revocation_hold_in_all(service: ServiceProcess, home: Home) -> None:
    store = KeyStore(home, system_clock)
    secret = store.create("crm", ["predictions:service"]).secret
    wait_for(lambda: ask(service).status_code == 401)
    statuses = [ask(service, secret).status_code for _ in range(PER_MINUTE + 50)]
    assert set(statuses) == {200, 429}
    # What a worker takes in advance may be lost to the others; none is given twice.
    assert PER_MINUTE / 2 < statuses.count(200) <= PER_MINUTE
    store.revoke("crm")
    wait_for(lambda: {ask(service, secret).status_code for _ in range(10)} == {401})


def test_lines_of_the_request_log_are_whole(service: ServiceProcess, home: Home) -> None:
    lines = (home.access / "requests.jsonl").read_text(encoding="utf-8").splitlines()
    requests = [json.loads(line) for line in lines]
    assert len({request["request_id"] for request in requests}) == len(requests) > PER_MINUTE


def test_all_end_with_their_parent(service: ServiceProcess) -> None:
    processes = service.all_processes()
    service.process.kill()
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert alive == []
