import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from training.evaluation.folds import Split
from training.evaluation.metrics import expected_calibration_error, top_decile_lift
from training.flat.crossval import OutOfFold
from training.flat.evaluation import evaluate
from training.flat.shares import wilson


def _predictions(seed: int = 1, rows: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    probability = random.beta(1, 4, rows)
    return (random.random(rows) < probability).astype(float), probability


def test_lift_of_a_perfect_and_of_a_useless_order() -> None:
    label = np.repeat([1.0, 0.0], [100, 900])
    assert top_decile_lift(label, label) == pytest.approx(10)
    assert top_decile_lift(label, np.zeros(1000)) == pytest.approx(1)


@given(st.integers(0, 1000))
def test_lift_does_not_depend_on_the_order_of_rows(seed: int) -> None:
    label, probability = _predictions(seed, rows=200)
    score = probability.round(1)
    shuffled = np.random.default_rng(seed).permutation(200)
    assert top_decile_lift(label[shuffled], score[shuffled]) == pytest.approx(
        top_decile_lift(label, score)
    )


def test_calibration_error_by_hand() -> None:
    probability = np.repeat(np.linspace(0.05, 0.95, 10), 20)
    label = np.tile(np.repeat([1.0, 0.0], [10, 10]), 10)
    assert expected_calibration_error(label, probability) == pytest.approx(
        np.abs(np.linspace(0.05, 0.95, 10) - 0.5).mean()
    )


def test_calibration_error_of_a_true_model_is_small() -> None:
    label, probability = _predictions(rows=50_000)
    assert expected_calibration_error(label, probability) < 0.01
    assert expected_calibration_error(label, probability / 2) > 0.08


def _out_of_fold(label: np.ndarray, probability: np.ndarray) -> OutOfFold:
    halves = np.array_split(np.arange(len(label)), 2)
    splits = tuple(
        Split(0, other, half) for half, other in zip(halves, reversed(halves), strict=True)
    )
    return OutOfFold(splits, margin=probability[None], calibrated=probability[None])


def test_figures_agree_with_their_definitions() -> None:
    label, probability = _predictions()
    evaluation = evaluate(label, _out_of_fold(label, probability))
    aucs = [
        roc_auc_score(label[:1000], probability[:1000]),
        roc_auc_score(label[1000:], probability[1000:]),
    ]
    assert evaluation.auc == pytest.approx(np.mean(aucs))
    assert evaluation.auc_sd == pytest.approx(np.std(aucs, ddof=1))
    assert evaluation.brier == pytest.approx(np.mean((label - probability) ** 2))
    assert sum(decile.positives for decile in evaluation.deciles) == label.sum()
    assert evaluation.deciles[-1].gain == pytest.approx(1)
    assert evaluation.deciles[0].lift == pytest.approx(evaluation.lift_top_decile)
    for decile in evaluation.deciles:
        assert decile.low <= decile.rate <= decile.high
    assert [entry.predicted for entry in evaluation.reliability] == sorted(
        entry.predicted for entry in evaluation.reliability
    )


def test_the_lift_is_that_of_the_first_tenth_where_tenths_are_no_whole_rows() -> None:
    label, probability = (np.r_[one[:48], one[1000:1047]] for one in _predictions())
    # A tenth is nine and a half rows: counting half of the next one would give another figure.
    label[np.argsort(-probability, kind="stable")[:10]] = [1] * 9 + [0]
    splits = _out_of_fold(label, probability)
    evaluation = evaluate(label, splits)
    assert evaluation.lift_top_decile == evaluation.deciles[0].lift
    assert evaluation.lift_top_decile != pytest.approx(top_decile_lift(label, probability))


def test_rows_that_were_never_evaluated_do_not_count() -> None:
    label, probability = _predictions()
    later = np.arange(1000, 2000)
    margin = np.full((1, 2000), np.nan)
    margin[0, later] = probability[later]
    evaluation = evaluate(label, OutOfFold((Split(0, np.arange(1000), later),), margin, margin))
    assert evaluation.rows == 1000
    assert evaluation.auc_sd is None
    assert evaluation.brier == pytest.approx(np.mean((label[later] - probability[later]) ** 2))


def test_repeats_are_averaged_where_a_row_was_evaluated() -> None:
    calibrated = np.array([[0.2, np.nan, np.nan], [0.4, 0.6, np.nan]])
    probability = OutOfFold((), calibrated, calibrated).probability
    assert probability[:2].tolist() == pytest.approx([0.3, 0.6])
    assert np.isnan(probability[2])


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_nothing_depends_on_the_order_of_rows(seed: int) -> None:
    label, probability = _predictions(seed, rows=200)
    calibrated = probability.round(1)[None]
    whole = (Split(0, np.arange(200), np.arange(200)),)
    base = evaluate(label, OutOfFold(whole, calibrated, calibrated))
    for order in (np.argsort(label), np.random.default_rng(seed).permutation(200)):
        evaluation = evaluate(
            label[order], OutOfFold(whole, calibrated[:, order], calibrated[:, order])
        )
        assert evaluation.figures() == pytest.approx(base.figures())
        assert [decile.rate for decile in evaluation.deciles] == pytest.approx(
            [decile.rate for decile in base.deciles]
        )


def test_a_constant_that_is_right_is_calibrated() -> None:
    label = np.repeat([0.0, 1.0], [700, 300])
    assert expected_calibration_error(label, np.full(1000, 0.3)) == pytest.approx(0)


def test_rows_of_one_group_are_worth_one_row_where_they_are_all_alike() -> None:
    """Intervals of tenths hold what they promise: each customer is in the table ten times."""
    missed, wide = 0, []
    for seed in range(100):
        random = np.random.default_rng(seed)
        label = (random.random(300) < 0.3).astype(float)
        probability = random.beta(3, 7, 300)
        rows = np.repeat(np.arange(300), 10)
        top = evaluate(label[rows], _out_of_fold(label[rows], probability[rows]), rows).deciles[0]
        missed += not top.lift_low <= 0.3 / label.mean() <= top.lift_high
        wide.append(top.gain_high - top.gain_low)
    assert missed <= 10
    alone = evaluate(label[rows], _out_of_fold(label[rows], probability[rows])).deciles[0]
    assert alone.gain_high - alone.gain_low < np.mean(wide) / 2


@given(st.integers(0, 500), st.integers(1, 500), st.floats(0.5, 0.999))
def test_the_interval_of_a_share_of_whole_rows_is_wilsons(
    positives: int, others: int, confidence: float
) -> None:
    rows = positives + others
    expected = binomtest(positives, rows).proportion_ci(confidence, method="wilson")
    interval = wilson(positives / rows, rows, confidence)
    assert interval == pytest.approx((expected.low, expected.high), abs=1e-9)
