from pathlib import Path

import pytest

from tests.builders.operator_nights import Nights, simulate_nights
from tests.builders.shared import built_once


@pytest.fixture(scope="session")
def nights(shared_folder: Path) -> Nights:
    """Tonight's tables of a simulated operator, and the raw store of the night before."""
    return Nights(built_once(shared_folder / "operator_nights", simulate_nights))
