import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import InputError
from models.bands import BAND_NAMES, BandBounds
from models.settings import BandSettings


def test_shares_of_customers_fix_the_bounds() -> None:
    probability = np.linspace(0, 1, 1001)
    bands = BandBounds.from_shares(
        probability, BandSettings(high_share=0.1, medium_share=0.2)
    ).assign(probability)
    assert [(bands == name).mean().round(2) for name in BAND_NAMES] == [0.1, 0.2, 0.7]


@given(st.lists(st.floats(0, 1), min_size=2, max_size=50))
def test_a_higher_probability_is_never_in_a_lower_band(values: list[float]) -> None:
    probability = np.sort(values)
    bands = BandBounds.from_shares(probability, BandSettings()).assign(probability)
    order = [("low", "medium", "high").index(band) for band in bands]
    assert order == sorted(order)


def test_no_probability_no_band() -> None:
    assert BandBounds(high=0.5, medium=0.2).assign(np.array([np.nan, 0.5, 0.2, 0.1])).tolist() == [
        "",
        "high",
        "medium",
        "low",
    ]


def test_shares_must_leave_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_BAND_HIGH_SHARE", "0.9")
    with pytest.raises(InputError, match="below 1"):
        BandSettings.read()


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3]), min_size=1, max_size=60))
def test_no_band_is_larger_than_its_share_where_many_are_alike(values: list[float]) -> None:
    probability = np.array(values)
    bands = BandBounds.from_shares(probability, BandSettings()).assign(probability)
    assert (bands == "high").sum() <= 0.1 * len(values) + 0.5
    assert (bands != "low").sum() <= 0.3 * len(values) + 0.5


def test_a_customer_that_stands_for_more_counts_as_often() -> None:
    random = np.random.default_rng(5)
    probability, times = random.random(300), random.integers(1, 5, 300)
    weighted = BandBounds.from_shares(probability, BandSettings(), times.astype(float))
    assert weighted == BandBounds.from_shares(np.repeat(probability, times), BandSettings())
