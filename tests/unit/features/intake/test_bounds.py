import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.intake.bounds import FEWEST_NIGHTS, count_bounds

NONE = np.empty(0)
COUNTS = st.lists(st.integers(0, 100_000), min_size=FEWEST_NIGHTS, max_size=12)


def bounds_of(*counts: float) -> tuple[float, float]:
    bounds = count_bounds(np.array(counts, dtype=np.float64), NONE, weeks=1 / 7)
    assert bounds is not None
    return bounds.low, bounds.high


def test_too_few_nights_expect_nothing() -> None:
    assert count_bounds(np.full(FEWEST_NIGHTS - 1, 100.0), NONE, weeks=1) is None


@given(COUNTS, st.lists(st.integers(0, 100_000), max_size=12), st.sampled_from([1 / 7, 1, 4]))
def test_the_middle_lies_within_the_bounds(
    counts: list[int], others: list[int], weeks: float
) -> None:
    bounds = count_bounds(
        np.array(counts, dtype=np.float64),
        np.array(others, dtype=np.float64),
        weeks=weeks,
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
    by_weekday = count_bounds(weeks, on_any_day, weeks=1 / 7)
    by_week = count_bounds(weeks, on_any_day, weeks=1)
    assert by_weekday is not None
    assert by_week is not None
    assert by_weekday.low > by_week.low == 0


def test_overlapping_spans_tell_as_little_as_fewer_nights() -> None:
    # Answers to campaigns in four weeks, by weekly nights; the next campaign is a small one.
    past = np.array([1344.0, 1339, 1279, 2226, 1611, 1354, 2046, 1375, 1007, 1511])
    as_nights = count_bounds(past, NONE, weeks=1)
    as_spans = count_bounds(past, NONE, weeks=4)
    assert as_nights is not None
    assert as_spans is not None
    assert 0 < as_spans.low < 354 < as_nights.low


def test_half_of_steady_rows_are_missed_over_overlapping_spans() -> None:
    bounds = count_bounds(np.full(12, 400.0), NONE, weeks=4)
    assert bounds is not None
    assert 150 < bounds.low < 400
