import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.intake.bounds import FEWEST_NIGHTS, count_bounds

COUNTS = st.lists(st.integers(0, 100_000), min_size=FEWEST_NIGHTS, max_size=12)


def bounds_of(*counts: float) -> tuple[float, float]:
    bounds = count_bounds(np.array(counts, dtype=np.float64))
    assert bounds is not None
    return bounds.low, bounds.high


def test_too_few_nights_expect_nothing() -> None:
    assert count_bounds(np.full(FEWEST_NIGHTS - 1, 100.0)) is None


@given(COUNTS)
def test_the_middle_lies_within_the_bounds(counts: list[int]) -> None:
    bounds = count_bounds(np.array(counts, dtype=np.float64))
    assert bounds is not None
    assert 0 <= bounds.low <= bounds.middle <= bounds.high


def test_three_quarters_of_steady_rows_are_missed() -> None:
    low, high = bounds_of(*[1000, 990, 1010, 1020, 980, 1000, 1005, 995, 1001, 1003, 1010, 990])
    assert 250 < 600 < low < 980
    assert 1020 < high < 2000


def test_a_quiet_day_of_a_small_table_is_not_missed() -> None:
    assert bounds_of(*[2, 1, 0, 3, 2, 1, 2, 4, 1, 2, 0, 3])[0] == 0


def test_one_bad_night_does_not_loosen_the_bounds() -> None:
    assert bounds_of(*[1000] * 11, 0)[0] > 600


def test_fewer_nights_are_judged_more_leniently() -> None:
    few, many = bounds_of(*[1000] * 4), bounds_of(*[1000] * 12)
    assert few[0] < many[0]
    assert many[1] <= few[1]
