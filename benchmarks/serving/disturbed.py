"""The service while it is disturbed: ``python -m benchmarks.serving.disturbed [REQUESTS] [--json]``.

Eight callers ask two workers while models are swapped, workers are killed with SIGKILL and the packed
store is written anew; each answer is compared with what its version gives for features that the store
held. Then deploys: new processes take the place of old ones on a socket that is held as systemd holds
it. Then three hundred connections that are only held open, half of which send a byte now and then,
against a process that may open three hundred files.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil  # type: ignore[import-untyped]

from benchmarks.report import show
from benchmarks.serving.patient_load import Callers, Tally
from features.flat.repository import TableRepository, snapshot_time
from holdfast.home import Home
from models.scorer import Scorer
from tests.builders.raw_http import Caller, head
from tests.builders.served_home import MOMENT, ROWS, Built, build_home, register, trained
from tests.builders.service_process import ServiceProcess, started
from tests.conftest import customers

REQUESTS = 100_000
CONNECTIONS = 8
HALF_OPEN = 300
FILES = 300
DRAIN_SECONDS = 2.0
SETTINGS = {
    # The features are of 2024, and their age is not what is tried here.
    "HOLDFAST_SERVING_STALE_DAYS": "3650",
    "HOLDFAST_SERVING_WITHHOLD_DAYS": "3650",
    "HOLDFAST_SERVING_RELOAD_SECONDS": "0.5",
    "HOLDFAST_SERVING_DRAIN_SECONDS": str(DRAIN_SECONDS),
}
HASTY = {"HOLDFAST_SERVING_HEADER_SECONDS": "3", "HOLDFAST_SERVING_BODY_SECONDS": "3"}
_SEEDS = (1, 20)
_PATIENCE_SECONDS = 300


class Stage:
    """A home that is changed while it is served, and a socket that outlives who answers on it.

    Parameters
    ----------
    built : Built
        The home, with version 1 of the first seed, and the features it was built from.
    """

    def __init__(self, built: Built) -> None:
        self._built = built
        self._versions = [
            trained(built.encoding, built.matrix, built.table, seed=seed) for seed in _SEEDS
        ]
        # What the store may hold: each customer's own features, or those of the next one.
        self._matrices = (built.matrix, np.roll(built.matrix, 1, axis=0))
        self._places = {customer: place for place, customer in enumerate(built.ids)}
        self._expected = [
            np.array([Scorer(version, threads=1).score(m).probability for m in self._matrices])
            for version in self._versions
        ]
        self._number = self._written = 1
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1_024)

    @property
    def home(self) -> Home:
        """What is served."""
        return self._built.home

    @property
    def port(self) -> int:
        """Of the socket, on loopback."""
        port: int = self.listener.getsockname()[1]
        return port

    @property
    def number(self) -> str:
        """The champion's number."""
        return str(self._number)

    def callers(self) -> Callers:
        """New callers, who know what is right."""
        return Callers(self.port, self._built.ids, self._is_right)

    def swap_model(self) -> None:
        """Another champion."""
        version = self._versions[self._number % len(_SEEDS)]
        self._number = int(register(self.home, version))

    def write_store(self) -> None:
        """Everybody gets other features, by a materialization."""
        matrix = self._matrices[self._written % len(self._matrices)]
        repository = TableRepository(self.home)
        at = snapshot_time(MOMENT, len(matrix))
        repository.write(self._built.encoding, self._built.ids, at, matrix)
        repository.materialize()
        self._written += 1

    def _is_right(self, customer: str, number: str, probability: float) -> bool:
        expected = self._expected[(int(number) - 1) % len(_SEEDS)][:, self._places[customer]]
        return probability in expected.tolist()


@dataclass(frozen=True)
class Disturbance:
    """One thing that happens to a service while it is asked.

    Parameters
    ----------
    name : str
        What.
    happen : callable
        Makes it happen.
    is_over : callable
        Whether the service has coped with it.
    """

    name: str
    happen: Callable[[], None]
    is_over: Callable[[], bool] = lambda: True


def swap(stage: Stage, callers: Callers) -> Disturbance:
    """Another champion, until it answers."""
    return Disturbance(
        "model swapped", stage.swap_model, lambda: callers.tally.versions[stage.number] > 0
    )


def rewrite(stage: Stage) -> Disturbance:
    """The store written anew."""
    return Disturbance("store rewritten", stage.write_store)


def kill(service: ServiceProcess) -> Disturbance:
    """A worker killed, until another is there in its place."""
    before = 0

    def again() -> int:
        return sum("serves again" in line for line in service.printed)

    def happen() -> None:
        nonlocal before
        before = again()
        os.kill(service.workers()[0], signal.SIGKILL)

    return Disturbance("worker killed", happen, lambda: again() > before)


