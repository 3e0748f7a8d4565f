"""Revisions of the level, on made-up shifts."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from models.level.revision import ASSUMED_QUANTILE, QUANTILE, HorizonLevel, Shift
from training.level.revise import (
    FEWEST_ORIGINS,
    coverage,
    horizon_level,
    is_refuted,
    revised,
    tells_season,
)

LINES = ("fixed", "postpaid", "prepaid")
BEGIN = datetime(2022, 1, 3, tzinfo=UTC)
LAG, DAYS = 104, 90
READ_UNTIL = {DAYS: "2026-01-05T00:00:00+00:00"}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def season(time: datetime, size: float) -> float:
    return size * float(np.cos(2 * np.pi * (time - BEGIN).days / 365.25))


def made(
    cutoffs: int, size: float, seed: int = 0, *, error: float = 0.05, own: float = 0.0
) -> list[Shift]:
    """Shifts every four weeks of a level that is a cosine, and of lines that differ."""
    random = np.random.default_rng(seed)
    times = [BEGIN + timedelta(weeks=4 * number) for number in range(cutoffs)]
    return [
        Shift(
            cutoff=time.isoformat(),
            line=line,
            shift=season(time, size) + own * (place - 1) + error * random.normal(),
            error=error,
            expected=100.0,
        )
        for time in times
        for place, line in enumerate(LINES)
    ]


def level(shifts: list[Shift], at: datetime | None = None) -> HorizonLevel:
    last = datetime.fromisoformat(shifts[-1].cutoff)
    (found,) = revised(
        {DAYS: shifts}, {DAYS: LAG}, READ_UNTIL, at or last + timedelta(days=LAG)
    ).horizons.values()
    return found


@given(cutoffs=st.integers(1, 23), size=st.floats(-0.4, 0.4), seed=st.integers(0, 2**32))
@settings(max_examples=20)
def test_under_two_years_there_is_no_season_and_a_wide_band(
    cutoffs: int, size: float, seed: int
) -> None:
    found = level(made(cutoffs, size, seed))
    assert (found.has_season, found.status) == (False, "assumed")
    assert set(found.shift) == {0.0}
    low, high = found.band(100.0, dict.fromkeys(LINES, 33.3))
    assert (low, high) == pytest.approx((54.4, 183.9), rel=0.01)


def test_two_years_of_outcomes_tell_a_season() -> None:
    assert not tells_season(made(23, 0.3), DAYS)
    assert tells_season(made(24, 0.3), DAYS)
    assert not tells_season([], DAYS)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_flat_in_is_flat_out(seed: int) -> None:
    found = level(made(30, 0.0, seed))
    assert abs(found.common) < 0.1
    assert max(map(abs, found.shift)) < 0.15


@given(seed=st.integers(0, 2**32), size=st.floats(0.2, 0.4), days=st.integers(0, 365))
@settings(max_examples=25, deadline=None)
def test_a_season_that_was_seen_twice_is_foretold_within_the_band(
    seed: int, size: float, days: int
) -> None:
    shifts = made(32, size, seed)
    at = datetime.fromisoformat(shifts[-1].cutoff) + timedelta(days=days)
    found, truth = level(shifts, at), season(at, size)
    assert abs(found.common - truth) < 0.15
    assert abs(found.common - truth) < QUANTILE * np.sqrt(found.covariance[0][0])


def test_bands_hold_a_level_that_walks_and_is_shaken() -> None:
    """As those of simulated operators do: with amplitudes near 0 they held two times in three."""
    held = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        walk = np.cumsum(random.normal(0.0, 0.3 * np.sqrt(28 / 365.25), 44))
        shock = np.repeat(random.normal(0.0, 0.15, 22), 2)
        moved = walk + shock
        shifts = [
            replace(shift, shift=shift.shift + moved[place // len(LINES)])
            for place, shift in enumerate(made(44, 0.1, seed, error=0.1))
        ]
        at = datetime.fromisoformat(shifts[-1].cutoff)
        found = level(
            [
                one
                for one in shifts
                if datetime.fromisoformat(one.cutoff) <= at - timedelta(days=LAG)
            ],
            at,
        )
        error = float(
            np.sqrt(np.array(found.shares) @ np.array(found.covariance) @ np.array(found.shares))
        )
        held += abs(found.common - season(at, 0.1) - moved[-1]) <= QUANTILE * error
    assert held >= 15  # of bands of 90 %, fewer hold one time in a hundred


def test_lines_are_pooled_in_part() -> None:
    """A line that was seen a few times goes with the season of the others."""
    shifts = made(32, 0.35)
    few = [one for one in shifts if one.line != "fixed" or one.cutoff < "2022-05"]
    when = BEGIN + timedelta(days=round(3.5 * 365.25))
    found = dict(zip(LINES, level(few, when).shift, strict=True))
    assert found["postpaid"] < -0.2
    assert -0.35 < found["fixed"] < -0.1
    apart = dict(zip(LINES, level(made(32, 0.0, own=0.3), when).shift, strict=True))
    assert apart["fixed"] < -0.1 < 0.1 < apart["prepaid"]


def test_the_same_shifts_in_any_order_make_the_same_revision() -> None:
    shifts = made(30, 0.3)
    at = BEGIN + timedelta(days=1_000)
    one, other = (
        revised({DAYS: of}, {DAYS: LAG}, READ_UNTIL, at) for of in (shifts, list(reversed(shifts)))
    )
    assert one == other
    assert one.sha256 == other.sha256
    later = revised({DAYS: shifts}, {DAYS: LAG}, READ_UNTIL, at + timedelta(days=7))
    assert later.sha256 != one.sha256


def test_with_few_origins_the_band_is_wider_and_the_level_assumed() -> None:
    few, many = level(made(36, 0.3)), level(made(64, 0.3))
    assert few.origins < FEWEST_ORIGINS <= many.origins
    assert (few.status, few.quantile) == ("assumed", ASSUMED_QUANTILE)
    assert (many.status, many.quantile) == ("judged", QUANTILE)


def test_bands_that_do_not_cover_judge_nothing() -> None:
    """A level that jumps after two years, up and down: what was known then does not foretell it."""
    shifts = made(64, 0.0)
    jumping = [
        replace(one, shift=one.shift + (0.9 if place // 12 % 2 else -0.9) * (place >= 72))
        for place, one in enumerate(shifts)
    ]
    found = level(jumping)
    assert found.origins >= FEWEST_ORIGINS
    assert is_refuted(found.origins, found.covered)
    assert (found.status, found.quantile) == ("assumed", ASSUMED_QUANTILE)


def test_origins_do_not_overlap_and_see_nothing_that_came_later() -> None:
    shifts = made(64, 0.3)
    origins, covered = coverage(shifts, DAYS, LAG)
    first = 27  # the first cut-off by which the labels of the 24th were known, two years
    assert origins == len(range(first, 64, 4))  # every fourth: 112 days for 90
    assert covered == origins
    last = shifts[-1].cutoff  # the last origin, which nothing before it may have seen
    late = [replace(one, shift=5.0) if one.cutoff == last else one for one in shifts]
    assert coverage(late, DAYS, LAG) == (origins, origins - 1)


def test_origins_of_the_same_shifts_are_not_looked_at_again() -> None:
    shifts = made(36, 0.3)
    at = BEGIN + timedelta(days=1_200)
    earlier = replace(horizon_level(shifts, DAYS, LAG, at), origins=9, covered=9)
    assert horizon_level(shifts, DAYS, LAG, at, earlier).status == "judged"
    assert horizon_level(shifts[:-3], DAYS, LAG, at, earlier).status == "assumed"


def test_bounds_of_a_band_that_is_refuted() -> None:
    assert [is_refuted(8, covered) for covered in (8, 7, 6, 5)] == [False, False, False, True]
