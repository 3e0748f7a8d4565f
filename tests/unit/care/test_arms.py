"""Arms: the same household in the same arm, and as many as were asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.arms import Holdout, draw_arms, uniform
from care.model import Arm
from holdfast.errors import InputError

SALT = "sixteen letters!"
HOUSEHOLDS = [f"H{number}" for number in range(20_000)]


def test_arms_have_the_shares_asked_for() -> None:
    arms = draw_arms(HOUSEHOLDS, "spring", 0.25, Holdout(salt=SALT, share=0.04), 2026)
    held = arms.arm == Arm.HOLDOUT
    # Five standard errors.
    assert held.mean() == pytest.approx(0.04, abs=0.007)
    assert (arms.arm[~held] == Arm.CONTROL).mean() == pytest.approx(0.25, abs=0.016)


def test_propensities_are_the_probabilities_of_the_arms() -> None:
    arms = draw_arms(HOUSEHOLDS, "spring", 0.25, Holdout(salt=SALT, share=0.04), 2026)
    expected = {Arm.HOLDOUT: 0.04, Arm.CONTROL: 0.96 * 0.25, Arm.TREATMENT: 0.96 * 0.75}
    for arm, propensity in expected.items():
        assert np.unique(arms.propensity[arms.arm == arm]).round(12) == round(propensity, 12)
    assert sum(expected.values()) == pytest.approx(1)


@given(st.lists(st.text(min_size=1, max_size=8), unique=True, min_size=2))
def test_a_household_is_in_the_same_arm_wherever_it_stands(
    households: list[str],
) -> None:
    holdout = Holdout(salt=SALT, share=0.2)
    before = draw_arms(households, "spring", 0.5, holdout, 2026)
    shuffled = households[::-1]
    after = draw_arms(shuffled, "spring", 0.5, holdout, 2026)
    assert dict(zip(households, before.arm, strict=True)) == dict(
        zip(shuffled, after.arm, strict=True)
    )


def test_the_holdout_is_the_same_in_every_campaign_of_a_year() -> None:
    holdout = Holdout(salt=SALT, share=0.05)
    first = draw_arms(HOUSEHOLDS, "spring", 0.2, holdout, 2026).arm == Arm.HOLDOUT
    second = draw_arms(HOUSEHOLDS, "autumn", 0.5, holdout, 2026).arm == Arm.HOLDOUT
    next_year = holdout.contains(HOUSEHOLDS, 2027)
    np.testing.assert_array_equal(first, second)
    assert 0 < (first & next_year).mean() < 0.01


def test_draws_of_two_campaigns_are_independent() -> None:
    one, other = (uniform(HOUSEHOLDS, SALT, purpose) for purpose in ("a", "b"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.035
    assert 0 <= one.min() < one.max() < 1


def test_another_salt_draws_others() -> None:
    one = Holdout(salt=SALT).contains(HOUSEHOLDS, 2026)
    other = Holdout(salt=SALT[::-1]).contains(HOUSEHOLDS, 2026)
    assert (one & other).sum() < one.sum() / 5


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InputError, match="salt: must have at least 16 characters") as refused:
        Holdout(salt="short")
    assert "short" not in str(refused.value)
    with pytest.raises(InputError, match="share"):
        Holdout(salt=SALT, share=0.5)
    with pytest.raises(InputError, match="control_share"):
        draw_arms(HOUSEHOLDS, "spring", 1.0, Holdout(salt=SALT), 2026)
