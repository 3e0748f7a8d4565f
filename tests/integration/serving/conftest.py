"""The service over a small home, asked in this process."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from features.online.settings import OnlineSettings
from holdfast.home import Home
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from tests.builders.night import NIGHT, ONLINE
from tests.builders.served_home import MOMENT, ROWS, Built, build_home, serving


@pytest.fixture(scope="session")
def built(
    tmp_path_factory: pytest.TempPathFactory, customer_table: Callable[..., pa.Table]
) -> Built:
    """A home with features and a champion. To be read, or copied."""
    return build_home(Home(tmp_path_factory.mktemp("home")), customer_table(ROWS))


@pytest.fixture
def copied(built: Built, tmp_path: Path) -> Built:
    """The home again, to be changed."""
    shutil.copytree(built.home.root, tmp_path / "home")
    return replace(built, home=Home(tmp_path / "home"))


@pytest.fixture(scope="session")
def caller(built: Built) -> Iterator[TestClient]:
    """A caller of the service over that home."""
    with serving(
        ModelFollower(built.home, OnlineSettings(), clock_at(MOMENT)), max_items=500
    ) as caller:
        yield caller


@pytest.fixture(scope="session")
def operator(operator_home: Home) -> Iterator[TestClient]:
    """A caller of the service over the operator's home, in the night."""
    with serving(ModelFollower(operator_home, ONLINE, clock_at(NIGHT))) as caller:
        yield caller
