"""One registry for the tests of a module; each test has a model of its own in it."""

import re

import pytest

from holdfast.home import Home
from tests.builders.clocks import clock_at
from tests.builders.model_versions import publish_features
from training.release.tracking import Tracking


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
