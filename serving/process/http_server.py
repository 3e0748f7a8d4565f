"""uvicorn's server, which tells when it serves, and after SIGTERM answers on for a while before it
stops.
"""

import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from serving.health import Health
from serving.process.acceptor import Acceptor, Share
from serving.process.connections import ConnectionLimits, Connections, LimitedProtocol
from serving.settings import ServingSettings

FINISH_SECONDS = 10
"""How long requests in progress at the end of the drain may take to finish."""


class HttpServer(uvicorn.Server):
    """Serves an application until SIGTERM or SIGINT.

    After SIGTERM it is not ready, and each answer ends its connection, so that callers move to
    another process. After the drain it takes no more connections, and idle ones are closed.

    Parameters
    ----------
    app : ASGI application
        What answers.
    settings : ServingSettings
        Limits of connections, and the time of the drain.
    health : Health
        Told when it stops.
    announce : callable
        Called once it serves.
    is_orphan : callable
        Whether whoever started this process is gone, so that it has to stop, too.
    share : Share, optional
        Its part of the connections, where there are other workers.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: ServingSettings,
        health: Health,
        announce: Callable[[], None],
        is_orphan: Callable[[], bool] = lambda: False,
        share: Share | None = None,
    ) -> None:
        self._connections = Connections(
            ConnectionLimits(
                header_seconds=settings.header_seconds,
                body_seconds=settings.body_seconds,
                max_header_bytes=settings.max_header_bytes,
                max_connections=settings.max_connections,
            )
        )
        protocol: Any = partial(LimitedProtocol, open_connections=self._connections)
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                log_config=None,
                access_log=False,
                # Nobody's word for another's address is taken.
                proxy_headers=False,
                server_header=False,
                lifespan="on",
                timeout_keep_alive=settings.idle_seconds,
                timeout_graceful_shutdown=FINISH_SECONDS,
            )
        )
        self._health = health
        self._drain_seconds = settings.drain_seconds
        self._announce = announce
        self._is_orphan = is_orphan
        self._share = share
        self._acceptors: list[Acceptor] = []
        self._stop_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        if self._share is None:
            await super().startup(sockets)
        else:
            await super().startup([])
            for listener in sockets or []:
                self._acceptors.append(self._accept_on(listener, self._share))
        self._announce()

    def _accept_on(self, listener: socket.socket, share: Share) -> Acceptor:
        def make_protocol() -> LimitedProtocol:
            return LimitedProtocol(
                open_connections=self._connections,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )

        acceptor = Acceptor(listener, share, self._connections.count, make_protocol)
        acceptor.start()
        return acceptor

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First SIGTERM: not ready from now on, stopped after the drain. SIGINT or another SIGTERM:
        stopped now.
        """
        # The signal is not handed to uvicorn, which would raise it again at the end instead of
        # returning.
        if sig == signal.SIGTERM and not self._health.stopping:
            self._stop_at = time.monotonic() + self._drain_seconds
        else:
            self.force_exit = self.should_exit
            self.should_exit = True
        self._health.stopping = True
        # From the next request on; those in progress are told in the next turn of the loop.
        self._connections.draining = True

    async def on_tick(self, counter: int) -> bool:
        """Begin the drain, and stop once it is over."""
        if not self._health.stopping and self._is_orphan():
            self.handle_exit(signal.SIGTERM, None)
        if self._health.stopping:
            self._connections.drain()
        for acceptor in self._acceptors:
            acceptor.tell()
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and finish what has begun."""
        self._connections.stopping = True
        for acceptor in self._acceptors:
            acceptor.close()
        await super().shutdown(sockets)
