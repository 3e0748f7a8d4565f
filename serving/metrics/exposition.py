"""The port where Prometheus asks for the metrics of all processes of a service.

Prometheus's client counts in files of a directory, one set for each process, and whoever answers a
scrape adds them up. The client chooses this when it is imported, by the environment variable
`PROMETHEUS_MULTIPROC_DIR`; so `exposing` comes before the first process of the service is made, and
before anything imports the client.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from holdfast.errors import InputError
from serving.metrics.metrics import NO_METRICS, Metrics
from serving.settings import ServingSettings

_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def exposing(settings: ServingSettings) -> Iterator[None]:
    """Answer scrapes while the context lasts, in a thread of this process.

    Every start counts from zero, in a directory of its own.

    Parameters
    ----------
    settings : ServingSettings
        Where to listen; without a port, nothing is counted.

    Raises
    ------
    InputError
        The port cannot be listened on.
    """
    if settings.metrics_port is None:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="holdfast-metrics-") as directory:
        os.environ[_DIRECTORY] = directory
        try:
            with _scrapes(settings.metrics_host, settings.metrics_port, directory):
                yield
        finally:
            del os.environ[_DIRECTORY]


@contextmanager
def _scrapes(host: str, port: int, directory: str) -> Iterator[None]:
    from prometheus_client import CollectorRegistry, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        variables = map(ServingSettings.variable, ("metrics_host", "metrics_port"))
        raise InputError(
            ", ".join(variables),
            f"must be an address to listen on: {error.strerror}",
            f"{host}:{port}",
        ) from None
    address = f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
    sys.stderr.write(f"holdfast shows metrics on {address}\n")
    sys.stderr.flush()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def make_metrics(settings: ServingSettings) -> Metrics:
    """The metrics of one process of a service; call it in that process."""
    if settings.metrics_port is None:
        return NO_METRICS
    from prometheus_client import CollectorRegistry

    from serving.metrics.prometheus import PrometheusMetrics

    return PrometheusMetrics(CollectorRegistry())


def forget_process(pid: int) -> None:
    """Say that a process of the service is gone: what it counted stays, but it serves nothing."""
    if _DIRECTORY in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(pid)  # type: ignore[no-untyped-call]
