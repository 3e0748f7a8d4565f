"""One small operator for the tests of nights; each test has a copy."""

import shutil
from pathlib import Path

import pytest

from holdfast.home import Home


@pytest.fixture
def raw(night_operator: Path, tmp_path: Path) -> Path:
    """Raw tables of the test's own."""
    return Path(shutil.copytree(night_operator / "raw", tmp_path / "raw"))


@pytest.fixture
def home(night_operator: Path, tmp_path: Path) -> Home:
    """A home of the test's own, with features and champions."""
    shutil.copytree(night_operator / "home", tmp_path / "home")
    return Home(tmp_path / "home")
