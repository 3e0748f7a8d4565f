"""Care evaluated by its randomised contacts, from a simulated operator's raw tables to registered
models.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from holdfast.errors import InputError
from holdfast.home import Home
from models.registry import CHALLENGER, find_version
from models.uplift import Uplift, load_uplift
from pipeline.uplift import UpliftRun, evaluate_home
from tests.builders.clocks import NOW, clock_at
from tests.builders.experiments import QUICK
from tests.builders.guides import run_python
from training.labelling.history import RawHistory
from training.uplift.contacts import SERVICE, randomised_actions

ACTION = "courtesy_call"


@pytest.fixture(scope="module")
def home(simulated_operator: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("care") / "home"
    shutil.copytree(simulated_operator / "home", root)
    return Home(root)


@pytest.fixture(scope="module")
def run(home: Home) -> UpliftRun:
    return evaluate_home(home, (), home.root / "uplift", QUICK, clock=clock_at())


def test_each_action_has_a_verdict_or_a_reason_why_it_has_none(run: UpliftRun, home: Home) -> None:
    evaluated = {evaluation.experiment.name for evaluation in run.evaluations}
    assert ACTION in evaluated
    assert evaluated | set(run.not_evaluated) == set(randomised_actions(RawHistory(home.raw, NOW)))
    assert not evaluated & set(run.not_evaluated)
    for reason in run.not_evaluated.values():
        assert "at least" in reason or "must hold randomised contacts" in reason


def test_propensities_are_those_of_the_draw(run: UpliftRun) -> None:
    (calls,) = [
        evaluation for evaluation in run.evaluations if evaluation.experiment.name == ACTION
    ]
    experiment = calls.experiment
    # The simulator calls four in five where a problem is unresolved, else one in five.
    assert set(np.round(experiment.propensity, 6)) == {0.2, 0.8}
    assert experiment.left_out["in the holdout, which goes without all offers"] > 0
    assert not [evaluation for evaluation in calls.imbalances if evaluation.feature is None]


def test_models_are_registered_as_challengers_and_travel_with_their_verdict(
    run: UpliftRun, home: Home
) -> None:
    assert run.registered[f"uplift_{ACTION}"] == "1"
    entry = find_version(home, f"uplift_{ACTION}", CHALLENGER)
    address = entry.address(home)
    model = load_uplift(address.directory, address.sha256)
    (calls,) = [
        evaluation for evaluation in run.evaluations if evaluation.experiment.name == ACTION
    ]
    assert model.service == SERVICE
    assert model.documents["uplift.json"]["verdict"] == calls.actions[0].finding.verdict
    np.testing.assert_array_equal(
        model.predict(calls.experiment.matrix).effect,
        calls.models[0].predict(calls.experiment.matrix).effect,
    )
    assert entry.metrics["average_effect_low"] == pytest.approx(calls.actions[0].average.low)
    assert run.report.is_file()


def test_an_action_that_was_not_drawn_is_refused_by_name_and_nothing_is_written(
    home: Home, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="must be an action in care_contacts"):
        evaluate_home(home, ("free_beer",), tmp_path / "out", QUICK, clock=clock_at())
    assert not (tmp_path / "out").exists()


def test_the_guides_example_predicts_what_the_run_did(
    run: UpliftRun, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "operator_home").symlink_to(home.root)
    monkeypatch.chdir(tmp_path)
    (calls,) = [one for one in run.evaluations if one.experiment.name == ACTION]
    uplift = run_python("uplift", matrix=calls.experiment.matrix)["uplift"]
    assert isinstance(uplift, Uplift)
    predicted = calls.models[0].predict(calls.experiment.matrix)
    for name in ("effect", "ranking", "group", "low", "high"):
        np.testing.assert_array_equal(getattr(uplift, name), getattr(predicted, name))
