"""The Python examples of the guides: all can be imported, and those of one home run as they stand."""

import ast
import importlib
import shutil
import tarfile
from pathlib import Path

import pytest

from tests.builders.guides import GUIDES, ROOT, examples, run_python


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_what_examples_import_is_there(guide: Path) -> None:
    for example in examples(guide, "python"):
        for node in ast.walk(ast.parse(example.text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                assert missing == [], node.module


def test_the_guide_to_features_reads_history(
    simulated_operator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "var").symlink_to(simulated_operator / "home")
    monkeypatch.chdir(tmp_path)
    names = run_python("features")
    assert names["matrix"].shape[0] == 2  # type: ignore[attr-defined]


def test_the_guide_to_live_events_applies_one(
    simulated_operator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    online = Path("features") / "operator" / "online"
    shutil.copytree(simulated_operator / "home" / online, tmp_path / "var" / online)
    monkeypatch.chdir(tmp_path)
    names = run_python("live_events", events=[])
    assert names["written"] == {
        "service_live": ("0004711",),
        "survey_live": ("0004711",),
        "consent_live": ("0004711",),
    }


def test_the_guide_to_retraining_lists_shows_and_asks_the_gate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with tarfile.open(ROOT / "tests" / "fixtures" / "before_layout" / "trained.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    (tmp_path / "trained").rename(tmp_path / "var")
    monkeypatch.chdir(tmp_path)
    run_python("retrain")
    printed = capsys.readouterr().out
    assert "churn 1 ('challenger',)" in printed
    assert "False [" in printed
