"""What `make` does to the environment of a checkout."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("installed", [False, True], ids=["packages", "the command alone"])
def test_setup_leaves_an_environment_behind_a_link_alone(installed: bool, tmp_path: Path) -> None:
    other, checkout = tmp_path / "other", tmp_path / "checkout"
    other.mkdir()
    checkout.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, checkout)
    (other / "kept").touch()
    if installed:
        (other / ".installed").touch()
    (checkout / ".venv").symlink_to(other)
    before = sorted(other.iterdir())
    ended = subprocess.run(
        ["make", "setup", "PYTHON=false"], cwd=checkout, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert ".venv is a symbolic link" in ended.stderr
    assert "rm .venv" in ended.stderr
    assert sorted(other.iterdir()) == before
