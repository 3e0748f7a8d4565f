"""How old knowledge is, and what follows from it."""

from dataclasses import dataclass
from datetime import datetime

from serving.contract.predictions import Limits, PredictionError


@dataclass(frozen=True)
class Freshness:
    """Limits to the age of features, at one time.

    Parameters
    ----------
    now : datetime
        What time it is, UTC.
    stale_days : float
        Older features are stale.
    withhold_days : float
        Of older features no probability is given.
    """

    now: datetime
    stale_days: float
    withhold_days: float

    def limits(self) -> Limits:
        """The limits as the contract has them."""
        return {"stale_after_days": self.stale_days, "withheld_after_days": self.withhold_days}

    def age_days(self, feature_time: datetime) -> float:
        """Age of features in days."""
        return (self.now - feature_time).total_seconds() / 86_400

    def is_stale(self, feature_time: datetime) -> bool:
        """Whether features are older than the first limit."""
        return self.age_days(feature_time) > self.stale_days

    def warning(self, feature_time: datetime) -> str:
        """What to know about stale features."""
        age = self.age_days(feature_time)
        return f"the features are {age:,.1f} days old; the limit is {self.stale_days:g} days"

    def error(self, feature_time: datetime) -> PredictionError | None:
        """Why there is no prediction from features of a time; None where there may be one."""
        age = self.age_days(feature_time)
        if age <= self.withhold_days:
            return None
        return {
            "code": "features_too_old",
            "detail": (
                f"the features are {age:,.1f} days old, and beyond {self.withhold_days:g} days"
                " no probability is given"
            ),
        }

    def changes_at(self, feature_time: datetime) -> float:
        """When what follows from the age of features changes, in seconds since 1970: now, where they
        are stale already, because their age is told.
        """
        if self.is_stale(feature_time):
            return self.now.timestamp()
        return feature_time.timestamp() + self.stale_days * 86_400
