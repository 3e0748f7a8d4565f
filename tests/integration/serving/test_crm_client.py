"""The client of the guide for a CRM: against the service, and against answers that seldom come."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from holdfast.clock import system_clock
from holdfast.home import Home
from models.targets import TARGETS
from pipeline.night.score import score_everybody
from serving.access.key_store import KeyStore
from tests.builders.clocks import clock_at
from tests.builders.guides import ROOT
from tests.builders.night import CONFIG, NIGHT, ONLINE, make_operator_version, register_champion
from tests.builders.service_process import ServiceProcess, service_process

CLIENT = runpy.run_path(str(ROOT / "docs" / "guides" / "crm_client.py"))
Service, Scores, Refused, contact, main = (
    CLIENT[name] for name in ("Service", "Scores", "Refused", "contact", "main")
)
PAGE = 40


@pytest.fixture(scope="module")
def home(operator_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that the tests of this file change."""
    root = tmp_path_factory.mktemp("crm") / "home"
    return Home(Path(shutil.copytree(operator_home.root, root)))


@pytest.fixture(scope="module")
def process(home: Home) -> Iterator[ServiceProcess]:
    with service_process(home) as process:
        yield process


@pytest.fixture(scope="module")
def key(home: Home, process: ServiceProcess) -> str:
    """The key that the guide tells to make, once the service asks for it."""
    key = KeyStore(home, system_clock).create("crm", ["predictions:service", "events"])
    return key.secret


@pytest.fixture(scope="module")
def service(process: ServiceProcess, key: str) -> Any:
    return Service(process.address, key)


