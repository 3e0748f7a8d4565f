"""When customers join: as many as are lost, and of each sort as many as leave."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.world.calendar import FIRST_WEEK, LAST_WEEK
from simulator.world.draws import Array, Draws
from simulator.world.joining import Joining, draw_joining
from simulator.world.lifetimes import Lifetimes
from simulator.world.parameters import (
    BROADBAND,
    POSTPAID,
    PREPAID,
    ChurnParameters,
    Parameters,
    PopulationParameters,
)

_CUSTOMERS = 20_000
_OLD = PopulationParameters(tenure_weeks_most=5_000)
"""An operator so old that nobody's tenure is cut."""


def _lifetimes(kind: int, committed: bool, hazard: Array, parameters: Parameters) -> Lifetimes:
    return Lifetimes(
        kind=np.full(len(hazard), kind),
        committed=np.full(len(hazard), committed),
        hazard=hazard,
        involuntary=np.full(len(hazard), 0.0002),
        parameters=parameters,
    )


def _join(lifetimes: Lifetimes, seed: int, magnitudes: PopulationParameters) -> Joining:
    owner = np.arange(len(lifetimes.kind))
    return draw_joining(Draws(seed, 0), owner, np.zeros(len(owner)), lifetimes, magnitudes)


def _expected(lifetimes: Lifetimes, join: Array, week: int) -> Array:
    """Probability that each line is in service in a week, given who is there at first."""
    alive = lifetimes.survival_at(np.maximum(week - join, 0)) * (join <= week)
    return alive / np.where(
        join < FIRST_WEEK, lifetimes.survival_at(np.maximum(FIRST_WEEK - join, 0)), 1.0
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from([POSTPAID, PREPAID, BROADBAND]),
    committed=st.booleans(),
    log_hazard=st.floats(-7, -4),
    spread=st.floats(0, 1),
    seed=st.integers(0, 2**31),
)
def test_as_many_are_there_at_any_time(
    kind: int, committed: bool, log_hazard: float, spread: float, seed: int
) -> None:
    frailty = np.random.default_rng(seed).standard_normal(_CUSTOMERS)
    hazard = np.exp(log_hazard + spread * frailty)
    lifetimes = _lifetimes(kind, committed, hazard, Parameters(population=_OLD))
    join = _join(lifetimes, seed, _OLD).join
    there = (join < FIRST_WEEK).sum()
    of_frailty = frailty[join < FIRST_WEEK].mean()
    # Four standard errors, and one hundredth for the grid of ages.
    error = 0.01 + 4 / np.sqrt(there)
    for week in (0, LAST_WEEK // 2, LAST_WEEK - 1):
        alive = _expected(lifetimes, join, week)
        assert alive.sum() == pytest.approx(there, rel=error)
        # The frail do not die out.
        assert np.average(frailty, weights=alive) == pytest.approx(of_frailty, abs=2 * error)


def test_without_ageing_tenure_is_exponential() -> None:
    ageless = Parameters(churn=ChurnParameters(log_tenure_years=(0.0,) * 4), population=_OLD)
    lifetimes = _lifetimes(PREPAID, False, np.full(200_000, 0.0048), ageless)
    join = _join(lifetimes, 1, _OLD).join
    tenure = FIRST_WEEK - join[join < FIRST_WEEK]
    assert tenure.mean() == pytest.approx(200, rel=0.02)
    assert tenure.std() == pytest.approx(200, rel=0.03)
    window = LAST_WEEK - FIRST_WEEK
    assert len(tenure) / len(join) == pytest.approx(200 / (200 + window), rel=0.02)
    joined = join[join >= FIRST_WEEK]
    assert np.histogram(joined, 8, (FIRST_WEEK, LAST_WEEK))[0] == pytest.approx(
        len(joined) / 8, rel=0.05
    )


def test_of_several_lines_at_least_one_lasts_and_no_more_than_chance_says() -> None:
    ageless = Parameters(churn=ChurnParameters(log_tenure_years=(0.0,) * 4), population=_OLD)
    lifetimes = _lifetimes(PREPAID, False, np.full(200_000, 0.0048), ageless)
    owner = np.repeat(np.arange(100_000), 2)
    joining = draw_joining(Draws(3, 0), owner, np.zeros(200_000), lifetimes, _OLD)
    there = (joining.join < FIRST_WEEK)[owner]
    lasting = np.bincount(owner[there], joining.lasts[there])[np.unique(owner[there])]
    assert set(lasting) == {1.0, 2.0}
    # Of all customers who ever joined, both lines last for 1/(2h) weeks, and one of them for 3/(2h).
    assert (lasting == 2).mean() == pytest.approx(1 / 3, rel=0.03)
    assert joining.lasts[~there].all()


def test_nobody_is_older_than_the_operator_and_growth_brings_more() -> None:
    magnitudes = PopulationParameters(tenure_weeks_most=400)
    lifetimes = _lifetimes(POSTPAID, True, np.full(_CUSTOMERS, 0.001), Parameters())
    joining = _join(lifetimes, 5, magnitudes)
    assert joining.join.min() >= FIRST_WEEK - 400
    assert joining.start.min() >= FIRST_WEEK - 400
    growing = _join(lifetimes, 5, replace(magnitudes, growth=4.0))
    assert (growing.join > FIRST_WEEK).sum() > 2 * (joining.join > FIRST_WEEK).sum()
