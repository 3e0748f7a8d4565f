"""The examples of the README and the guides: what Python imports is there, and blocks of the shell
run as they stand, except where a comment says why not.

The examples in Python of one guide each run here or beside the tests that have the home they need.
The requests of the guide for a CRM are run by `tests.e2e.test_demo`.
"""

import ast
import importlib
import re
import shlex
import shutil
import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from features.live.store import Applied
from features.packed.store import PackedStore
from holdfast.home import Home
from models.registry import list_versions, load_registered
from tests.builders.guides import GUIDES, PAGES, ROOT, Example, examples, run_python
from tests.builders.known_ids import name_ids
from tests.builders.own_features import FEATURE, GUIDE, VIEW, write_example
from tests.e2e.conftest import Invoke

RUN = [
    example
    for page in PAGES
    for example in examples(page, "sh")
    if example.why_not_run is None and not example.text.startswith("curl")
]


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
    name_ids(PackedStore(tmp_path / "var" / online), customers=["0004711"])
    monkeypatch.chdir(tmp_path)
    applied = run_python("live_events", events=[])["applied"]
    assert isinstance(applied, Applied)
    views = ("service_live", "survey_live", "order_live", "consent_live")
    assert applied == Applied(dict.fromkeys(views, ("0004711",)), (("taken",),))


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


@pytest.fixture
def readers_folder(
    simulated_operator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The working directory: ``data`` holds raw tables, and ``var`` is the home of their features."""
    shutil.copytree(simulated_operator / "home", tmp_path / "var")
    (tmp_path / "data").symlink_to(simulated_operator / "operator" / "raw")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOLDFAST_TRAINING_MAX_ROUNDS", "40")
    monkeypatch.setenv("HOLDFAST_TRAINING_FOLDS", "3")
    return tmp_path


@pytest.mark.parametrize("example", RUN, ids=lambda example: example.page)
def test_blocks_of_the_shell_run_as_they_stand(
    example: Example, readers_folder: Path, invoke: Invoke
) -> None:
    somebody = pq.read_table(readers_folder / "data" / "subscriptions")["subscription_id"][0]
    for command in example.commands:
        words = shlex.split(command.replace("000123456", somebody.as_py()))
        done = invoke(*words[1:])
        # A device may arrive an hour before its line does: the check tells of it, and ends with 3.
        fine = {0, 3} if words[1:3] == ["data", "check"] else {0}
        assert words[0] == "holdfast", command
        assert done.exit_code in fine, (command, done.output)


@pytest.mark.proof
def test_the_guide_to_own_features_ends_in_a_model_that_has_it(
    readers_folder: Path, invoke: Invoke, is_proof: bool
) -> None:
    """Only the proof trains: the rest of the way is short."""
    home = Home(readers_folder / "var")
    write_example(home)
    (example,) = (
        one for one in examples(GUIDE, "sh") if one.why_not_run and "dictionary" in one.text
    )
    tables = home.features / "operator" / "tables"
    before = {path: path.stat().st_mtime_ns for path in tables.glob("*/history/*.parquet")}
    for command in example.commands:
        if is_proof or " train " not in command:
            done = invoke(*shlex.split(command)[1:])
            assert done.exit_code == 0, (command, done.output)
    after = {path: path.stat().st_mtime_ns for path in tables.glob("*/history/*.parquet")}
    # Past Mondays of the other views stay as they are.
    assert {path: after[path] for path in before} == before
    mondays = {path.name for path in before}
    assert {(path.parts[-3], path.name) for path in after.keys() - before.keys()} == {
        (VIEW, monday) for monday in mondays
    }
    assert FEATURE in (readers_folder / "features.md").read_text(encoding="utf-8")
    if is_proof:
        (entry,) = (one for one in list_versions(home) if one.name == "churn")
        version = load_registered(entry.address(home)).model
        assert version.features[-1] == FEATURE
        assert version.documents["own_features.json"][FEATURE]["file"] == "recharge_place.toml"


def test_the_question_that_the_guide_shows_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, invoke: Invoke
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{number},1/2/2020\n" for number in range(60))
    (tmp_path / "customers.csv").write_text(f"id,since\n{rows}", encoding="utf-8")
    assert invoke("inspect", "customers.csv").exit_code == 0
    plan = (tmp_path / "customers.columns.toml").read_text(encoding="utf-8")
    (shown,) = examples(ROOT / "docs" / "guides" / "own_table.md", "toml")
    assert re.search(r"^\[columns\.since\].*", plan, re.M | re.S)[0] == shown.text  # type: ignore[index]