def test_it_keeps_what_the_last_night_says(home: Home, service: Any, tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    first = Scores(path)
    assert first.pull(service, PAGE) == len(first.kept) > 2 * PAGE
    assert Scores(path).pull(service) == 0  # nothing has changed, and another process goes on
    register_champion(home, make_operator_version(home, TARGETS["csat_low"], seed=3))
    score_everybody(home, CONFIG, clock=clock_at(NIGHT), online=ONLINE)
    later, everybody = Scores(path), Scores(tmp_path / "everybody.json")
    assert 0 < later.pull(service, PAGE) < everybody.pull(service)
    assert later.kept.keys() == everybody.kept.keys()
    for key, one in everybody.kept.items():
        assert later.kept[key]["band"] == one["band"]
        assert abs(later.kept[key]["probability"] - one["probability"]) < CONFIG.feed.step


def test_an_event_counts_once_and_moves_a_score(service: Any, tmp_path: Path) -> None:
    scores = Scores(tmp_path / "scores.json")
    scores.pull(service)
    customers = sorted({one["customer_id"] for one in scores.kept.values()})

    def probabilities(customer: str) -> list[Any]:
        told = service.predictions(customer_ids=[customer], reasons=0)
        return [one["probability"] for one in told]

    for customer in customers[:40]:
        before = probabilities(customer)
        event = contact(f"C-{customer}", customer, NIGHT - timedelta(hours=1))
        assert [one["status"] for one in service.events(event)] == ["taken"]
        after = probabilities(customer)
        assert [one["status"] for one in service.events(event)] == ["repeated"]
        assert probabilities(customer) == after
        if before != after:
            return
    pytest.fail("no score has moved")


def test_its_commands_print_what_its_first_lines_promise(
    process: ServiceProcess,
    key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOLDFAST_URL", process.address)
    monkeypatch.setenv("HOLDFAST_KEY", key)
    main("pull", str(tmp_path / "scores.json"))
    assert " scores received, " in capsys.readouterr().out
    main("ask", "0000000")
    printed = capsys.readouterr().out
    assert "customer 000001\nchurn 30 0." in printed
    assert "近" in printed
    main("ask", "9999999")
    assert "9999999 unknown_subscription" in capsys.readouterr().out
    words = ("contact", "C-1", "000001", "2025-05-04T22:00:00+02:00")
    main(*words)
    main(*words)
    assert capsys.readouterr().out == "contact-C-1 taken\ncontact-C-1 repeated\n"
    with pytest.raises(Refused, match=r"invalid_request: events\[0\]\.row\.arrived_at"):
        main("contact", "C-2", "000001")  # today is the future of a simulated operator


def run_alone(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "docs" / "guides" / "crm_client.py", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_says_in_one_line_what_was_refused(process: ServiceProcess, key: str) -> None:
    environment = {"HOLDFAST_URL": process.address, "HOLDFAST_KEY": key}
    done = run_alone("contact", "C-3", "000001", **environment)
    assert done.returncode == 1
    assert done.stderr.startswith("invalid_request: events[0].row.arrived_at: must not lie in")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [(), ("foo", "bar"), ("ask",), ("ask", "1", "2"), ("contact", "C-1"), ("pull",)],
)
def test_wrong_use_prints_how_it_is_used(words: tuple[str, ...]) -> None:
    done = run_alone(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "python crm_client.py pull scores.json" in done.stderr


def test_a_time_that_is_none_is_named_in_one_line() -> None:
    done = run_alone("contact", "C-1", "000001", "yesterday")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "TIME: must be ISO 8601 with an offset, such as 2025-06-29T12:00:00+00:00 (got 'yesterday')\n"
    )


def test_a_file_that_cannot_be_written_is_told_in_one_line(
    process: ServiceProcess, key: str, tmp_path: Path
) -> None:
    environment = {"HOLDFAST_URL": process.address, "HOLDFAST_KEY": key}
    done = run_alone("pull", str(tmp_path / "nowhere" / "scores.json"), **environment)
    assert done.returncode == 1
    assert done.stderr.startswith("FileNotFoundError: ")
    assert done.stderr.count("\n") == 1


Answer = tuple[int, dict[str, str], dict[str, Any]]


@contextmanager
def answering(*answers: Answer | None) -> Iterator[tuple[str, list[str]]]:
    """A server that gives the answers in order, None for a connection that ends without one; its
    address, and the paths that were asked.
    """
    left, asked = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer = left.pop(0)
            if answer is None:
                return
            status, headers, document = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


def page(next_: str, *customers: str, change: str = "scored", more: bool = False) -> Answer:
    scores = [
        {
            "model": "csat_low",
            "horizon_days": 90,
            "subscription_id": None,
            "customer_id": customer,
            "change": change,
        }
        for customer in customers
    ]
    return 200, {}, {"scores": scores, "next": next_, "more": more}


def problem(status: int, code: str, **headers: str) -> Answer:
    return status, headers, {"code": code, "detail": "…"}


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waits, without waiting."""
    waits: list[float] = []
    sleep: Callable[[float], None] = waits.append
    monkeypatch.setattr(CLIENT["time"], "sleep", sleep)
    return waits


def test_it_waits_as_it_is_told_and_sends_again(slept: list[float], tmp_path: Path) -> None:
    busy = problem(429, "too_many_requests", **{"Retry-After": "7"})
    leaving = problem(503, "unavailable", **{"Retry-After": "1", "Connection": "close"})
    with answering(busy, None, leaving, page("n1", "a")) as (address, asked):
        scores = Scores(tmp_path / "scores.json")
        assert scores.pull(Service(address)) == 1
    assert slept[0] == 7
    assert slept[-1] == 1
    assert len(asked) == 4


def test_it_gives_up_with_what_the_service_says(slept: list[float], tmp_path: Path) -> None:
    with (
        answering(*[problem(503, "unavailable")] * 5) as (address, _),
        pytest.raises(Refused, match="unavailable"),
    ):
        Scores(tmp_path / "scores.json").pull(Service(address))
    with (
        answering(problem(422, "invalid_request")) as (address, _),
        pytest.raises(Refused, match="invalid_request"),
    ):
        Scores(tmp_path / "scores.json").pull(Service(address))
    assert len(slept) == 4


def test_an_expired_cursor_begins_with_everybody(tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    with answering(page("n1", "a", "b")) as (address, _):
        Scores(path).pull(Service(address))
    with answering(
        problem(410, "cursor_expired"),
        page("n2", "b", more=True),
        page("n3", "c"),
        page("n4", "b", change="excluded"),
    ) as (address, asked):
        scores = Scores(path)
        scores.pull(Service(address), 1)
        assert list(scores.kept) == ["csat_low 90 b", "csat_low 90 c"]
        scores.pull(Service(address), 1)
    assert list(scores.kept) == ["csat_low 90 c"]
    assert asked[:3] == [
        "/v1/scores?limit=1&since=n1",
        "/v1/scores?limit=1",
        "/v1/scores?limit=1&since=n2",
    ]
