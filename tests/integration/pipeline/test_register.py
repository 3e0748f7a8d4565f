"""Registering a version with its run, and what is left when the process dies meanwhile."""

import json
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from features.online.settings import OnlineSettings
from holdfast.home import Home
from models.registry import (
    find_version,
    list_versions,
    load_registered,
    read_documents,
)
from pipeline import training_record
from tests.builders.assessments import operator_model
from tests.builders.clocks import clock_at
from tests.builders.gate_documents import FEATURES
from tests.builders.model_versions import (
    make_version,
)
from tests.builders.registry import (
    RECORD,
    Dying,
    Trial,
    aliases,
    calls_until_done,
    registry_client,
)
from training.release.facts import TRAINING
from training.release.tracking import RunRecord, Tracking, assessment_metrics


def test_a_run_is_written_down_with_all_that_made_it(
    home: Home, tracking: Tracking, name: str
) -> None:
    model = make_version(name)
    figure = Figure()
    figure.add_subplot().plot([1, 2])
    trials = [Trial(0, {"num_leaves": 16}, False, 0.1), Trial(1, {"num_leaves": 31}, True, None)]
    number = tracking.register(
        model,
        RunRecord(
            parameters={"feature_service": "tiny_v1", "columns": list(FEATURES)},
            metrics={"auc_90d": 0.7, "nothing": None},
            figures={"roc.png": figure},
            documents={"slices.json": {"a": 1}},
            trials=trials,
            dataset=("churn rows", "d" * 64),
        ),
    )
    client = registry_client(home)
    entry = find_version(home, name, number)
    assert entry.aliases == ("challenger",)
    run = client.get_run(entry.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"auc_90d": 0.7}
    assert run.data.params["columns"] == str(list(FEATURES))
    assert "mlflow.source.git.commit" in run.data.tags
    assert run.inputs.dataset_inputs[0].dataset.digest == "d" * 36
    paths = {artifact.path for artifact in client.list_artifacts(entry.run_id)}
    assert paths >= {"model", "roc.png", "slices.json", "environment.txt"}
    children = client.search_runs(
        [run.info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{entry.run_id}'",
        order_by=["start_time"],
    )
    assert [child.data.params["pruned"] for child in children] == ["False", "True"]
    assert [child.data.metrics.get("value") for child in children] == [0.1, None]
    assert {child.info.status for child in children} == {"FINISHED"}
    directory = entry.address(home).directory
    signature = json.loads((directory / "signature.json").read_text())
    assert [column["name"] for column in signature["inputs"]] == list(FEATURES)
    assert [column["name"] for column in signature["outputs"]] == [
        "probability_30d",
        "probability_90d",
    ]
    assert json.loads((directory / "input_example.json").read_text()) == {
        "columns": list(FEATURES),
        "data": [[None] * 3],
    }
    assert {path.suffix for path in directory.iterdir()} == {".txt", ".json"}
    assert load_registered(entry.address(home)).model.documents == model.documents
    assert read_documents(entry.address(home))[TRAINING] == model.documents[TRAINING]


def test_figures_of_all_horizons_have_names_of_their_own() -> None:
    from tests.builders.gate_documents import assessment

    logged = assessment_metrics({"30": assessment(30), "90": assessment(90), "": assessment(None)})
    assert logged["auc_30d"] == logged["auc_90d"] == logged["auc"] == 0.74
    assert logged["auc_90d_low"] < logged["auc_90d"] < logged["auc_90d_high"]


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_registering_no_version_is_without_its_files(
    home: Home, tracking: Tracking, name: str, after: bool
) -> None:
    record = RunRecord(
        parameters={"a": 1},
        metrics={"auc": 0.7},
        documents={"x.json": {}},
        trials=[Trial(0, {}, False, 0.1)],
    )
    model = make_version(name)

    def act(call: int) -> None:
        dying = Tracking(home, clock_at())
        dying._client = Dying(tracking._client, call, after)
        dying.register(model, record)

    assert calls_until_done(act) > 10
    entries = list_versions(home, name)
    assert entries
    for entry in entries:
        assert load_registered(entry.address(home)).model.documents == model.documents
    assert entries[0].aliases == ("challenger",)


def test_a_version_whose_report_fails_is_withdrawn(
    home: Home, tracking: Tracking, name: str
) -> None:
    kept = tracking.register(make_version(name), RECORD)

    def fail() -> None:
        with tracking.registering(make_version(name), RECORD) as registered:
            tracking.log_text(registered.run_id, "<html></html>", "report.html")
            assert aliases(home, name) == {"challenger": kept}
            raise ValueError("no room to draw")

    with pytest.raises(ValueError, match="no room"):
        fail()
    assert [(entry.number, entry.aliases) for entry in list_versions(home, name)] == [
        (kept, ("challenger",))
    ]


def test_an_error_while_registering_is_on_record_as_a_failed_run(
    home: Home, tracking: Tracking, name: str
) -> None:
    class Unsavable:
        name = "unsavable"

        def save(self, directory: Path) -> str:
            (directory / "half.txt").write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        tracking.register(Unsavable(), RECORD)
    assert not [entry for entry in list_versions(home) if entry.name == "unsavable"]
    client = registry_client(home)
    (run,) = client.search_runs(["1"], "attributes.run_name = 'unsavable'")
    assert run.info.status == "FAILED"


def test_a_registry_left_half_made_is_made_anew(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for suffix in ("", "-journal"):
        (tmp_path / f".{home.tracking.name}.part{suffix}").write_bytes(b"half a database")
    Tracking(home, clock_at())
    assert home.tracking.is_file()
    assert not list(tmp_path.glob(".*.part*"))


def test_the_card_of_an_earlier_challenger_no_longer_calls_it_so(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    (tmp_path / "home").mkdir()
    cards = []
    for _ in range(2):
        *_, card = training_record.register(
            home, operator_model(), "en", online=OnlineSettings(), clock=clock_at()
        )
        cards.append(card)
    standing = [card.read_text().splitlines()[2].split(".")[0] for card in cards]
    assert standing == ["It carries no alias", "It is challenger"]
