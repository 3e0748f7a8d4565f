import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from training.evaluation.folds import Split
from training.evaluation.metrics import expected_calibration_error, top_decile_lift
from training.flat.crossval import OutOfFold
from training.flat.evaluation import evaluate


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
