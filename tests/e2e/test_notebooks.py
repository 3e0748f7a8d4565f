"""The notebooks run as they stand, on small homes that tests share."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"

SAYS = {
    "explore": "customer ",
    "features": "subscriptions at risk on ",
    "train": "refused",
    "uplift": "no detectable uplift",
}
"""Words that each notebook prints, on data as small as these."""


def executed(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a notebook on a home, and give all that it put out."""
    monkeypatch.setenv("HOLDFAST_HOME", str(home))
    monkeypatch.setenv("HOLDFAST_TRAINING_MAX_ROUNDS", "40")
    monkeypatch.setenv("HOLDFAST_ASSESS_DRAWS", "50")
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), (
        "notebooks are kept without outputs"
    )
    NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(ROOT)}}).execute()
    return str([cell.get("outputs") for cell in notebook.cells])


def test_every_notebook_is_tried() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(SAYS)


@pytest.mark.parametrize("name", ["features", "train", "uplift"])
def test_an_operators_own_features(
    name: str, simulated_operator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(simulated_operator / "home", tmp_path / "home")
    text = executed(name, tmp_path / "home", monkeypatch)
    assert SAYS[name] in text
    assert "image/png" in text


def test_what_quickstart_left_behind(
    demo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(demo_folder / "home", tmp_path / "home")
    text = executed("explore", tmp_path / "home", monkeypatch)
    assert SAYS["explore"] in text
    assert "image/png" in text
