"""Care evaluated by its randomised contacts, from a simulated operator's raw tables to registered
models.
"""

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from holdfast.errors import InputError
from holdfast.home import Home
from models.registry import CHALLENGER, find_version
from models.uplift import load_uplift
from pipeline.uplift import LOOKS, UpliftRun, evaluate_home
from tests.builders.clocks import NOW, clock_at
from tests.builders.experiments import QUICK
from training.labelling.history import RawHistory
from training.uplift.contacts import SERVICE, randomised_actions
from training.uplift.evaluation import UpliftConfig
from training.uplift.looks import Looks
from training.uplift.result import ActionUplift

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


def test_evaluated_again_the_same_contacts_change_nothing_and_more_of_them_are_a_further_look(
    simulated_operator: Path, tmp_path: Path
) -> None:
    """A month's evaluation, its repetition, and a later month's, by the plan of looks."""
    home = Home(Path(shutil.copytree(simulated_operator / "home", tmp_path / "home")))
    outcomes = pl.scan_parquet(home.raw / "care_outcomes" / "*.parquet")
    matured = outcomes.filter(pl.col("outcome") == "churned").select("matured_at").collect()
    month = matured["matured_at"].quantile(0.93)
    assert isinstance(month, datetime)
    always = replace(QUICK, looks=Looks(expected=1_000))
    directory = tmp_path / "care"

    def found(config: UpliftConfig, now: datetime) -> tuple[UpliftRun, ActionUplift]:
        done = evaluate_home(home, (ACTION,), directory, config, clock=clock_at(now))
        return done, done.evaluations[0].actions[0]

    once_a_month, first = found(always, month)
    kept = (directory / LOOKS).read_bytes()
    repeated, again = found(always, month)
    assert again == first
    assert repeated.registered == once_a_month.registered == {f"uplift_{ACTION}": "1"}
    assert repeated.evaluations[0].earlier == ()
    assert (directory / LOOKS).read_bytes() == kept

    next_month, later = found(always, NOW)
    assert next_month.registered == {f"uplift_{ACTION}": "2"}
    assert later.finding.why_not is None
    (earlier,) = next_month.evaluations[0].earlier
    assert (earlier.action, earlier.verdict) == (ACTION, first.finding.verdict)
    assert earlier.clusters < next_month.evaluations[0].clusters
    for other in (QUICK, replace(QUICK, looks=Looks(expected=5_000))):
        finding = found(other, NOW)[1].finding
        assert (finding.verdict, finding.why_not) == ("not_enough_data", "looked_before")
        assert finding.earlier_look is not None


def test_an_action_that_was_not_drawn_is_refused_by_name_and_nothing_is_written(
    home: Home, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="must be an action in care_contacts"):
        evaluate_home(home, ("free_beer",), tmp_path / "out", QUICK, clock=clock_at())
    assert not (tmp_path / "out").exists()
