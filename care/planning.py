"""Planning: from what is known of customers to decisions, for a whole campaign at once.

A trigger that holds proposes the campaign's action. Each proposal goes through policy by channel;
of what is allowed, the first of each household is kept, the riskiest households up to the
campaign's bound; these are drawn into arms. So a household is in an arm only if it could have been
sent the action, and every household in an arm is measured.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from care.arms import Holdout, draw_arms
from care.campaign import Campaign
from care.catalogue import Catalogue
from care.jurisdiction import Jurisdiction
from care.model import Action, Arm, Condition, Trigger
from care.policy import (
    CAMPAIGN_FULL,
    SAME_HOUSEHOLD,
    ContactLimits,
    PolicyFacts,
    PolicyQuestion,
    Refusals,
    bit_of,
    judge,
)
from care.quiet_hours import next_allowed
from holdfast.arrays import Floats, Positions, Texts

NOT_DRAWN = -1
"""Arm of a proposal that was refused, or that is owed."""

NO_CHANNEL = -1

RISK_RANK = "risk_rank_share"
"""Fact of where a line stands among all that are scored: 0 for the riskiest, 1 for the last."""


@dataclass(frozen=True, kw_only=True)
class CareFacts:
    """What is known of those who may be cared for, an entry for each line.

    Parameters
    ----------
    household_id, customer_id, subscription_id : (n,) text
        Who they are. Without a household, the customer is one.
    facts : mapping of str to (n,) float64
        Facts that triggers ask for, by name; NaN where one is not known.
    risk : (n,) float64
        What households are ranked by, highest first; NaN comes last.
    policy : callable
        Facts for the policy, by channel and action.
    """

    household_id: Texts
    customer_id: Texts
    subscription_id: Texts
    facts: Mapping[str, Floats]
    risk: Floats
    policy: Callable[[str, Action], PolicyFacts]

    def __len__(self) -> int:
        return len(self.customer_id)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules that a plan is made under.

    Parameters
    ----------
    jurisdiction : Jurisdiction
        Whose rules hold.
    limits : ContactLimits
        The operator's own.
    holdout : Holdout
        Who is sent no offer at all.
    year : int
        Calendar year that the holdout is drawn for.
    care_is_halted : bool
        Whether the night, or a person, has halted care.
    """

    jurisdiction: Jurisdiction
    limits: ContactLimits
    holdout: Holdout
    year: int
    care_is_halted: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Decisions about all proposals of a campaign, an entry for each.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    rows : (n,) int
        Places in the facts, in order.
    trigger : (n,) int
        Place of the first trigger that holds, in the campaign's order.
    channel : (n,) int
        Place of the channel in the action's order; `NO_CHANNEL` where none is allowed.
    send_at : (n,) int64
        When it may be sent at the earliest, microseconds since 1970 in UTC.
    arm : (n,) int8
        Codes of `Arm`, or `NOT_DRAWN`.
    propensity : (n,) float64
        Probability with which the arm was drawn; NaN without a draw.
    refusals : Refusals
        What refused each.
    """

    campaign: Campaign
    rows: Positions
    trigger: NDArray[np.int64]
    channel: NDArray[np.int64]
    send_at: NDArray[np.int64]
    arm: NDArray[np.int8]
    propensity: Floats
    refusals: Refusals

    @property
    def is_sent(self) -> NDArray[np.bool_]:
        """(n,) bool: it is to be sent once the plan is approved."""
        return self.refusals.allowed & ~self.is_withheld

    @property
    def is_withheld(self) -> NDArray[np.bool_]:
        """(n,) bool: it was allowed, and drawn to be withheld."""
        return (self.arm == Arm.CONTROL) | (self.arm == Arm.HOLDOUT)

    def counts(self) -> "PlanCounts":
        """How many proposals came to what."""
        return PlanCounts(
            proposed=len(self.rows),
            sent=int(self.is_sent.sum()),
            control=int((self.arm == Arm.CONTROL).sum()),
            holdout=int((self.arm == Arm.HOLDOUT).sum()),
            refused=self.refusals.counts(),
        )


@dataclass(frozen=True, kw_only=True)
class PlanCounts:
    """How many proposals of a plan came to what; together, all that were proposed.

    Parameters
    ----------
    proposed : int
        Lines for which a trigger holds.
    sent : int
        To be sent once the plan is approved.
    control, holdout : int
        Withheld at random, from this campaign and from every offer.
    refused : dict of str to int
        By the first rule that refuses.
    """

    proposed: int
    sent: int
    control: int
    holdout: int
    refused: dict[str, int]

    @property
    def intended(self) -> int:
        """Allowed proposals that are sent or withheld."""
        return self.sent + self.control + self.holdout


def make_plan(campaign: Campaign, catalogue: Catalogue, facts: CareFacts, rules: Rules) -> Plan:
    """Plan a campaign.

    Parameters
    ----------
    campaign : Campaign
        The campaign.
    catalogue : Catalogue
        Its action and triggers.
    facts : CareFacts
        What is known of everybody.
    rules : Rules
        What the plan is made under.

    Returns
    -------
    Plan
        The same for the same facts, in whatever order they come.

    Raises
    ------
    KeyError
        The facts do not have one that a trigger asks for.
    """
    action = catalogue.actions[campaign.action]
    triggers = [catalogue.triggers[code] for code in campaign.triggers]
    rows, trigger = _proposed(triggers, facts.facts, len(facts))
    channel, send_at, refused = _judged(action, rows, facts, rules)
    arm = np.full(len(rows), NOT_DRAWN, dtype=np.int8)
    propensity = np.full(len(rows), np.nan)
    if action.withholdable:
        ranked = _ranked(np.flatnonzero(refused == 0), rows, facts)
        chosen = ranked.firsts[: campaign.most_households]
        refused[ranked.others] = bit_of(SAME_HOUSEHOLD)
        refused[ranked.firsts[campaign.most_households :]] = bit_of(CAMPAIGN_FULL)
        channel[refused != 0] = NO_CHANNEL
        households = facts.household_id[rows[chosen]].tolist()
        drawn = draw_arms(
            *(households, campaign.campaign_id, campaign.control_share),
            # Only offers are withheld from the holdout: service care is for everybody.
            rules.holdout if action.action_class == "offer" else replace(rules.holdout, share=0.0),
            rules.year,
        )
        arm[chosen], propensity[chosen] = drawn.arm, drawn.propensity
    return Plan(
        campaign=campaign,
        rows=rows,
        trigger=trigger,
        channel=channel,
        send_at=send_at,
        arm=arm,
        propensity=propensity,
        refusals=Refusals(refused),
    )


def _proposed(
    triggers: Sequence[Trigger], facts: Mapping[str, Floats], count: int
) -> tuple[Positions, NDArray[np.int64]]:
    """Lines for which a trigger holds, and the first one that does."""
    first = np.full(count, -1, dtype=np.int64)
    for place, trigger in reversed(list(enumerate(triggers))):
        holds = np.ones(count, dtype=bool)
        for condition in trigger.when:
            holds &= _holds(condition, facts[condition.fact])
        first[holds] = place
    rows = np.flatnonzero(first >= 0)
    return rows, first[rows]


def _holds(condition: Condition, fact: Floats) -> NDArray[np.bool_]:
    holds = ~np.isnan(fact)
    if condition.at_least is not None:
        holds &= fact >= condition.at_least
    if condition.at_most is not None:
        holds &= fact <= condition.at_most
    return holds


def _judged(
    action: Action, rows: Positions, facts: CareFacts, rules: Rules
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint32]]:
    """The first channel that policy allows, from when on, and what refuses where none is."""
    channel = np.full(len(rows), NO_CHANNEL, dtype=np.int64)
    send_at = np.zeros(len(rows), dtype=np.int64)
    refused = np.zeros(len(rows), dtype=np.uint32)
    left = np.arange(len(rows))
    for place, code in enumerate(action.channels):
        known = facts.policy(code, action).taken(rows[left])
        when = next_allowed(known.send_at, known.zone, known.zones, code, rules.jurisdiction)
        question = PolicyQuestion(
            action_class=action.action_class,
            uses_profiling=action.uses_profiling,
            cool_down_days=action.cool_down_days,
            channel=code,
            jurisdiction=rules.jurisdiction,
            limits=rules.limits,
            care_is_halted=rules.care_is_halted,
        )
        refusals = judge(replace(known, send_at=when), question)
        allowed = left[refusals.allowed]
        channel[allowed], send_at[allowed] = place, when[refusals.allowed]
        if place == 0:
            # Where no channel is allowed, the preferred one says why.
            refused[left] = refusals.bits
        refused[allowed] = 0
        left = left[~refusals.allowed]
    return channel, send_at, refused


@dataclass(frozen=True)
class _Ranked:
    """Allowed proposals by risk, highest first: one of each household, and the others."""

    firsts: Positions
    others: Positions


def _ranked(allowed: Positions, rows: Positions, facts: CareFacts) -> _Ranked:
    risk = np.nan_to_num(facts.risk[rows[allowed]], nan=-np.inf)
    household = facts.household_id[rows[allowed]]
    # Ids decide between equals, so that the order of the facts does not.
    ranked = allowed[np.lexsort((facts.subscription_id[rows[allowed]], household, -risk))]
    _, firsts = np.unique(facts.household_id[rows[ranked]], return_index=True)
    is_first = np.zeros(len(ranked), dtype=bool)
    is_first[firsts] = True
    return _Ranked(ranked[is_first], ranked[~is_first])
