"""One small operator for the tests of nights; each test has a copy."""

import shutil
from pathlib import Path

import pytest

from holdfast.home import Home
from tests.builders.night import make_operator
from tests.builders.shared import built_once


@pytest.fixture(scope="session")
def night_operator(shared_folder: Path) -> Path:
    """Folder with ``raw`` and ``home``, to be read or copied."""
    return built_once(shared_folder / "night_operator", lambda folder: _build(folder))


def _build(folder: Path) -> None:
    make_operator(folder)


@pytest.fixture
def raw(night_operator: Path, tmp_path: Path) -> Path:
    """Raw tables of the test's own."""
    return Path(shutil.copytree(night_operator / "raw", tmp_path / "raw"))


@pytest.fixture
def home(night_operator: Path, tmp_path: Path) -> Home:
    """A home of the test's own, with features and champions."""
    shutil.copytree(night_operator / "home", tmp_path / "home")
    return Home(tmp_path / "home")
