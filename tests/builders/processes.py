"""Processes to be killed, or to run beside the test's own, that start quickly."""

import multiprocessing
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext


def processes(*modules: str) -> ForkServerContext:
    """A context whose processes begin with these modules imported.

    They are forked from a server process that imports the modules once, so that none of them pays
    for it. A server that was started for other modules ends.
    """
    context = multiprocessing.get_context("forkserver")
    server = forkserver._forkserver  # type: ignore[attr-defined]
    if server._preload_modules != list(modules):
        server._stop()
        context.set_forkserver_preload(list(modules))
    return context
