"""Care actions as data: class, channel, cost, whom each helps, whom it harms, and how it fades.

All magnitudes are assumed, but for what `simulator.world.parameters.CampaignParameters` marks as
published. To add an action is to add a row, at the end: a checkpoint holds places in this table.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Part of what an action does to a line.

    Parameters
    ----------
    size : float
        Its size where all conditions hold fully, in multiples of `CampaignParameters.helps` or
        `CampaignParameters.wakes`.
    when : tuple of str
        Conditions (`simulator.weekly.care_effects.CONDITIONS`), each from 0 to 1, that it is
        multiplied by.
    """

    size: float
    when: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CareAction:
    """A care action.

    Parameters
    ----------
    name : str
        Its name in decisions and tables.
    action_class : {"owed", "service", "offer"}
        An offer needs consent to offers.
    channel : str
        The channel of the operator's own campaigns.
    cost : float
        Of each contact tried, in currency.
    cost_if_accepted : float
        Further cost of an offer that is accepted, in currency.
    helps, harms : tuple of Part
        Added up: whom it keeps from leaving, and whom it makes think of leaving.
    fade_a_week : float
        Share of the effect that is left after each week.
    """

    name: str
    action_class: str
    channel: str
    cost: float
    cost_if_accepted: float = 0.0
    helps: tuple[Part, ...] = ()
    harms: tuple[Part, ...] = ()
    fade_a_week: float = 0.965

    @property
    def is_offer(self) -> bool:
        """Whether it proposes a product or a price."""
        return self.action_class == "offer"


CARE_ACTIONS = (
    CareAction(
        name="plan_fit_offer",
        action_class="offer",
        channel="sms",
        cost=0.05,
        cost_if_accepted=20.0,
        helps=(Part(0.6, ("dissatisfied", "unfit_plan")),),
        harms=(Part(1.0, ("dormant",)),),
    ),
    CareAction(
        name="data_gift", action_class="offer", channel="app", cost=0.01, cost_if_accepted=3.0
    ),
    CareAction(
        name="courtesy_call",
        action_class="service",
        channel="phone",
        cost=5.0,
        helps=(Part(1.0, ("dissatisfied", "trouble")),),
        harms=(Part(0.35, ("dormant",)), Part(0.12, ("content",))),
    ),
    CareAction(
        name="outage_apology",
        action_class="service",
        channel="sms",
        cost=1.5,
        helps=(Part(0.2, ("recent_outage",)), Part(0.8, ("recent_outage", "dissatisfied"))),
        harms=(Part(0.15, ("no_recent_outage", "content")),),
    ),
    CareAction(
        name="device_upgrade_offer",
        action_class="offer",
        channel="email",
        cost=0.02,
        cost_if_accepted=60.0,
        helps=(
            Part(0.10, ("old_device",)),
            Part(0.15, ("old_device", "free_to_go")),
            Part(0.30, ("old_device", "dissatisfied")),
            Part(0.45, ("old_device", "dissatisfied", "free_to_go")),
        ),
        harms=(Part(0.3, ("dormant", "no_old_device")),),
    ),
    CareAction(
        name="contract_end_notice",
        action_class="owed",
        channel="sms",
        cost=0.05,
        helps=(Part(0.10, ("commitment_ending", "dissatisfied")),),
        harms=(Part(0.25, ("commitment_ending", "content")),),
        fade_a_week=0.90,
    ),
    CareAction(
        name="price_rise_notice",
        action_class="owed",
        channel="sms",
        cost=0.05,
        helps=(Part(0.15, ("price_rise", "dissatisfied")),),
        harms=(Part(0.20, ("price_rise", "content")),),
        fade_a_week=0.90,
    ),
    CareAction(
        name="complaint_escalation",
        action_class="owed",
        channel="phone",
        cost=6.0,
        helps=(Part(0.2, ("unresolved",)), Part(0.7, ("unresolved", "dissatisfied"))),
        harms=(Part(0.05, ("content",)),),
    ),
    CareAction(
        name="bill_explanation",
        action_class="service",
        channel="email",
        cost=4.0,
        helps=(Part(0.2, ("bill_shock",)), Part(0.5, ("bill_shock", "dissatisfied"))),
        harms=(Part(0.10, ("content",)),),
        fade_a_week=0.95,
    ),
    CareAction(
        name="recharge_reminder",
        action_class="service",
        channel="sms",
        cost=0.03,
        helps=(Part(0.35, ("prepaid", "idle")),),
        harms=(Part(0.05, ("not_prepaid",)),),
        fade_a_week=0.85,
    ),
)

ACTIONS = tuple(action.name for action in CARE_ACTIONS)

FADES = tuple(sorted({action.fade_a_week for action in CARE_ACTIONS}))
"""Rates at which effects fade: the state keeps a sum of shifts for each."""
