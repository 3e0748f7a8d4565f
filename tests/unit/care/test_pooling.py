"""Effects of one action over campaigns: weighed by their precision."""

from dataclasses import replace

import numpy as np
import pytest

from care.measure import Effect, effect, pooled
from tests.builders.measurements import outcomes


def measured(seed: int, households: int = 2_000) -> Effect:
    found = effect(*outcomes(0.03, households, seed))
    assert found is not None
    return found


def test_one_campaign_is_itself_and_none_is_nothing() -> None:
    one = measured(1)
    together = pooled([one])
    assert together is not None
    assert (together.low, together.high) == (pytest.approx(one.low), pytest.approx(one.high))
    assert (together.finding, together.campaigns, together.households) == (one.finding, 1, 2_000)
    assert pooled([]) is None


def test_more_campaigns_are_narrower_and_the_larger_weighs_more() -> None:
    small, large = measured(2, 1_000), measured(3, 9_000)
    together = pooled([small, large])
    assert together is not None
    assert abs(together.value - large.value) < abs(together.value - small.value)
    assert together.high - together.low < large.high - large.low


def test_intervals_of_many_actions_cover_what_they_share() -> None:
    covered = 0
    for number in range(100):
        together = pooled([measured(1_000 + 3 * number + k) for k in range(3)])
        assert together is not None
        covered += together.low <= 0.03 <= together.high
    # A right method covers fewer than 88 of 100 less than once in two hundred times.
    assert covered >= 88


def test_a_campaign_that_could_have_been_stopped_makes_the_interval_wider() -> None:
    plain = [measured(4), measured(5)]
    wide = replace(plain[0], high=plain[0].value + 3 * plain[0].standard_error)
    usual, wider = pooled(plain), pooled([wide, plain[1]])
    assert usual is not None
    assert wider is not None
    assert np.isclose((wider.high - wider.value) / (usual.high - usual.value), 3 / 1.959964)
