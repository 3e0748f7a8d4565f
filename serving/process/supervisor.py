"""The parent of several workers: it starts them on one socket, and again when they die.

uvicorn's `Multiprocess` was left aside: it starts a worker that dies again at once and without end,
kills one that takes long to load, and says nothing when all of them serve.
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import FrameType

from holdfast.errors import HoldfastError, InputError
from holdfast.logging import progress
from serving.metrics.exposition import forget_process
from serving.process.acceptor import ABSENT, Share
from serving.process.entry import begin
from serving.process.http_server import FINISH_SECONDS
from serving.process.worker import ServingPlan, WorkerFailed, WorkerServes

_TICK_SECONDS = 0.2
_MOST_FAILURES = 5
_STEADY_SECONDS = 60.0
PATIENCE_SECONDS = 10.0
"""Beyond the drain and the time for requests in progress, until a worker is killed."""

_log = logging.getLogger(__name__)
_spawn = multiprocessing.get_context("spawn")


class UnusableError(HoldfastError):
    """A worker cannot serve with what it was given, and no worker serves yet."""

    exit_code = InputError.exit_code


@dataclass
class Restarts:
    """When a worker that died is started again: the first time at once, then after 1, 2, 4 and 8
    seconds. One that has served for a minute begins anew.
    """

    failures: int = 0

    def wait_seconds(self, lived_seconds: float) -> float | None:
        """Seconds until the next start; None where there is to be none.

        Parameters
        ----------
        lived_seconds : float
            How long ago it was started.
        """
        if lived_seconds >= _STEADY_SECONDS:
            self.failures = 0
        self.failures += 1
        if self.failures > _MOST_FAILURES:
            return None
        return 0.0 if self.failures == 1 else float(2 ** (self.failures - 2))


@dataclass
class _Worker:
    """One worker, running or waiting to be started.

    Parameters
    ----------
    number : int
        1 first.
    start_at : float or None
        When to start it, by `time.monotonic`; None while it runs, and once it is given up.
    """

    number: int
    start_at: float | None = field(default_factory=time.monotonic)
    restarts: Restarts = field(default_factory=Restarts)
    process: SpawnProcess | None = None
    connection: Connection | None = None
    started_at: float = 0.0
    title: str | None = None


class Supervisor:
    """Runs the workers of a service until SIGTERM or SIGINT.

    Parameters
    ----------
    plan : ServingPlan
        What they serve.
    bound : socket.socket
        What they listen on.
    workers : int
        How many.
    announce : callable
        Called with the models and the socket, once all of them serve.
    """

    def __init__(
        self,
        plan: ServingPlan,
        bound: socket.socket,
        workers: int,
        announce: Callable[[str, socket.socket], None],
    ) -> None:
        self._plan = plan
        self._bound = bound
        self._announce = announce
        self._workers = [_Worker(number) for number in range(1, workers + 1)]
        self._counts = _spawn.RawArray(ctypes.c_int, [ABSENT] * workers)
        self._signals: list[int] = []
        self._all_served = False
        self._kill_at: float | None = None

    def run(self) -> None:
        """Run them, then return.

        Raises
        ------
        HoldfastError
            A worker cannot be started the first time, or none is left.
        """
        with self._handling_signals():
            try:
                with progress("Loading the models"):
                    while not self._all_served and self._is_running():
                        self._step()
                while self._is_running():
                    self._step()
            finally:
                self._bound.close()
                self._kill()
        if self._kill_at is None:
            raise HoldfastError("no worker is left; the log says why they died")

    def _is_running(self) -> bool:
        return any(
            worker.process is not None or worker.start_at is not None for worker in self._workers
        )

    def _step(self) -> None:
        """Do what is to be done, and wait for what happens next."""
        while self._signals:
            self._stop(self._signals.pop(0))
        for worker in self._workers:
            self._look_after(worker)
        if not self._all_served and all(worker.title for worker in self._workers):
            self._all_served = True
            for worker in self._workers:
                self._tell_all_served(worker)
            self._announce(str(self._workers[0].title), self._bound)
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._kill()
        running = [worker.process.sentinel for worker in self._workers if worker.process]
        wait(running, _TICK_SECONDS) if running else time.sleep(_TICK_SECONDS)

    def _look_after(self, worker: _Worker) -> None:
        if worker.start_at is not None and time.monotonic() >= worker.start_at:
            self._start(worker)
        if worker.connection is not None:
            self._listen(worker, worker.connection)
        if worker.process is not None and not worker.process.is_alive():
            self._take_leave(worker, worker.process)

    def _start(self, worker: _Worker) -> None:
        worker.connection, theirs = _spawn.Pipe()
        debug = logging.getLogger("holdfast").isEnabledFor(logging.DEBUG)
        worker.process = _spawn.Process(
            target=begin,
            args=(self._plan, self._bound, theirs, self._share(worker), debug),
            name=f"holdfast-worker-{worker.number}",
        )
        worker.start_at, worker.started_at, worker.title = None, time.monotonic(), None
        worker.process.start()
        # Theirs alone, so that it closes with them.
        theirs.close()

    def _listen(self, worker: _Worker, connection: Connection) -> None:
        try:
            if not connection.poll():
                return
            word = connection.recv()
        except (EOFError, OSError):
            worker.connection = None
            connection.close()
            return
        if isinstance(word, WorkerServes):
            worker.title = word.title
            if self._all_served:
                _log.info("worker %d serves again", worker.number)
                self._tell_all_served(worker)
        elif isinstance(word, WorkerFailed):
            if not self._all_served:
                raise (UnusableError if word.is_input else HoldfastError)(word.message)
            _log.error("worker %d cannot serve: %s", worker.number, word.message)

    def _take_leave(self, worker: _Worker, process: SpawnProcess) -> None:
        """See what becomes of a worker that has ended."""
        if worker.connection is not None:
            worker.connection.close()
        worker.process = worker.connection = worker.title = None
        self._share(worker).set(ABSENT)
        if process.pid is not None:
            forget_process(process.pid)
        if self._kill_at is not None:
            return
        reason = f"worker {worker.number} (process {process.pid}) ended with {_how(process)}"
        seconds = worker.restarts.wait_seconds(time.monotonic() - worker.started_at)
        if seconds is not None:
            _log.warning("%s; it is started again in %g s", reason, seconds)
            worker.start_at = time.monotonic() + seconds
        elif self._all_served:
            _log.error("%s, as %d times before; it is given up", reason, _MOST_FAILURES)
        else:
            raise HoldfastError(f"{reason}, as {_MOST_FAILURES} times before")

    def _share(self, worker: _Worker) -> Share:
        return Share(self._counts, worker.number - 1)

    def _tell_all_served(self, worker: _Worker) -> None:
        if worker.connection is not None:
            try:
                worker.connection.send(True)
            except OSError:
                _log.debug("worker %d ended before it heard that all serve", worker.number)

    def _stop(self, sig: int) -> None:
        """Hand a signal to all workers, and start none again."""
        if self._kill_at is None:
            seconds = self._plan.settings.drain_seconds + FINISH_SECONDS + PATIENCE_SECONDS
            self._kill_at = time.monotonic() + seconds
        for worker in self._workers:
            worker.start_at = None
            if worker.process is not None:
                _send(worker.process, sig)

    def _kill(self) -> None:
        for worker in self._workers:
            if worker.process is not None:
                worker.process.kill()
                worker.process.join()

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        def note(sig: int, frame: FrameType | None) -> None:
            self._signals.append(sig)

        before = {sig: signal.signal(sig, note) for sig in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)


def _send(process: SpawnProcess, sig: int) -> None:
    if process.is_alive() and process.pid is not None:
        os.kill(process.pid, sig)


def _how(process: SpawnProcess) -> str:
    code = process.exitcode or 0
    if code >= 0:
        return f"exit code {code}"
    return signal.Signals(-code).name
