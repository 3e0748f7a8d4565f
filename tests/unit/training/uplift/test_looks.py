"""Looks at an experiment: as wide as `care.sequential` says, and right over twelve looks together."""

import numpy as np
import pytest
from scipy.stats import binom, norm
from scipy.stats import t as student

from care.sequential import sequence_half_width, spending_bounds
from holdfast.errors import InputError
from training.uplift.inference import PointEstimate
from training.uplift.looks import ONLY_LOOK, Looks

PLAN = tuple(range(1_000, 12_001, 1_000))


def test_one_look_is_students() -> None:
    assert Looks().at(5_000) == ONLY_LOOK.__class__(clusters=5_000)
    assert ONLY_LOOK.critical(0.05, 10**6) == pytest.approx(1.96, abs=0.001)


def test_planned_looks_are_alpha_spending_at_the_size_that_there_is() -> None:
    look = Looks(planned=(2_000, 4_000, 8_000)).at(4_100)
    assert look.information == (0.25, 0.5125)
    bound = spending_bounds([0.25, 0.5125], 0.05)[-1]
    assert look.critical(0.05, 10**8) == pytest.approx(bound, rel=1e-4)
    assert Looks(planned=(2_000, 4_000)).at(3_900).information == (0.5, 0.975)
    assert Looks(planned=(2_000, 4_000)).at(4_200).information == (0.5, 1.0)
    assert Looks(planned=(2_000, 4_000)).at(4_000).information == (0.5, 1.0)


@pytest.mark.parametrize(
    ("clusters", "information", "why"),
    (
        (1_899, (0.25,), "not_a_planned_look"),
        (1_900, (0.2375,), None),
        (2_101, (0.25,), "not_a_planned_look"),
        (3_700, (0.25,), "not_a_planned_look"),
        (7_000, (0.25, 0.5), "not_a_planned_look"),
        (8_400, (0.25, 0.5, 1.0), None),
        (8_401, (0.25, 0.5, 1.0), "beyond_last_look"),
        (80_000, (0.25, 0.5, 1.0), "beyond_last_look"),
    ),
)
def test_a_look_that_was_not_planned_reaches_as_far_as_the_last_that_was(
    clusters: int, information: tuple[float, ...], why: str | None
) -> None:
    look = Looks(planned=(2_000, 4_000, 8_000)).at(clusters)
    assert (look.information, look.unplanned) == (information, why)


def test_without_a_plan_no_look_is_unplanned() -> None:
    assert {looks.at(9).unplanned for looks in (Looks(), Looks(expected=5))} == {None}


@pytest.mark.parametrize("plan", ((2_000,), (2_000, 4_000, 8_000)))
def test_more_looks_than_planned_are_wrong_together_at_most_once_in_twenty(
    plan: tuple[int, ...],
) -> None:
    """Evaluated each time that 1,000 customers have come, far beyond the end of the plan."""
    random, draws, sizes = np.random.default_rng(4), 4_000, np.arange(1_000, 20_001, 1_000)
    z = np.cumsum(random.normal(0, np.sqrt(1_000), (draws, 20)), axis=1) / np.sqrt(sizes)
    looks = [Looks(planned=plan).at(int(size)) for size in sizes]
    bounds = np.array([look.critical(0.05, look.clusters - 1) for look in looks])
    told = np.array([look.unplanned is None for look in looks])
    assert (np.abs(z) > bounds)[:, told].any(axis=1).sum() <= binom.ppf(0.999, draws, 0.05)
    # If words were given at all of these looks, they would be wrong far more often.
    assert (np.abs(z) > bounds).any(axis=1).mean() > 0.12


@pytest.mark.parametrize("looks", (Looks(), Looks(planned=(2_000, 4_000)), Looks(expected=4_000)))
def test_an_arm_of_few_clusters_widens_every_interval(looks: Looks) -> None:
    look = looks.at(4_000)
    of_few = look.comparing(3.0)
    assert of_few.critical(0.05, 3_999) >= student.isf(0.025, 2)
    assert of_few.critical(0.05, 1) >= student.isf(0.025, 1)
    assert look.comparing(2_000.0).critical(0.05, 3_999) == pytest.approx(
        look.critical(0.05, 3_999), rel=1e-3
    )
    # Of four times the customers, the smaller arm has four times as many.
    assert of_few.later(16_000).smallest_arm == 12.0


def test_looks_at_any_time_are_a_confidence_sequence() -> None:
    look = Looks(expected=10_000).at(4_000)
    assert look.critical(0.05, 3_999) == sequence_half_width(4_000, 1.0, 10_000, 0.05)
    estimate = PointEstimate(0.0, 1.0, 4_000)
    assert estimate.interval(look=look).high > 1.3 * estimate.interval().high


@pytest.mark.parametrize("text", ("", "never", "4000,2000", "0,100", "1e3", "100,,200", "100,100"))
def test_other_looks_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="--looks: must be once, any, or numbers"):
        Looks.read(text, 10_000)


def test_looks_as_people_give_them() -> None:
    assert Looks.read("once", 10_000) == Looks()
    assert Looks.read("any", 10_000) == Looks(expected=10_000)
    assert Looks.read("2000, 4000", 10_000).planned == (2_000, 4_000)


@pytest.mark.parametrize("looks", (Looks(planned=PLAN), Looks(expected=6_000)))
def test_twelve_looks_without_effect_are_wrong_together_at_most_once_in_twenty(
    looks: Looks,
) -> None:
    random, draws = np.random.default_rng(3), 2_000
    sums = np.cumsum(random.normal(0, np.sqrt(1_000), (draws, 12)), axis=1)
    z = sums / np.sqrt(np.array(PLAN))
    bounds = np.array([looks.at(size).critical(0.05, size - 1) for size in PLAN])
    wrong = int((np.abs(z) > bounds).any(axis=1).sum())
    assert wrong <= binom.ppf(0.999, draws, 0.05)
    # Intervals for one look, read twelve times, are wrong far more often.
    assert (np.abs(z) > norm.ppf(0.975)).any(axis=1).mean() > 0.15
