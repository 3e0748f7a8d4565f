"""The Python examples of the guides: all can be imported, and those of one home run as they stand."""

import ast
import importlib
import re
import shutil
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))


def examples(guide: Path) -> list[str]:
    """A guide's blocks of Python; what stands indented in a list is a part of a file, no example."""
    return re.findall(r"^```python\n(.*?)^```", guide.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_what_examples_import_is_there(guide: Path) -> None:
    for example in examples(guide):
        for node in ast.walk(ast.parse(example)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                assert missing == [], node.module


def run(guide: str, **given: object) -> dict[str, object]:
    """Run a guide's one example with the names that its text says are at hand."""
    (example,) = examples(ROOT / "docs" / "guides" / f"{guide}.md")
    names: dict[str, object] = dict(given)
    exec(compile(example, f"{guide}.md", "exec"), names)  # noqa: S102 our own text
    return names


def test_the_guide_to_features_reads_history(
    simulated_operator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "var").symlink_to(simulated_operator / "home")
    monkeypatch.chdir(tmp_path)
    names = run("features")
    assert names["matrix"].shape[0] == 2  # type: ignore[attr-defined]


def test_the_guide_to_live_events_applies_one(
    simulated_operator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    online = Path("features") / "operator" / "online"
    shutil.copytree(simulated_operator / "home" / online, tmp_path / "var" / online)
    monkeypatch.chdir(tmp_path)
    names = run("live_events", events=[])
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
    run("retrain")
    printed = capsys.readouterr().out
    assert "churn 1 ('challenger',)" in printed
    assert "False [" in printed
