"""Ages of rows against the same rules in arrays."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.online.age import ABSENT, ages
from holdfast.errors import InputError

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
AT = np.datetime64("2026-03-04T12:00:00", "us").astype(np.int64)
LIVES = (10.0, 1e6, np.inf)
TIMES = st.one_of(st.just(ABSENT), st.integers(-20, 20), st.sampled_from([-(10**6), 10**6]))


@given(st.lists(st.tuples(TIMES, TIMES, TIMES), max_size=5))
def test_ages_are_those_of_the_rules_in_arrays(rows: list[tuple[int, ...]]) -> None:
    times = np.array(rows, dtype=np.int64).reshape(-1, 3)
    absent = times == ABSENT
    times = np.where(absent, ABSENT, AT + times).view("datetime64[us]")
    old = AT - times.astype(np.int64)
    late = ~absent & (old > LIVES)
    limits = np.where(absent | late, np.inf, times.astype(np.int64) + np.array(LIVES))
    told = ages(times, LIVES, NOW)
    assert [age.late for age in told] == [tuple(row) for row in late.tolist()]
    assert [age.oldest for age in told] == np.fmin.reduce(times, axis=1).astype(np.int64).tolist()
    assert [age.main for age in told] == times[:, 0].astype(np.int64).tolist()
    assert [age.next_late for age in told] == (limits.min(axis=1) / 1e6).tolist()


def test_the_time_of_a_row_is_its_oldest() -> None:
    times = np.array([["2026-03-04T11:00:00", "2026-03-04T10:00:00.000001"]], "datetime64[us]")
    (age,) = ages(times, LIVES[1:], NOW)
    assert age.time == datetime(2026, 3, 4, 10, microsecond=1, tzinfo=UTC)
    assert age.time + timedelta(hours=1) < NOW


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InputError, match="now: must have a time zone"):
        ages(np.empty((0, 1), "datetime64[us]"), LIVES[:1], NOW.replace(tzinfo=None))
