"""Homes that were made before modules moved to their packages: they hold class paths and document
keys of that time."""

import json
import runpy
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from features.flat.customers import Roles
from features.online.feast_store import open_feast
from features.online.service import open_service, read
from features.online.settings import PACKED_TYPE, OnlineSettings
from holdfast.documents import read_document, to_document
from holdfast.home import Home
from models.churn import TABLE_CHURN
from models.registry import find_version, load_champion, load_registered, read_documents
from models.scorer import Scorer
from pipeline.promote import list_models, show_model, would_pass
from pipeline.quickstart import quickstart
from serving.served.follower import ModelFollower
from tests.builders.clocks import clock_at
from training.evaluation.assessment import ASSESSMENT, Assessment
from training.release.comparison import compare_models
from training.release.facts import TRAINING, TrainingFacts
from training.settings import AssessmentSettings, GateSettings, TrainingConfig

FIXTURES = Path(__file__).parents[2] / "fixtures" / "before_layout"
EARLIER_TYPE = "features.packed_online_store.PackedOnlineStore"


def unpacked(name: str, folder: Path) -> Home:
    with tarfile.open(FIXTURES / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return Home(folder / name)


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A quickstart's home, in a folder that it was not made in."""
    return unpacked("quickstart", tmp_path_factory.mktemp("flat"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Registry of a home with one version of three horizons and three strata."""
    return unpacked("trained", tmp_path_factory.mktemp("trained"))


def test_a_flat_tables_home_scores_as_it_did(flat: Home) -> None:
    scores = pq.read_table(flat.scores)
    model = load_champion(flat, "churn").model
    matrix, _ = read(
        open_service(flat, model.service, OnlineSettings()), scores["customer_id"].to_pylist()
    )
    probability = Scorer(model, threads=1).score(matrix).probability
    np.testing.assert_array_equal(probability, scores["probability"].to_numpy())


def test_feast_finds_the_store_under_the_class_path_of_that_time(flat: Home) -> None:
    assert EARLIER_TYPE in (flat.features / "feature_store.yaml").read_text(encoding="utf-8")
    store = open_feast(flat.features)
    assert store.config.online_store.type == PACKED_TYPE
    service = store.get_feature_service("customer_table_v1")
    answer = store.get_online_features(service, [{"customer_id": "00001"}]).to_dict()
    assert any(value != [None] for name, value in answer.items() if name != "customer_id")


def test_its_definitions_can_be_run(flat: Home) -> None:
    objects = runpy.run_path(str(flat.features / "definitions.py"))
    assert objects["service"].name == "customer_table_v1"


def test_a_new_run_takes_the_home_over(tmp_path: Path) -> None:
    home = unpacked("quickstart", tmp_path)
    follower = ModelFollower(home, OnlineSettings(), clock_at())
    follower.refresh()
    # Its model has the name that only models of the operator's own features have today.
    assert follower.current().title == "churn version 1"
    roles = Roles(target="left", id="customer", value="margin")
    quickstart(FIXTURES / "customers.csv", roles, home, TrainingConfig(), clock=clock_at())
    follower.refresh()
    assert follower.current().title == f"{TABLE_CHURN} version 1"
    assert load_champion(home, "churn").number == "1"
    written = (home.features / "feature_store.yaml").read_text(encoding="utf-8")
    assert PACKED_TYPE in written
    assert EARLIER_TYPE not in written


def test_a_version_with_strata_scores_and_explains_as_it_did(trained: Home) -> None:
    model = load_registered(find_version(trained, "churn", "1").address(trained)).model
    rows = pq.read_table(FIXTURES / "trained_rows.parquet")
    matrix = np.column_stack([rows[name].to_numpy() for name in model.features])
    scorer = Scorer(model, threads=1)
    for horizon_days, scores in zip(model.horizons, scorer.score_all(matrix), strict=True):
        expected = rows[f"probability_{horizon_days}"].to_numpy()
        np.testing.assert_array_equal(scores.probability, expected)
        assert scores.band.tolist() == rows[f"band_{horizon_days}"].to_pylist()
    explained = scorer.explain(matrix).contributions.sum(axis=1)
    np.testing.assert_allclose(explained, rows["sum_of_contributions"].to_numpy(), atol=1e-9)


def test_a_version_is_written_as_it_was_but_for_what_was_added(
    trained: Home, tmp_path: Path
) -> None:
    address = find_version(trained, "churn", "1").address(trained)
    load_registered(address).model.save(tmp_path)
    documents = read_documents(address)
    before, after = documents["model.json"], json.loads((tmp_path / "model.json").read_text())
    assert (before["format"], after.pop("format"), after.pop("evaluated")) == (2, 3, [])
    for head in after["heads"]:
        for part in head["parts"].values():
            (part["booster"],) = part.pop("boosters")
    assert after == {name: value for name, value in before.items() if name != "format"}
    facts = read_document(TrainingFacts, documents[TRAINING], TRAINING)
    assessments = read_document(dict[str, Assessment], documents[ASSESSMENT], ASSESSMENT)
    stored = json.loads(json.dumps(to_document(facts)))
    assert stored.pop("fitted") == {}  # which boosters each figure is of was not kept apart yet
    assert stored == documents[TRAINING]
    written = json.loads(json.dumps({name: to_document(one) for name, one in assessments.items()}))
    for assessment in written.values():
        # Both came later, and are not known of an assessment from before.
        assert assessment.pop("positive_customers") is None
        assert assessment.pop("answers") is None
        for calibration in assessment["strata"].values():
            # Both came later, too.
            assert calibration.pop("positive_customers") is None
            assert {decile.pop("effective_rows") for decile in calibration["deciles"]} == {None}
        for values in assessment["slices"].values():
            assert {slice_.pop("positive_customers") for slice_ in values.values()} == {None}
    assert written == documents[ASSESSMENT]


def test_its_documents_are_read_in_full(trained: Home) -> None:
    (listed,) = list_models(trained)
    assert listed.horizon_days == 90
    assert 0.5 < listed.figures["auc"]["value"] < 1
    assert "churn" in show_model(trained, "churn", "1").card
    verdict = would_pass(trained, "churn", "1", gate=GateSettings(), online=OnlineSettings())
    rules = {finding.rule for finding in verdict.reasons}
    assert "complete" not in rules
    assert "online" in rules  # this home has no features


def test_two_such_versions_can_be_compared(trained: Home) -> None:
    comparison = compare_models(trained, "churn", "1", "1", AssessmentSettings(), 1)
    differences = [figure.difference for figure in comparison.figures if figure.metric == "auc"]
    assert [difference.value for difference in differences if difference] == [0.0] * 3
    # On the rows of its own test period a version has the intervals of its report.
    documents = read_documents(find_version(trained, "churn", "1").address(trained))
    stored = read_document(dict[str, Assessment], documents[ASSESSMENT], ASSESSMENT)
    for figure in comparison.figures:
        assert figure.one == stored[figure.horizon].metrics.get(figure.metric)
