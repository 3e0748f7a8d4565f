"""What all tests share: tables to try things on, an operator simulated once, real data where it is
at hand, and the size of proofs.
"""

import gc
import os
import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest
from hypothesis import HealthCheck, settings

from holdfast.home import Home
from tests.builders.checkout import paths
from tests.builders.clocks import NOW
from tests.builders.shared import SIMULATED, built_once

ROOT = Path(__file__).parents[1]

settings.register_profile(
    "suite", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


FIRST = (
    "tests/e2e/test_demo.py",
    "tests/integration/pipeline/test_real_data.py",
    "tests/integration/pipeline/test_quickstart_killed.py",
)
"""Files that run first: while one worker builds the operator that tests share, the others have long
work that does not wait for it.
"""

SHARED = "simulated_operator"
"""The fixture of that operator."""

GARBAGE = 2_000, 10, 40
"""New objects, searches of new ones and searches of young ones after which garbage is searched for.
Python has 700, 10 and 10.
"""


MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of the session's own is made in it
"""Where Linux keeps files in memory."""
_ROOM_BYTES = 8 * 2**30
_TEMPORARY = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure() -> None:
    """Put temporary files into memory where there is much room: stores and databases wait for the
    disk at each of the tens of thousands of writes that tests make.
    """
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= _ROOM_BYTES
    if has_room and _TEMPORARY not in os.environ:
        os.environ[_TEMPORARY] = str(MEMORY)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let what is imported not be searched for garbage, neither now nor while tests run: these are
    half a million objects, which all stay. What tests import and share later stays as well, so
    that the rest is searched less often than usual: a search of everything takes 0.1 s.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that run first before the others, and small files last, so that workers end at
    the same time. Files that need the shared operator come when it is there.
    """
    places = {ROOT / name: place for place, name in enumerate(FIRST)}
    waiting = {item.path for item in items if SHARED in getattr(item, "fixturenames", ())}

    def place(path: Path) -> int:
        is_unit = path.is_relative_to(ROOT / "tests" / "unit")
        return places.get(path, len(places) + (2 if is_unit else path in waiting))

    # A file has hundreds of tests: each path is looked at once.
    by_path = {path: place(path) for path in {item.path for item in items}}
    items.sort(key=lambda item: by_path[item.path])


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove", action="store_true", help="run the long proofs at full length")


@pytest.fixture(scope="session", autouse=True)
def _clean_checkout() -> Iterator[None]:
    """Fail where the tests leave a file in the checkout, as libraries do when no address is named."""
    before = paths(ROOT)
    yield
    left = sorted(paths(ROOT) - before)
    assert left == [], f"made in {ROOT} while the tests ran: {', '.join(left)}"


@pytest.fixture(scope="session")
def is_proof(request: pytest.FixtureRequest) -> bool:
    """Whether proofs run at full length, under `make prove`."""
    return bool(request.config.getoption("--prove"))


@pytest.fixture(scope="session")
def proof_draws(is_proof: bool) -> Callable[[int], int]:
    """How many draws a proof makes: all of them under `make prove`, a tenth otherwise."""
    return lambda full: full if is_proof else max(1, full // 10)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the public data sets."""
    folder = Path(os.environ.get("HOLDFAST_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set HOLDFAST_REAL_DATA")
    return folder


def customers(rows: int = 400, seed: int = 1) -> pa.Table:
    """A small customer table with a signal, odd names, missing values, blanks in the target and ids
    with leading zeros.
    """
    random = np.random.default_rng(seed)
    contract = random.choice(["monthly", "yearly"], rows)
    calls = random.poisson(2.0, rows)
    risk = 1 / (1 + np.exp(-(-1.6 + 1.2 * (contract == "monthly") + 0.4 * (calls - 2))))
    left = np.where(random.random(rows) < risk, "yes", "no")
    left[::40] = ""
    return pa.table(
        {
            "customer": [f"{number:05d}" for number in range(rows)],
            "Contract": contract,
            "contract": random.normal(size=rows).round(3),
            "dropped calls 📉": calls,
            "套餐": random.choice(["基础", "高级", "旗舰"], rows),
            "fee_y": pa.array(
                np.where(random.random(rows) < 0.1, np.nan, random.normal(30, 5, rows).round(2)),
                from_pandas=True,
            ),
            "since": [
                f"20{year:02d}-03-{day:02d}"
                for year, day in zip(
                    random.integers(10, 25, rows), random.integers(1, 28, rows), strict=True
                )
            ],
            "margin": random.gamma(2, 10, rows).round(2),
            "left": left,
        }
    )


@pytest.fixture(scope="session")
def customer_table() -> Callable[..., pa.Table]:
    """Maker of small customer tables."""
    return customers


@pytest.fixture
def csv_of(tmp_path: Path) -> Callable[[pa.Table], Path]:
    """Write a table as CSV and give its path."""

    def write(table: pa.Table) -> Path:
        path = tmp_path / "customers.csv"
        pa_csv.write_csv(table, path)
        return path

    return write


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Folder that all workers of the session see."""
    root = tmp_path_factory.getbasetemp()
    # Each worker has a folder of its own below the one that they share.
    return root if worker_id == "master" else root.parent


@pytest.fixture(scope="session")
def simulated_operator(shared_folder: Path) -> Path:
    """Folder with ``operator`` (raw tables and truth) and ``home`` (features in both stores). To be
    read, or copied.

    Made once for all tests that learn from it.
    """

    def build(folder: Path) -> None:
        from features.settings import FeatureSettings
        from pipeline.features import build_features, materialize_features
        from simulator.engine.simulator import simulate

        simulate(folder / "operator", *SIMULATED, workers=1)
        home = Home(folder / "home")
        raw = str(folder / "operator" / "raw")
        build_features(home, FeatureSettings(), now=NOW, source=raw)
        materialize_features(home)

    return built_once(shared_folder / "simulated_operator", build)
