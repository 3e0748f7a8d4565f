"""Revisions of the level: what shifts say of it at a date, and whether bands like this one were seen
to cover.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from scipy.stats import beta, binom
from threadpoolctl import threadpool_limits

from models.level.revision import (
    ASSUMED_QUANTILE,
    QUANTILE,
    HorizonLevel,
    LevelRevision,
    Shift,
    assumed_level,
)
from training.level.process import Points, predict, years_of

SEASON_DAYS = 730
"""Days of history from which a season is told apart from a trend: two years."""

FEWEST_ORIGINS = 8
"""Earlier dates, with outcomes that do not overlap, that judge a level."""

CONFIDENCE = 0.9
"""Probability with which a band holds the level."""

_LEAST_LIKELY = 0.05
"""Bands that miss so often that it would happen less often than this are no bands of 90 %."""


def revised(
    shifts: Mapping[int, Sequence[Shift]],
    lag_days: Mapping[int, int],
    read_until: Mapping[int, str],
    at: datetime,
    earlier: LevelRevision | None = None,
) -> LevelRevision:
    """The level at a date.

    Parameters
    ----------
    shifts : mapping of int to sequence of Shift
        By horizon in days.
    lag_days : mapping of int to int
        By horizon: days from a cut-off until its labels are complete.
    read_until : mapping of int to str
        By horizon: as `HorizonLevel.read_until`.
    at : datetime
        The date, with a time zone.
    earlier : LevelRevision, optional
        One of another date.
    """
    # Of matrices this small, several threads of linear algebra mostly wait for each other.
    with threadpool_limits(1, user_api="blas"):
        horizons = {
            str(days): replace(
                horizon_level(
                    of, days, lag_days[days], at, None if earlier is None else earlier.of(days)
                ),
                read_until=read_until[days],
            )
            for days, of in shifts.items()
        }
    return LevelRevision(
        at=at.astimezone(UTC).isoformat(timespec="seconds"),
        horizons=horizons,
    )


def horizon_level(
    shifts: Sequence[Shift],
    horizon_days: int,
    lag_days: int,
    at: datetime,
    earlier: HorizonLevel | None = None,
) -> HorizonLevel:
    """The level within one horizon at a date; assumed, and without a season, where the shifts tell of
    less than two years.

    Parameters
    ----------
    shifts : sequence of Shift
        What was seen.
    horizon_days : int
        The horizon.
    lag_days : int
        Days from a cut-off until its labels are complete.
    at : datetime
        The date, with a time zone.
    earlier : HorizonLevel, optional
        One of another date, whose origins hold where it was made from the same shifts.
    """
    known = tuple(sorted(shifts, key=lambda one: (one.cutoff, one.line)))
    if not known:
        return assumed_level(lag_days=lag_days)
    lines = tuple(sorted({one.line for one in known}))
    shares = _shares(known, lines)
    if not tells_season(known, horizon_days):
        return assumed_level(lines, shares, lag_days=lag_days, shifts=known)
    when = years_of(at.astimezone(UTC).isoformat())
    mean, covariance = predict(Points.of(known, lines), len(lines), when, horizon_days)
    origins, covered = (
        (earlier.origins, earlier.covered)
        if earlier is not None and earlier.shifts == known
        else coverage(known, horizon_days, lag_days)
    )
    judged = origins >= FEWEST_ORIGINS and not is_refuted(origins, covered)
    return HorizonLevel(
        status="judged" if judged else "assumed",
        has_season=True,
        lines=lines,
        shares=shares,
        shift=tuple(map(float, mean)),
        covariance=tuple(tuple(map(float, row)) for row in covariance),
        quantile=QUANTILE if judged else ASSUMED_QUANTILE,
        origins=origins,
        covered=covered,
        lag_days=lag_days,
        shifts=known,
    )


def tells_season(shifts: Sequence[Shift], horizon_days: int) -> bool:
    """Whether outcomes of at least two years were seen."""
    if not shifts:
        return False
    times = [datetime.fromisoformat(one.cutoff) for one in shifts]
    return max(times) - min(times) + timedelta(days=horizon_days) >= timedelta(days=SEASON_DAYS)


def coverage(shifts: Sequence[Shift], horizon_days: int, lag_days: int) -> tuple[int, int]:
    """At how many cut-offs, with outcomes that do not overlap, the level of all lines was predicted
    from what was known then, and how many bands of 90 % held what came.

    Only cut-offs count at which two years were known. What came has an error of its own, which is
    added to that of the band.

    Parameters
    ----------
    shifts, horizon_days, lag_days
        As of `horizon_level`.
    """
    origins = covered = 0
    after = datetime.min.replace(tzinfo=UTC)
    for cutoff in sorted({one.cutoff for one in shifts}):
        time = datetime.fromisoformat(cutoff)
        known = known_by(shifts, time, lag_days)
        if time < after or not tells_season(known, horizon_days):
            continue
        came = [one for one in shifts if one.cutoff == cutoff]
        lines = tuple(sorted({one.line for one in (*known, *came)}))
        share = np.array(_shares(came, lines))
        mean, covariance = predict(
            Points.of(known, lines), len(lines), years_of(cutoff), horizon_days
        )
        seen = {one.line: one for one in came}
        off = sum(
            share[place] * (seen[line].shift - mean[place])
            for place, line in enumerate(lines)
            if line in seen
        )
        errors = np.array([seen[line].error if line in seen else 0.0 for line in lines])
        variance = float(share @ covariance @ share + (share * errors) @ (share * errors))
        origins += 1
        covered += bool(abs(off) <= QUANTILE * np.sqrt(variance))
        after = time + timedelta(days=horizon_days)
    return origins, covered


def known_by(shifts: Sequence[Shift], at: datetime, lag_days: int) -> list[Shift]:
    """Shifts whose labels were complete by a time."""
    lag = timedelta(days=lag_days)
    return [one for one in shifts if datetime.fromisoformat(one.cutoff) + lag <= at]


def is_refuted(origins: int, covered: int) -> bool:
    """Whether bands that hold 90 % would hardly ever cover so seldom.

    >>> is_refuted(8, 6), is_refuted(8, 5)
    (False, True)
    """
    return bool(binom.cdf(covered, origins, CONFIDENCE) < _LEAST_LIKELY)


def share_that_may_hold(origins: int, covered: int) -> tuple[float, float]:
    """Of how many bands of this kind the truth may be held, by those that were seen to hold it: the
    interval of 95 % of Clopper and Pearson (1934).

    >>> low, high = share_that_may_hold(8, 7)
    >>> round(low, 2), round(high, 2)
    (0.47, 1.0)
    """
    low = beta.ppf(0.025, covered, origins - covered + 1) if covered else 0.0
    high = beta.ppf(0.975, covered + 1, origins - covered) if covered < origins else 1.0
    return float(low), float(high)


def _shares(shifts: Sequence[Shift], lines: Sequence[str]) -> tuple[float, ...]:
    expected = np.array([sum(one.expected for one in shifts if one.line == line) for line in lines])
    return tuple(map(float, expected / expected.sum()))
