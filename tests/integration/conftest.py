"""A simulated operator with its features, made once for all tests that learn from it."""

from pathlib import Path

import pytest
from filelock import FileLock

from holdfast.settings import Home
from pipeline.features import build_features, materialize_features
from simulator.simulator import simulate

CUSTOMERS, MONTHS, SEED = 2_000, 20, 4


@pytest.fixture(scope="session")
def simulated_operator(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Folder with ``operator`` (raw tables and truth) and ``home`` (features in both stores). To be read, or copied."""
    root = tmp_path_factory.getbasetemp()
    # Each worker has a folder of its own below the one that they share.
    folder = (root if worker_id == "master" else root.parent) / "simulated_operator"
    with FileLock(f"{folder}.lock"):
        if not (folder / "ready").exists():
            simulate(folder / "operator", CUSTOMERS, MONTHS, SEED, workers=1)
            home = Home(folder / "home")
            build_features(home, str(folder / "operator" / "raw"))
            materialize_features(home)
            (folder / "ready").touch()
    return folder
