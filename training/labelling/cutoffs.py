"""Cut-offs: the past Mondays whose labels are complete, and the first one of the test period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np

from holdfast.arrays import Times
from holdfast.errors import InputError
from holdfast.zone import day_of, days_apart
from training.labelling.history import RawHistory, utc
from training.labelling.maturity import LabelMaturity
from training.settings import LabelSettings


@dataclass(frozen=True)
class LabelEnd:
    """Until when losses are known.

    Parameters
    ----------
    lines : datetime
        By records of losses: the data's end minus the days in which such records still come.
    use : datetime
        By inactivity of prepaid lines: the same of usage, and not beyond its last week.
    settle_days : int
        How many days before the data's end `lines` lies.
    """

    lines: datetime
    use: datetime
    settle_days: int

    @classmethod
    def of(cls, history: RawHistory, use_end: datetime, maturity: LabelMaturity) -> "LabelEnd":
        """Derive both ends from the data's end and the end of usage."""
        return cls(
            lines=history.end - timedelta(days=maturity.losses.days),
            use=min(history.end - timedelta(days=maturity.use.days), use_end),
            settle_days=maturity.losses.days,
        )


def cutoffs_for(
    mondays: Times,
    ends: LabelEnd,
    settings: LabelSettings,
    horizons_days: Sequence[int],
    requested: Sequence[datetime] | None = None,
    zone: tzinfo = UTC,
) -> list[datetime]:
    """Cut-offs to take rows at, oldest first.

    They are counted back, in steps of `LabelSettings.cutoff_every_weeks`, from the newest Monday
    at which all labels are complete. Later Mondays follow in the same steps as long as the labels
    of postpaid and fixed lines are complete within the shortest horizon; those within longer ones, and
    those of prepaid lines, take longer.

    Parameters
    ----------
    mondays : (m,) datetime64[us]
        Mondays with stored features, UTC.
    ends : LabelEnd
        Until when labels are complete.
    settings : LabelSettings
        Gap, inactivity and step.
    horizons_days : sequence of int
        Horizons, shortest first.
    requested : sequence of datetime, optional
        Take these instead.
    zone : tzinfo
        The operator's, whose weeks the steps are.

    Raises
    ------
    InputError
        No Monday's labels are complete within the longest horizon, or a requested one has no stored
        features or no complete label.
    """
    stored = [utc(monday) for monday in np.sort(mondays)]
    shortest, longest = horizons_days[0], horizons_days[-1]
    if requested is not None:
        last = ends.lines - timedelta(days=settings.gap_days + shortest)
        return check_requested(requested, stored, last, "labels to be complete", zone)
    usable = complete_within(shortest, stored, ends, settings)
    complete = complete_within(longest, stored, ends, settings)
    if not complete:
        needed = settings.gap_days + longest + ends.settle_days
        reach = (
            f"{(ends.lines - stored[0]).days + ends.settle_days} days"
            if stored
            else "no stored features"
        )
        raise InputError(
            "raw tables",
            f"must reach {needed} days beyond the first Monday with stored features",
            reach,
        )
    anchor = newest_complete(mondays, ends, settings, longest) or complete[-1]
    return in_steps(usable, anchor, settings.cutoff_every_weeks, zone)


def complete_within(
    horizon_days: int, cutoffs: Sequence[datetime], ends: LabelEnd, settings: LabelSettings
) -> list[datetime]:
    """Cut-offs at which the labels of postpaid and fixed lines are complete within a horizon."""
    span = timedelta(days=settings.gap_days + horizon_days)
    return [at for at in cutoffs if at + span <= ends.lines]


def in_steps(
    mondays: Sequence[datetime], anchor: datetime, weeks: int, zone: tzinfo
) -> list[datetime]:
    """Mondays that lie a whole number of steps from another.

    A week in which a clock is switched has an hour more or less: days are counted.

    Examples
    --------
    >>> from holdfast.zone import read_zone
    >>> before, after = (datetime(2026, 3, day, 23 - day // 28, tzinfo=UTC) for day in (22, 29))
    >>> len(in_steps([before, after], after, 1, read_zone("Europe/Berlin", "zone")))
    2
    """
    return [monday for monday in mondays if days_apart(anchor, monday, zone) % (7 * weeks) == 0]


def newest_complete(
    mondays: Times, ends: LabelEnd, settings: LabelSettings, horizon_days: int
) -> datetime | None:
    """The newest Monday at which the labels of all lines are complete, prepaid ones included.

    Parameters
    ----------
    mondays, ends, settings
        As in `cutoffs_for`.
    horizon_days : int
        The horizon.

    Returns
    -------
    datetime or None
        UTC; None where there is none.
    """
    span = timedelta(days=settings.gap_days + horizon_days)
    late = timedelta(days=settings.inactivity_days)
    complete = [
        monday
        for monday in map(utc, np.sort(mondays))
        if monday + span <= ends.lines and monday + span + late <= ends.use
    ]
    return complete[-1] if complete else None


def check_requested(
    requested: Sequence[datetime],
    stored: Sequence[datetime],
    last: datetime,
    purpose: str,
    zone: tzinfo = UTC,
) -> list[datetime]:
    """Return requested cut-offs, oldest first, or refuse them.

    Parameters
    ----------
    requested : sequence of datetime
        Cut-offs that a person named, with a time zone.
    stored : sequence of datetime
        Mondays with stored features, oldest first.
    last : datetime
        The latest possible cut-off.
    purpose : str
        What a later one would make impossible, for the error.
    zone : tzinfo
        The operator's, for the days in the error.

    Raises
    ------
    InputError
        A cut-off has no stored features, or lies too late.
    """
    for at in requested:
        if at not in stored:
            between = (
                f", {day_of(stored[0], zone)} to {day_of(stored[-1], zone)}"
                if stored
                else "; there are none yet"
            )
            raise InputError(
                "cutoffs", f"must be Mondays with stored features{between}", at.isoformat()
            )
        if at > last:
            raise InputError(
                "cutoffs", f"must not lie after {day_of(last, zone)}, for {purpose}", at.isoformat()
            )
    return sorted(set(requested))


def start_of_test(
    cutoffs: Times,
    settings: LabelSettings,
    test_from: datetime | None = None,
    zone: tzinfo = UTC,
) -> np.datetime64:
    """Start of the test period.

    Parameters
    ----------
    cutoffs : (n,) datetime64[us]
        Cut-offs, UTC, in any order.
    settings : LabelSettings
        The share of cut-offs that make the test period.
    test_from : datetime, optional
        Start of the test period; default: the latest `test_share` of the cut-offs, at least one.
    zone : tzinfo
        The operator's, for the days in errors.

    Raises
    ------
    InputError
        There are no cut-offs, or the test period lies outside them.
    """
    distinct = np.unique(cutoffs)
    if len(distinct) == 0:
        raise InputError("cut-offs", "must be at least two, one to fit and one to test on", 0)
    if test_from is None:
        latest: np.datetime64 = distinct[-max(1, int(settings.test_share * len(distinct)))]
        return latest
    start = np.datetime64(test_from.astimezone(UTC).replace(tzinfo=None), "us")
    if len(distinct) == 1:
        raise InputError(
            "cut-offs",
            f"must be at least two, one to fit and one to test on; there is {day_of(utc(distinct[0]), zone)}",
            1,
        )
    if not distinct[0] < start <= distinct[-1]:
        raise InputError(
            "test period",
            f"must begin after {day_of(utc(distinct[0]), zone)} and not after"
            f" {day_of(utc(distinct[-1]), zone)}, the last cut-off",
            str(day_of(utc(start), zone)),
        )
    return start
