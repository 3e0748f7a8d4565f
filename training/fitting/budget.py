"""The budget of a search for parameters."""

from dataclasses import dataclass

from holdfast.errors import InputError


@dataclass(frozen=True, kw_only=True)
class TuningBudget:
    """How long to search: until one of both is reached. A trial that was begun is finished.

    Parameters
    ----------
    trials : int or None
        Trials of the whole study, the defaults' and those of earlier runs included.
    seconds : float or None
        Time of the whole study, earlier runs included. At least the defaults are tried.

    Raises
    ------
    InputError
        Neither is given, or one is not positive.
    """

    trials: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.trials is None and self.seconds is None:
            raise InputError("budget", "needs trials or seconds")
        if self.trials is not None and self.trials < 1:
            raise InputError("budget.trials", "must be at least 1", self.trials)
        if self.seconds is not None and not self.seconds > 0:
            raise InputError("budget.seconds", "must be above 0", self.seconds)

    def leaves_time_for(self, finished: int, spent_seconds: float) -> bool:
        """Whether another trial may begin."""
        if finished == 0:
            return True
        return (self.trials is None or finished < self.trials) and (
            self.seconds is None or spent_seconds < self.seconds
        )
