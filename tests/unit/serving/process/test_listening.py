"""The socket to listen on: bound, or handed over as systemd does."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.errors import InputError
from serving.process.listening import address_of, bind, handed_over, listen, tell_ready

ROOT = Path(__file__).parents[4]


def test_an_address_that_is_taken_is_refused() -> None:
    with bind("127.0.0.1", 0) as first:
        listen(first)
        port = first.getsockname()[1]
        with pytest.raises(InputError, match=rf"--host, --port.*in use.*127.0.0.1:{port}"):
            bind("127.0.0.1", port)


def test_two_may_be_bound_and_one_listens() -> None:
    with bind("127.0.0.1", 0) as first, bind("127.0.0.1", first.getsockname()[1]) as second:
        listen(first)
        with pytest.raises(InputError, match="in use"):
            listen(second)


@pytest.mark.parametrize("host, port", [("nowhere.invalid", 1), ("127.0.0.1", 1_000_000)])
def test_what_is_no_address_is_refused(host: str, port: int) -> None:
    with pytest.raises(InputError, match="must be an address"):
        bind(host, port)


def test_an_address_is_written_as_callers_need_it() -> None:
    with bind("::1", 0) as bound:
        assert address_of(bound) == f"http://[::1]:{bound.getsockname()[1]}"


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}],
)
def test_what_is_meant_for_another_process_is_left_alone(environment: dict[str, str]) -> None:
    assert handed_over(environment) is None


def test_of_several_sockets_none_is_taken() -> None:
    with pytest.raises(InputError, match=r"LISTEN_FDS.*one socket"):
        handed_over({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2"})


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_socket_is_taken_over_as_systemd_hands_it(family: int, tmp_path: Path) -> None:
    """In a process of its own, whose third file is the socket."""
    program = (
        "import os\nfrom serving.process.listening import address_of, handed_over\n"
        "os.dup2(int(os.environ['GIVEN']), 3)\n"
        "print(address_of(handed_over({'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'})))"
    )
    with socket.socket(family) as given:
        given.bind(("127.0.0.1", 0) if family == socket.AF_INET else str(tmp_path / "socket"))
        given.listen()
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"GIVEN": str(given.fileno()), "PYTHONPATH": str(ROOT)},
            pass_fds=[given.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )
        if family == socket.AF_INET:
            assert done.stdout.strip() == f"http://127.0.0.1:{given.getsockname()[1]}"
        else:
            assert "must hand over a TCP socket" in done.stderr


def test_systemd_is_told_where_it_listens(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        tell_ready({"NOTIFY_SOCKET": address})
        assert systemd.recv(100) == b"READY=1"
    tell_ready({"NOTIFY_SOCKET": address})
    tell_ready({})
