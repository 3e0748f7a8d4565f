"""What a campaign did: intervals that cover, and splits that no draw makes."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.measure import effect, half_width, households_needed, ratio_is_ok
from care.model import Arm
from holdfast.errors import InputError


def drawn(seed: int, effect: float, households: int = 3_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    arm = np.where(random.random(households) < 0.3, Arm.CONTROL, Arm.TREATMENT)
    stays = random.random(households) < np.where(arm == Arm.TREATMENT, 0.85 + effect, 0.85)
    return stays.astype(float), arm


def test_two_hundred_intervals_cover_the_true_effect() -> None:
    estimates = [effect(*drawn(seed, 0.03)) for seed in range(200)]
    assert sum(e is not None and e.low <= 0.03 <= e.high for e in estimates) >= 182


def test_two_hundred_campaigns_without_effect_hardly_ever_work() -> None:
    findings = [e.finding for seed in range(200) if (e := effect(*drawn(seed, 0.0)))]
    assert findings.count("works") <= 10
    assert findings.count("harms") <= 10


def test_the_holdout_is_in_no_arm_of_a_campaign() -> None:
    outcome, arm = drawn(1, 0.05)
    with_others = effect(
        np.concatenate([outcome, np.zeros(500)]),
        np.concatenate([arm, np.full(500, Arm.HOLDOUT)]),
    )
    assert with_others == effect(outcome, arm)


def test_too_few_households_have_no_interval() -> None:
    outcome, arm = drawn(1, 0.0, households=300)
    assert effect(outcome, arm) is None


def test_an_outcome_that_is_not_known_is_refused() -> None:
    outcome, arm = drawn(1, 0.0)
    outcome[5] = np.nan
    with pytest.raises(InputError, match="outcome: must be known of every household"):
        effect(outcome, arm)
    with pytest.raises(InputError, match="level"):
        effect(outcome, arm, level=1.0)


def test_what_a_campaign_will_see_is_what_it_sees() -> None:
    estimate = effect(*drawn(2, 0.0, households=4_000))
    assert estimate is not None
    expected = half_width(4_000, 0.3, 0.85)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(expected, rel=0.05)
    # The figure that care teams plan with: 4,000 households, a fifth held out, 90 %, of 17 % lost.
    assert half_width(4_000, 0.2, 0.05, level=0.9) == pytest.approx(0.0142, abs=1e-4)


def test_a_campaign_of_the_size_needed_shows_it_four_times_out_of_five() -> None:
    households = households_needed(0.03, 0.3, 0.85)
    works = [e.finding for seed in range(300) if (e := effect(*drawn(seed, 0.03, households)))]
    # 240 expected; five standard errors of a binomial are 35, and treatment varies a little less.
    assert 205 < works.count("works") < 280


def test_a_split_that_chance_gives_is_ok() -> None:
    assert ratio_is_ok(700, 300, 0.3)
    assert ratio_is_ok(0, 0, 0.3)
    assert not ratio_is_ok(800, 200, 0.3)
    assert ratio_is_ok(10, 0, 0.0)
    assert not ratio_is_ok(10, 1, 0.0)


@given(st.integers(1, 400), st.floats(0.05, 0.9))
def test_no_draw_is_alarming_more_often_than_said(total: int, share: float) -> None:
    normal = NormalDist(total * share, (total * share * (1 - share)) ** 0.5)
    typical = min(max(round(normal.mean), 0), total)
    assert ratio_is_ok(total - typical, typical, share)
