"""A scored operator with a campaign; each test has a copy."""

from pathlib import Path

import pytest

from holdfast.home import Home
from tests.builders.care_home import care_home


@pytest.fixture
def home(operator_home: Home, tmp_path: Path) -> Home:
    return care_home(operator_home, tmp_path / "home")
