"""The service under load while it is disturbed: no wrong answer, and no request lost.

`python -m benchmarks.serving.disturbed` does the same at full length and prints what it saw.
"""

import asyncio
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.serving.disturbed import (
    CONNECTIONS,
    DRAIN_SECONDS,
    FILES,
    HALF_OPEN,
    HASTY,
    REQUESTS,
    SETTINGS,
    Stage,
    ask_while_disturbed,
    deploy,
    flood,
    kill,
    own_mib,
    rewrite,
    swap,
)
from benchmarks.serving.patient_load import Tally
from holdfast.home import Home
from serving.process.http_server import FINISH_SECONDS
from tests.builders.raw_http import Caller
from tests.builders.sent_events import sending_events
from tests.builders.served_home import Built
from tests.builders.service_process import START_SECONDS, ServiceProcess, started

pytestmark = [pytest.mark.proof, pytest.mark.timeout(3600)]

FEW = 3_000
GROWTH_MIB = 32
"""How much more memory a worker may have after all requests than after the first thousands: room
for what is kept and for the allocator. A request that left 700 bytes would pass it in a proof."""


@pytest.fixture(scope="module")
def requests(is_proof: bool) -> int:
    return REQUESTS if is_proof else FEW


@pytest.fixture(scope="module")
def stage(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    root = tmp_path_factory.mktemp("stage") / "home"
    return Stage(replace(built, home=Home(Path(shutil.copytree(built.home.root, root)))))


@pytest.fixture(scope="module")
def service(stage: Stage) -> Iterator[ServiceProcess]:
    """Two workers on the stage's socket, started as systemd does."""
    listener, address = stage.listener.fileno(), str(stage.home.root.parent / "notify")
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
        started(
            *(stage.home, "--workers", "2"),
            environment=SETTINGS | {"NOTIFY_SOCKET": address},
            listener=listener,
        ) as service,
    ):
        systemd.bind(address)
        systemd.settimeout(START_SECONDS)
        assert systemd.recv(100) == b"READY=1"
        service.wait_until_it_serves()
        yield service


@pytest.fixture(scope="module")
def successor(stage: Stage) -> Iterator[ServiceProcess]:
    """One process on the same socket, with few files, which is started when it is asked for."""
    listener = stage.listener.fileno()
    with started(
        stage.home, environment=SETTINGS | HASTY, listener=listener, files=FILES
    ) as service:
        yield service


def nothing_is_lost(tally: Tally) -> None:
    assert tally.wrong == []
    assert tally.refused == 0


def test_answers_are_right_and_events_count_once_while_models_stores_and_workers_change(
    stage: Stage, service: ServiceProcess, requests: int, is_proof: bool, tmp_path: Path
) -> None:
    callers = stage.callers()
    kinds = [swap(stage, callers), kill(service), rewrite(stage)]
    if is_proof:
        kinds += [rewrite(stage), kill(service), swap(stage, callers), kill(service)]
    with sending_events(stage.home, stage.port) as events:
        tally = asyncio.run(ask_while_disturbed(callers, requests, kinds))
    nothing_is_lost(tally)
    events.check(tmp_path)
    assert tally.answered >= requests
    assert {"1", "2"} <= set(tally.versions)
    # Of a worker that is killed, its connections alone end. Their requests were sent again.
    assert tally.cut <= CONNECTIONS * sum(one.name == "worker killed" for one in kinds)


def test_memory_is_flat(stage: Stage, service: ServiceProcess, requests: int) -> None:
    asyncio.run(ask_while_disturbed(stage.callers(), requests // 3, []))
    before = {pid: own_mib(pid) for pid in service.workers()}
    tally = asyncio.run(ask_while_disturbed(stage.callers(), requests, []))
    nothing_is_lost(tally)
    assert tally.cut == 0
    after = {pid: own_mib(pid) for pid in service.workers()}
    assert after.keys() == before.keys()
    assert max(after[pid] - before[pid] for pid in after) < GROWTH_MIB


def test_a_deploy_loses_nothing_and_waits_for_no_idle_caller(
    stage: Stage, service: ServiceProcess, successor: ServiceProcess
) -> None:
    idle = [Caller(stage.port) for _ in range(20)]
    assert {caller.get("/livez").status for caller in idle} == {200}
    took: list[float] = []
    deployed = deploy(service, successor, took)
    tally = asyncio.run(ask_while_disturbed(stage.callers(), FEW, deployed))
    nothing_is_lost(tally)
    # All callers were told in time: none of them found its connection closed.
    assert tally.cut == 0
    assert tally.moved >= 1
    # Were idle callers waited for, it took the time for requests in progress as well.
    assert took[0] < DRAIN_SECONDS + FINISH_SECONDS
    for caller in idle:
        caller.close()


def test_connections_that_are_held_open_keep_no_probe_out(
    stage: Stage, successor: ServiceProcess, is_proof: bool
) -> None:
    successor.wait_until_it_serves()
    flooded = flood(stage.port, HALF_OPEN)
    assert {200, 408} <= flooded.statuses
    assert max(flooded.statuses) < 500
    # A second on a machine that does nothing else.
    assert flooded.probe_ms < (1_000 if is_proof else 10_000)
    assert successor.has_printed("HOLDFAST_SERVING_MAX_CONNECTIONS is 172 here")
    assert not successor.has_printed("Traceback")
