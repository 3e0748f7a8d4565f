"""`holdfast serve` as a process with its workers, asked over loopback."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from holdfast.home import Home
from tests.builders.served_home import wait_for

ROOT = Path(__file__).parents[2]
START_SECONDS = 180

# As systemd starts what it hands a socket to: it is file 3, and meant for this process.
_WITH_SOCKET = """
import os, resource, sys
given, files, *command = sys.argv[1:]
os.dup2(int(given), 3)
if files != "None":
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(files), int(files)))
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(command[0], command)
"""


class ServiceProcess:
    """A service that was started, and serves.

    Parameters
    ----------
    process : Popen
        The process; with several workers, their parent.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.printed: list[str] = []
        self.address = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        children = psutil.Process(self.process.pid).children()
        return [one.pid for one in children if _is_worker(one)]

    def all_processes(self) -> list[psutil.Process]:
        return [psutil.Process(pid) for pid in (self.process.pid, *self.workers())]

    def has_printed(self, words: str) -> bool:
        return any(words in line for line in self.printed)

    def stop(self, seconds: float = 60) -> int:
        """Send SIGTERM and wait for the end."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(seconds)
        self.join()
        return code

    def join(self) -> None:
        """Read what is printed to its end, which comes when the last of its processes ends."""
        self._reader.join(60)

    def wait_until_it_serves(self) -> None:
        wait_for(lambda: bool(self.address) or self.process.poll() is not None, START_SECONDS)
        assert self.address, "".join(self.printed)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.printed.append(line)
            if line.startswith("holdfast serves"):
                self.address = line.split()[-1]


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return False


@contextmanager
def started(
    home: Home,
    *options: str,
    environment: Mapping[str, str] | None = None,
    listener: int | None = None,
    files: int | None = None,
) -> Iterator[ServiceProcess]:
    """A service that has been started, and may not serve yet.

    Parameters
    ----------
    home : Home
        Whose.
    *options : str
        Of `holdfast serve`.
    environment : mapping of str to str, optional
        Settings.
    listener : int, optional
        A listening socket's file, to be handed over as systemd does.
    files : int, optional
        How many files a process with such a socket may open. Default: as many as this one.
    """
    command = [sys.executable, "-m", "commands.main", "serve", "--home", str(home.root), *options]
    if listener is None:
        command += ["--port", "0"]
    else:
        command = [sys.executable, "-c", _WITH_SOCKET, str(listener), str(files), *command]
    with subprocess.Popen(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {}),
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=() if listener is None else (listener,),
    ) as process:
        service = ServiceProcess(process)
        try:
            yield service
        finally:
            # Workers end by themselves when their parent is gone.
            process.kill()
            service.join()


@contextmanager
def service_process(
    home: Home, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[ServiceProcess]:
    """A service that serves; parameters as `started`."""
    with started(home, *options, environment=environment) as service:
        service.wait_until_it_serves()
        yield service
