"""Answers of a simulated operator as labelled rows, beside what everybody would have answered."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.models.dissatisfaction import Truth, everybody, operator
from features.operator.repository import OperatorRepository
from holdfast.errors import InputError
from holdfast.home import Home
from models.dissatisfaction import TARGETS, prevalence_at
from tests.builders.clocks import NOW
from tests.builders.guides import run_python
from tests.builders.shared import SIMULATED
from training.labelling.dataset import columns_of
from training.labelling.history import RawHistory
from training.settings import SurveySettings, TrainingConfig
from training.surveys.dataset import SurveyDataset, survey_dataset
from training.surveys.eligible import unanswered_contacts

CONFIG = TrainingConfig(surveys=SurveySettings(fewest_answers=60))
DAY = np.timedelta64(1, "D")
LAST_CUTOFF = datetime(2025, 2, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(simulated_operator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("operator")
    shutil.copytree(simulated_operator, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def home(folder: Path) -> Home:
    """The operator's home; beside it the same operator is simulated with everybody's answers."""
    return operator(folder, *SIMULATED)


@pytest.fixture(scope="module")
def csat(home: Home) -> SurveyDataset:
    return survey_dataset(home, TARGETS["csat_low"], CONFIG, until=NOW, test_from=LAST_CUTOFF)


@pytest.fixture(scope="module")
def contacts(home: Home) -> SurveyDataset:
    return survey_dataset(home, TARGETS["contact_csat_low"], CONFIG, until=NOW)


@pytest.fixture(scope="module")
def truth(home: Home, folder: Path) -> Truth:
    return everybody(home, folder, TARGETS["csat_low"])


def raw(home: Home, table: str) -> pl.DataFrame:
    return pl.read_parquet(home.raw / table / "*.parquet")


def test_a_model_is_evaluated_for_all_who_were_invited(csat: SurveyDataset) -> None:
    rows = np.arange(len(csat.dataset.ids))
    share = csat.facts.groups["all"].prevalence
    assert share is not None
    document = csat.document(rows, np.full(len(rows), 0.5))
    band = document.pop("calibration")
    assert band["odds_ratio"] == share.odds_ratio
    # Who always says one half is off by as much as the share is off one half.
    assert [band[end] for end in ("low", "estimate", "high")] == pytest.approx(
        [2 * share.low, 2 * share.estimate, 2 * share.high]
    )
    assert document == {
        name: value for name, value in csat.facts.to_json().items() if name != "calibration"
    }


def test_rows_answered_in_their_horizon(home: Home, csat: SurveyDataset) -> None:
    dataset = csat.dataset
    assert dataset.labels.keys() == {90}
    label = dataset.labels[90]
    assert set(label) == {0.0, 1.0}
    order = list(zip(dataset.cutoffs.tolist(), dataset.ids.tolist(), strict=True))
    assert order == sorted(order)
    assert len(set(order)) == len(order)
    assert (dataset.label_ends - dataset.cutoffs == (7 + 90 + 14) * DAY).all()
    answers = raw(home, "survey_answers").filter(
        pl.col("instrument") == "csat", pl.col("dimension") == "overall"
    )
    score_of = dict(answers.sort("arrived_at").select("invitation_id", "score").iter_rows())
    invited = csat.invited
    waited = invited.invited_at - invited.cutoffs
    assert ((waited > 7 * DAY) & (waited <= 97 * DAY)).all()
    expected = [float(score_of[id_] <= 2) for id_ in invited.invitation_ids[invited.answered]]
    assert label.tolist() == expected


def test_weights_represent_all_eligible_customers(csat: SurveyDataset) -> None:
    dataset, facts = csat.dataset, csat.facts
    assert dataset.weight.mean() == pytest.approx(1)
    assert (dataset.weight > 0).all()
    assert csat.response.kind == "boosters"
    assert len(csat.invited) == len(csat.matrix) == len(csat.response.probability)
    document = json.loads(json.dumps(dataset.facts))
    assert document["survey"] == json.loads(json.dumps(facts.to_json()))
    groups = facts.groups
    assert groups["all"].invited == len(np.unique(csat.invited.invitation_ids))
    # Who was silent at one cut-off may have been heard of by the next, with the same invitation.
    parts = groups["silent"].invited, groups["heard"].invited
    assert max(parts) < groups["all"].invited <= sum(parts)
    answered = csat.invited.invitation_ids[~np.isnan(csat.invited.label)]
    assert len(dataset.ids) == len(answered)
    assert groups["all"].answered == len(np.unique(answered)) < len(answered)
    assert groups["all"].prevalence is not None
    assert groups["all"].prevalence.estimate == pytest.approx(
        np.average(dataset.labels[90], weights=dataset.weight)
    )
    assert document["gap_days"] == 7
    assert "answering" in document["weights"]


def test_a_reminder_is_looked_at_where_one_was_drawn(
    csat: SurveyDataset, contacts: SurveyDataset
) -> None:
    told = csat.reminder
    assert told.reminded > 0
    assert told.not_reminded > 0
    # There are few answers here; but the draw looks random, also by the dataset's columns.
    assert told.outcome != "not_random"
    assert csat.facts.reminder == told.to_json()
    assert contacts.reminder.outcome == "none"
    band = contacts.facts.groups["all"].prevalence
    assert band is not None
    assert (band.evidence, band.least, band.most) == ("assumed", 1 / 3, 3.0)


def test_silent_customers_have_no_answer_in_half_a_year(home: Home, csat: SurveyDataset) -> None:
    answers = raw(home, "survey_answers").select("customer_id", "happened_at", "arrived_at")
    dataset = csat.dataset
    rows = pl.DataFrame(
        {
            "row": np.arange(len(dataset.ids)),
            "customer_id": dataset.customers,
            "at": dataset.cutoffs,
        }
    )
    rows = rows.with_columns(pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    heard = rows.join(answers, on="customer_id").filter(
        pl.col("arrived_at") <= pl.col("at"),
        pl.col("happened_at") > pl.col("at") - pl.duration(days=182),
    )
    expected = np.where(np.isin(np.arange(len(dataset.ids)), heard["row"].to_numpy()), "no", "yes")
    assert dataset.slices["silent"].tolist() == expected.tolist()
    assert set(expected) == {"no", "yes"}


def test_features_of_a_contact_are_its_own(home: Home, contacts: SurveyDataset) -> None:
    dataset = contacts.dataset
    assert dataset.labels.keys() == {7}
    first = raw(home, "interactions").sort("arrived_at").unique("interaction_id", keep="first")
    known = {row["interaction_id"]: row for row in first.iter_rows(named=True)}
    rows = [known[id_] for id_ in dataset.ids.tolist()]
    assert dataset.customers.tolist() == [row["customer_id"] for row in rows]
    closes = np.array(
        [row["happened_at"].replace(tzinfo=None) for row in rows], dtype="datetime64[us]"
    )
    np.testing.assert_array_equal(dataset.cutoffs, closes)
    columns = columns_of("contact_v1")
    waits = np.array(
        [np.nan if row["wait_seconds"] is None else row["wait_seconds"] for row in rows]
    )
    np.testing.assert_allclose(
        dataset.matrix[:, columns.index("contact_wait_seconds")], waits, rtol=1e-5
    )
    assert not np.isnan(dataset.matrix[:, columns.index("contact_channel_code")]).any()
    repository = OperatorRepository(home)
    some = np.arange(0, len(dataset.ids), 7)
    again = repository.historical("contact_v1", dataset.ids[some].tolist(), dataset.cutoffs[some])
    np.testing.assert_array_equal(dataset.matrix[some], again)


def test_contacts_without_an_answer_are_to_be_scored(home: Home) -> None:
    since, at = datetime(2024, 8, 5, tzinfo=UTC), datetime(2024, 9, 2, tzinfo=UTC)
    to_score = unanswered_contacts(
        RawHistory(home.raw, NOW), TARGETS["contact_csat_low"], since, at
    )
    answers = raw(home, "survey_answers").filter(
        pl.col("arrived_at") <= at, pl.col("instrument") == "csat", pl.col("dimension") == "overall"
    )
    invited = raw(home, "survey_invitations").filter(
        pl.col("arrived_at") <= at, pl.col("survey") == "transactional"
    )
    answered = set(
        invited.join(answers, on="invitation_id", how="semi")["interaction_id"].to_list()
    )
    first = raw(home, "interactions").sort("arrived_at").unique("interaction_id", keep="first")
    closed = first.filter(pl.col("arrived_at") <= at, pl.col("happened_at") > since)[
        "interaction_id"
    ].to_list()
    open_ = [id_ for id_ in closed if id_ not in answered]
    assert set(to_score.keys.ids.tolist()) <= set(open_)
    assert len(to_score.people) + to_score.excluded["not_at_risk"] == len(open_)
    assert to_score.excluded["answered"] == len(closed) - len(open_) > 0
    assert to_score.excluded["not_at_risk"] < 0.2 * len(open_)
    assert (to_score.keys.cutoffs > np.datetime64("2024-08-05")).all()


def test_no_label_uses_later_rows(home: Home, csat: SurveyDataset) -> None:
    """As of an earlier day, the rows are those that were complete then, with the labels they have
    now.
    """
    last = np.unique(csat.dataset.cutoffs)[-2]
    until = datetime.fromisoformat(str(last)).replace(tzinfo=UTC) + timedelta(days=7 + 90 + 14)
    then = survey_dataset(home, TARGETS["csat_low"], CONFIG, until=until).dataset
    now = csat.dataset.rows(np.flatnonzero(csat.dataset.cutoffs <= last))
    assert then.cutoffs.max() == last
    for name in ("ids", "cutoffs", "matrix"):
        np.testing.assert_array_equal(getattr(then, name), getattr(now, name))
    np.testing.assert_array_equal(then.labels[90], now.labels[90])


def test_the_dissatisfied_answer_more_and_the_band_tells_how_far_off_that_is(
    csat: SurveyDataset, truth: Truth
) -> None:
    label, weights = csat.dataset.labels[90], csat.weights
    real = float(truth.label.mean())
    weighted = prevalence_at(label, weights.design, weights.response, 0.0)
    tilted = prevalence_at(label, weights.design, weights.response, float(np.log(2.5)))
    assert label.mean() > real + 0.02
    assert abs(tilted - real) < abs(weighted - real)
    quiet = truth.groups["silent"]
    assert truth.label[quiet].mean() < truth.label[~quiet].mean()


def test_contacts_have_no_cutoffs_of_ours(home: Home) -> None:
    with pytest.raises(InputError, match="a contact's cut-off is its close"):
        survey_dataset(
            home,
            TARGETS["contact_csat_low"],
            CONFIG,
            until=NOW,
            cutoffs=[datetime(2024, 7, 1, tzinfo=UTC)],
        )


def test_without_answers_there_is_no_dataset(home: Home) -> None:
    with pytest.raises(InputError, match="raw tables: must reach 111 days"):
        survey_dataset(
            home, TARGETS["nps_detractor"], CONFIG, until=datetime(2024, 9, 1, tzinfo=UTC)
        )


def test_the_guides_example_runs(
    home: Home, csat: SurveyDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "operator_home").symlink_to(home.root)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOLDFAST_SURVEY_FEWEST_ANSWERS", "60")
    survey = run_python("dissatisfaction")["survey"]
    assert isinstance(survey, SurveyDataset)
    assert set(csat.dataset.ids) <= set(survey.dataset.ids)
