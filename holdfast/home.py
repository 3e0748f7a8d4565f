"""A home: the directory that everything a run writes lies in, and the lock of the one process that
may write there.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from holdfast.errors import HomeError

_NO_PATH_MARKS = ("?", "%", "#", "*", "[", "]", ":")


class Home:
    """Where everything lies in a home directory. Nothing is created by asking.

    Parameters
    ----------
    root : Path
        The home directory.
    """

    def __init__(self, root: Path) -> None:
        try:
            self.root = root.expanduser().absolute()
        except RuntimeError:
            raise HomeError("--home", "must be a path whose user exists", str(root)) from None

    @cached_property
    def lock(self) -> Path:
        """Held by the one process that may write."""
        return self.root / ".lock"

    @cached_property
    def manifest(self) -> Path:
        """What the home belongs to: id, target and columns."""
        return self.root / "home.json"

    @cached_property
    def features(self) -> Path:
        """The Feast repository: definitions, feature tables, registry and online store."""
        return self.root / "features"

    @cached_property
    def raw(self) -> Path:
        """The operator's raw tables as they were accepted."""
        return self.root / "raw"

    @cached_property
    def quarantine(self) -> Path:
        """Raw rows that were not accepted, with the reasons."""
        return self.root / "quarantine"

    @cached_property
    def expectations(self) -> Path:
        """What was made of the last night's raw tables, and what people overruled."""
        return self.root / "expectations"

    @cached_property
    def checked(self) -> Path:
        """Raw rows that the last check alone did not accept."""
        return self.root / "checked"

    @cached_property
    def erased(self) -> Path:
        """Who was erased, as hashes of their ids."""
        return self.root / "erased.json"

    @cached_property
    def erasing(self) -> Path:
        """Whom an erasure that has not ended is about; there while it lasts."""
        return self.root / "erasing.json"

    @cached_property
    def kept_since(self) -> Path:
        """Since when raw rows and snapshots are kept."""
        return self.root / "kept_since.json"

    @cached_property
    def removing(self) -> Path:
        """Which old raw rows a removal that has not ended is about; there while it lasts."""
        return self.root / "removing.json"

    @cached_property
    def reports(self) -> Path:
        """A report of each training of an operator's model, and the model card of each version."""
        return self.root / "reports"

    @cached_property
    def exports(self) -> Path:
        """What was given out about single people, a folder each."""
        return self.root / "exports"

    @cached_property
    def tracking(self) -> Path:
        """MLflow's database: runs and the model registry."""
        return self.root / "mlflow.db"

    @cached_property
    def artifacts(self) -> Path:
        """What MLflow's runs and model versions consist of."""
        return self.root / "mlartifacts"

    @cached_property
    def levels(self) -> Path:
        """The newest level of risk of each model version."""
        return self.root / "levels"

    @cached_property
    def scores(self) -> Path:
        """Everyone's scores."""
        return self.root / "scores.parquet"

    @cached_property
    def score_sets(self) -> Path:
        """Scores of everybody from the models of the operator's own features, a folder per date."""
        return self.root / "scores"

    @cached_property
    def score_feed(self) -> Path:
        """Which of these scores have changed since when."""
        return self.score_sets / "feed"

    @cached_property
    def nights(self) -> Path:
        """What each night did, a file per date, and the page about them."""
        return self.root / "nights"

    @cached_property
    def clock(self) -> Path:
        """What time it is in the home of a simulated operator."""
        return self.root / "clock.json"

    @cached_property
    def access(self) -> Path:
        """Who may ask the service: its API keys, and what it counts and remembers of requests."""
        return self.root / "access"

    @cached_property
    def care(self) -> Path:
        """Care: the catalogue, campaigns, plans, the ledger and what was handed over as files."""
        return self.root / "care"

    @cached_property
    def exported_care(self) -> Path:
        """What the ledger gives back to the raw tables, a folder per table."""
        return self.care / "exported"

    @cached_property
    def care_list(self) -> Path:
        """Whom to care for first."""
        return self.root / "care_list.csv"

    @cached_property
    def report(self) -> Path:
        """How good the model is, what drives risk and who is at risk."""
        return self.root / "report.html"


@contextmanager
def locked(home: Home, *, wait_seconds: float = 0) -> Iterator[None]:
    """Be the one process that writes in a home.

    A thread that holds the lock already gets it again, so that a long run may call functions that
    lock by themselves.

    Parameters
    ----------
    home : Home
        The home directory; made where it does not exist.
    wait_seconds : float
        How long to wait for another process to finish.

    Raises
    ------
    HomeError
        Its path cannot be used, it cannot be written, or another process writes there.
    """
    if any(mark in str(home.root) for mark in _NO_PATH_MARKS):
        raise HomeError(
            "--home",
            f"must be a path without {' '.join(_NO_PATH_MARKS)}, which the parts cannot hold in an address",
            str(home.root),
        )
    try:
        home.root.mkdir(parents=True, exist_ok=True)
        if not os.access(home.root, os.W_OK):
            raise PermissionError
        # One object per path and process, so that the thread that holds it may enter again.
        lock = FileLock(home.lock, is_singleton=True).acquire(timeout=wait_seconds)
    except Timeout:
        raise HomeError(
            f"--home {home.root}", "another process is writing there; wait for it or choose another"
        ) from None
    except OSError:
        raise HomeError(f"--home {home.root}", "must be a directory that can be written") from None
    with lock:
        yield
