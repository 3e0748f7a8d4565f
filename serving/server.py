"""`holdfast serve`: the service in one process, from the first check to the last answer."""

import resource
import signal
import socket
import sys
import time
from types import FrameType

import uvicorn

from features.online.settings import OnlineSettings, redis_url
from holdfast.clock import system_clock
from holdfast.errors import InputError
from holdfast.home import Home
from holdfast.logging import progress
from serving.access.access import Access
from serving.access.loopback import is_loopback
from serving.health import Health
from serving.metrics.exposition import exposing, make_metrics
from serving.request_log import request_log
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings

# How long requests in progress at the end may take to finish.
_FINISH_SECONDS = 10
_MOST_FILES = 65_536


def run(home: Home, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then return.

    Parameters
    ----------
    home : Home
        Whose models to serve.
    host : str
        Name or address to listen on.
    port : int
        Port to listen on; 0 for any that is free.

    Raises
    ------
    InputError
        The host is not loopback and there is no valid API key, or the address cannot be listened on.
    HomeError
        The API keys cannot be read.
    ModelError
        No model can be served: it or the online store is missing, damaged, or they do not fit.
        Nothing listens then.
    """
    settings, online = ServingSettings.read(), OnlineSettings.read()
    counted_in = redis_url(online) if settings.rate_store == "redis" else None
    access = Access(home, system_clock, settings.requests_per_minute, counted_in)
    _require_keys(access, host, settings)
    with exposing(settings):
        _serve(home, host, port, settings, online, access)


def _serve(
    home: Home,
    host: str,
    port: int,
    settings: ServingSettings,
    online: OnlineSettings,
    access: Access,
) -> None:
    with progress("Loading the models"):
        follower = ModelFollower(home, online, system_clock)
        follower.refresh()
        from serving.service import make_asgi

        health = Health(follower)
        app = make_asgi(follower, health, access, settings, make_metrics(settings))
    named = settings.request_log
    log = request_log(named or home.access / "requests.jsonl", fall_back=named is None)
    raise_file_limit()
    with _listen(host, port) as listener, log:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            # Nobody's word for another's address is taken.
            proxy_headers=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=_FINISH_SECONDS,
        )
        address = f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"
        _Server(config, follower, health, settings.drain_seconds, address).run(sockets=[listener])


def raise_file_limit() -> None:
    """Let this process open as many files as it may: each connection is one, and at the limit
    nobody is answered, probes included.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _require_keys(access: Access, host: str, settings: ServingSettings) -> None:
    if settings.api_key is not None:
        raise InputError(
            ServingSettings.variable("api_key"),
            "must not be set any more: make a key for each caller with `holdfast keys create`",
        )
    access.keys.refresh()
    if not is_loopback(host) and not access.keys.has_valid():
        raise InputError(
            "--host",
            "must be loopback while there is no valid API key; make one with `holdfast keys create`",
            host,
        )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(
            "--host, --port", f"must be an address to listen on: {reason}", f"{host}:{port}"
        ) from None


class _Server(uvicorn.Server):
    """uvicorn's server, which reports when it is ready, and after SIGTERM answers on for a while
    before it stops.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        follower: ModelFollower,
        health: Health,
        drain_seconds: float,
        address: str,
    ) -> None:
        super().__init__(config)
        self._follower = follower
        self._health = health
        self._drain_seconds = drain_seconds
        self._address = address
        self._stop_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then report the address."""
        await super().startup(sockets)
        served = self._follower.current().title
        sys.stderr.write(f"holdfast serves {served} on {self._address}\n")
        sys.stderr.flush()

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

    async def on_tick(self, counter: int) -> bool:
        """Stop once the drain is over."""
        if self._stop_at is not None and time.monotonic() >= self._stop_at:
            self.should_exit = True
        return await super().on_tick(counter)
