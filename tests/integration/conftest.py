"""One small operator that tests of nights, of the service and of care share. New homes begin with a
copy of MLflow's empty database.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from features.online.feast_store import import_feast
from holdfast.home import Home
from pipeline.night.score import score_everybody
from tests.builders.clocks import clock_at
from tests.builders.night import CONFIG, NIGHT, ONLINE, make_operator
from tests.builders.registry_template import copied_registries
from tests.builders.shared import built_once

# Before a test module does, so that it takes a third of the time.
import_feast()


@pytest.fixture(scope="session", autouse=True)
def _copied_registries(shared_folder: Path) -> Iterator[None]:
    with copied_registries(shared_folder / "registry"):
        yield


@pytest.fixture(scope="session")
def night_operator(shared_folder: Path) -> Path:
    """Folder with ``raw`` and ``home``, to be read or copied."""
    return built_once(shared_folder / "night_operator", lambda folder: _build(folder))


def _build(folder: Path) -> None:
    make_operator(folder)


@pytest.fixture(scope="session")
def operator_home(night_operator: Path, shared_folder: Path) -> Home:
    """An operator's home whose everybody was scored. To be read, or copied."""
    folder = built_once(
        shared_folder / "scored_operator", lambda folder: _score(night_operator, folder)
    )
    return Home(folder / "home")


def _score(night_operator: Path, folder: Path) -> None:
    home = Home(Path(shutil.copytree(night_operator / "home", folder / "home")))
    score_everybody(home, CONFIG, clock=clock_at(NIGHT), online=ONLINE)
