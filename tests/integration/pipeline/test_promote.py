"""Registering, promoting and rolling back with a real registry, and what is left of it when a run
dies in between.
"""

import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from mlflow import MlflowClient
from typer.testing import CliRunner

from commands import models as model_commands
from features.online.settings import OnlineSettings
from holdfast.errors import InputError, ModelError
from holdfast.home import Home
from models.registry import (
    find_champion,
    find_newest_champion,
    find_version,
    list_versions,
    load_champion,
    load_registered,
    moves,
    read_documents,
    require_champion,
    require_version,
)
from pipeline import promote
from pipeline.promote import list_models, show_model
from tests.builders.clocks import NOW, clock_at
from tests.builders.gate_documents import FEATURES
from tests.builders.model_versions import (
    NOBODY,
    against,
    booster_files,
    make_version,
    publish_features,
)
from training.evaluation.assessment import ASSESSMENT
from training.evaluation.leaks import Flag
from training.evaluation.predictions import TEST_PREDICTIONS, TestPredictions
from training.release import comparison as version_comparison
from training.release.facts import TRAINING, ChampionComparison
from training.release.promotion import Promotions, verdicts
from training.release.tracking import RunRecord, Tracking, assessment_metrics
from training.settings import AssessmentSettings, GateSettings

RECORD = RunRecord(
    parameters={"seed": 1},
    metrics={"auc_90d": 0.74, "auc_90d_low": 0.72, "auc_90d_high": 0.76, "auc_30d": 0.7},
)

GATE, ONLINE = GateSettings(), OnlineSettings()
promote_model = partial(promote.promote_model, gate=GATE, online=ONLINE, clock=clock_at())
rollback_model = partial(promote.rollback_model, online=ONLINE, clock=clock_at())
would_pass = partial(promote.would_pass, gate=GATE, online=ONLINE)
compare_models = partial(
    version_comparison.compare_models, settings=AssessmentSettings(draws=60), seed=1
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("promotion"))
    publish_features(home)
    return home


@pytest.fixture(scope="module")
def tracking(home: Home) -> Tracking:
    return Tracking(home, clock_at())


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A registered model of the test's own."""
    return re.sub(r"\W+", "_", request.node.name)


def registered(
    tracking: Tracking,
    name: str,
    champion: ChampionComparison = NOBODY,
    record: RunRecord = RECORD,
    **changes: Any,
) -> str:
    return tracking.register(make_version(name, champion, **changes), record)


def aliases(home: Home, name: str) -> dict[str, str]:
    return {alias: entry.number for entry in list_versions(home, name) for alias in entry.aliases}


@dataclass
class Trial:
    number: int
    parameters: dict[str, Any]
    pruned: bool
    value: float | None
    log_loss: float | None = 0.1
    rounds: int | None = 10
    leaves: int | None = 70
    seconds: float = 0.5


class Killed(BaseException):
    """Stands for `kill -9`: nothing the process does afterwards has an effect."""


