"""BentoML is a door of its own: what it serves and builds answers as `holdfast serve` does."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from features.online.settings import OnlineSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from serving.access.access import Access
from serving.health import Health
from serving.served.follower import ModelFollower
from serving.service import make_asgi
from serving.settings import ServingSettings
from tests.builders.raw_http import wait_for
from tests.builders.served_home import Built

ROOT = Path(__file__).parents[3]
START_SECONDS = 180

# How, where and with what body to ask.
REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/v1/predictions", {"customer_ids": ["00001", "nobody"], "reasons": 3}),
    ("POST", "/v1/predictions", {"rows": [{"Contract": "monthly"}], "language": "zh-Hans"}),
    ("POST", "/v1/predictions", {"customer_ids": []}),
    ("POST", "/v1/customers/view", {"customer_id": "00001"}),
    ("POST", "/v1/events", {"events": []}),
    ("PUT", "/v1/predictions", {}),
    ("GET", "/v1/models", None),
    ("GET", "/v1/nothing", None),
    ("GET", "/v1/models/", None),
    ("GET", "/openapi.json", None),
    ("GET", "/docs/reference/errors.md", None),
    ("GET", "/readyz", None),
    ("GET", "/livez", None),
]


# The features are of 2024, and withheld by default.
AGES = {"stale_days": 3_650.0, "withhold_days": 3_650.0}


@pytest.fixture(scope="module")
def home(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("bento") / "home"
    return Home(Path(shutil.copytree(built.home.root, root)))


@pytest.fixture(scope="module")
def environment(home: Home, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    ages = {ServingSettings.variable(name): str(days) for name, days in AGES.items()}
    return (
        os.environ
        | ages
        | {
            "BENTOML_HOME": str(tmp_path_factory.mktemp("bentoml")),
            "BENTOML_DO_NOT_TRACK": "True",
            "HOLDFAST_HOME": str(home.root),
            "PYTHONPATH": str(ROOT),
        }
    )


@pytest.fixture(scope="module")
def bento(environment: dict[str, str]) -> Path:
    """The folder of a bento that was built."""
    command = ["build", "-f", "deploy/bentofile.yaml", ".", "-o", "tag"]
    done = subprocess.run(
        [sys.executable, "-m", "bentoml", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    name, version = done.stdout.strip().removeprefix("__tag__:").split(":")
    return Path(environment["BENTOML_HOME"]) / "bentos" / name / version


@contextmanager
def bentoml_serves(what: str, environment: dict[str, str], log: Path) -> Iterator[httpx.Client]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["serve", what, "--host", "127.0.0.1", "--port", str(port)]
    with (
        log.open("w") as stream,
        subprocess.Popen(
            [sys.executable, "-m", "bentoml", *command],
            cwd=ROOT,
            env=environment,
            stdout=stream,
            stderr=stream,
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as caller,
    ):

        def is_ready() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return caller.get("/readyz").status_code == 200
            except httpx.TransportError:
                return False

        try:
            wait_for(is_ready, START_SECONDS)
            yield caller
        finally:
            process.terminate()
            process.wait(60)


def answers(caller: httpx.Client) -> list[object]:
    """What is answered to each request, but for when a score was made."""
    said: list[object] = []
    for method, path, body in REQUESTS:
        answer = caller.request(method, path, json=body)
        is_json = "json" in answer.headers.get("content-type", "")
        content = answer.json() if is_json else answer.text
        for entry in content.get("predictions", []) if is_json else []:
            entry["scored_at"] = None
        said.append((path, answer.status_code, answer.headers.get("content-type"), content))
    return said


@pytest.fixture(scope="module")
def expected(home: Home) -> list[object]:
    """The answers of the application that `holdfast serve` runs."""
    follower = ModelFollower(home, OnlineSettings(), system_clock)
    settings = ServingSettings(**AGES)
    access = Access(home, system_clock, settings.requests_per_minute)
    app = make_asgi(follower, Health(follower), access, settings)
    with TestClient(app, base_url="http://127.0.0.1:3000", client=("127.0.0.1", 50_000)) as caller:
        said = answers(caller)
    assert '"band":' in json.dumps(said)
    return said


def test_bentoml_serves_the_same_answers(
    environment: dict[str, str], expected: list[object], home: Home, tmp_path: Path
) -> None:
    log = home.access / "requests.jsonl"
    with bentoml_serves("serving.bento:service", environment, tmp_path / "log") as caller:
        assert answers(caller) == expected
    logged = [json.loads(line)["path"] for line in log.read_text(encoding="utf-8").splitlines()]
    assert logged.count("/v1/predictions") == 4


def test_a_bento_that_was_built_serves_the_same_answers(
    environment: dict[str, str], bento: Path, expected: list[object], tmp_path: Path
) -> None:
    source = bento / "src"
    with bentoml_serves(
        str(bento), environment | {"PYTHONPATH": str(source)}, tmp_path / "log"
    ) as caller:
        assert answers(caller) == expected


def test_a_bento_holds_all_that_it_imports(environment: dict[str, str], bento: Path) -> None:
    source = bento / "src"
    # Every package of ours, so that none is forgotten here: elsewhere on the path they are found, too.
    ours = sorted(path.parent.name for path in ROOT.glob("*/py.typed"))
    program = (
        "import sys, serving.bento\n"
        f"ours = {ours!r}\n"
        "print(*[m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] in ours])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=source,
        env=environment | {"PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=True,
    )
    files = done.stdout.split()
    assert len(files) > 50
    assert str(source.resolve() / "care" / "settings.py") in files
    assert [file for file in files if not file.startswith(str(source.resolve()))] == []
