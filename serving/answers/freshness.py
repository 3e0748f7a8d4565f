"""How old knowledge is, and what follows from it."""

from dataclasses import dataclass
from datetime import datetime

from models.words.catalogue import Catalogue
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

    def warning(self, feature_time: datetime, catalogue: Catalogue) -> str:
        """What to know about stale features, in the words of a language."""
        age = f"{self.age_days(feature_time):,.1f}"
        return catalogue.answers["features_stale"].format(age=age, limit=f"{self.stale_days:g}")

    def error(self, feature_time: datetime, catalogue: Catalogue) -> PredictionError | None:
        """Why there is no prediction from features of a time; None where there may be one."""
        age = self.age_days(feature_time)
        if age <= self.withhold_days:
            return None
        detail = catalogue.answers["features_too_old"]
        limit = f"{self.withhold_days:g}"
        return {
            "code": "features_too_old",
            "detail": detail.format(age=f"{age:,.1f}", limit=limit),
        }

    def changes_at(self, feature_time: datetime) -> float:
        """When what follows from the age of features changes, in seconds since 1970: now, where they
        are stale already, because their age is told.
        """
        if self.is_stale(feature_time):
            return self.now.timestamp()
        return feature_time.timestamp() + self.stale_days * 86_400
