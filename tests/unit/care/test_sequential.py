"""Looks at a campaign: bounds of a plan of looks, and sequences without an end."""

import numpy as np
import pytest

from care.sequential import sequence_half_width, spending_bounds
from holdfast.errors import InputError


def test_bounds_are_those_of_the_tables() -> None:
    # O'Brien-Fleming-like spending, 5 equal looks, two-sided 0.05 (Proschan, Lan and Wittes 2006).
    bounds = spending_bounds([0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(bounds, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310], atol=2e-4)


def test_one_look_is_the_usual_interval() -> None:
    np.testing.assert_allclose(spending_bounds([1.0]), [1.959964], atol=1e-5)


def test_thirteen_looks_claim_too_much_no_more_often_than_said() -> None:
    looks = np.arange(1, 14) / 13
    bounds = spending_bounds(list(looks))
    steps = np.random.default_rng(3).normal(size=(40_000, 13)) * np.sqrt(1 / 13)
    z = steps.cumsum(axis=1) / np.sqrt(looks)
    claimed = (np.abs(z) > bounds).any(axis=1).mean()
    # 40,000 draws: the standard error of a share of 0.05 is 0.0011.
    assert 0.0465 < claimed < 0.0535
    assert (np.abs(z) > 1.96).any(axis=1).mean() > 0.2


def test_a_sequence_covers_at_all_looks_together() -> None:
    random = np.random.default_rng(4)
    looks = np.arange(100, 2_001, 100)
    missed = 0
    for _ in range(1_000):
        mean = random.normal(size=2_000).cumsum()[looks - 1] / looks
        half = [sequence_half_width(n, 1 / np.sqrt(n), 1_000) for n in looks]
        missed += bool((np.abs(mean) > half).any())
    assert missed <= 50


def test_a_sequence_is_as_wide_as_another_library_s() -> None:
    # `ville` 0.1.0, whose mixture is optimised by numbers where the paper's formula is used here.
    widths = [sequence_half_width(n, 1.0, 1_000) for n in (100, 500, 1_000, 5_000)]
    np.testing.assert_allclose(widths, [3.82322, 3.07866, 3.03512, 3.15714], rtol=0.01)


def test_a_sequence_is_wider_than_one_look() -> None:
    assert 1.96 < sequence_half_width(1_000, 1.0, 1_000) < 3.4


def test_bounds_are_those_of_another_program() -> None:
    # SeqBounds.jl, one-sided 0.05 of the same spending: each side of a two-sided 0.1.
    bounds = spending_bounds([0.25, 0.5, 0.75, 1.0], alpha=0.1)
    np.testing.assert_allclose(bounds, [3.74955, 2.53993, 2.01604, 1.72014], atol=1e-4)


def test_a_bound_does_not_depend_on_what_comes_after() -> None:
    # Only how much was spent by a look, and the looks before it, decide.
    whole = spending_bounds([400, 900, 2_000], spent_by=[0.3, 0.6, 1.0])
    so_far = spending_bounds([400, 900], spent_by=[0.3, 0.6])
    np.testing.assert_allclose(whole[:2], so_far, atol=1e-6)
    assert whole[2] < so_far[1]


def test_looks_at_declared_times_claim_too_much_no_more_often_than_said() -> None:
    # Households mature otherwise than the calendar runs: little at first, most at the end.
    information, calendar = np.array([0.1, 0.25, 1.0]), [0.4, 0.7, 1.0]
    bounds = spending_bounds(list(information), spent_by=calendar)
    steps = np.random.default_rng(6).normal(size=(40_000, 3))
    steps *= np.sqrt(np.diff(information, prepend=0.0))
    claimed = (np.abs(steps.cumsum(axis=1) / np.sqrt(information)) > bounds).any(axis=1).mean()
    assert 0.0465 < claimed < 0.0535


@pytest.mark.parametrize("information", [[], [0.5, 0.5], [0.0, 1.0]])
def test_looks_must_ascend(information: list[float]) -> None:
    with pytest.raises(InputError, match="information: must ascend above 0"):
        spending_bounds(information)


@pytest.mark.parametrize("spent_by", [[0.5, 1.2], [0.5], [0.7, 0.6]])
def test_the_course_of_a_campaign_must_ascend_to_its_end(spent_by: list[float]) -> None:
    with pytest.raises(InputError, match="spent_by: must be shares that ascend above 0 up to 1"):
        spending_bounds([100, 200], spent_by=spent_by)


def test_a_chance_must_be_one() -> None:
    with pytest.raises(InputError, match="alpha"):
        spending_bounds([1.0], alpha=0.0)
    with pytest.raises(InputError, match="observed"):
        sequence_half_width(0, 1.0, 100)
