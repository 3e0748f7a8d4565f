import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.assessment import Estimate
from training.evaluation.bootstrap import distance_interval, estimate, interval, resample


def _mean(counts: np.ndarray) -> dict[str, np.ndarray]:
    values = np.arange(len(counts))
    return {"mean": values @ counts / counts.sum(axis=0), "counts": counts}


def test_customers_are_drawn_with_replacement_after_a_first_weighting_that_is_the_rows_themselves() -> (
    None
):
    draws = resample(40, 300, 1, _mean, 1, "")
    assert draws["counts"].shape == (301, 40)
    assert np.all(draws["counts"][0] == 1)
    assert np.all(draws["counts"].sum(axis=1) == 40)
    assert np.unique(draws["counts"][1:], axis=0).shape[0] == 300
    # A mean of 40 uniform numbers.
    assert draws["mean"][1:].std() == pytest.approx(np.arange(40).std() / np.sqrt(40), rel=0.1)


def test_a_draw_depends_on_seed_and_number_alone() -> None:
    few, many = resample(40, 20, 1, _mean, 1, ""), resample(40, 50, 1, _mean, 4_000_000, "")
    assert np.array_equal(few["counts"], many["counts"][:21])
    assert not np.array_equal(few["counts"][1:], resample(40, 20, 2, _mean, 1, "")["counts"][1:])


@given(st.integers(0, 1000), st.floats(-2, 2))
def test_intervals_move_with_a_change_of_scale(seed: int, shift: float) -> None:
    drawn = np.random.default_rng(seed).normal(0.1, 1, 200)
    low, high = interval(0.0, drawn, 0.9)
    assert low < high
    assert interval(shift, shift + 3 * drawn, 0.9) == pytest.approx(
        (shift + 3 * low, shift + 3 * high)
    )
    # The percentiles of a rising function are the function of the percentiles, near enough.
    assert interval(1.0, np.exp(drawn), 0.9) == pytest.approx((np.exp(low), np.exp(high)), rel=0.1)


def test_draws_that_lie_too_high_move_the_interval_down() -> None:
    drawn = np.random.default_rng(1).normal(0.5, 1, 20_000)
    # Draws of a figure that is 0.5 too high are themselves 0.5 higher than it.
    assert interval(0.0, drawn, 0.9) == pytest.approx((-0.5 - 1.645, -0.5 + 1.645), abs=0.06)


def test_a_figure_that_never_moves_has_no_width() -> None:
    assert estimate(np.full(101, 0.25), 0.95) == Estimate(0.25, 0.25, 0.25)


def test_draws_that_tell_nothing_are_left_out_up_to_half_of_them() -> None:
    values = np.concatenate([[0.5], np.linspace(0.4, 0.6, 100)])
    values[1:51] = np.nan
    assert estimate(values, 0.9) is not None
    values[51] = np.nan
    assert estimate(values, 0.9) is None
    values[:] = 0.5
    values[0] = np.nan
    assert estimate(values, 0.9) is None


def test_a_distance_of_nothing_is_covered() -> None:
    random = np.random.default_rng(1)
    assert distance_interval(0.01, random.normal(0.02, 0.002, 500), 0.95)[0] == 0
    low, high = distance_interval(0.1, random.normal(0.101, 0.002, 500), 0.95)
    assert 0.09 < low < 0.1 < high < 0.11
