"""What a person said about reading raw tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from features.formats.zones import check_zone
from features.settings import ReadingSettings
from holdfast.errors import InputError

LONGEST_LAG_DAYS = 366.0


@dataclass(frozen=True, kw_only=True)
class RawOptions:
    """How to read raw tables where their own evidence does not decide.

    Parameters
    ----------
    settings : ReadingSettings
        When to ask.
    answers : mapping of str to mapping
        What a plan file says, by table and column: ``bills.amount``.
    time_zone : str or None
        IANA name of the zone that times without one are in. None: they are refused.
    arrival_lag_days : float or None
        Where a table has no arrival times, a row counts as arrived so many days after it happened,
        0 to 366. None: such tables are refused.

    Raises
    ------
    InputError
        The zone does not exist, or the lag is out of range.
    """

    settings: ReadingSettings = field(default_factory=ReadingSettings)
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    time_zone: str | None = None
    arrival_lag_days: float | None = None

    def __post_init__(self) -> None:
        if self.time_zone is not None:
            check_zone("--time-zone", self.time_zone)
        lag = self.arrival_lag_days
        if lag is not None and not 0 <= lag <= LONGEST_LAG_DAYS:
            raise InputError(
                "--arrival-lag-days", f"must lie between 0 and {LONGEST_LAG_DAYS:g}", lag
            )
