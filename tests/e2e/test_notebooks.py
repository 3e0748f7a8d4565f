"""The notebooks run as they stand, on small homes that tests share.

One process runs them all, so that libraries are imported once. No notebook sees the names of the
one before it.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"

SAYS = {
    "explore": "customer ",
    "features": "subscriptions at risk on ",
    "train": "refused",
    "uplift": "not_enough_data",
}
"""Words that each notebook prints, on data as small as these."""


SETTINGS = {
    "HOLDFAST_TRAINING_MAX_ROUNDS": "20",
    "HOLDFAST_ASSESS_DRAWS": "50",
    "HOLDFAST_UPLIFT_FOLDS": "4",
    "HOLDFAST_UPLIFT_REPEATS": "1",
}
"""Few rounds, draws and parts: what the notebooks show is not looked at, only that they show it."""


@pytest.fixture(scope="module")
def kernel() -> Iterator[AsyncKernelManager]:
    """The process that runs the notebooks."""
    manager = AsyncKernelManager()
    yield manager
    run_sync(manager.shutdown_kernel)(now=True)


def executed(name: str, home: Path, kernel: AsyncKernelManager) -> str:
    """Run a notebook on a home, and give all that it put out."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), (
        "notebooks are kept without outputs"
    )
    settings = SETTINGS | {"HOLDFAST_HOME": str(home)}
    fresh = f"%reset -f\nimport os\nos.environ.update({settings!r})\n%reset -f"
    notebook.cells.insert(0, nbformat.v4.new_code_cell(fresh))
    resources = {"metadata": {"path": str(ROOT)}}
    NotebookClient(notebook, km=kernel, timeout=280, resources=resources).execute()
    return str([cell.get("outputs") for cell in notebook.cells])


def test_every_notebook_is_tried() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(SAYS)


@pytest.mark.parametrize("name", ["features", "train", "uplift"])
def test_an_operators_own_features(
    name: str, simulated_operator: Path, tmp_path: Path, kernel: AsyncKernelManager
) -> None:
    shutil.copytree(simulated_operator / "home", tmp_path / "home")
    text = executed(name, tmp_path / "home", kernel)
    assert SAYS[name] in text
    assert "image/png" in text


def test_what_quickstart_left_behind(
    demo_folder: Path, tmp_path: Path, kernel: AsyncKernelManager
) -> None:
    shutil.copytree(demo_folder / "home" / "table", tmp_path / "home")
    text = executed("explore", tmp_path / "home", kernel)
    assert SAYS["explore"] in text
    assert "image/png" in text
