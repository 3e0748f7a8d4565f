import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.intake.bounds import FEWEST_NIGHTS, count_bounds

NONE = np.empty(0)
COUNTS = st.lists(st.integers(0, 100_000), min_size=FEWEST_NIGHTS, max_size=12)


def bounds_of(*counts: float) -> tuple[float, float]:
    bounds = count_bounds(np.array(counts, dtype=np.float64), NONE, whole_weeks=False)
    assert bounds is not None
    return bounds.low, bounds.high


def test_too_few_nights_expect_nothing() -> None:
    assert count_bounds(np.full(FEWEST_NIGHTS - 1, 100.0), NONE, whole_weeks=True) is None


@given(COUNTS, st.lists(st.integers(0, 100_000), max_size=12), st.booleans())
def test_the_middle_lies_within_the_bounds(
    counts: list[int], others: list[int], whole_weeks: bool
) -> None:
    bounds = count_bounds(
        np.array(counts, dtype=np.float64),
        np.array(others, dtype=np.float64),
        whole_weeks=whole_weeks,
    )
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


def test_weeks_without_bills_are_usual_where_the_month_has_them() -> None:
    weeks, on_any_day = np.full(12, 50.0), np.array([50.0, 40.0, 0.0, 60.0])
    by_weekday = count_bounds(weeks, on_any_day, whole_weeks=False)
    by_week = count_bounds(weeks, on_any_day, whole_weeks=True)
    assert by_weekday is not None
    assert by_week is not None
    assert by_weekday.low > by_week.low == 0