class Dying:
    """A client of the registry whose process dies before, or right after, the given call that would
    change something.
    """

    def __init__(self, client: Any, call: int, after: bool) -> None:
        self._client, self._left, self._after = client, call, after

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._client, method)
        if not method.startswith(("create", "log", "set", "delete")):
            return real

        def call(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left < 0 or (self._left == 0 and not self._after):
                raise Killed
            result = real(*arguments, **options)
            if self._left == 0:
                raise Killed
            return result

        return call


def calls_until_done(act: Callable[[int], None]) -> int:
    """Let it die at its first, second, third call and so on, until it lives; the number of the call
    it was not killed at.
    """
    for call in range(1, 60):
        try:
            act(call)
        except Killed:
            continue
        return call
    raise AssertionError("never done")


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
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{home.tracking}")
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


def test_figures_of_all_heads_have_names_of_their_own() -> None:
    from tests.builders.gate_documents import assessment

    found = assessment_metrics({"30": assessment(30), "90": assessment(90), "": assessment(None)})
    assert found["auc_30d"] == found["auc_90d"] == found["auc"] == 0.74
    assert found["auc_90d_low"] < found["auc_90d"] < found["auc_90d_high"]


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
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{home.tracking}")
    (run,) = client.search_runs(["1"], "attributes.run_name = 'unsavable'")
    assert run.info.status == "FAILED"


def test_the_first_one_that_passes_is_champion(home: Home, tracking: Tracking, name: str) -> None:
    number = registered(tracking, name)
    assert would_pass(home, name).passed
    assert aliases(home, name) == {"challenger": number}
    promotion = promote_model(home, name)
    assert (promotion.verdict.passed, promotion.verdict.reasons) == (True, ())
    assert promotion.champion_before is None
    assert aliases(home, name) == {"champion": number}
    assert load_champion(home, name).number == number
    (said,) = verdicts(find_version(home, name, number).tags)
    assert (said["passed"], said["champion"]) == (True, None)
    with pytest.raises(InputError, match="must not be the champion"):
        promote_model(home, name, number)


def test_the_champion_becomes_the_previous_one_and_can_come_back(
    home: Home, tracking: Tracking, name: str
) -> None:
    registered(tracking, name)
    promote_model(home, name)
    registered(tracking, name, against("1"))
    assert aliases(home, name) == {"champion": "1", "challenger": "2"}
    assert promote_model(home, name).to_json()["promoted"] is True
    assert aliases(home, name) == {"champion": "2", "previous": "1"}
    back = rollback_model(home, name)
    assert (back.was, back.number) == ("2", "1")
    assert aliases(home, name) == {"champion": "1", "previous": "2"}
    assert [move["how"] for move in moves(find_version(home, name, "1").tags)] == [
        "gate",
        "rollback",
    ]
    rollback_model(home, name)
    assert aliases(home, name) == {"champion": "2", "previous": "1"}


def test_one_compared_with_another_champion_is_refused_and_the_reason_kept(
    home: Home, tracking: Tracking, name: str
) -> None:
    for champion in (NOBODY, against("1"), against("1")):
        registered(tracking, name, champion)
    promote_model(home, name, "1")
    promote_model(home, name, "2")
    promotion = promote_model(home, name, "3")
    (reason,) = promotion.verdict.reasons
    assert (
        reason.message
        == "it was compared with version 1, but version 2 is champion now: train again"
    )
    assert aliases(home, name) == {"champion": "2", "previous": "1", "challenger": "3"}
    entry = find_version(home, name, "3")
    assert verdicts(entry.tags)[-1]["reasons"] == [vars(reason)]
    for card in (
        entry.address(home).directory.parent / "model_card.md",
        home.root / "reports" / f"{name}_3.md",
    ):
        assert reason.message in card.read_text(encoding="utf-8")


@pytest.mark.parametrize("after", [False, True])
def test_killed_while_promoting_there_is_a_champion_and_the_next_run_completes(
    home: Home, tracking: Tracking, name: str, after: bool
) -> None:
    for _ in range(3):
        registered(tracking, name)
    promotions = tracking.promotions
    now = NOW
    for number in ("1", "2"):
        promotions.move(name, number, "gate", now)

    def act(call: int) -> None:
        promotions.move(name, "2", "rollback", now)
        assert aliases(home, name)["champion"] == "2"
        try:
            Promotions(Dying(tracking._client, call, after)).move(name, "3", "gate", now)
        except Killed:
            found = aliases(home, name)
            assert found["champion"] in ("2", "3")
            promotions.settle(name)
            if found["champion"] == "3":
                assert aliases(home, name) == {"champion": "3", "previous": "2"}
            promotions.move(name, "3", "gate", now)
            assert aliases(home, name) == {"champion": "3", "previous": "2"}
            raise

    assert calls_until_done(act) >= 4
    assert aliases(home, name) == {"champion": "3", "previous": "2"}


def test_quickstart_sets_its_champion_ungated_and_can_be_rolled_back(
    home: Home, tracking: Tracking, name: str
) -> None:
    for _ in range(2):
        tracking.set_champion_ungated(name, registered(tracking, name))
    assert aliases(home, name) == {"champion": "2", "previous": "1"}
    assert [version.gate for version in list_models(home) if version.name == name] == [
        "ungated",
        "ungated",
    ]
    registered(tracking, name)
    # Of the same table, so that it has to be compared with it.
    assert [reason.rule for reason in promote_model(home, name).verdict.reasons] == ["champion"]
    registered(tracking, name, against("2"))
    assert promote_model(home, name).verdict.passed
    assert aliases(home, name) == {"champion": "4", "previous": "2"}


def test_a_damaged_booster_is_refused(home: Home, tracking: Tracking, name: str) -> None:
    number = registered(tracking, name)
    (path,) = booster_files(home, find_version(home, name, number).address(home).directory)
    path.write_text(path.read_text().replace("tree", "eert", 1))
    (reason,) = promote_model(home, name).verdict.reasons
    assert (reason.rule, "damaged" in reason.message) == ("loads", True)
    assert aliases(home, name) == {"challenger": number}
    assert verdicts(find_version(home, name, number).tags)[-1]["passed"] is False


def test_documents_that_were_tampered_with_are_refused(
    home: Home, tracking: Tracking, name: str
) -> None:
    number = registered(tracking, name, flags=(Flag("x", "id_like", 1.0),))
    path = find_version(home, name, number).address(home).directory / TRAINING
    path.write_text(json.dumps({**json.loads(path.read_text()), "flags": []}))
    assert [reason.rule for reason in promote_model(home, name).verdict.reasons] == ["loads"]
    with pytest.raises(ModelError, match="is damaged"):
        show_model(home, name, number)


def test_a_wrong_cost_of_explaining_is_found_out(home: Home, tracking: Tracking, name: str) -> None:
    registered(tracking, name, explanation_cost={"30": 1, "90": 12})
    (reason,) = promote_model(home, name).verdict.reasons
    assert reason.message == "training.json holds 1 leaves, but the boosters have 12"


@pytest.mark.parametrize(
    "features, rule, words",
    [
        (
            FEATURES[:2],
            "online",
            "feature missing online: dropped_calls_28d; run `holdfast features build`",
        ),
        (
            (*FEATURES, "new_one"),
            "columns",
            "columns changed since training: tiny_v1 online comes with new new_one; train again",
        ),
        (
            FEATURES[::-1],
            "columns",
            "columns changed since training: tiny_v1 online comes in another order; train again",
        ),
    ],
)
def test_features_that_do_not_fit_online_are_named(
    home: Home, tracking: Tracking, name: str, features: tuple[str, ...], rule: str, words: str
) -> None:
    registered(tracking, name)
    promote_model(home, name)
    tracking.set_champion_ungated(name, registered(tracking, name))
    registered(tracking, name, against("2"))
    publish_features(home, features)
    try:
        (reason,) = promote_model(home, name).verdict.reasons
        assert reason.rule == rule
        assert reason.message.startswith(words)
        with pytest.raises(ModelError, match="cannot be served"):
            rollback_model(home, name)
    finally:
        publish_features(home)
    assert aliases(home, name) == {"champion": "2", "previous": "1", "challenger": "3"}


def test_a_service_that_is_not_online_says_what_to_run(
    home: Home, tracking: Tracking, name: str
) -> None:
    model = make_version(name)
    documents = {**model.documents, TRAINING: {**model.documents[TRAINING], "service": "churn_v1"}}
    tracking.register(replace(model, service="churn_v1", documents=documents), RECORD)
    columns, online = promote_model(home, name).verdict.reasons
    assert columns.message.startswith(
        "columns changed since training: the definition of churn_v1 comes without dropped_calls_28d"
    )
    assert "never materialized" in online.message
    assert "run `holdfast features build` and `holdfast features materialize`" in online.message


def test_flags_are_explained_by_a_person_on_record(
    home: Home, tracking: Tracking, name: str
) -> None:
    number = registered(tracking, name, flags=(Flag("tenure_days", "missingness", 0.8),))
    assert [reason.rule for reason in promote_model(home, name).verdict.reasons] == ["leaks"]
    with pytest.raises(
        InputError, match=r"must name a flag of the version \(tenure_days\) \(got 'plan'\)"
    ):
        promote_model(home, name, explained={"plan": "why"})
    assert promote_model(
        home, name, explained={"tenure_days": "null before 2019, for all alike"}
    ).verdict.passed
    said = verdicts(find_version(home, name, number).tags)
    assert [verdict["passed"] for verdict in said] == [False, True]
    assert said[-1]["explained"] == {"tenure_days": "null before 2019, for all alike"}
    assert "Explained: null before 2019" in show_model(home, name).card


def test_what_is_not_there_is_told(
    home: Home, tracking: Tracking, name: str, tmp_path: Path
) -> None:
    empty = Home(tmp_path / "nothing")
    for act in (promote_model, rollback_model, show_model):
        with pytest.raises(ModelError, match="no model registry there"):
            act(empty, "churn")
    assert not empty.root.exists()
    registered(tracking, name)
    with pytest.raises(ModelError, match=f"model {name}: has no champion; it has 1, challenger"):
        rollback_model(home, name)
    with pytest.raises(ModelError, match="no readable champion"):
        find_champion(home, name)
    with pytest.raises(
        ModelError, match=r"must be a version of model .* \(1, challenger\) \(got '7'\)"
    ):
        promote_model(home, name, "7")
    promote_model(home, name)
    with pytest.raises(ModelError, match="has no challenger"):
        promote_model(home, name)
    with pytest.raises(ModelError, match=r"needs a version that was champion .* before 1"):
        rollback_model(home, name)
    with pytest.raises(ModelError, match=r"must be one that was registered \(.*\) \(got 'chrun'\)"):
        promote_model(home, "chrun")


def test_the_champion_of_several_models_is_the_one_that_became_so_last(
    home: Home, tracking: Tracking, name: str
) -> None:
    models = (f"{name}_one", f"{name}_other", f"{name}_absent")
    with pytest.raises(ModelError, match=f"no readable champion of model {models[0]} or"):
        find_newest_champion(home, models)
    numbers = [registered(tracking, model) for model in models[:2]]
    with pytest.raises(ModelError, match="no readable champion"):
        find_newest_champion(home, models)
    moved = []

    def make_champion(model: str, number: str, hours: int) -> Path:
        tracking.promotions.move(model, number, "gate", NOW + timedelta(hours=hours))
        moved.append(find_version(home, model, number).address(home).directory)
        return find_newest_champion(home, models).directory

    # Before it was recorded when a version became champion.
    tracking._client.set_registered_model_alias(models[0], "champion", numbers[0])
    before = find_newest_champion(home, models)
    assert before.directory == find_version(home, models[0], "1").address(home).directory
    assert make_champion(models[1], numbers[1], 0) == moved[-1]
    second = registered(tracking, models[0])
    assert make_champion(models[0], second, 1) == moved[-1]
    # A rollback counts as well.
    registered(tracking, models[1])
    assert make_champion(models[1], "2", 2) == moved[-1]
    tracking.promotions.move(models[1], "1", "rollback", NOW + timedelta(hours=3))
    assert find_newest_champion(home, models).directory == moved[0]


def test_a_home_without_a_champion_is_refused_before_mlflow_is_loaded(
    home: Home, tracking: Tracking, name: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="no model registry there"):
        require_champion(Home(tmp_path), (name,))
    registered(tracking, name)
    with pytest.raises(
        ModelError, match=rf"has no champion; registered are: .*{name} 1, challenger"
    ):
        require_champion(home, (name, "other"))
    promote_model(home, name)
    require_champion(home, ("other", name))


def test_the_check_before_mlflow_is_loaded_agrees_with_mlflow(
    home: Home, tracking: Tracking, name: str, tmp_path: Path
) -> None:
    """Of names, numbers and aliases, those of a deleted version and model among them."""
    for _ in range(3):
        registered(tracking, name)
    promote_model(home, name)
    registered(tracking, f"{name}_gone")
    client = MlflowClient(registry_uri=f"sqlite:///{home.tracking}")
    client.delete_model_version(name, "2")
    client.delete_registered_model(f"{name}_gone")
    before = sorted(home.root.iterdir())
    for model in (name, f"{name}_gone", "chrun"):
        for which in ("1", "2", "3", "4", "01", "champion", "challenger", "previous", ""):
            assert answer(find_version, home, model, which) == answer(
                require_version, home, model, which
            )
    assert sorted(home.root.iterdir()) == before


def test_a_registry_that_cannot_be_read_early_is_left_to_mlflow(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with sqlite3.connect(home.tracking) as database:
        database.execute("CREATE TABLE model_versions (name, number)")
    require_version(home, "churn", "99")
    home.tracking.write_bytes(b"no database")
    require_version(home, "churn", "99")


def answer(ask: Callable[[Home, str, str], object], home: Home, model: str, which: str) -> str:
    """What it is refused with, or nothing."""
    try:
        ask(home, model, which)
    except ModelError as error:
        return str(error)
    return ""


def test_uplift_is_judged_by_its_experiment(home: Home, tracking: Tracking) -> None:
    model = make_version("uplift_call")
    told = {
        "actions": [
            {"action": "call", "works": True, "targetable": False, "verdict": "works", "curve": []}
        ]
    }
    number = tracking.register(replace(model, documents={"uplift.json": told}), RECORD)
    with pytest.raises(
        ModelError,
        match=r"a randomised campaign must show .*action call, works True, targetable False",
    ):
        promote_model(home, "uplift_call", number)
    shown = show_model(home, "uplift_call", number)
    assert shown.to_json()["uplift"] == [
        {"action": "call", "works": True, "targetable": False, "verdict": "works"}
    ]


def _predictions(seed: int, noise: float, rows: int, cutoff: str = "2025-06-02") -> pa.Table:
    random = np.random.default_rng(1)
    risk = random.random(rows) * 0.4
    label = (random.random(rows) < risk).astype(float)
    label[:5] = np.nan
    dataset = SimpleNamespace(
        ids=np.array([f"s{number:05d}" for number in range(rows)]),
        customers=np.array([f"c{number // 2:05d}" for number in range(rows)]),
        cutoffs=np.full(rows, np.datetime64(cutoff, "us")),
        labels={30: label, 90: label},
        weight=np.ones(rows),
    )
    blurred = np.clip(
        risk + np.random.default_rng(seed).normal(scale=noise, size=rows), 0.001, 0.999
    )
    return TestPredictions.of(dataset, np.arange(rows), {"30": blurred, "90": blurred}).to_table()


def test_two_versions_are_compared_on_the_rows_both_were_tested_on(
    home: Home, tracking: Tracking, name: str
) -> None:
    # The same 1,500 rows, of which the second version was tested on the first 1,200 only.
    good = _predictions(1, 0.01, 1500)
    bad = _predictions(2, 0.3, 1500).slice(0, 1200)
    elsewhere = _predictions(1, 0.01, 1200, cutoff="2025-07-28")
    for table in (good, bad, elsewhere, None):
        tables = {} if table is None else {TEST_PREDICTIONS: table}
        registered(tracking, name, record=replace(RECORD, tables=tables))
    comparison = compare_models(home, name, "1", "2")
    assert comparison.rows == {"30": 1195, "90": 1195}
    figures = {(figure.horizon, figure.metric): figure for figure in comparison.figures}
    auc = figures["90", "auc"]
    assert auc.difference is not None
    assert auc.difference.low > 0.02
    assert auc.difference.value == pytest.approx(auc.one.value - auc.other.value)
    swapped = compare_models(home, name, "2", "1")
    assert (
        next(figure for figure in swapped.figures if figure.metric == "auc").difference.high < -0.02
    )
    apart = compare_models(home, name, "1", "3")
    assert (apart.rows, apart.figures[0].difference) == ({}, None)
    assert "too few rows are in both" in apart.note
    assert apart.figures[0].one.value == 0.74
    assert "were not kept" in compare_models(home, name, "1", "4").note


def test_versions_without_an_assessment_cannot_be_compared(
    home: Home, tracking: Tracking, name: str
) -> None:
    for _ in range(2):
        tracking.register(replace(make_version(name), documents={}), RECORD)
    with pytest.raises(ModelError, match=f"version 1: holds no {ASSESSMENT}"):
        compare_models(home, name, "1", "2")
    verdict = promote_model(home, name).verdict
    assert [reason.message for reason in verdict.reasons] == [
        "training.json is missing: the version was not made by `holdfast train`"
    ]
    assert "Not recorded" in show_model(home, name, "1").card


def run(home: Home, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(
        model_commands.app, [*arguments, "--home", str(home.root)], env={"COLUMNS": "200"}
    )
    assert result.exit_code == code, result.output
    return result.output


def test_the_commands_say_the_same(home: Home, tracking: Tracking, name: str) -> None:
    registered(tracking, name)
    assert "passed" in run(home, "promote", "--model", name)
    registered(tracking, name, NOBODY)
    refused = json.loads(run(home, "promote", "--model", name, "--json", code=3))
    assert (refused["promoted"], refused["champion_before"], refused["reasons"][0]["rule"]) == (
        False,
        "1",
        "champion",
    )
    assert "Nothing changed: version 1 stays champion" in run(
        home, "promote", "2", "--model", name, code=3
    )
    registered(tracking, name, against("1"))
    assert json.loads(run(home, "promote", "--model", name, "--json"))["promoted"] is True
    listed = [
        version
        for version in json.loads(run(home, "list", "--json"))["versions"]
        if version["name"] == name
    ]
    assert [(version["number"], version["aliases"], version["gate"]) for version in listed] == [
        ("3", ["champion"], "passed"),
        ("2", [], "refused"),
        ("1", ["previous"], "passed"),
    ]
    assert listed[0]["figures"]["auc"] == {"value": 0.74, "low": 0.72, "high": 0.76}
    assert listed[0]["horizon_days"] == 90
    assert name in run(home, "list")
    shown = json.loads(run(home, "show", "--model", name, "--json"))
    assert (shown["number"], shown[TRAINING]["target"]) == ("3", name)
    assert "champion since" in run(home, "show", "3", "--model", name)
    assert run(home, "show", "--card", "--model", name).startswith(
        f"# Model card: {name}, version 3"
    )
    assert (
        json.loads(run(home, "compare", "3", "previous", "--model", name, "--json"))["other"] == "1"
    )
    assert "no differences" in run(home, "compare", "3", "1", "--model", name)
    assert json.loads(run(home, "rollback", "--model", name, "--json"))["model_version"] == "1"
    assert "is champion again" in run(home, "rollback", "--model", name)
    assert "--explain-flag" in run(home, "promote", "--explain-flag", "x", "--model", name, code=2)
