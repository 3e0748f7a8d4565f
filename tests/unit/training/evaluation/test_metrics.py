import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from holdfast.errors import InputError
from training.evaluation.metrics import (
    METRICS,
    Evaluator,
    auc,
    expected_calibration_error,
    figures,
    log_loss,
    top_decile_lift,
)
from training.settings import AssessmentSettings

SETTINGS = AssessmentSettings()
seeds = st.integers(0, 10_000)
few = settings(max_examples=30)


def _empc(label: np.ndarray, score: np.ndarray, **campaign: float) -> float:
    from empulse.metrics import empc_score  # its import takes seconds, which no other test needs

    return float(empc_score(label, score, **campaign))


def _rows(seed: int, rows: int = 300, digits: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities with ties, and whole weights; both classes there."""
    random = np.random.default_rng(seed)
    probability = random.beta(1, 4, rows).round(digits).clip(0.01, 0.99)
    label = (random.random(rows) < probability**0.8).astype(float)
    label[:2] = 0, 1
    return label, probability, random.integers(1, 4, rows).astype(float)


@few
@given(seeds)
def test_figures_agree_with_scikit_learn(seed: int) -> None:
    label, probability, weight = _rows(seed)
    measured = figures(label, probability, weight, SETTINGS)
    assert list(measured) == list(METRICS)
    assert measured["auc"] == pytest.approx(roc_auc_score(label, probability, sample_weight=weight))
    assert measured["average_precision"] == pytest.approx(
        average_precision_score(label, probability, sample_weight=weight)
    )
    assert measured["log_loss"] == pytest.approx(
        sklearn_log_loss(label, probability, sample_weight=weight)
    )
    assert measured["brier"] == pytest.approx(
        brier_score_loss(label, probability, sample_weight=weight)
    )
    assert measured["observed_over_expected"] == pytest.approx(
        weight @ label / (weight @ probability)
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_slope_is_that_of_a_logistic_regression(seed: int) -> None:
    label, probability, weight = _rows(seed, rows=5000, digits=8)
    regression = LogisticRegression(C=np.inf, tol=1e-10).fit(
        logit(probability)[:, None], label, sample_weight=weight
    )
    assert figures(label, probability, weight, SETTINGS)["slope"] == pytest.approx(
        regression.coef_[0, 0], abs=1e-5
    )


@few
@given(
    seeds, st.floats(2, 10), st.floats(2, 20), st.floats(30, 500), st.floats(0, 20), st.floats(0, 5)
)
def test_the_maximum_profit_is_empulse_s(
    seed: int, alpha: float, beta: float, clv: float, incentive: float, contact: float
) -> None:
    label, probability, _ = _rows(seed)
    settings = AssessmentSettings(
        accepts_alpha=alpha,
        accepts_beta=beta,
        clv=clv,
        incentive_cost=incentive,
        contact_cost=contact,
    )
    campaign = {
        "alpha": alpha,
        "beta": beta,
        "clv": clv,
        "incentive_cost": incentive,
        "contact_cost": contact,
    }
    measured = figures(label, probability, settings=settings)
    expected, perfect = (
        _empc(label, probability, **campaign),
        _empc(label, label, **campaign),
    )
    assert measured["empc"] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert measured["empc_share"] == pytest.approx(expected / perfect, rel=1e-9, abs=1e-9)


@few
@given(seeds)
def test_by_default_the_campaign_is_verbraken_s(seed: int) -> None:
    label, probability, _ = _rows(seed)
    assert figures(label, probability)["empc"] == pytest.approx(_empc(label, probability))


@few
@given(seeds)
def test_nothing_depends_on_the_order_of_rows(seed: int) -> None:
    label, probability, weight = _rows(seed)
    base = figures(label, probability, weight, SETTINGS)
    for order in (
        np.argsort(label),
        np.argsort(-label),
        np.random.default_rng(seed).permutation(len(label)),
    ):
        assert figures(label[order], probability[order], weight[order], SETTINGS) == pytest.approx(
            base
        )


@few
@given(seeds)
def test_a_weight_of_two_says_the_same_as_the_row_twice(seed: int) -> None:
    label, probability, weight = _rows(seed)
    often = weight.astype(int)
    repeated = figures(np.repeat(label, often), np.repeat(probability, often), settings=SETTINGS)
    assert figures(label, probability, weight, SETTINGS) == pytest.approx(repeated)
    # Where every weight is doubled nothing changes at all.
    assert figures(label, probability, 2 * weight, SETTINGS) == pytest.approx(repeated)


@few
@given(seeds)
def test_the_opposite_order_has_the_opposite_auc(seed: int) -> None:
    label, probability, weight = _rows(seed)
    measured = auc(label, probability, weight)
    assert auc(label, 1 - probability, weight) == pytest.approx(1 - measured)
    assert auc(1 - label, probability, weight) == pytest.approx(1 - measured)
    assert auc(label, logit(probability) * 3, weight) == pytest.approx(measured)


@few
@given(seeds)
def test_no_ranking_beats_the_perfect_one(seed: int) -> None:
    label, probability, weight = _rows(seed)
    perfect = figures(label, 0.8 * label + 0.1, weight, SETTINGS)
    measured = figures(label, probability, weight, SETTINGS)
    assert (perfect["auc"], perfect["average_precision"], perfect["empc_share"]) == pytest.approx(
        (1, 1, 1)
    )
    for name in (
        "lift_top_decile",
        "precision_top_decile",
        "lift_capacity",
        "precision_capacity",
        "empc",
        "empc_share",
    ):
        assert measured[name] <= perfect[name] + 1e-12
    assert measured["empc_share"] >= 0


@few
@given(seeds)
def test_a_weighting_of_the_customers_is_a_weight_of_their_rows(seed: int) -> None:
    label, probability, weight = _rows(seed)
    random = np.random.default_rng(seed)
    customer = random.integers(0, 60, len(label))
    counts = random.integers(0, 3, (60, 5)).astype(float)
    measured = Evaluator(label, probability, weight, customer, 60).figures(counts, SETTINGS)
    for draw in range(5):
        drawn = weight * counts[customer, draw]
        there = drawn > 0
        expected = figures(label[there], probability[there], drawn[there], SETTINGS)
        del expected["ece"]  # its bins stay those of all rows
        assert {name: measured[name][draw] for name in expected} == pytest.approx(
            expected, abs=2e-5, nan_ok=True
        )


def test_precision_and_lift_at_capacity_by_hand() -> None:
    label = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 1.0])
    probability = np.array([0.9, 0.8, 0.8, 0.8, 0.3, 0.2, 0.2, 0.2, 0.1, 0.1])
    measured = figures(label, probability, settings=AssessmentSettings(care_capacity_share=0.2))
    # One certain place for the first row, and the second shared among three, one of them a
    # positive.
    assert measured["precision_capacity"] == pytest.approx((1 + 1 / 3) / 2)
    assert measured["lift_capacity"] == pytest.approx((1 + 1 / 3) / 2 / 0.3)
    assert measured["precision_top_decile"] == pytest.approx(1)
    assert (
        top_decile_lift(label, probability) == measured["lift_top_decile"] == pytest.approx(1 / 0.3)
    )


def test_a_campaign_that_can_only_lose_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_ASSESS_INCENTIVE_COST", "199")
    with pytest.raises(InputError, match="together must stay below clv"):
        AssessmentSettings.read()


def test_what_rows_cannot_tell_is_no_number() -> None:
    label = np.array([0.0, 1.0, 0.0, 1.0])
    assert np.isnan(figures(label, np.full(4, 0.5))["slope"])
    apart = figures(label, np.array([0.1, 0.9, 0.2, 0.8]))
    assert np.isnan(apart["slope"])  # the best slope is endless
    assert apart["auc"] == 1
    alone = figures(np.zeros(4), np.array([0.1, 0.2, 0.3, 0.4]))
    assert np.isnan(
        [
            alone[name]
            for name in ("auc", "average_precision", "slope", "lift_top_decile", "empc_share")
        ]
    ).all()
    assert (alone["observed_over_expected"], alone["empc"]) == (0, 0)


def test_certain_and_wrong_is_finite() -> None:
    label, probability = np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 0.0, 1.0])
    assert np.isfinite(log_loss(label, probability))
    assert log_loss(label, probability) > 10
    assert np.isfinite(figures(label, probability)["slope"])


def test_weighted_calibration_error_by_hand() -> None:
    probability = np.linspace(0.05, 0.95, 10)
    label, weight = np.ones(10), np.ones(10)
    assert expected_calibration_error(label, probability, weight) == pytest.approx(
        (1 - probability).mean()
    )
    # Half of the weight on the first row: five bins of it alone.
    weight[0] = 9
    expected = (9 * 0.95 + (1 - probability[1:]).sum()) / 18
    assert expected_calibration_error(label, probability, weight) == pytest.approx(expected)
