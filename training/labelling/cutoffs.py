"""Cut-offs: at which past Mondays rows can be taken, because their labels are known by now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from holdfast.arrays import Times
from holdfast.errors import InputError
from training.labelling.history import RawHistory, utc
from training.settings import LabelSettings


@dataclass(frozen=True)
class LabelEnd:
    """Until when it is known who was lost.

    Parameters
    ----------
    lines : datetime
        Of postpaid and fixed lines: the data's end, less the days that late rows are waited for.
    use : datetime
        Of inactive_periods as well: not beyond the last week that use is told of.
    """

    lines: datetime
    use: datetime

    @classmethod
    def of(cls, history: RawHistory, use_end: datetime, settings: LabelSettings) -> "LabelEnd":
        """From where the data end."""
        end = history.end - timedelta(days=settings.settle_days)
        return cls(end, min(end, use_end))


def cutoffs_for(
    mondays: Times,
    ends: LabelEnd,
    settings: LabelSettings,
    horizon_days: int,
    asked: Sequence[datetime] | None = None,
) -> list[datetime]:
    """Cut-offs to take rows at, oldest first.

    Counted back from the newest Monday at which every label is complete, prepaid ones too; more
    follow in the same step up to the newest at which only those of the other lines are.

    Parameters
    ----------
    mondays : (m,) datetime64[us]
        Mondays that history is kept of, UTC.
    ends : LabelEnd
        Until when labels are complete.
    settings : LabelSettings
        Gap, silence and step.
    horizon_days : int
        The longest horizon.
    asked : sequence of datetime, optional
        Take these instead.

    Raises
    ------
    InputError
        No Monday's labels are complete, or one that was asked for has no history or no complete
        label.
    """
    known = [utc(monday) for monday in np.sort(mondays)]
    span = timedelta(days=settings.gap_days + horizon_days)
    usable = [monday for monday in known if monday + span <= ends.lines]
    if asked is not None:
        for at in asked:
            if at not in known:
                between = (
                    f", {known[0]:%Y-%m-%d} to {known[-1]:%Y-%m-%d}"
                    if known
                    else "; there are none yet"
                )
                raise InputError(
                    "cutoffs", f"must be Mondays that history is kept of{between}", at.isoformat()
                )
            if at not in usable:
                last = f"{ends.lines - span:%Y-%m-%d}"
                raise InputError(
                    "cutoffs",
                    f"must not lie after {last}, for labels to be complete",
                    at.isoformat(),
                )
        return sorted(set(asked))
    if not usable:
        needed = settings.gap_days + horizon_days + settings.settle_days
        reach = (
            f"{(ends.lines - known[0]).days + settings.settle_days} days" if known else "no history"
        )
        raise InputError(
            "raw tables",
            f"must reach {needed} days beyond the first Monday that history is kept of",
            reach,
        )
    late = timedelta(days=settings.inactivity_days)
    complete = [monday for monday in usable if monday + span + late <= ends.use]
    anchor = (complete or usable)[-1]
    step = timedelta(weeks=settings.cutoff_every_weeks)
    return [monday for monday in usable if (monday - anchor) % step == timedelta(0)]
