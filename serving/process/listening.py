"""The socket that the service listens on: its own, or one that systemd holds for it.

A socket that systemd holds (`LISTEN_FDS`, see sd_listen_fds(3)) outlives the processes that answer
on it, and whoever connects meanwhile waits in its queue. So it can be restarted, or replaced by
another process on the same socket, without a refused connection. `SO_REUSEPORT` cannot: whoever
waits in the queue of a socket that is closed is refused.
"""

import os
import socket
from collections.abc import Mapping

from holdfast.errors import InputError

_FIRST_FD = 3


def bind(host: str, port: int) -> socket.socket:
    """A socket bound to an address. Nobody can connect before it listens.

    Raises
    ------
    InputError
        The address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise _unusable(error, f"{host}:{port}") from None
    return bound


def listen(bound: socket.socket) -> None:
    """Let callers connect.

    Raises
    ------
    InputError
        Another process listens on the address.
    """
    try:
        bound.listen()
    except OSError as error:
        host, port = bound.getsockname()[:2]
        raise _unusable(error, f"{host}:{port}") from None


def handed_over(environment: Mapping[str, str]) -> socket.socket | None:
    """The listening socket that systemd hands over; None where it hands over none.

    Raises
    ------
    InputError
        There are several, or it is none of TCP.
    """
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = environment.get("LISTEN_FDS", "0")
    if count == "0":
        return None
    if count != "1":
        raise InputError("LISTEN_FDS", "must be 1: the service listens on one socket", count)
    given = socket.socket(fileno=_FIRST_FD)
    given.set_inheritable(False)
    if given.type != socket.SOCK_STREAM or given.family not in (socket.AF_INET, socket.AF_INET6):
        rule = "must hand over a TCP socket, as ListenStream=127.0.0.1:3000 does"
        raise InputError("LISTEN_FDS", rule, given.family.name)
    return given


def address_of(bound: socket.socket) -> str:
    """Its address for a caller, such as ``http://127.0.0.1:3000``."""
    host, port = bound.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def tell_ready(environment: Mapping[str, str]) -> None:
    """Tell systemd that the service serves, where it wants to know; see sd_notify(3)."""
    address = environment.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.sendto(b"READY=1", address)
        except OSError:
            return  # nobody listens there any more


def _unusable(error: Exception, address: str) -> InputError:
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    rule = f"must be an address to listen on: {reason}"
    return InputError("--host, --port", rule, address)
