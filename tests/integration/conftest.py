"""One small operator that tests of nights and of the service share."""

from pathlib import Path

import pytest

from tests.builders.night import make_operator
from tests.builders.shared import built_once


@pytest.fixture(scope="session")
def night_operator(shared_folder: Path) -> Path:
    """Folder with ``raw`` and ``home``, to be read or copied."""
    return built_once(shared_folder / "night_operator", lambda folder: _build(folder))


def _build(folder: Path) -> None:
    make_operator(folder)
