import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from holdfast.documents import read_document, to_document
from holdfast.errors import InputError
from training.evaluation.assess import EVERYBODY, Predictions, assess
from training.evaluation.assessment import Assessment, Estimate
from training.evaluation.metrics import METRICS, auc, figures
from training.settings import AssessmentSettings

SETTINGS = AssessmentSettings(draws=100)
START = np.datetime64("2026-03-02")


def _predictions(rows: int = 4000, seed: int = 1) -> Predictions:
    random = np.random.default_rng(seed)
    customer = random.integers(0, rows // 2, rows) * 7
    signal = random.normal(0, 1, rows)
    region = random.choice(["north", "south", "islands"], rows, p=[0.5, 0.49, 0.01])
    # In the south the model is blind.
    risk = expit(np.where(region == "south", 0.0, signal) - 1.5)
    return Predictions(
        horizon_days=90,
        label=(random.random(rows) < risk).astype(float),
        probability=expit(signal - 1.5),
        weight=random.choice([0.5, 1.0, 2.0], rows),
        customer=customer,
        strata=random.choice(["postpaid", "prepaid"], rows),
        slices={"region": region, "language": np.full(rows, "en")},
        cutoffs=START + random.integers(1, 4, rows) * np.timedelta64(28, "D"),
        trained_until=START,
        holdout=random.random(rows) < 0.1,
        baselines={
            "constant": np.full(rows, 0.2),
            "logistic": expit(0.5 * signal - 1.5),
            "champion": expit(signal - 1.5),
        },
    )


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    return _predictions()


@pytest.fixture(scope="module")
def assessment(predictions: Predictions) -> Assessment:
    return assess(predictions, SETTINGS, seed=1)


def test_the_figures_are_those_of_the_rows_and_lie_within_their_intervals(
    predictions: Predictions, assessment: Assessment
) -> None:
    assert list(assessment.metrics) == list(METRICS)
    expected = figures(predictions.label, predictions.probability, predictions.weight, SETTINGS)
    assert {name: figure.value for name, figure in assessment.metrics.items()} == pytest.approx(
        expected
    )
    for figure in assessment.metrics.values():
        assert figure.low <= figure.value <= figure.high
    assert (assessment.rows, assessment.positives) == (4000, predictions.label.sum())
    assert assessment.customers == len(np.unique(predictions.customer))
    lost = predictions.customer[predictions.label > 0]
    assert assessment.positive_customers == assessment.evidence == len(np.unique(lost))
    assert assessment.evidence < assessment.positives


def test_answers_are_also_ranked_without_their_weights(predictions: Predictions) -> None:
    answers = assess(replace(predictions, are_answers=True), SETTINGS, seed=1)
    assert answers.answers is not None
    assert answers.answers["invited"].auc == answers.metrics["auc"]
    answered = answers.answers["answered"].auc
    assert answered.value == pytest.approx(auc(predictions.label, predictions.probability))
    assert answered.low < answered.value < answered.high
    assert answered.value != answers.metrics["auc"].value
    assert to_document(answers)["answers"]["answered"]["about"].startswith("Unweighted AUC")
    assert read_document(Assessment, to_document(answers), "it") == answers


def test_only_answers_have_two_rankings(assessment: Assessment) -> None:
    assert assessment.answers is None
    old = to_document(assessment)
    del old["answers"]
    assert read_document(Assessment, old, "it") == assessment


def test_a_baseline_that_predicts_the_same_differs_by_nothing(assessment: Assessment) -> None:
    assert assessment.baselines["champion"].metrics == assessment.metrics
    assert set(assessment.baselines["champion"].difference.values()) == {Estimate(0.0, 0.0, 0.0)}


def test_baselines_are_compared_on_the_same_draws(assessment: Assessment) -> None:
    for name, baseline in assessment.baselines.items():
        for metric, figure in baseline.difference.items():
            assert figure.value == pytest.approx(
                assessment.metrics[metric].value - baseline.metrics[metric].value
            ), (name, metric)
    # The order of a logistic regression on the same signal is the same, though not its
    # probabilities.
    assert assessment.baselines["logistic"].difference["auc"] == Estimate(0.0, 0.0, 0.0)
    assert assessment.baselines["logistic"].difference["slope"].high < 0
    assert assessment.baselines["constant"].difference["auc"].low > 0.1


def test_what_cannot_be_told_is_left_out(assessment: Assessment) -> None:
    constant = assessment.baselines["constant"]
    assert set(METRICS) - set(constant.metrics) == {"slope"}
    assert set(METRICS) - set(constant.difference) == {"slope"}


def test_calibration_by_stratum_and_of_all(
    predictions: Predictions, assessment: Assessment
) -> None:
    assert set(assessment.strata) == {EVERYBODY, "postpaid", "prepaid"}
    whole = assessment.strata[EVERYBODY]
    assert whole.slope == assessment.metrics["slope"]
    assert whole.observed_over_expected == assessment.metrics["observed_over_expected"]
    assert (
        sum(figure.rows for name, figure in assessment.strata.items() if name != EVERYBODY)
        == whole.rows
    )
    assert (
        sum(figure.positives for name, figure in assessment.strata.items() if name != EVERYBODY)
        == whole.positives
    )
    for figure in assessment.strata.values():
        assert len(figure.deciles) == 10
        assert [decile.predicted for decile in figure.deciles] == sorted(
            decile.predicted for decile in figure.deciles
        )
        for decile in figure.deciles:
            assert decile.joint_low < decile.predicted < decile.joint_high
            assert decile.low <= decile.observed <= decile.high
    # A model that is blind in half of the rows is too extreme, and its deciles show it.
    assert whole.slope.high < 0.9
    assert whole.deciles[-1].observed < whole.deciles[-1].joint_low


def test_a_slice_where_the_model_is_much_worse_is_flagged(
    predictions: Predictions, assessment: Assessment
) -> None:
    regions = assessment.slices["region"]
    south = predictions.slices["region"] == "south"
    p = predictions
    apart = [auc(p.label[rows], p.probability[rows], p.weight[rows]) for rows in (south, ~south)]
    assert regions["south"].gap is not None
    assert regions["south"].gap.value == pytest.approx(apart[0] - apart[1])
    assert {name: figure.flagged for name, figure in regions.items()} == {
        "north": False,
        "south": True,
        "islands": False,
    }
    assert sum(figure.rows for figure in regions.values()) == 4000
    assert set(regions["south"].metrics) == {"auc", "log_loss", "observed_over_expected"}


def test_slices_tell_on_which_rows_a_baseline_is_beaten(
    predictions: Predictions, assessment: Assessment
) -> None:
    regions, p = assessment.slices["region"], predictions
    assert {name: set(figure.difference) for name, figure in regions.items()} == {
        name: set(p.baselines) for name in regions
    }
    assert {figure.difference["champion"] for figure in regions.values()} == {
        Estimate(0.0, 0.0, 0.0)
    }
    # Where the model is blind, a constant says as much at least.
    assert (
        regions["north"].difference["constant"].high
        < 0
        < regions["south"].difference["constant"].low
    )
    mass = {name: p.weight[p.slices["region"] == name].sum() for name in regions}
    for name, baseline in assessment.baselines.items():
        parts = [figure.difference[name].value * mass[region] for region, figure in regions.items()]
        assert sum(parts) / sum(mass.values()) == pytest.approx(
            baseline.difference["log_loss"].value, abs=1e-12
        )


def test_slices_and_strata_tell_how_many_customers_their_positives_are_of(
    predictions: Predictions, assessment: Assessment
) -> None:
    p = predictions
    for value, figure in assessment.slices["region"].items():
        lost = (p.slices["region"] == value) & (p.label > 0)
        assert figure.positives == lost.sum()
        assert figure.positive_customers == len(np.unique(p.customer[lost]))
    for name, figures_of in assessment.strata.items():
        lost = (p.label > 0) & ((p.strata == name) | (name == "all"))
        assert figures_of.positives == lost.sum()
        assert figures_of.positive_customers == len(np.unique(p.customer[lost]))
    assert assessment.strata["all"].positive_customers == assessment.positive_customers


def test_too_few_positives_and_no_others_give_no_gap(assessment: Assessment) -> None:
    assert assessment.slices["region"]["islands"].positives < SETTINGS.fewest_positives
    assert assessment.slices["region"]["islands"].gap is None
    assert assessment.slices["language"]["en"].gap is None


def test_decay_by_months_of_28_days_after_training(
    predictions: Predictions, assessment: Assessment
) -> None:
    assert [month.months_after for month in assessment.decay] == [1, 2, 3]
    second = predictions.cutoffs == START + np.timedelta64(56, "D")
    month = assessment.decay[1]
    assert month.rows == second.sum()
    p = predictions
    assert month.metrics["auc"].value == pytest.approx(
        auc(p.label[second], p.probability[second], p.weight[second])
    )
    assert assess(replace(predictions, trained_until=None), SETTINGS, seed=1).decay == ()


def test_the_holdout_has_figures_of_its_own_where_it_is_large_enough(
    predictions: Predictions, assessment: Assessment
) -> None:
    assert assessment.holdout is not None
    p = predictions
    expected = figures(p.label[p.holdout], p.probability[p.holdout], p.weight[p.holdout], SETTINGS)
    assert {name: figure.value for name, figure in assessment.holdout.items()} == pytest.approx(
        expected
    )
    few = np.arange(len(p.label)) < 50
    assert assess(replace(predictions, holdout=few), SETTINGS, seed=1).holdout is None


def test_an_assessment_comes_back_from_json(assessment: Assessment) -> None:
    text = json.dumps(to_document(assessment), allow_nan=False)
    assert read_document(Assessment, json.loads(text), "x") == assessment


def test_the_same_seed_gives_the_same_assessment(
    predictions: Predictions, assessment: Assessment
) -> None:
    assert assess(predictions, SETTINGS, seed=1) == assessment
    assert assess(predictions, SETTINGS, seed=2) != assessment


def test_care_s_real_capacity_can_be_given(predictions: Predictions) -> None:
    p = predictions
    expected = figures(
        p.label, p.probability, p.weight, AssessmentSettings(care_capacity_share=0.3)
    )
    metrics = assess(replace(predictions, capacity=0.3), SETTINGS, seed=1).metrics
    assert metrics["precision_capacity"].value == pytest.approx(expected["precision_capacity"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": np.zeros(4000)}, "label: both classes"),
        ({"label": np.full(4000, 2.0)}, "label: must be 0 or 1"),
        ({"probability": np.full(4000, 1.2)}, r"probability: must be in 0 to 1 \(got 1.2"),
        ({"probability": np.full(4000, np.nan)}, "probability: must be in 0 to 1"),
        ({"probability": np.zeros(3)}, "probability: must be as long as label, 4000"),
        ({"baselines": {"champion": np.full(4000, -0.1)}}, "champion: must be in 0 to 1"),
        ({"weight": np.zeros(4000)}, "weight: must be finite and above 0"),
        ({"slices": {"region": np.array(["x"])}}, r"slices\.region: must be as long"),
        ({"capacity": 1.0}, "capacity: must be a share"),
    ],
)
def test_wrong_predictions_are_refused(
    predictions: Predictions, change: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        assess(replace(predictions, **change), SETTINGS, seed=1)  # type: ignore[arg-type]


def test_a_stratum_without_positives_is_left_out(predictions: Predictions) -> None:
    strata = np.where(predictions.label > 0, "postpaid", "prepaid")
    assert set(assess(replace(predictions, strata=strata), SETTINGS, seed=1).strata) == {EVERYBODY}
