import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from models.settings import ValueSettings
from models.value import HorizonProbability, value_of

PLAIN = ValueSettings(discount_a_year=0)


def test_undiscounted_it_is_the_margin_of_so_many_months() -> None:
    assert value_of(np.array([10.0, -2.0]), 90, PLAIN).if_staying.tolist() == [30.0, -6.0]


def test_discounting_agrees_with_a_sum_over_days() -> None:
    rate = 0.1
    days = np.arange(365) + 0.5
    expected = 12 / 30 * np.sum((1 + rate) ** (-days / 365))
    worth = value_of(np.array([12.0]), 365, ValueSettings(discount_a_year=rate)).if_staying[0]
    assert worth == pytest.approx(expected, rel=1e-6)


@given(
    st.floats(-1e6, 1e6),
    st.floats(0, 1),
    st.integers(1, 3650),
    st.floats(0, 0.9),
    st.floats(0, 0.9),
)
def test_what_is_expected_lies_between_staying_and_losing_half(
    margin: float, probability: float, days: int, rate: float, cost: float
) -> None:
    value = value_of(
        np.array([margin]), days, ValueSettings(discount_a_year=rate, cost_to_serve_share=cost)
    )
    risk = HorizonProbability(np.array([probability]), days)
    staying, expected = value.if_staying[0], value.expected(risk)[0]
    low, high = sorted([staying, staying / 2])
    assert low - 1e-6 <= expected <= high + 1e-6
    assert abs(staying) <= abs(margin) / 30 * days + 1e-6
    assert expected + value.at_stake(risk)[0] == pytest.approx(staying, abs=1e-6)


def test_a_risk_of_another_horizon_is_refused() -> None:
    value = value_of(np.array([10.0]), 90, PLAIN)
    with pytest.raises(InputError, match=r"horizon_days: must be 90.*30"):
        value.at_stake(HorizonProbability(np.array([0.1]), 30))
    with pytest.raises(InputError, match="1 subscriptions"):
        value.at_stake(HorizonProbability(np.array([0.1, 0.2]), 90))


def test_what_is_not_known_stays_unknown_and_nonsense_is_refused() -> None:
    value = value_of(np.array([np.nan, 10.0]), 90, PLAIN)
    assert np.isnan(value.at_stake(HorizonProbability(np.array([0.5, np.nan]), 90))).all()
    with pytest.raises(InputError, match="horizon_days"):
        value_of(np.array([1.0]), 0, PLAIN)
    with pytest.raises(InputError, match="finite"):
        value_of(np.array([np.inf]), 90, PLAIN)


def test_assumptions_are_named() -> None:
    assert value_of(np.array([1.0]), 60, ValueSettings()).assumptions == {
        "horizon_days": 60,
        "lost_share": 0.5,
        "discount_a_year": 0.08,
        "cost_to_serve_share": 0.0,
    }
