"""What scores is compared with what was evaluated where neither has learnt from the rows."""

import numpy as np
import pytest
from scipy.special import expit

from training.operator.refit import pair_figures

RANDOM = np.random.default_rng(1)
MARGIN = RANDOM.normal(-3, 1, 4_000)
ALIKE = np.ones(4_000)
KIND = np.array(["a", "b"])[RANDOM.integers(0, 2, 4_000)]


def test_a_common_level_moves_no_slice_and_no_order() -> None:
    figures = pair_figures(expit(MARGIN), 1.5 * expit(MARGIN), ALIKE, {"kind": KIND}, 30)
    assert (figures.rows, figures.level) == (4_000, pytest.approx(1.5))
    assert figures.rank_correlation == pytest.approx(1)
    assert figures.shifts == {"kind/a": pytest.approx(1), "kind/b": pytest.approx(1)}


def test_a_slice_that_moves_against_the_others_is_told_from_the_level() -> None:
    after = np.where(KIND == "a", 2.0, 1.0) * expit(MARGIN)
    shifts = pair_figures(expit(MARGIN), after, ALIKE, {"kind": KIND}, 30).shifts
    assert shifts["kind/a"] / shifts["kind/b"] == pytest.approx(2)


def test_slices_with_few_expected_outcomes_are_left_out() -> None:
    rare = np.where(np.arange(4_000) < 20, "rare", "common")
    assert set(pair_figures(expit(MARGIN), expit(MARGIN), ALIKE, {"kind": rare}, 30).shifts) == {
        "kind/common"
    }


def test_another_order_is_seen_and_no_order_at_all_is_none() -> None:
    other = RANDOM.permutation(MARGIN)
    assert abs(pair_figures(expit(MARGIN), expit(other), ALIKE, {}, 30).rank_correlation) < 0.1
    assert pair_figures(np.full(9, 0.1), np.full(9, 0.2), np.ones(9), {}, 30).rank_correlation == 1


def test_rows_count_as_their_weights() -> None:
    weight = np.where(KIND == "a", 3.0, 1.0)
    twice = np.where(KIND == "a", 2.0, 1.0) * expit(MARGIN)
    times = np.where(KIND == "a", 3, 1)
    repeated = [np.repeat(values, times) for values in (expit(MARGIN), twice, KIND)]
    weighted = pair_figures(expit(MARGIN), twice, weight, {"kind": KIND}, 30)
    alone = pair_figures(*repeated[:2], np.ones(times.sum()), {"kind": repeated[2]}, 30)
    assert weighted.level == pytest.approx(alone.level)
    assert weighted.shifts == pytest.approx(alone.shifts)
