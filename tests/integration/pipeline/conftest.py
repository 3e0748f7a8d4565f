"""One registry for the tests of a module; each test has a model of its own in it. New homes begin
with a copy of MLflow's empty database.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.home import Home
from tests.builders.clocks import clock_at
from tests.builders.model_versions import publish_features
from tests.builders.registry_template import copied_registries
from training.release.tracking import Tracking


@pytest.fixture(scope="module", autouse=True)
def _copied_registries(shared_folder: Path) -> Iterator[None]:
    with copied_registries(shared_folder / "registry"):
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("promotion"))
    publish_features(home)
    return home


@pytest.fixture(scope="module")
def tracking(home: Home) -> Tracking:
    return Tracking(home, clock_at())


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A registered model of the test's own."""
    return re.sub(r"\W+", "_", request.node.name)
