"""How workers share out who connects.

All of them wait on one socket, and the one that wakes first would take a whole burst of connections,
such as the pool of a client, while the others stay idle for as long as these live. So each leaves a
new connection for a moment to those that have fewer.
"""

import asyncio
import ctypes
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

_PAUSE_SECONDS = 0.001
# How long a connection is left to others, which may be busy.
_LEAVE_SECONDS = 0.01
# Since when a connection that is seen now cannot have waited already.
_ANEW_SECONDS = 0.1
_FULL_SECONDS = 0.2

Counts: TypeAlias = "ctypes.Array[ctypes.c_int]"

ABSENT = 2**31 - 1
"""The count of a worker that takes no connections."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Share:
    """A worker's part of the connections.

    Parameters
    ----------
    counts : array of int
        How many connections each worker has, in memory that all of them share. Each writes its own
        alone, so that no lock is needed which a killed one could keep.
    place : int
        The worker's own.
    """

    counts: Counts
    place: int

    def set(self, count: int) -> None:
        """Say how many this worker has."""
        self.counts[self.place] = count

    def is_due(self) -> bool:
        """Whether none of the others has fewer."""
        return self.counts[self.place] <= min(self.counts)


class Acceptor:
    """Accepts connections in a worker that has others beside it.

    Parameters
    ----------
    listener : socket.socket
        Of all workers. It is not closed here.
    share : Share
        The worker's.
    count : callable
        How many connections it has open.
    make_protocol : callable
        Gives the protocol of a new one.
    """

    def __init__(
        self,
        listener: socket.socket,
        share: Share,
        count: Callable[[], int],
        make_protocol: Callable[[], asyncio.Protocol],
    ) -> None:
        self._listener = listener
        self._share = share
        self._count = count
        self._make_protocol = make_protocol
        self._loop = asyncio.get_running_loop()
        self._making: set[asyncio.Task[object]] = set()
        self._left_since = -_ANEW_SECONDS
        self._again: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Take connections from now on."""
        self._listener.setblocking(False)
        self._share.set(0)
        self._loop.add_reader(self._listener, self._accept)

    def tell(self) -> None:
        """Tell the others how many it has."""
        self._share.set(self._count() + len(self._making))

    def close(self) -> None:
        """Take no more."""
        self._loop.remove_reader(self._listener)
        if self._again is not None:
            self._again.cancel()
        self._share.set(ABSENT)

    def _accept(self) -> None:
        self.tell()
        if not self._share.is_due() and self._is_left():
            self._pause(_PAUSE_SECONDS)
            return
        self._left_since = -_ANEW_SECONDS
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the caller has left
        except OSError as error:
            _log.error("cannot take a connection: %s", error)
            self._pause(_FULL_SECONDS)
            return
        connection.setblocking(False)
        making = self._loop.create_task(self._make(connection))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        self.tell()

    async def _make(self, connection: socket.socket) -> None:
        await self._loop.connect_accepted_socket(self._make_protocol, connection)

    def _is_left(self) -> bool:
        """Whether what waits is left to others for longer."""
        now = self._loop.time()
        if now - self._left_since >= _ANEW_SECONDS:
            self._left_since = now
        return now - self._left_since < _LEAVE_SECONDS

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._again = self._loop.call_later(
            seconds, self._loop.add_reader, self._listener, self._accept
        )
