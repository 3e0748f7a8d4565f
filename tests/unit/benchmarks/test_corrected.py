import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from benchmarks.tabular.corrected import corrected_interval

DIFFERENCES = [0.010, -0.004, 0.006, 0.002, 0.001, 0.009, -0.001, 0.003, 0.005, -0.002]


def test_by_hand() -> None:
    interval = corrected_interval(DIFFERENCES, 0.25)
    # Mean 0.0029, standard deviation 0.0046296, times sqrt(1/10 + 1/4), times 2.26216 for 9 degrees
    # of freedom.
    assert interval.mean == pytest.approx(0.0029)
    assert interval.high - interval.mean == pytest.approx(
        0.0046296 * np.sqrt(0.35) * 2.26216, rel=1e-4
    )
    assert interval.mean - interval.low == pytest.approx(interval.high - interval.mean)
    assert str(interval) == "+0.0029 (-0.0033 to +0.0091)"


def test_without_test_rows_it_is_the_plain_t_interval() -> None:
    plain = stats.t.interval(0.9, 9, loc=np.mean(DIFFERENCES), scale=stats.sem(DIFFERENCES))
    interval = corrected_interval(DIFFERENCES, 0.0, confidence=0.9)
    assert (interval.low, interval.high) == pytest.approx(plain)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=30), st.floats(-1, 1), st.floats(0.01, 1))
def test_it_moves_with_the_differences_and_is_wider_the_more_training_rows_are_shared(
    differences: list[float], shift: float, test_share: float
) -> None:
    interval = corrected_interval(differences, test_share)
    moved = corrected_interval([value + shift for value in differences], test_share)
    assert (moved.low, moved.high) == pytest.approx(
        (interval.low + shift, interval.high + shift), abs=1e-9
    )
    wider = corrected_interval(differences, test_share * 2)
    assert wider.low <= interval.low <= interval.mean <= interval.high <= wider.high


def test_it_seldom_finds_a_difference_between_models_that_are_alike() -> None:
    """Two columns of equal worth, each taken for a score: a plain interval over repeated folds is
    wrong far more often.
    """
    wrong = {0.0: 0, 0.25: 0}
    for draw in range(300):
        random = np.random.default_rng(draw)
        columns = random.normal(size=(200, 2))
        label = columns.sum(axis=1) + random.normal(size=200) > 0
        differences = []
        for _ in range(4):
            for test in np.array_split(random.permutation(200), 5):
                first, second = (_auc(label[test], columns[test, column]) for column in (0, 1))
                differences.append(first - second)
        for share in wrong:
            interval = corrected_interval(differences, share)
            wrong[share] += not interval.low <= 0 <= interval.high
    assert wrong[0.25] <= 15
    assert wrong[0.0] > 60


def _auc(label: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    return float((score[label][:, None] > score[~label][None]).mean())
