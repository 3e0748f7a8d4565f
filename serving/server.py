"""`holdfast serve`: the service from the first check to the last answer, in one process or several."""

import gc
import os
import socket
import sys

from care.settings import CareSettings
from features.online.settings import OnlineSettings
from holdfast.errors import InputError
from holdfast.home import Home
from serving.access.access import Access
from serving.access.loopback import is_loopback
from serving.metrics.exposition import exposing
from serving.process.listening import address_of, bind, handed_over, listen, tell_ready
from serving.process.supervisor import Supervisor
from serving.process.worker import ServingPlan, serve
from serving.settings import ServingSettings


def run(home: Home, host: str, port: int, workers: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then return.

    Parameters
    ----------
    home : Home
        Whose models to serve.
    host : str
        Name or address to listen on, unless systemd hands a socket over.
    port : int
        Port to listen on; 0 for any that is free.
    workers : int, optional
        How many processes answer. Default: by the settings.

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
    settings = ServingSettings.read()
    plan = ServingPlan(home, settings, OnlineSettings.read(), CareSettings.read())
    given = handed_over(os.environ)
    _require_keys(plan.access(), given.getsockname()[0] if given else host, settings)
    count = workers or settings.workers

    def announce(title: str, listener: socket.socket) -> None:
        by = f" with {count} workers" if count > 1 else ""
        sys.stderr.write(f"holdfast serves {title}{by} on {address_of(listener)}\n")
        sys.stderr.flush()
        tell_ready(os.environ)

    def open_listener() -> socket.socket:
        listener = given or bind(host, port)
        listen(listener)
        return listener

    with exposing(settings):
        if count == 1:
            serve(plan, open_listener, announce)
        else:
            Supervisor(plan, given or bind(host, port), count, announce).run()
    # Or Python searches all that was imported for garbage before it ends, for a second or more.
    gc.freeze()


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
