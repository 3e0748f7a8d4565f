"""What each action has been shown to do, over all campaigns that measured it."""

from dataclasses import asdict, dataclass
from typing import Any

from care.campaign import Outcome, catalogue_assumes
from care.measure import Effect, PooledEffect, pooled
from care.model import AssumedEffect
from features.settings import FeatureSettings
from holdfast.clock import Clock
from holdfast.errors import InputError
from pipeline.care.measure import measure_campaign
from pipeline.care.workspace import CareWorkspace
from training.settings import LabelSettings


@dataclass(frozen=True, kw_only=True)
class ActionEffect:
    """What is known of an action's effect on an outcome.

    Parameters
    ----------
    action : str
        The action.
    outcome : str
        What it is measured by.
    outcome_days : int
        Days over which that is counted.
    campaigns : tuple of str
        Campaigns of it, those that tell no effect yet too.
    effect : PooledEffect or None
        None where none of them tells one.
    assumed : AssumedEffect or None
        What the catalogue assumes; None where that is of another outcome or of other days.
    """

    action: str
    outcome: Outcome
    outcome_days: int
    campaigns: tuple[str, ...]
    effect: PooledEffect | None
    assumed: AssumedEffect | None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        label = "assumed" if self.effect is None else "randomised"
        return {**asdict(self), "label": label}


@dataclass(frozen=True, kw_only=True)
class MeasuredActions:
    """Effects of all actions with a campaign.

    Parameters
    ----------
    actions : tuple of ActionEffect
        By action, outcome and days.
    not_measured : dict of str to str
        Campaigns that could not be measured, and why; they are in no effect.
    """

    actions: tuple[ActionEffect, ...]
    not_measured: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "actions": [one.to_json() for one in self.actions],
            "not_measured": self.not_measured,
        }


def measured_actions(
    care: CareWorkspace, labels: LabelSettings, features: FeatureSettings, clock: Clock
) -> MeasuredActions:
    """Effects of all actions with a campaign; parameters as of `measure_campaign`.

    A household counts in the first campaign of an action that drew it, so that none counts twice.
    What is wrong with one campaign, such as a file that declares another comparison than was approved,
    stops no other.
    """
    names: dict[tuple[str, Outcome, int], list[str]] = {}
    effects: dict[tuple[str, Outcome, int], list[Effect]] = {}
    drawn: dict[str, set[str]] = {}
    not_measured: dict[str, str] = {}
    begun = {
        row.campaign_id: decisions
        for row in care.ledger.campaigns()
        if (decisions := care.ledger.decisions(row.campaign_id))
    }
    for name in sorted(begun, key=lambda name: (begun[name][0][0], name)):
        # Whether or not it can be measured, its households are no others' from then on.
        before = drawn.setdefault(begun[name][0][1].action, set())
        without = frozenset(before)
        before |= {row.household_id for _, row in begun[name]}
        try:
            measured = measure_campaign(care, name, labels, features, clock, without=without)
        except InputError as error:
            not_measured[name] = str(error)
            continue
        campaign = measured.campaign
        key = campaign.action, campaign.outcome, campaign.outcome_days
        names.setdefault(key, []).append(name)
        if measured.effect is not None:
            effects.setdefault(key, []).append(measured.effect)
    actions = tuple(
        ActionEffect(
            action=key[0],
            outcome=key[1],
            outcome_days=key[2],
            campaigns=tuple(campaigns),
            effect=pooled(effects.get(key, [])),
            assumed=care.catalogue.actions[key[0]].assumed_effect
            if catalogue_assumes(key[1], key[2])
            else None,
        )
        for key, campaigns in sorted(names.items())
    )
    return MeasuredActions(actions=actions, not_measured=not_measured)
