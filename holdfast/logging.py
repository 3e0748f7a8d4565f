"""Logging and progress.

Packages log through `logging.getLogger(__name__)` and never log attribute values. Work that may
take more than two seconds reports it through `progress`; the process decides how that is shown (the
command line draws bars, a test shows nothing).
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]
"""Called with the number of steps just done."""


class Reporter(Protocol):
    """Shows progress."""

    def task(self, description: str, total: int | None) -> AbstractContextManager[Advance]:
        """Show one task while the context lasts; `total` is None where the number of steps is
        unknown.
        """


class SilentReporter:
    """Shows nothing."""

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Advance]:
        """Show nothing."""
        yield lambda steps: None


_reporter: Reporter = SilentReporter()


def show_progress_with(reporter: Reporter) -> None:
    """Choose how progress is shown from now on, in this process."""
    global _reporter
    _reporter = reporter


def progress(description: str, total: int | None = None) -> AbstractContextManager[Advance]:
    """Announce a task that may take more than two seconds.

    Parameters
    ----------
    description : str
        What is being done, for a person.
    total : int, optional
        Number of steps, if it is known.

    Returns
    -------
    context manager of Advance
        Call what it yields with the number of steps just done.
    """
    return _reporter.task(description, total)


def log_to_stderr(debug: bool) -> None:
    """Send log lines to standard error; with `debug`, also our own details and Python's warnings."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING, force=True
    )
    for library in ("alembic", "feast", "mlflow"):
        logging.getLogger(library).setLevel(logging.WARNING)
    # Where it cannot write its cache, it makes a temporary one itself and takes it away.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    # Through logging, because libraries reset the warning filters when they are imported.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(logging.WARNING if debug else logging.ERROR)
    for package in (
        *("holdfast", "features", "models", "simulator", "training"),
        *("care", "reports", "serving", "pipeline", "commands"),
    ):
        logging.getLogger(package).setLevel(logging.DEBUG if debug else logging.INFO)