async def ask_while_disturbed(
    callers: Callers, requests: int, disturbances: Sequence[Disturbance]
) -> Tally:
    """Ask at least so many requests while one disturbance follows the other, and as many as it takes
    until all are over.
    """
    asking = asyncio.create_task(callers.ask(CONNECTIONS))
    try:
        for place, disturbance in enumerate(disturbances, start=1):
            share = requests * place // (len(disturbances) + 1)
            await _wait_for(lambda share=share: callers.tally.answered >= share)  # type: ignore[misc]
            await asyncio.to_thread(disturbance.happen)
            await _wait_for(disturbance.is_over)
        after = max(requests, callers.tally.answered + requests // 10)
        await _wait_for(lambda: callers.tally.answered >= after)
    finally:
        callers.stop()
        await asking
    return callers.tally


async def _wait_for(what: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not what():
        if time.monotonic() > end:
            raise TimeoutError("the service did not cope")
        await asyncio.sleep(0.05)


def own_mib(pid: int) -> float:
    """Memory that a process has for itself, without files that are mapped."""
    return float(psutil.Process(pid).memory_full_info().uss) / 2**20


def deploy(old: ServiceProcess, new: ServiceProcess, took: list[float]) -> list[Disturbance]:
    """A new process that takes the place of an old one, which has been started: it serves, then the
    old one ends.

    Parameters
    ----------
    old, new : ServiceProcess
        On one socket.
    took : list of float
        Gets how long the old one took to end, in seconds.
    """

    def end() -> None:
        began = time.monotonic()
        if old.stop() != 0:
            raise RuntimeError("".join(old.printed))
        took.append(time.monotonic() - began)

    return [
        Disturbance("new process serves", new.wait_until_it_serves),
        Disturbance("old process ended", end),
    ]


@dataclass(frozen=True)
class Flood:
    """What was seen of a service that is flooded.

    Parameters
    ----------
    probe_ms : float
        The longest time until `/livez` was answered.
    statuses : set of int
        Of all that was answered.
    """

    probe_ms: float
    statuses: set[int]


def flood(port: int, sockets: int) -> Flood:
    """Hold connections open, of which one half sends a head and the other a body byte by byte, and
    probe until the service has closed all of them.
    """
    starts = (b"POST /v1/predictions HTTP/1.1\r\nHost: localhost\r\nX: ", _slow_body())
    held = [Caller(port).send(starts[place % 2]) for place in range(sockets)]
    slowest, statuses = 0.0, set()
    while held:
        began = time.perf_counter()
        probe = Caller(port)
        statuses.add(probe.get("/livez").status)
        probe.close()
        slowest = max(slowest, 1000 * (time.perf_counter() - began))
        held = [caller for caller in held if _is_held(caller, statuses)]
        time.sleep(0.1)
    return Flood(slowest, statuses)


def _is_held(caller: Caller, statuses: set[int]) -> bool:
    """Send one more byte, and see whether the service has had enough of it."""
    caller.socket.setblocking(False)
    try:
        caller.socket.send(b"x")
        if answer := caller.socket.recv(65_536):
            statuses.add(int(answer.split(b" ")[1]))
    except BlockingIOError:
        return True
    except OSError:
        pass  # closed for another one, as it should be
    caller.close()
    return False


def _slow_body() -> bytes:
    lines = ("Content-Type: application/json", "Content-Length: 100000")
    return head("POST", "/v1/predictions", *lines) + b"{"


def main() -> None:
    """Disturb a service, and print what its callers saw."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    requests = numbers[0] if numbers else REQUESTS
    with TemporaryDirectory() as folder:
        stage = Stage(build_home(Home(Path(folder) / "home"), customers(ROWS)))
        with (
            started(
                stage.home,
                "--workers",
                "2",
                environment=SETTINGS,
                listener=stage.listener.fileno(),
            ) as old,
            started(
                stage.home,
                environment=SETTINGS | HASTY,
                listener=stage.listener.fileno(),
                files=FILES,
            ) as new,
        ):
            new.process.send_signal(signal.SIGSTOP)
            old.wait_until_it_serves()
            _show_disturbed(stage, old, requests)
            new.process.send_signal(signal.SIGCONT)
            _show_deployed(stage, old, new, requests // 10)
            _show_flooded(stage)


def _show_disturbed(stage: Stage, service: ServiceProcess, requests: int) -> None:
    callers = stage.callers()
    kinds = [swap(stage, callers), rewrite(stage), kill(service)]
    before = [round(own_mib(pid)) for pid in service.workers()]
    tally = asyncio.run(ask_while_disturbed(callers, requests, kinds))
    row = {"disturbed by": ", ".join(one.name for one in kinds), **_row(tally)}
    show(f"Two workers, {CONNECTIONS} callers", [row])
    steady = asyncio.run(ask_while_disturbed(stage.callers(), requests, []))
    after = [round(own_mib(pid)) for pid in service.workers()]
    show("Undisturbed", [_row(steady) | {"MiB before": str(before), "MiB after": str(after)}])


def _show_deployed(stage: Stage, old: ServiceProcess, new: ServiceProcess, requests: int) -> None:
    took: list[float] = []
    deployed = deploy(old, new, took)
    tally = asyncio.run(ask_while_disturbed(stage.callers(), requests, deployed))
    rows = [_row(tally) | {"seconds of the end": took[0], "of them drain": DRAIN_SECONDS}]
    show("Deploy on a socket that is held", rows)


def _show_flooded(stage: Stage) -> None:
    flooded = flood(stage.port, HALF_OPEN)
    statuses = str(sorted(flooded.statuses))
    row = {"connections": HALF_OPEN, "files": FILES, "livez ms at most": flooded.probe_ms}
    show("Connections that are held open", [row | {"statuses": statuses}])


def _row(tally: Tally) -> dict[str, object]:
    return {
        "answered": tally.answered,
        "wrong": len(tally.wrong),
        "cut": tally.cut,
        "refused": tally.refused,
        "told to move": tally.moved,
        "slowest ms": tally.slowest_ms,
    }


if __name__ == "__main__":
    main()
