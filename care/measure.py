"""Measurement: what a campaign did, from the households it was drawn for, withheld ones too.

The comparison is by intention to treat: every household counts in the arm that it was drawn into,
whether or not a message reached it. The outcome comes from the operator's own tables by one rule for
all arms; what a channel reports is known of contacted households only, and is never compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from care.model import Arm
from holdfast.arrays import Floats
from holdfast.errors import InputError

Finding = Literal["works", "harms", "not_shown"]
"""``not_shown``: the interval holds zero, so that neither is shown; it is no proof of no effect."""

FEWEST = 100
"""Households in the smaller arm below which an interval from a normal distribution is not told."""

FEWEST_OTHER = 5
"""Households of an arm with another outcome than most, below which the normal distribution is far off:
where nobody left, the interval would have no width at all.
"""

_NORMAL = NormalDist()
_RATIO_ALARM = 0.001
"""A split of arms that chance gives more rarely than this was not made by the draw alone."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The effect of a campaign on its outcome.

    Parameters
    ----------
    value, low, high : float
        Difference of the mean outcome of households, treatment less control, and its interval.
    level : float
        Share of such intervals that cover the true effect.
    finding : {"works", "harms", "not_shown"}
        What the interval shows.
    treatment_mean, control_mean : float
        Mean outcome of each arm.
    treatment, control : int
        Households of each arm.
    standard_error : float
        Of the value.
    smallest_seen : float
        The smallest true effect that a campaign of this size shows four times out of five.
    """

    value: float
    low: float
    high: float
    level: float
    finding: Finding
    treatment_mean: float
    control_mean: float
    treatment: int
    control: int
    standard_error: float
    smallest_seen: float

    @property
    def critical(self) -> float:
        """Standard errors from the value to each end of the interval."""
        return (self.high - self.value) / self.standard_error

    def households_to_show(self, wanted: float) -> int:
        """Households in both arms with which a true effect of `wanted` is shown four times out of
        five, in the same shares and with outcomes that vary as much.
        """
        return ceil((self.treatment + self.control) * (self.smallest_seen / wanted) ** 2)


@dataclass(frozen=True, kw_only=True)
class PooledEffect:
    """The effect of an action over the campaigns that measured it.

    Parameters
    ----------
    value, low, high : float
        Mean of the campaigns' effects, each weighted by its precision, and its interval.
    finding : {"works", "harms", "not_shown"}
        What the interval shows.
    campaigns, households : int
        How many it rests on.
    """

    value: float
    low: float
    high: float
    finding: Finding
    campaigns: int
    households: int


def effect(
    outcome: Floats,
    arm: NDArray[np.integer],
    level: float = 0.95,
    critical: float | None = None,
) -> Effect | None:
    """Compare the arms of a campaign.

    Parameters
    ----------
    outcome : (n,) float64
        Outcome of each household, such as the share of its lines that stayed. None may be missing:
        households are measured when all of them have matured.
    arm : (n,) int
        Codes of `care.model.Arm`. Households of the global holdout are in no campaign's control
        arm, and are not counted.
    level : float
        Between 0.5 and 1.
    critical : float, optional
        Standard errors from the value to each end of the interval, where it is one of several that
        hold together at `level` (see `care.sequential`). Default: those of one interval alone.

    Returns
    -------
    Effect or None
        None where an arm has too few households (see `are_enough`). The interval is Welch's with the normal
        distribution (variances of the arms are not assumed to be equal).

    Raises
    ------
    InputError
        An outcome is missing, or the level lies outside its range.
    """
    if not 0.5 < level < 1:
        raise InputError("level", "must lie between 0.5 and 1", level)
    if np.isnan(outcome).any():
        raise InputError("outcome", "must be known of every household", float("nan"))
    treated, control = outcome[arm == Arm.TREATMENT], outcome[arm == Arm.CONTROL]
    if not are_enough(outcome, arm):
        return None
    error = sqrt(treated.var(ddof=1) / len(treated) + control.var(ddof=1) / len(control))
    value = float(treated.mean() - control.mean())
    if critical is None:
        critical = _NORMAL.inv_cdf((1 + level) / 2)
    low, high = value - critical * error, value + critical * error
    return Effect(
        value=value,
        low=low,
        high=high,
        level=level,
        finding="works" if low > 0 else "harms" if high < 0 else "not_shown",
        treatment_mean=float(treated.mean()),
        control_mean=float(control.mean()),
        treatment=len(treated),
        control=len(control),
        standard_error=error,
        smallest_seen=(critical + _NORMAL.inv_cdf(0.8)) * error,
    )


def pooled(effects: Sequence[Effect]) -> PooledEffect | None:
    """Put the effects of campaigns together that share no household; None without any.

    The interval is as many standard errors wide as that of the campaign with the widest: where one could
    have been stopped early, that of a single look would be too narrow. Campaigns may differ in what
    they do to whom; what is told is their mean, not that they agree.
    """
    if not effects:
        return None
    weights = [1 / effect.standard_error**2 for effect in effects]
    value = sum(weight * effect.value for weight, effect in zip(weights, effects, strict=True))
    value /= sum(weights)
    half = max(effect.critical for effect in effects) / sqrt(sum(weights))
    low, high = value - half, value + half
    return PooledEffect(
        value=value,
        low=low,
        high=high,
        finding="works" if low > 0 else "harms" if high < 0 else "not_shown",
        campaigns=len(effects),
        households=sum(effect.treatment + effect.control for effect in effects),
    )


def are_enough(outcome: Floats, arm: NDArray[np.integer]) -> bool:
    """Whether treatment and control each have what an interval needs: `FEWEST` households, and
    `FEWEST_OTHER` among them with another outcome than most.
    """
    for one in (Arm.TREATMENT, Arm.CONTROL):
        _, counts = np.unique(outcome[arm == one], return_counts=True)
        if counts.sum() < FEWEST or counts.sum() - counts.max() < FEWEST_OTHER:
            return False
    return True


def half_width(households: int, control_share: float, rate: float, level: float = 0.95) -> float:
    """Half the width of the interval that a campaign will have: what it can see, before it is sent.

    Parameters
    ----------
    households : int
        Households of treatment and control together, at least 2.
    control_share : float
        Share in control, above 0 and below 1.
    rate : float
        Expected share of households whose outcome is 1, 0 to 1.
    level : float
        As in `effect`.

    Returns
    -------
    float
        In the outcome's unit: 0.013 is 1.3 points.
    """
    spread = rate * (1 - rate)
    error = sqrt(
        spread / (households * control_share) + spread / (households * (1 - control_share))
    )
    return _NORMAL.inv_cdf((1 + level) / 2) * error


def chance_to_show(
    wanted: float, households: int, control_share: float, rate: float, level: float = 0.95
) -> float:
    """Chance that a campaign shows a true effect, 0 to 1; parameters as of `households_needed`."""
    critical = _NORMAL.inv_cdf((1 + level) / 2)
    error = half_width(households, control_share, rate, level) / critical
    return _NORMAL.cdf(abs(wanted) / error - critical)


def households_needed(wanted: float, control_share: float, rate: float, level: float = 0.95) -> int:
    """Households that a campaign needs so that a true effect is shown four times out of five.

    Parameters
    ----------
    wanted : float
        The effect, not 0: one that is assumed or worth having, never one that was observed.
    control_share, rate, level : float
        As in `half_width`.
    """
    spread = rate * (1 - rate) * (1 / control_share + 1 / (1 - control_share))
    distance = _NORMAL.inv_cdf((1 + level) / 2) + _NORMAL.inv_cdf(0.8)
    return ceil(spread * (distance / wanted) ** 2)


def ratio_is_ok(treatment: int, control: int, control_share: float) -> bool:
    """Whether the arms are as large as the draw makes them.

    Parameters
    ----------
    treatment, control : int
        Households intended in each arm.
    control_share : float
        Share that was drawn into control.

    Returns
    -------
    bool
        False where chance gives such a split, or a rarer one, less than once in a thousand draws
        (exact binomial test). Something else has decided who is in which arm then, and the effect
        means nothing.
    """
    return ratio_chance(treatment, control, control_share) >= _RATIO_ALARM


def ratio_chance(treatment: int, control: int, control_share: float) -> float:
    """Chance with which the draw makes such a split, or a rarer one; parameters as of `ratio_is_ok`."""
    total = treatment + control
    if total == 0 or control_share in (0, 1):
        return float(control == total * control_share)
    counts = np.arange(total + 1)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, total + 1)))])
    chance = np.exp(
        factorials[-1]
        - factorials
        - factorials[::-1]
        + counts * np.log(control_share)
        + (total - counts) * np.log1p(-control_share)
    )
    # Chances that are equal but for rounding count as equal.
    return float(chance[chance <= chance[control] * (1 + 1e-9)].sum())
