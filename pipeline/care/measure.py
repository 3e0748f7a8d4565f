"""What a campaign did, counted from the operator's own tables for everybody it was drawn for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from care.campaign import Campaign
from care.ledger.approving import require_same_terms
from care.ledger.export import REACHED
from care.looks import ALPHA, Matured, read_looks
from care.measure import are_enough, effect, ratio_chance, ratio_is_ok
from care.measurement import (
    ANSWERED,
    Belief,
    DayShare,
    Funnel,
    GroupEffect,
    Measurement,
    NoEffect,
)
from care.model import Arm
from features.operator.line_facts import FactReading, customers_known, household_contacts
from features.operator.repository import OperatorRepository
from features.settings import FeatureSettings
from holdfast.clock import Clock
from holdfast.logging import progress
from holdfast.zone import day_of
from pipeline.care.drawn import (
    Drawn,
    arms_as_drawn,
    arms_of,
    compared,
    drawn_households,
    look_times,
    wait,
)
from pipeline.care.household_outcomes import HouseholdOutcomes, OutcomeRule, outcomes_of
from pipeline.care.recorded import RowsThere, recorded_measurement
from pipeline.care.workspace import CareWorkspace
from training.labelling.history import RawHistory
from training.settings import LabelSettings


def measure_campaign(
    care: CareWorkspace,
    name: str,
    labels: LabelSettings,
    features: FeatureSettings,
    clock: Clock,
    *,
    without: frozenset[str] = frozenset(),
) -> Measurement:
    """Measure a campaign, or give what was recorded of it once the raw rows that it was counted from
    went by their age (see `pipeline.care.recorded`).

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    name : str
        The campaign.
    labels : LabelSettings
        What counts as lost, and how long late rows are waited for: those of training.
    features : FeatureSettings
        Memory and threads that reading may take.
    clock : Clock
        The home's.
    without : frozenset of str
        Households that are compared elsewhere; the draw is blind to them.

    Raises
    ------
    InputError
        There is no such campaign, no table that its outcome is counted from, or its file declares
        another comparison than the one that was approved.
    """
    campaign = care.campaign(name)
    action = care.catalogue.actions[campaign.action]
    now = clock()
    today = day_of(now, OperatorRepository(care.home).zone)
    require_same_terms(care.ledger, campaign, today, is_planned=False)
    drawn = drawn_households(care.ledger.decisions(name), care.ledger.handed_over(name))
    arms = [one for one in compared(drawn) if one.household not in without]
    there = RowsThere.of(care.home, arms, labels)
    if len(arms) == len(compared(drawn)):
        recorded = recorded_measurement(care, campaign, there)
        if recorded is not None:
            return recorded
    schedule = _schedule(care, campaign, arms if there.outcomes else [], labels, now)
    rule = OutcomeRule(
        campaign=campaign, labels=labels, margin_shares=features.margin_shares, cost=action.cost
    )
    reading = FactReading(at=now, memory_gb=features.memory_gb, threads=features.threads_to_use)
    with progress(f"Counting what came of the campaign {name}"):
        seen = [_seen(care, rule, arms, look, schedule.waits) for look in schedule.past]
        others = _others(care, campaign, drawn, reading)
    looks = read_looks(
        campaign.reading, [one.matured(schedule) for one in seen], campaign.narrowest_at
    )
    newest = max((k for k, look in enumerate(looks) if look.effect is not None), default=None)
    belief = _belief(care, campaign, arms, others, seen)
    why_not = _why_not(campaign, belief, seen, newest, there)
    told = None if why_not is not None else newest
    shown = None if told is None else looks[told].effect
    return Measurement(
        campaign=campaign,
        as_of=now,
        assumed=action.assumed_effect,
        cost=action.cost,
        currency=care.catalogue.operator.currency,
        effect=shown,
        why_not=why_not,
        known_on=schedule.next,
        looks=tuple(looks) if belief.can_be_told else (),
        funnel=_funnel(care, name, drawn),
        belief=belief,
        by_day=()
        if shown is None or told is None
        else _by_day(seen[told], campaign.outcome_days, shown.critical),
        groups=() if told is None or campaign.reading != "once" else _groups(seen[told]),
        approved=tuple(care.ledger.approvals.of_campaign(name)),
    )


@dataclass(frozen=True)
class _Schedule:
    """Looks that are over, the next one (None without any), when the course of the campaign began,
    when it ends (None without an end), and how long an outcome takes to mature.
    """

    past: list[datetime]
    next: datetime | None
    begins: datetime
    ends: datetime | None
    waits: timedelta

    def share(self, at: datetime) -> float:
        """Where the campaign stands in its course."""
        if self.ends is None or at >= self.ends:
            return 1.0
        return (at - self.begins) / (self.ends - self.begins)


def _schedule(
    care: CareWorkspace,
    campaign: Campaign,
    arms: Sequence[Drawn],
    labels: LabelSettings,
    now: datetime,
) -> _Schedule:
    began_at = min((one.at for one in arms), default=now)
    waits = wait(campaign, labels, care.home.raw, began_at)
    first = began_at + waits
    if campaign.reading == "any_day":
        past = [now] if arms and first <= now else []
        return _Schedule(past, None if past or not arms else first, first, None, waits)
    times = look_times(campaign, arms, waits, OperatorRepository(care.home).zone)
    # Nothing has matured before the course begins.
    times = [at for at in times if at > first or at == times[-1]]
    return _Schedule(
        past=[at for at in times if at <= now],
        next=next((at for at in times if at > now), None),
        begins=first,
        ends=times[-1] if times else None,
        waits=waits,
    )


@dataclass(frozen=True)
class _Seen:
    """Households that had matured at a look, and what came of them as known then."""

    at: datetime
    arm: NDArray[np.int8]
    outcomes: HouseholdOutcomes

    @property
    def known(self) -> NDArray[np.bool_]:
        """Those whose outcome can be known."""
        known: NDArray[np.bool_] = ~np.isnan(self.outcomes.value)
        return known

    def matured(self, schedule: _Schedule) -> Matured:
        """What is compared at the look."""
        return Matured(
            self.at, self.outcomes.value[self.known], self.arm[self.known], schedule.share(self.at)
        )


def _seen(
    care: CareWorkspace, rule: OutcomeRule, arms: Sequence[Drawn], at: datetime, waits: timedelta
) -> _Seen:
    matured = [one for one in arms if one.at + waits <= at]
    # As it was known then, so that a look shows the same whenever it is asked for.
    outcomes = outcomes_of(RawHistory(care.home.raw, at), rule, matured)
    return _Seen(at, arms_of(matured), outcomes)


def _why_not(
    campaign: Campaign,
    belief: Belief,
    seen: Sequence[_Seen],
    newest: int | None,
    there: RowsThere,
) -> NoEffect | None:
    if not campaign.control_share:
        return "no_control"
    if not belief.arms_as_drawn:
        return "not_drawn"
    if not belief.sample_ratio_ok:
        return "ratio"
    if not there.outcomes:
        return "rows_gone"
    if not seen:
        return "not_matured"
    return "too_few" if newest is None else None


def _belief(
    care: CareWorkspace,
    campaign: Campaign,
    arms: Sequence[Drawn],
    others: dict[str, int],
    seen: Sequence[_Seen],
) -> Belief:
    arm = arms_of(arms)
    control = int(np.count_nonzero(arm == Arm.CONTROL))
    treatment = len(arms) - control
    split = treatment, control, campaign.control_share
    return Belief(
        treatment=treatment,
        control=control,
        control_share=campaign.control_share,
        ratio_chance=ratio_chance(*split),
        sample_ratio_ok=ratio_is_ok(*split),
        arms_as_drawn=arms_as_drawn(campaign, arms, care.holdout.salt),
        treated_share=sum(one.is_sent for one in arms) / treatment if treatment else 0.0,
        others=others,
        without_outcome=int(np.count_nonzero(~seen[-1].known)) if seen else 0,
    )


def _funnel(care: CareWorkspace, name: str, drawn: Sequence[Drawn]) -> Funnel:
    approved = {row.plan_id for row in care.ledger.approvals.of_campaign(name)}
    plans = [plan.about for plan in care.ledger.plans(name) if plan.plan_id in approved]
    refused: dict[str, int] = {}
    for about in plans:
        for rule, count in about["refused"].items():
            refused[rule] = refused.get(rule, 0) + count
    return Funnel(
        proposed=sum(about["proposed"] for about in plans),
        refused=refused,
        intended=len(drawn),
        control=sum(one.arm is Arm.CONTROL for one in drawn),
        holdout=sum(one.arm is Arm.HOLDOUT for one in drawn),
        sent=sum(one.is_sent for one in drawn),
        reached=len(care.ledger.reporting(name, REACHED)),
        answered=len(care.ledger.reporting(name, ANSWERED)),
        reported=care.ledger.outcomes(name),
    )


def _others(
    care: CareWorkspace, campaign: Campaign, drawn: Sequence[Drawn], reading: FactReading
) -> dict[str, int]:
    """Households by arm that were sent the same action outside of the campaign while their outcome was
    counted.
    """
    counts = {arm.name.lower(): 0 for arm in Arm}
    if not drawn:
        return counts
    by_household = {one.household: one for one in drawn}
    ours = {row.decision_id for _, row in care.ledger.decisions(campaign.campaign_id)}
    people = customers_known(care.home.raw, reading)
    household: Mapping[str, str] = dict(
        zip(people["customer_id"].to_pylist(), people["household_id"].to_pylist(), strict=True)
    )
    since = min(one.at for one in drawn)
    reached = set()
    for contact in household_contacts(care.home.raw, since, reading).to_pylist():
        one = by_household.get(household.get(contact["customer_id"], contact["customer_id"]))
        at = contact["happened_at"].replace(tzinfo=UTC)
        if (
            one is not None
            and contact["contact_id"] not in ours
            and contact["arm"] == "treatment"
            and contact["action"] == campaign.action
            and one.at < at <= one.at + timedelta(days=campaign.outcome_days)
        ):
            reached.add(one.household)
    for name in reached:
        counts[by_household[name].arm.name.lower()] += 1
    return counts


def _by_day(seen: _Seen, days: int, critical: float) -> tuple[DayShare, ...]:
    left = seen.outcomes.left
    if not len(left):
        return ()
    place, day = left["place"].to_numpy(), left["day"].to_numpy()
    share = left["share"].to_numpy()
    sizes, curves = [], []
    for arm in (Arm.TREATMENT, Arm.CONTROL):
        is_in = seen.arm[place] == arm
        sizes.append(int(np.count_nonzero((seen.arm == arm) & seen.known)))
        daily = np.bincount(day[is_in].clip(0, days), share[is_in], days + 1)
        curves.append(daily.cumsum() / sizes[-1])
    pooled = np.average(curves, axis=0, weights=sizes)
    chance = critical * np.sqrt(pooled * (1 - pooled) * sum(1 / size for size in sizes))
    return tuple(
        DayShare(day=day, treatment=treatment, control=control, chance=half)
        for day, (treatment, control, half) in enumerate(
            zip(*(curve.tolist() for curve in (*curves, chance)), strict=True)
        )
    )


def _groups(seen: _Seen) -> tuple[GroupEffect, ...]:
    """Effects by group, whose intervals hold together: the chance of a miss is divided among them."""
    members = {
        (kind, group): np.array([one == group for one in values]) & seen.known
        for kind, values in seen.outcomes.groups.items()
        for group in sorted({one for one in values if one is not None})
    }
    members = {
        key: is_in
        for key, is_in in members.items()
        if are_enough(seen.outcomes.value[is_in], seen.arm[is_in])
    }
    level = 1 - ALPHA / max(len(members), 1)
    effects = {
        key: effect(seen.outcomes.value[is_in], seen.arm[is_in], level)
        for key, is_in in members.items()
    }
    return tuple(
        GroupEffect(kind=kind, group=group, effect=found)
        for (kind, group), found in effects.items()
        if found is not None
    )
