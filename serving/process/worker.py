"""Serving in one process: alone, or as one of several workers on one socket."""

import faulthandler
import gc
import logging
import os
import resource
import socket
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from care.settings import CareSettings
from features.online.settings import OnlineSettings, redis_url
from holdfast.clock import system_clock
from holdfast.errors import HoldfastError
from holdfast.home import Home
from holdfast.logging import log_to_stderr, progress
from serving.access.access import Access
from serving.health import Health
from serving.metrics.exposition import make_metrics
from serving.process.acceptor import Share
from serving.process.http_server import HttpServer
from serving.process.listening import listen
from serving.request_log import request_log
from serving.served.follower import ModelFollower
from serving.settings import ServingSettings

_MOST_FILES = 65_536
# Of stores, databases, logs and the event loop.
_OTHER_FILES = 128

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServingPlan:
    """What a process serves, and how.

    Parameters
    ----------
    home : Home
        Whose models.
    settings : ServingSettings
        Of the service.
    online : OnlineSettings
        Which online store.
    care : CareSettings
        Where the ledger of care lies.
    """

    home: Home
    settings: ServingSettings
    online: OnlineSettings
    care: CareSettings

    def access(self) -> Access:
        """Who may ask."""
        per_minute = self.settings.requests_per_minute
        counted_in = redis_url(self.online) if self.settings.rate_store == "redis" else None
        return Access(self.home, system_clock, per_minute, counted_in)

    def log(self) -> AbstractContextManager[object]:
        """Writes the request log while it lasts; errors as `request_log`."""
        named = self.settings.request_log
        return request_log(named or self.home.access / "requests.jsonl", fall_back=named is None)


def serve(
    plan: ServingPlan,
    open_listener: Callable[[], socket.socket],
    announce: Callable[[str, socket.socket], None],
    *,
    all_serve: Callable[[], bool] = lambda: True,
    is_orphan: Callable[[], bool] = lambda: False,
    share: Share | None = None,
) -> None:
    """Serve in this process until SIGTERM or SIGINT, then return.

    Parameters
    ----------
    plan : ServingPlan
        What to serve.
    open_listener : callable
        Gives the socket to listen on. Called when the models are loaded.
    announce : callable
        Called with the models and the socket once they are served.
    all_serve : callable
        Whether the other workers serve, too, so that this one may say that it is ready.
    is_orphan : callable
        Whether whoever started this process is gone, so that it has to stop, too.
    share : Share, optional
        Its part of the connections, where there are other workers.

    Raises
    ------
    HoldfastError
        Nothing can be served, or the address cannot be listened on.
    """
    if not faulthandler.is_enabled():
        # Of the thread that crashes alone: the others go on while they are told of, and to read their
        # frames may crash anew (python/cpython issue 116008).
        faulthandler.enable(all_threads=False)
    with progress("Loading the models"):
        follower = ModelFollower(plan.home, plan.online, system_clock)
        follower.refresh()
        from serving.service import make_asgi

        health = Health(follower, all_serve)
        app = make_asgi(
            *(follower, health, plan.access(), plan.settings),
            make_metrics(plan.settings),
            plan.care,
        )
    limit = connections_within(plan.settings.max_connections, raise_file_limit())
    # What was imported and loaded is not searched for garbage again while requests wait.
    gc.collect()
    gc.freeze()
    with open_listener() as listener, plan.log():
        server = HttpServer(
            app,
            plan.settings.model_copy(update={"max_connections": limit}),
            health,
            lambda: announce(follower.current().title, listener),
            is_orphan,
            share,
        )
        server.run(sockets=[listener])


def raise_file_limit() -> int:
    """Let this process open as many files as it may: each connection is one, and at the limit
    nobody is answered, probes included. Gives how many that are.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _MOST_FILES if soft == resource.RLIM_INFINITY else soft


def connections_within(wanted: int, files: int) -> int:
    """How many connections may be open so that files are left for stores and logs.

    Parameters
    ----------
    wanted : int
        By the settings.
    files : int
        How many files the process may open.
    """
    most = max(files // 4, files - _OTHER_FILES)
    if most >= wanted:
        return wanted
    variable = ServingSettings.variable("max_connections")
    _log.warning("%s is %d here, because a process may open %d files", variable, most, files)
    return most


@dataclass(frozen=True)
class WorkerServes:
    """A worker's word that it serves.

    Parameters
    ----------
    title : str
        Models and versions.
    """

    title: str


@dataclass(frozen=True)
class WorkerFailed:
    """A worker's word why it cannot serve.

    Parameters
    ----------
    message : str
        One line.
    is_input : bool
        Whether something that was given is wrong.
    """

    message: str
    is_input: bool


class ParentLink:
    """What a worker and its parent tell each other.

    Parameters
    ----------
    connection : Connection
        The worker's end. The parent alone holds the other one, so that it closes when the parent
        ends in whatever way.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all_serve = False
        self._is_gone = False

    def all_serve(self) -> bool:
        """Whether the parent has said that all workers serve."""
        self._listen()
        return self._all_serve

    def is_gone(self) -> bool:
        """Whether the parent has ended."""
        self._listen()
        return self._is_gone

    def tell(self, word: WorkerServes | WorkerFailed) -> None:
        """Tell the parent."""
        try:
            self._connection.send(word)
        except OSError:
            self._is_gone = True

    def _listen(self) -> None:
        try:
            while not self._is_gone and self._connection.poll():
                self._connection.recv()
                self._all_serve = True
        except (EOFError, OSError):
            self._is_gone = True


def work(
    plan: ServingPlan, bound: socket.socket, connection: Connection, share: Share, debug: bool
) -> None:
    """What the process of a worker does.

    Parameters
    ----------
    plan : ServingPlan
        What to serve.
    bound : socket.socket
        What all workers listen on.
    connection : Connection
        To the parent, which sends something once all workers serve.
    share : Share
        Its part of the connections.
    debug : bool
        Whether to log details.
    """
    # Ctrl-C in a terminal reaches the parent alone, which tells its workers.
    os.setpgrp()
    log_to_stderr(debug)
    link = ParentLink(connection)

    def open_listener() -> socket.socket:
        listen(bound)
        return bound

    try:
        serve(
            plan,
            open_listener,
            lambda title, _: link.tell(WorkerServes(title)),
            all_serve=link.all_serve,
            is_orphan=link.is_gone,
            share=share,
        )
    except HoldfastError as error:
        link.tell(WorkerFailed(str(error), is_input=error.exit_code == 2))
        sys.exit(error.exit_code)
