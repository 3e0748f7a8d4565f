"""A model of the operator's own features, from raw tables to a challenger, on a small simulated
operator.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmarks.models.gate import leaked, miscalibrated, shuffled, verdict_of
from features.fields import SERVICES, VIEWS
from features.online.service import open_service, read
from features.online.settings import OnlineSettings
from features.operator.repository import OperatorRepository
from holdfast.errors import HomeError, InputError
from holdfast.home import Home
from models.churn import CHURN, LINES, NON_PAYMENT
from models.registry import RegisteredVersion, find_version, list_versions, load_registered
from models.scorer import Scorer
from models.target import Target
from pipeline.promote import promote_model
from pipeline.train import Trained, train_target
from tests.builders.clocks import NOW, clock_at
from training.fitting.budget import TuningBudget
from training.labelling.dataset import Dataset, churn_dataset
from training.operator.dataset import newest_snapshot
from training.operator.model import OperatorModel, train_operator_model
from training.release.refit import REFIT, read_refit
from training.settings import AssessmentSettings, GateSettings, TrainingConfig, TrainingSettings

ONE = TuningBudget(trials=1)
QUICK = TrainingConfig(
    fitting=TrainingSettings(max_rounds=60, patience_rounds=10),
    assessment=AssessmentSettings(draws=60),
)
LONGEST = replace(CHURN, horizons_days=CHURN.horizons_days[-1:])
"""For what is found at each horizon: one model in place of three."""


def train(
    dataset: Dataset,
    target: Target,
    config: TrainingConfig = QUICK,
    champion: RegisteredVersion | None = None,
) -> OperatorModel:
    return train_operator_model(dataset, target, config, made_at=NOW, champion=champion, budget=ONE)


def trained_in(home: Home, target: str) -> Trained:
    return train_target(home, target, ONE, QUICK, online=OnlineSettings(), clock=clock_at())


@pytest.fixture(scope="module")
def home(simulated_operator: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("training") / "home"
    shutil.copytree(simulated_operator / "home", folder)
    return Home(folder)


@pytest.fixture(scope="module")
def trained(home: Home) -> Trained:
    return trained_in(home, "churn")


@pytest.fixture(scope="module")
def dataset(home: Home) -> Dataset:
    return churn_dataset(home, QUICK.labels, until=NOW)


@pytest.fixture(scope="module")
def sound(trained: Trained) -> OperatorModel:
    return trained.model


@pytest.fixture(scope="module")
def again(dataset: Dataset, home: Home, trained: Trained) -> OperatorModel:
    """The same rows once more, beside the first model as if it were champion."""
    address = find_version(home, "churn", trained.number).address(home)
    return train(dataset, CHURN, champion=load_registered(address, evaluated=True))


def test_it_becomes_challenger_with_report_card_and_evidence(home: Home, trained: Trained) -> None:
    entry = find_version(home, "churn", trained.number)
    assert entry.aliases == ("challenger",)
    model = load_registered(entry.address(home)).model
    assert model.horizons == (30, 60, 90)
    assert model.features == tuple(
        name for view in SERVICES["churn_v1"] for name in VIEWS[view].columns
    )
    assert {
        "training.json",
        "assessment.json",
        "features.json",
        "encoding.json",
        "columns.json",
    } <= set(model.documents)
    assert trained.report.read_text(encoding="utf-8").startswith("<!doctype html>")
    run = entry.address(home).directory.parent
    assert (run / "report.html").read_text(encoding="utf-8") == trained.report.read_text(
        encoding="utf-8"
    )
    assert f"churn, version {trained.number}" in trained.card.read_text(encoding="utf-8")
    assert trained.model.assessments["90"].metrics["auc"].value > 0.65
    assert (
        json.loads(json.dumps(trained.to_json(), allow_nan=False))["model_version"]
        == trained.number
    )


def test_the_registered_version_says_what_the_trained_one_says(
    home: Home, trained: Trained
) -> None:
    model = load_registered(find_version(home, "churn", trained.number).address(home)).model
    matrix = trained.model.sample.matrix
    for days in (30, 60, 90):
        ours, theirs = (
            Scorer(version, threads=1).score(matrix, days)
            for version in (trained.model.version, model)
        )
        assert ours.probability.tolist() == theirs.probability.tolist()


def test_each_horizon_is_fitted_again_until_its_own_labels_are_complete(trained: Trained) -> None:
    facts = trained.model.facts
    refit = read_refit(trained.model.version.documents)
    assert refit is not None
    until = {days: one.until for days, one in refit.horizons.items()}
    assert until["30"]["refitted"] > until["60"]["refitted"] > until["90"]["refitted"]
    assert len({one["evaluated"] for one in until.values()}) == 1
    assert facts.rows["newer"] > 0
    assert facts.cutoffs["newer"][-1] == until["30"]["refitted"]
    assert facts.cutoffs["test"][-1] == until["90"]["refitted"]


def test_a_refit_that_is_unlike_what_was_evaluated_does_not_score(
    home: Home, trained: Trained
) -> None:
    """Boosters of so few rows differ by chance."""
    refit = read_refit(trained.model.version.documents)
    assert refit is not None
    assert not refit.used
    assert trained.number is not None
    assert trained.card is not None
    assert refit.until["served"] == refit.until["evaluated"] < refit.until["refitted"]
    for one in refit.horizons.values():
        assert one.until["served"] == one.until["evaluated"]
        assert one.rows["served"] == one.rows["evaluated"] < one.rows["refitted"]
    fitted = trained.model.facts.fitted
    assert fitted["served"] == fitted["evaluated"] != fitted["refitted"]
    card = trained.card.read_text("utf-8")
    assert "| newer, of which nothing that scores has learnt |" in card
    assert "calibrations of the served boosters" not in card
    address = find_version(home, "churn", trained.number).address(home)
    served, evaluated = (
        load_registered(address, evaluated=which).model.boosters for which in (False, True)
    )
    assert {name: one.model_to_string() for name, one in served.items()} == {
        name: one.model_to_string() for name, one in evaluated.items()
    }
    assert "and are not served: 30 days: what was fitted again" in trained.card.read_text("utf-8")
    page = trained.report.read_text(encoding="utf-8")
    assert "they were unlike these, and are not used" in page
    assert "what was fitted again ranks otherwise than what was evaluated" in page
    assert "refit" not in {finding.rule for finding in trained.verdict.reasons}


def test_the_refit_is_compared_on_those_who_will_be_scored(home: Home) -> None:
    everybody = pq.read_table(OperatorRepository(home).tables / "contract" / "newest.parquet")
    names = SERVICES[CHURN.service]
    place = [name for view in names for name in VIEWS[view].columns].index(LINES.feature)
    found = {}
    for target in (CHURN, NON_PAYMENT):
        snapshot = newest_snapshot(home, target, QUICK.labels)
        assert snapshot is not None
        found[target.name] = np.unique(LINES.of(snapshot.matrix[:, place])).tolist()
        assert 0 < len(snapshot.matrix) < len(everybody)
    assert found == {
        "churn": ["fixed", "postpaid", "prepaid"],
        "non_payment": ["fixed", "postpaid"],
    }


def test_the_online_store_gives_what_it_reads(home: Home, trained: Trained) -> None:
    service = open_service(home, "churn_v1", OnlineSettings())
    assert service.features == trained.model.version.features
    matrix, _ = read(service, ["S000000014", "S000000016"])
    assert np.isfinite(Scorer(trained.model.version, threads=1).score(matrix).probability).all()


def test_the_same_rows_give_the_same_model(sound: OperatorModel, again: OperatorModel) -> None:
    texts = [
        [booster.model_to_string() for booster in model.version.boosters.values()]
        for model in (sound, again)
    ]
    assert texts[0] == texts[1]
    assert sound.facts.dataset_sha256 == again.facts.dataset_sha256
    for horizon, assessment in sound.assessments.items():
        other = again.assessments[horizon]
        for figures in ("metrics", "strata", "decay", "holdout"):
            assert getattr(other, figures) == getattr(assessment, figures), (horizon, figures)
        baselines = {name: other.baselines[name] for name in assessment.baselines}
        assert baselines == assessment.baselines
        assert set(other.baselines) - set(baselines) == {"champion"}


def test_the_gate_refuses_what_is_too_small_and_says_so(home: Home, trained: Trained) -> None:
    promotion = promote_model(
        home, "churn", gate=QUICK.gate, online=OnlineSettings(), clock=clock_at()
    )
    assert not promotion.verdict.passed
    assert "positives" in {finding.rule for finding in promotion.verdict.reasons}
    assert not any("champion" in entry.aliases for entry in list_versions(home, "churn"))


def test_what_was_trained_with_a_leak_is_refused(dataset: Dataset) -> None:
    model = train(leaked(dataset), LONGEST)
    assert ("loyalty_points", "single_column") in {
        (flag.column, flag.kind) for flag in model.facts.flags
    }
    assert "leaks" in {finding.rule for finding in verdict_of(model, QUICK.gate).reasons}


def test_what_was_trained_on_shuffled_labels_is_refused(dataset: Dataset) -> None:
    model = train(shuffled(dataset), LONGEST)
    rules = {finding.rule for finding in verdict_of(model, QUICK.gate).reasons}
    assert {"nothing_found", "better_than_constant"} <= rules
    # No version scores, so nothing is fitted again.
    assert REFIT not in model.version.documents
    assert model.facts.fitted.keys() == {"evaluated"}


def test_what_is_miscalibrated_is_refused(dataset: Dataset) -> None:
    # So few losses show only what is far too extreme.
    with miscalibrated(3.0):
        model = train(dataset, LONGEST)
    assert "slope" in {finding.rule for finding in verdict_of(model, QUICK.gate).reasons}


def test_what_is_too_slow_to_explain_is_refused(sound: OperatorModel) -> None:
    cost = max(sound.facts.explanation_cost.values())
    rules = [
        {finding.rule for finding in verdict_of(sound, GateSettings(most_leaves=most)).reasons}
        for most in (cost, cost - 1)
    ]
    assert rules[1] - rules[0] == {"explanation_cost"}


def test_boosters_end_before_the_gate_would_refuse_their_leaves(
    dataset: Dataset, sound: OperatorModel
) -> None:
    most = min(sound.facts.explanation_cost.values()) // 2
    config = QUICK.model_copy(update={"gate": GateSettings(most_leaves=most)})
    model = train(dataset, LONGEST, config)
    assert all(0 < cost <= most for cost in model.facts.explanation_cost.values())
    assert "explanation_cost" not in {
        finding.rule for finding in verdict_of(model, config.gate).reasons
    }


def test_a_champion_is_evaluated_on_the_same_rows(
    sound: OperatorModel, again: OperatorModel, trained: Trained
) -> None:
    assert (again.facts.champion.number, again.facts.champion.comparable) == (trained.number, True)
    baseline = again.assessments["90"].baselines["champion"]
    assert baseline.metrics["auc"] == sound.assessments["90"].metrics["auc"]
    assert (baseline.difference["auc"].value, baseline.difference["log_loss"].value) == (0, 0)


def test_wrong_targets_and_homes_are_named_before_any_work(home: Home, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"churn, non_payment.*'chrun'"):
        trained_in(home, "chrun")
    with pytest.raises((InputError, HomeError), match="raw tables"):
        trained_in(Home(tmp_path / "empty"), "churn")


def test_too_few_positives_are_named_and_nothing_is_registered(
    home: Home, trained: Trained
) -> None:
    before = [entry.number for entry in list_versions(home)]
    rule = r"non_payment, .* rows: must have at least \d+ customers with a positive"
    with pytest.raises(InputError, match=rule):
        trained_in(home, "non_payment")
    assert [entry.number for entry in list_versions(home)] == before
