"""What the session compares at its end: every file in the checkout but those of caches and homes."""

from pathlib import Path

from tests.builders.checkout import paths


def test_a_file_that_a_test_leaves_is_seen(tmp_path: Path) -> None:
    for name in ("tests/unit", ".git", ".venv/lib", "var/demo", "tests/__pycache__"):
        (tmp_path / name).mkdir(parents=True)
    before = paths(tmp_path)
    for name in (
        ".git/index",
        ".venv/lib/a.py",
        "var/demo/mlflow.db",
        "tests/__pycache__/a.pyc",
        "tests/new.py",
    ):
        (tmp_path / name).touch()
    assert paths(tmp_path) == before == {"tests", "tests/unit", "var"}
    for name in ("mlflow.db", "tests/unit/report.html", ".hidden"):
        (tmp_path / name).touch()
    (tmp_path / "mlruns").mkdir()
    assert paths(tmp_path) - before == {"mlflow.db", "tests/unit/report.html", ".hidden", "mlruns"}


def test_a_folder_of_homes_that_was_not_there_is_seen(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    assert paths(tmp_path) == {"var"}
