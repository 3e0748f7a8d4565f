"""A model of labelled rows depends on the rows and the configuration that it is given, and on
nothing else.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.contracts.vocabulary import CONTACT_CHANNELS
from models.dissatisfaction import SurveyTarget
from models.reasons.cost import explanation_cost
from models.registry import RegisteredVersion
from models.target import Target
from tests.builders.clocks import NOW
from training.evaluation.leaks import Flag
from training.evaluation.signal import signal_of_assessments
from training.fitting.budget import TuningBudget
from training.fitting.parameters import OPERATOR_SETS
from training.labelling.dataset import Dataset, columns_of
from training.operator.model import OperatorModel, train_operator_model
from training.release.facts import PARAMETER_SETS, SEARCHED
from training.release.refit import REFIT, read_refit
from training.settings import (
    AssessmentSettings,
    GateSettings,
    LabelSettings,
    LeakWatchSettings,
    TrainingConfig,
    TrainingSettings,
    TuningSettings,
)

TARGET = Target(
    name="leaves",
    about="the customer leaves",
    entity="customer",
    service="consent_v1",  # the service with the fewest columns
    horizons_days=(90,),
    direction="none",
)
ONE = TrainingConfig(
    fitting=TrainingSettings(seed=1, max_rounds=20, patience_rounds=5),
    assessment=AssessmentSettings(draws=50),
)


def made_up(customers: int = 400, cutoffs: int = 10) -> Dataset:
    """Rows whose first column tells of the outcome."""
    random = np.random.default_rng(0)
    features = columns_of(TARGET.service)
    rows = customers * cutoffs
    matrix = random.normal(size=(rows, len(features)))
    label = (random.random(rows) < 1 / (1 + np.exp(1.0 - 2.0 * matrix[:, 0]))).astype(float)
    names = np.array([f"c{number:04d}" for number in range(customers)])
    times = np.datetime64("2025-01-06", "us") + np.arange(cutoffs) * np.timedelta64(28, "D")
    return Dataset(
        target=TARGET.name,
        service=TARGET.service,
        features=features,
        ids=np.tile(names, cutoffs),
        customers=np.tile(names, cutoffs),
        cutoffs=np.repeat(times, customers),
        label_ends=np.repeat(times, customers) + np.timedelta64(97, "D"),
        complete=np.ones(len(times) * customers, dtype=np.bool_),
        matrix=matrix,
        labels={90: label},
        weight=np.ones(rows),
        slices={},
        holdout=np.zeros(rows, dtype=bool),
        excluded={},
        facts={"gap_days": 7, "weights": "all alike"},
    )


PATIENT = ONE.model_copy(
    update={
        "fitting": ONE.fitting.model_copy(update={"max_rounds": 60, "patience_rounds": 60}),
    }
)
"""Of which something is found without a search."""


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return made_up()


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> OperatorModel:
    return train(dataset, ONE)


def train(dataset: Dataset, config: TrainingConfig) -> OperatorModel:
    return train_operator_model(dataset, TARGET, config, made_at=NOW, budget=TuningBudget(trials=1))


def text_of(model: OperatorModel) -> str:
    (booster,) = model.version.main.everyone.boosters
    return booster.model_to_string()


def test_two_configurations_in_one_process_give_two_models(
    dataset: Dataset, model: OperatorModel
) -> None:
    other = ONE.model_copy(
        update={
            "fitting": ONE.fitting.model_copy(update={"seed": 2}),
            "labels": LabelSettings(test_share=0.4),
            "gate": GateSettings(most_leaves=40),
            "leak_watch": LeakWatchSettings(too_good_auc=0.6),
        }
    )
    second = train(dataset, other)
    assert text_of(second) != text_of(model)
    assert (model.facts.seed, second.facts.seed) == (1, 2)
    assert second.facts.rows["test"] == 2 * model.facts.rows["test"]
    assert second.facts.explanation_cost["90"] <= 40 < model.facts.explanation_cost["90"]
    assert "too_good" in kinds(second.facts.flags) - kinds(model.facts.flags)
    assert (model.config, second.config) == (ONE, other)
    # And the first again, after the other: nothing is left of that.
    again = train(dataset, ONE)
    assert text_of(again) == text_of(model)
    assert again.assessments == model.assessments


def test_a_search_is_used_only_where_it_is_better_than_the_default_sets(
    dataset: Dataset,
) -> None:
    kept = {}
    for price in (0.0, 1.0):  # of leaves: the single booster of a short search has fewer
        dear = ONE.model_copy(update={"tuning": TuningSettings(explanation_price=price)})
        facts = train(dataset, dear).facts
        search = facts.choices[SEARCHED]
        is_default = facts.choices[PARAMETER_SETS] == list(OPERATOR_SETS)
        assert is_default == (search["default"] <= search["searched"])
        kept[price] = is_default
    assert kept[1.0] is False
    unsearched = train_operator_model(dataset, TARGET, ONE, made_at=NOW)
    assert unsearched.facts.choices[SEARCHED] == {}
    assert unsearched.facts.choices[PARAMETER_SETS] == list(OPERATOR_SETS)


def test_facts_of_boosters_are_of_those_that_they_name(
    dataset: Dataset, model: OperatorModel
) -> None:
    unsearched = train_operator_model(dataset, TARGET, PATIENT, made_at=NOW)
    for one in (model, unsearched):
        kept, version = one.facts.fitted, one.version
        assert one.facts.serves_refit
        assert kept.keys() == {"evaluated", "served"}
        served = version.main.everyone
        assert [member.rounds for member in kept["served"].members["90"]] == [
            booster.num_trees() for booster in served.boosters
        ]
        assert one.facts.rounds == {"90": served.trees}
        assert kept["served"].explanation_cost == one.facts.explanation_cost
        assert kept["served"].calibrations["90"]["chosen"] == served.calibration.kind
        (evaluated,) = version.evaluated
        of_all = evaluated.everyone
        assert kept["evaluated"].calibrations["90"]["chosen"] == of_all.calibration.kind
        assert len(kept["evaluated"].members["90"]) == len(of_all.boosters)


def test_where_nothing_is_found_nothing_is_fitted_again(dataset: Dataset) -> None:
    random = np.random.default_rng(3).permutation(len(dataset.ids))
    model = train(replace(dataset, labels={90: dataset.labels[90][random]}), ONE)
    assert not signal_of_assessments(model.assessments).found
    assert REFIT not in model.version.documents
    assert model.version.evaluated == ()
    assert model.facts.fitted.keys() == {"evaluated"}


def test_a_refit_that_loses_a_booster_to_the_limit_of_leaves_does_not_score(
    dataset: Dataset,
) -> None:
    """More rows fill more leaves, so that two boosters may have too many of them only when fitted again."""
    usual = train_operator_model(dataset, TARGET, PATIENT, made_at=NOW)
    ((of_all,), (again,)) = usual.version.evaluated, usual.version.horizon_models
    evaluated, served = (explanation_cost(*one.everyone.boosters) for one in (of_all, again))
    assert evaluated < served
    limits = {
        limit: train_operator_model(
            dataset,
            TARGET,
            PATIENT.model_copy(update={"gate": GateSettings(most_leaves=limit)}),
            made_at=NOW,
        )
        for limit in (served - 1, evaluated - 1)
    }
    model = limits[served - 1]
    assert model.facts.explanation_cost["90"] == evaluated
    refit = read_refit(model.version.documents)
    assert refit is not None
    assert not refit.used
    trees = refit.horizons["90"].trees
    assert trees["refitted"] < trees["evaluated"] == trees["served"]
    assert "boosters are left out" in refit.in_words(str)
    # Where what was evaluated has one booster already, the facts name that one.
    facts = limits[evaluated - 1].facts
    (member,) = facts.fitted["served"].members["90"]
    assert (member.parameter_set, len(facts.choices[PARAMETER_SETS])) == (0, 2)


def test_a_champion_is_not_compared_on_rows_that_it_learnt_from(
    dataset: Dataset, model: OperatorModel
) -> None:
    """Such as where a person begins the test period earlier than that of the champion."""
    champion = RegisteredVersion(number="1", model=model.version)
    options: dict[str, Any] = {
        "made_at": NOW,
        "champion": champion,
        "budget": TuningBudget(trials=1),
    }
    last = datetime.fromisoformat(model.facts.cutoffs["fit"][-1])
    # What became of its rows is told 97 days after their cut-off, long after the next cut-off.
    begins = {True: last + timedelta(days=98), False: last + timedelta(days=1)}
    for comparable, test_from in begins.items():
        other = train_operator_model(dataset, TARGET, ONE, test_from=test_from, **options)
        assert other.facts.champion.comparable == comparable
        assert ("champion" in other.assessments["90"].baselines) == comparable
    assert f"--test-from {begins[True].date()} or later" in other.facts.champion.in_words


def test_a_model_of_answers_is_ranked_for_those_who_gave_them_too(model: OperatorModel) -> None:
    answers = made_up(customers=150)
    answers = replace(answers, weight=np.linspace(0.5, 1.5, len(answers.ids)))
    target = SurveyTarget(
        **vars(TARGET),
        survey="relationship",
        instrument="csat",
        dimension="overall",
        low=1.0,
        high=5.0,
        dissatisfied_to=2.0,
        has_gap=True,
    )
    budget = TuningBudget(trials=1)
    trained = train_operator_model(answers, target, ONE, made_at=NOW, budget=budget)
    assessed = trained.assessments["90"]
    assert assessed.answers is not None
    assert assessed.answers["invited"].auc == assessed.metrics["auc"]
    assert assessed.answers["answered"].auc != assessed.metrics["auc"]
    assert model.assessments["90"].answers is None


def test_the_environment_changes_no_model(
    dataset: Dataset, model: OperatorModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("TRAINING_SEED", "TRAINING_FOLDS", "LABEL_GAP_DAYS", "GATE_MOST_LEAVES"):
        monkeypatch.setenv(f"HOLDFAST_{name}", "7")
    monkeypatch.setenv("HOLDFAST_ASSESS_DRAWS", "none at all")
    again = train(dataset, ONE)
    assert text_of(again) == text_of(model)
    assert replace(again.facts, git_commit=model.facts.git_commit) == model.facts
    assert again.assessments == model.assessments


def test_a_missing_value_with_a_meaning_is_no_suspicion(dataset: Dataset) -> None:
    """Whether consent was ever asked for is a fact; an objection that is missing is none."""
    matrix = dataset.matrix.copy()
    loyal = dataset.labels[90] == 0
    for name in ("offers_consent_sms", "do_not_contact_sms"):
        column = dataset.features.index(name)
        matrix[loyal & (np.arange(len(loyal)) % 2 == 0), column] = np.nan
    model = train(replace(dataset, matrix=matrix), ONE)
    flagged = [flag.column for flag in model.facts.flags if flag.kind == "missingness"]
    assert flagged == ["do_not_contact_sms"]
    assert model.facts.choices["null_has_meaning"] == [
        f"{purpose}_consent_{channel}"
        for purpose in ("offers", "surveys")
        for channel in CONTACT_CHANNELS
    ]
    assert model.facts.unchecked_missingness == 2 * len(CONTACT_CHANNELS)


def kinds(flags: tuple[Flag, ...]) -> set[str]:
    return {flag.kind for flag in flags}
