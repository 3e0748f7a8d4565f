"""A server as a child process, and the processor time that it and its own children have taken."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import psutil  # type: ignore[import-untyped]

_START_SECONDS = 300
_STOP_SECONDS = 30

# Loopback is never reached through a proxy.
_direct = build_opener(ProxyHandler({}))


class ServerProcess:
    """A running server.

    Parameters
    ----------
    process : psutil.Process
        The process that was started.
    port : int
        Where it listens.
    """

    def __init__(self, process: psutil.Process, port: int) -> None:
        self.port = port
        self._process = process

    def processes(self) -> list[psutil.Process]:
        """Its processes, the one that was started first."""
        return [self._process, *self._process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Processor time that its processes have taken so far."""
        times = [process.cpu_times() for process in self.processes()]
        return float(sum(one.user + one.system for one in times))


@contextmanager
def server_process(
    command: Sequence[str], ready: str, log: Path, environment: Mapping[str, str]
) -> Iterator[ServerProcess]:
    """Start a server, wait until it is ready, and stop it at the end.

    Parameters
    ----------
    command : sequence of str
        With ``{port}`` where the port goes.
    ready : str
        Path that answers with status 200 once it is ready.
    log : Path
        What it prints goes there.
    environment : mapping of str to str
        Added to that of this process.

    Raises
    ------
    RuntimeError
        It ended, or was not ready in time; the message holds the end of what it printed.
    """
    port = _free_port()
    with log.open("wb") as stream:
        started = subprocess.Popen(
            [part.format(port=port) for part in command],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment},
        )
    server = ServerProcess(psutil.Process(started.pid), port)
    try:
        _wait_until_ready(started, f"http://127.0.0.1:{port}{ready}", log)
        yield server
    finally:
        if started.poll() is None:
            _stop(server.processes())
        started.wait()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_ready(started: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while started.poll() is None and time.monotonic() < deadline:
        try:
            with _direct.open(address, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    end = log.read_text(encoding="utf-8", errors="replace")[-1000:]
    raise RuntimeError(f"{started.args!r} did not become ready:\n{end}")


def _stop(processes: list[psutil.Process]) -> None:
    for process in processes:
        _send(process.terminate)
    _, alive = psutil.wait_procs(processes, timeout=_STOP_SECONDS)
    for process in alive:
        _send(process.kill)


def _send(signal: Callable[[], None]) -> None:
    with suppress(psutil.NoSuchProcess):
        signal()
