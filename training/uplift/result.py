"""Estimates of an action's effect, as they are printed, drawn and stored."""

from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.assessment import Estimate

NOTHING = "no detectable uplift"
"""The verdict where the action neither works nor is targetable."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One arm.

    Parameters
    ----------
    name : str
        Its name in the experiment.
    rows : int
        Rows in it.
    outcome : float
        Mean outcome, unadjusted.
    """

    name: str
    rows: int
    outcome: float


@dataclass(frozen=True, kw_only=True)
class PolicyValue:
    """The mean outcome if some rows are treated and others are not, per row of all.

    Parameters
    ----------
    name : {"nobody", "everybody", "random", "riskiest", "model"}
        Whom the policy treats.
    share : float
        Share of all rows that it treats, 0 to 1.
    weighted, doubly_robust : Estimate
        Mean outcome under the policy, by inverse propensity weighting and by doubly robust scores.
    gain : Estimate
        Doubly robust gain over treating nobody.
    over_random : Estimate or None
        Doubly robust gain over treating as many at random; None where that is the same policy.
    """

    name: str
    share: float
    weighted: Estimate
    doubly_robust: Estimate
    gain: Estimate
    over_random: Estimate | None


@dataclass(frozen=True, kw_only=True)
class Trait:
    """A feature in which the members of a group differ from all others.

    Parameters
    ----------
    feature : str
        Name of the feature, to be shown.
    category : str or None
        The category whose share is given; None where the feature's mean is.
    here, elsewhere : float
        Mean, or share, among the members and among all others.
    """

    feature: str
    category: str | None
    here: float
    elsewhere: float


@dataclass(frozen=True, kw_only=True)
class EffectGroup:
    """Rows of similar predicted uplift.

    Parameters
    ----------
    rows : int
        Rows evaluated.
    predicted : float
        Mean uplift predicted by models not fitted on them.
    effect : Estimate
        Doubly robust effect, with an interval that holds jointly for all groups.
    harmed : bool
        The whole interval lies below zero.
    traits : tuple of Trait
        What characterises the group, largest difference first; empty where nothing does.
    """

    rows: int
    predicted: float
    effect: Estimate
    harmed: bool
    traits: tuple[Trait, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """A point of the Qini curve: the gain of treating the first share of rows, per row of all."""

    share: float
    gain: Estimate


@dataclass(frozen=True, kw_only=True)
class ActionUplift:
    """Estimates of the effect of one action.

    Parameters
    ----------
    action : str
        The action.
    control, treatment : Arm
        Rows that were not treated, and rows that were.
    average : Estimate
        Average effect: doubly robust, cluster-robust 95 % interval. Positive is good.
    unadjusted : Estimate
        The plain difference of the two arms' mean outcomes, each row weighted by the inverse of
        its propensity, with the same kind of interval.
    adjustment : Estimate
        What the features add to the unadjusted difference, with an interval that holds 999 times
        in 1,000 where all features were known before the arms were drawn.
    ranked : bool
        Whether any feature tells rows apart. Without one there are no policies, groups and curve.
    qini, autoc : Estimate
        How much better the ranking is than a random one, on rows it was not learnt from; 0 is
        random. The verdict uses the first.
    slope : Estimate
        The share of predicted differences that is real; 1 all, 0 nothing.
    policies : tuple of PolicyValue
        The values of different policies.
    groups : tuple of EffectGroup
        By predicted uplift, highest first.
    curve : tuple of CurvePoint
        From treating nobody to treating everybody.
    """

    action: str
    control: Arm
    treatment: Arm
    average: Estimate
    unadjusted: Estimate
    adjustment: Estimate
    ranked: bool
    qini: Estimate
    autoc: Estimate
    slope: Estimate
    policies: tuple[PolicyValue, ...]
    groups: tuple[EffectGroup, ...]
    curve: tuple[CurvePoint, ...]

    @property
    def works(self) -> bool:
        """The average effect is above zero, one-sided at 2.5 %."""
        return self.average.low > 0

    @property
    def harms(self) -> bool:
        """The average effect is below zero, one-sided at 2.5 %."""
        return self.average.high < 0

    @property
    def targetable(self) -> bool:
        """The ranking beats a random one by the Qini coefficient, one-sided at 2.5 %."""
        return self.qini.low > 0

    @property
    def unadjusted_agrees(self) -> bool:
        """The unadjusted difference alone gives the same answer to whether the action works."""
        works, harms = self.unadjusted.low > 0, self.unadjusted.high < 0
        return (works, harms) == (self.works, self.harms)

    @property
    def adjusted_by_more_than_chance(self) -> bool:
        """Features move the effect as none that was known before the draw would."""
        return not self.adjustment.low <= 0 <= self.adjustment.high

    @property
    def verdict(self) -> str:
        """Both verdicts in words."""
        if self.harms:
            return "does harm on average" + (
                ", to some customers more than to others" if self.targetable else ""
            )
        if self.works and not self.ranked:
            return "works"
        if self.works:
            return (
                "works, and is targetable"
                if self.targetable
                else "works; differences between customers are not detectable"
            )
        return "targetable; on average no detectable uplift" if self.targetable else NOTHING

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        verdicts = {
            "works": self.works,
            "harms": self.harms,
            "targetable": self.targetable,
            "verdict": self.verdict,
            "unadjusted_agrees": self.unadjusted_agrees,
        }
        return {**asdict(self), **verdicts}
