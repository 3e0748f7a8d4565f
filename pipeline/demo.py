"""The demo: a simulated operator from raw tables to features, quickstart on one Monday of it, and
three answers of a service.
"""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

from features.flat.identity import read_identity
from features.online.settings import OnlineSettings
from features.settings import FeatureSettings
from holdfast.clock import Clock
from holdfast.errors import HoldfastError, HomeError
from holdfast.home import Home
from holdfast.logging import progress
from pipeline.quickstart import Quickstart, quickstart
from pipeline.simulated_operator import ROLES, SimulatedOperator, simulated_operator
from training.settings import TrainingConfig

CUSTOMERS = 6_000
MONTHS = 11
SEED = 7
ASKED = 3
"""Subscriptions that the service is asked about: the first of the care list."""

_START_SECONDS = 120
_STOP_SECONDS = 30

# Loopback is never reached through a proxy.
_direct = build_opener(ProxyHandler({}))


@dataclass(frozen=True, kw_only=True)
class Demo:
    """What the demo made.

    Parameters
    ----------
    operator : SimulatedOperator
        Raw tables, features and the flat table.
    quickstart : Quickstart
        The run on the flat table.
    answer : JSON object
        The service's answer about three subscriptions.
    seconds : float
        How long all of it took.
    """

    operator: SimulatedOperator
    quickstart: Quickstart
    answer: dict[str, Any]
    seconds: float

    def to_json(self) -> dict[str, object]:
        """The result as one JSON object."""
        return {
            "operator": self.operator.features.to_json(),
            **self.quickstart.to_json(),
            "answer": self.answer,
            "seconds": round(self.seconds, 2),
        }


def demo(
    home: Home,
    config: TrainingConfig,
    *,
    features: FeatureSettings,
    online: OnlineSettings,
    clock: Clock,
) -> Demo:
    """Simulate an operator, compute its features, run `quickstart`, serve the model on a free port,
    ask it, and stop it.

    Parameters
    ----------
    home : Home
        Where everything goes.
    config : TrainingConfig
        As in `pipeline.quickstart.quickstart`.
    features : FeatureSettings
        How features are computed.
    online : OnlineSettings
        Where the newest features go. The service reads the environment itself.
    clock : Clock
        As in `pipeline.quickstart.quickstart`.
    """
    started = time.monotonic()
    kept = home.root / "subscriptions.csv"
    if kept.exists() and read_identity(home) is None:
        raise HomeError(
            f"--home {home.root}",
            "has a file of somebody else's that the demo would overwrite",
            kept.name,
        )
    operator = simulated_operator(home, CUSTOMERS, MONTHS, SEED, config.labels, features, online)
    result = quickstart(operator.table, ROLES, home, config, clock=clock, online=online)
    ids = [
        line.split(",")[1]
        for line in home.care_list.read_text(encoding="utf-8-sig").splitlines()[1 : 1 + ASKED]
    ]
    with serving(home) as address:
        answer = ask(address, ids)
    return Demo(
        operator=operator,
        quickstart=result,
        answer=answer,
        seconds=time.monotonic() - started,
    )


@contextmanager
def serving(home: Home) -> Iterator[str]:
    """A service process on a free loopback port, ready; yields its address and stops it at the end.

    Raises
    ------
    HoldfastError
        The service did not become ready; the message holds its last line.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "commands.main",
        "serve",
        "--home",
        str(home.root),
        "--port",
        str(port),
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        with progress("Starting the service"):
            _wait_until_ready(process, address)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(address: str, ids: list[str]) -> dict[str, Any]:
    """Ask a service about subscriptions."""
    body = json.dumps({"subscription_ids": ids, "reasons": 3}).encode()
    request = Request(f"{address}/v1/predictions", body, {"Content-Type": "application/json"})
    with _direct.open(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def _wait_until_ready(process: "subprocess.Popen[str]", address: str) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            lines = (process.stderr.read() if process.stderr else "").strip().splitlines()
            raise HoldfastError(
                f"the service stopped with exit code {process.returncode}: {lines[-1] if lines else 'no message'}"
            )
        try:
            with _direct.open(f"{address}/readyz", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    raise HoldfastError(f"the service was not ready after {_START_SECONDS} seconds")
