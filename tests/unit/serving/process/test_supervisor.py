"""What becomes of workers that die. They are played: nothing is served."""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from care.settings import CareSettings
from features.online.settings import OnlineSettings
from holdfast.errors import HoldfastError
from holdfast.home import Home
from serving.process import supervisor
from serving.process.supervisor import Restarts, Supervisor, UnusableError
from serving.process.worker import ServingPlan, WorkerFailed, WorkerServes
from serving.settings import ServingSettings


def test_a_worker_is_started_again_later_each_time_until_it_is_given_up() -> None:
    restarts = Restarts()
    assert [restarts.wait_seconds(1) for _ in range(6)] == [0, 1, 2, 4, 8, None]


def test_one_that_served_for_a_minute_begins_anew() -> None:
    restarts = Restarts(failures=5)
    assert restarts.wait_seconds(60) == 0
    assert restarts.wait_seconds(59) == 1


class PlayedProcess:
    """A worker's process that says something at its start, and ends when it is told to."""

    def __init__(self, name: str, connection: Connection, play: "Play") -> None:
        self.name, self.pid, self.exitcode = name, 4_000_000 + len(play.started), None
        self.sentinel, self._end = os.pipe()
        self._connection, self._play = connection, play

    def start(self) -> None:
        self._play.started.append(self.name)
        self._play.script(self, self._connection)

    def end(self, code: int) -> None:
        self.exitcode = code  # type: ignore[assignment]
        os.close(self._end)

    def is_alive(self) -> bool:
        return self.exitcode is None

    def kill(self) -> None:
        if self.exitcode is None:
            self.end(-signal.SIGKILL)

    def join(self) -> None:
        os.close(self.sentinel)


Script = Callable[[PlayedProcess, Connection], None]


class Play:
    """Stands for `multiprocessing`: makes processes that follow a script."""

    Pipe = staticmethod(Pipe)

    def __init__(self, script: Script) -> None:
        self.script = script
        self.started: list[str] = []

    def Process(self, *, args: tuple[Any, ...], name: str, **_: Any) -> PlayedProcess:  # noqa: N802
        return PlayedProcess(name, args[2], self)

    def RawArray(self, kind: Any, values: list[int]) -> Any:  # noqa: N802
        return (kind * len(values))(*values)


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    with socket.socket() as bound:
        yield bound


@pytest.fixture
def play(tmp_path: Path, bound: socket.socket, monkeypatch: pytest.MonkeyPatch) -> "Player":
    """Run two workers by a script, with what happens once all serve; gives what was announced, and the
    names of those started.
    """

    def play(script: Script, then: Callable[[], None] = lambda: None) -> SimpleNamespace:
        stage, announced = Play(script), list[str]()

        def announce(title: str, _: socket.socket) -> None:
            announced.append(title)
            then()

        monkeypatch.setattr(supervisor, "_spawn", stage)
        monkeypatch.setattr(supervisor, "_send", lambda process, sig: process.end(0))
        waits = Restarts.wait_seconds
        monkeypatch.setattr(
            Restarts,
            "wait_seconds",
            lambda self, lived: None if waits(self, lived) is None else 0.0,
        )
        plan = ServingPlan(Home(tmp_path), ServingSettings(), OnlineSettings(), CareSettings())
        played = SimpleNamespace(announced=announced, started=stage.started, error=None)
        try:
            Supervisor(plan, bound, 2, announce).run()
        except HoldfastError as error:
            played.error = error
        return played

    return play


Player = Callable[..., SimpleNamespace]


def test_it_announces_once_when_all_serve_and_ends_when_it_is_told_to(play: Player) -> None:
    def script(process: PlayedProcess, connection: Connection) -> None:
        connection.send(WorkerServes("churn version 1"))
        if process.name.endswith("2"):
            os.kill(os.getpid(), signal.SIGTERM)

    played = play(script)
    assert played.announced == ["churn version 1"]
    assert played.started == ["holdfast-worker-1", "holdfast-worker-2"]
    assert played.error is None


def test_what_no_worker_can_serve_ends_it(play: Player) -> None:
    def script(process: PlayedProcess, connection: Connection) -> None:
        connection.send(WorkerFailed("booster.txt: is damaged", is_input=True))

    played = play(script)
    assert isinstance(played.error, UnusableError)
    assert str(played.error) == "booster.txt: is damaged"
    assert played.announced == []


def serving_until_told(starts: list[PlayedProcess]) -> Script:
    """Workers that serve the first time, and die at once when they are started again."""

    def script(process: PlayedProcess, connection: Connection) -> None:
        starts.append(process)
        if len(starts) <= 2:
            connection.send(WorkerServes("churn version 1"))
        else:
            process.end(1)

    return script


def test_a_worker_that_dies_again_and_again_is_given_up_and_the_others_serve_on(
    play: Player, caplog: pytest.LogCaptureFixture
) -> None:
    starts: list[PlayedProcess] = []

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "given up" in record.getMessage():
                assert starts[0].is_alive()
                os.kill(os.getpid(), signal.SIGTERM)

    told = Told()
    logging.getLogger(supervisor.__name__).addHandler(told)
    try:
        played = play(serving_until_told(starts), lambda: starts[1].end(-signal.SIGKILL))
    finally:
        logging.getLogger(supervisor.__name__).removeHandler(told)
    assert played.error is None
    assert played.announced == ["churn version 1"]
    assert played.started[2:] == ["holdfast-worker-2"] * 5
    assert "worker 2 (process 4000001) ended with SIGKILL; it is started again" in caplog.text
    assert "ended with exit code 1, as 5 times before; it is given up" in caplog.text


def test_without_any_worker_it_ends(play: Player) -> None:
    starts: list[PlayedProcess] = []

    def end_both() -> None:
        for process in starts[:2]:
            process.end(1)

    played = play(serving_until_told(starts), end_both)
    assert str(played.error) == "no worker is left; the log says why they died"
    assert played.error.exit_code == 1
    assert len(played.started) == 2 * 6
