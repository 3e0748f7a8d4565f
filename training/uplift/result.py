"""Estimates of an action's effect, as they are printed, drawn and stored."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from training.evaluation.assessment import Estimate
from training.uplift.inference import PointEstimate
from training.uplift.looks import Looks, Unplanned

Evidence = Literal["randomised", "observational"]
Verdict = Literal["works", "harms", "too_small_to_matter", "not_enough_data"]
WhyNot = Literal["too_few_clusters", "looked_before"] | Unplanned
"""Why nothing may be claimed of arms drawn at random. ``too_few_clusters``: an arm has too few customers
or households; ``looked_before``: an earlier look at other data was made, and none of its plan is this
one; ``not_a_planned_look``, ``beyond_last_look``: the plan of looks has no look here."""


@dataclass(frozen=True, kw_only=True)
class ActionLook:
    """A look at one action of an experiment, whatever was found.

    Parameters
    ----------
    treatment : str
        Column or table that names the arms.
    outcome, control, action : str
        Names of the outcome and of the two arms that are compared.
    clusters : int
        Customers or households of the experiment at the look.
    looks : str
        The plan of looks that it was made with, as a person gives it.
    expected : int or None
        For looks at any time, the customers at which intervals are narrowest.
    data : str
        SHA-256 of how many customers of the two arms had which outcome.
    """

    treatment: str
    outcome: str
    control: str
    action: str
    clusters: int
    looks: str
    expected: int | None
    data: str

    @property
    def subject(self) -> tuple[str, str, str, str]:
        """What is looked at: looks at the same subject are looks at the same experiment."""
        return self.treatment, self.outcome, self.control, self.action

    @property
    def plan(self) -> Looks:
        """The plan of looks that it was made with."""
        return Looks.read(self.looks, self.expected or 0)

    def is_same_as(self, other: "ActionLook") -> bool:
        """Whether two looks at a subject are one: with the same plan, and at the same data."""
        return (self.looks, self.expected, self.data) == (other.looks, other.expected, other.data)


@dataclass(frozen=True, kw_only=True)
class TakenLook(ActionLook):
    """A look that was taken, with what was found.

    Parameters
    ----------
    at : str
        When, as ISO 8601 in UTC.
    evidence, verdict, why_not, targetable
        As in `Finding`.
    """

    at: str
    evidence: Evidence
    verdict: Verdict | None
    why_not: WhyNot | None
    targetable: bool | None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What may be claimed of an action.

    Parameters
    ----------
    evidence : {"randomised", "observational"}
        Whether arms were drawn at random: somebody says so, and they are alike.
    verdict : {"works", "harms", "too_small_to_matter", "not_enough_data"} or None
        ``works`` and ``harms``: the average effect is shown to be above, or below, zero;
        ``too_small_to_matter``: it is shown to be below the break-even effect, and no harm is
        shown. None where the evidence is observational.
    targetable : bool or None
        Whether the ranking is shown to beat a random one; None where the evidence is observational,
        or no feature ranks customers.
    actions : int
        Actions that the verdicts hold for jointly.
    break_even, sought : float or None
        Effect from which the action is worth its cost, and the effect that `more_needed` is about,
        in the unit of the estimates.
    more_needed : int or None
        Customers or households that the experiment lacks to find the effect that is sought, in four
        of five cases; 0 where it has enough. Only for ``not_enough_data``.
    why_not : str or None
        Why nothing may be claimed whatever the estimates are (see `WhyNot`); the verdict is
        ``not_enough_data`` then, and nothing is told of `more_needed`.
    earlier_look : TakenLook or None
        Where an earlier look is why, that look.
    """

    evidence: Evidence = "observational"
    verdict: Verdict | None = None
    targetable: bool | None = None
    actions: int = 0
    break_even: float | None = None
    sought: float | None = None
    more_needed: int | None = None
    why_not: WhyNot | None = None
    earlier_look: TakenLook | None = None


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
    clusters : int
        Customers or households with rows in it.
    effective_clusters : float
        Their effective number: as many of one size would tell as much.
    """

    name: str
    rows: int
    outcome: float
    clusters: int
    effective_clusters: float


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
    over_riskiest : Estimate or None
        Of the policy ``model`` alone: its gain over treating as many of those with the worst
        predicted outcome, on the same rows.
    """

    name: str
    share: float
    weighted: Estimate
    doubly_robust: Estimate
    gain: Estimate
    over_random: Estimate | None
    over_riskiest: Estimate | None = None


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
        The whole interval lies below zero; never where nothing may be claimed.
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
    estimate : PointEstimate
        Average effect with its standard error, which verdicts are given by.
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
    ranking : PointEstimate
        Qini coefficient with its standard error, which the verdict is given by.
    qini, autoc : Estimate or None
        How much better the ranking is than a random one, on rows it was not learnt from; 0 is
        random. None where the evidence is observational, or nothing ranks customers.
    slope : Estimate or None
        The share of predicted differences that is real; 1 all, 0 nothing. None as for `qini`.
    policies : tuple of PolicyValue
        The values of different policies.
    groups : tuple of EffectGroup
        By predicted uplift, highest first.
    curve : tuple of CurvePoint
        From treating nobody to treating everybody.
    finding : Finding
        What may be claimed; nothing before `training.uplift.verdicts.with_verdicts`.
    """

    action: str
    control: Arm
    treatment: Arm
    estimate: PointEstimate
    average: Estimate
    unadjusted: Estimate
    adjustment: Estimate
    ranked: bool
    ranking: PointEstimate
    qini: Estimate | None
    autoc: Estimate | None
    slope: Estimate | None
    policies: tuple[PolicyValue, ...]
    groups: tuple[EffectGroup, ...]
    curve: tuple[CurvePoint, ...]
    finding: Finding = Finding()

    @property
    def works(self) -> bool:
        """The verdict is that the average effect is above zero."""
        return self.finding.verdict == "works"

    @property
    def harms(self) -> bool:
        """The verdict is that the average effect is below zero."""
        return self.finding.verdict == "harms"

    @property
    def targetable(self) -> bool:
        """The verdict is that the ranking beats a random one by the Qini coefficient."""
        return bool(self.finding.targetable)

    @property
    def randomised(self) -> bool:
        """Whether the estimates are of arms drawn at random."""
        return self.finding.evidence == "randomised"

    @property
    def may_be_claimed(self) -> bool:
        """Whether figures may be called good or harmful, where they show it."""
        return self.randomised and self.finding.why_not is None

    @property
    def smaller_arm(self) -> Arm:
        """The arm with fewer clusters, by their effective number."""
        return min(self.control, self.treatment, key=lambda arm: arm.effective_clusters)

    @property
    def clear_alone(self) -> bool:
        """Whether the interval, which is about this action alone, lies on one side of zero."""
        return _side(self.average) != 0

    @property
    def unadjusted_agrees(self) -> bool:
        """Whether the interval of the unadjusted difference lies on the same side of zero, or on
        none, as that of the average effect.
        """
        return _side(self.unadjusted) == _side(self.average)

    @property
    def adjusted_by_more_than_chance(self) -> bool:
        """Features move the effect as none that was known before the draw would."""
        return not self.adjustment.low <= 0 <= self.adjustment.high

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        figures = asdict(self)
        for name in ("estimate", "ranking", "finding"):
            del figures[name]
        return {
            **figures,
            "standard_error": self.estimate.standard_error,
            **asdict(self.finding),
            "unadjusted_agrees": self.unadjusted_agrees,
        }


def _side(estimate: Estimate) -> int:
    return int(estimate.low > 0) - int(estimate.high < 0)
