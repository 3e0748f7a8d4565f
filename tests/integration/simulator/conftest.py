import pytest

from simulator.engine.simulator import Simulator
from tests.builders.small_operator import small_operator


@pytest.fixture(scope="session")
def two_months(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    """A small operator after eight weeks. To be read, or branched."""
    return small_operator(tmp_path_factory.mktemp("simulation") / "operator")
