"""The words of care, as values: actions, triggers, proposals, arms, decisions, deliveries, outcomes.

An action is what can be done, a trigger is why it may be done now. A trigger that holds for
somebody makes a proposal. Policy and arms turn proposals into decisions: to send, to withhold at
random, or to refuse with a reason. A decision to send is delivered, and has outcomes.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Literal

ActionClass = Literal["owed", "service", "offer"]
"""``owed``: an obligation with a recorded event behind it; ``service``: help with what went wrong;
``offer``: any product or price, which needs consent.
"""

ACTION_CLASSES: tuple[ActionClass, ...] = ("owed", "service", "offer")

LANGUAGES = ("en", "zh-Hans", "zh-Hant")
"""Languages that every text of an action is in (BCP 47)."""

DecisionState = Literal[
    "planned", "approved", "claimed", "handed_over", "withheld", "refused", "expired", "cancelled",
    "dead",
]  # fmt: skip
"""``handed_over``: the receiver took it; whether it reached the customer is an outcome."""


class Arm(IntEnum):
    """Arm of a household in a campaign, by the codes of the contract's list of arms.

    ``TREATMENT`` is sent the action, ``CONTROL`` is withheld from this campaign, ``HOLDOUT`` from
    every offer.
    """

    TREATMENT = 0
    CONTROL = 1
    HOLDOUT = 2


@dataclass(frozen=True, kw_only=True)
class AssumedEffect:
    """What an action is assumed to do, until a campaign has measured it.

    Parameters
    ----------
    value, low, high : float
        Change in the probability that a line stays for 90 days, -1 to 1, and the range it is
        assumed to lie in.
    source : str
        Where the assumption comes from.
    """

    value: float
    low: float
    high: float
    source: str


@dataclass(frozen=True, kw_only=True)
class Action:
    """What can be done for a customer.

    Parameters
    ----------
    code : str
        Its name in decisions and contacts.
    action_class : {"owed", "service", "offer"}
        See `ActionClass`.
    withholdable : bool
        Whether it may be withheld at random. Never true of what is owed.
    cost : float
        Cost of one contact, 0 or more, in the operator's currency.
    channels : tuple of str
        Channels it may go through, the preferred one first.
    cool_down_days : int
        Days in which the same household is not given the same action again, 0 or more.
    uses_profiling : bool
        Whether a prediction about the customer chooses it.
    assumed_effect : AssumedEffect
        Until it has been measured.
    texts : dict of str to str
        Message by language, as a template (see `care.texts`).
    fields : tuple of str
        Names of the fields that the templates may use.
    """

    code: str
    action_class: ActionClass
    withholdable: bool
    cost: float
    channels: tuple[str, ...]
    cool_down_days: int
    uses_profiling: bool
    assumed_effect: AssumedEffect
    texts: dict[str, str]
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What a trigger asks of a fact.

    Parameters
    ----------
    fact : str
        Name of the fact: a feature, or `care.planning.RISK_RANK`.
    at_least, at_most : float or None
        It holds where the fact lies within these bounds; where the fact is not known it never does.
    """

    fact: str
    at_least: float | None
    at_most: float | None


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """Why an action may be proposed now.

    Parameters
    ----------
    code : str
        Its name.
    when : tuple of Condition
        It holds where all of these do.
    source : {"behaviour", "billing", "network", "service", "contract", "survey", "prediction"}
        Where the facts come from. What came with a request to port a number is no source: it may
        only suppress.
    actions : tuple of str
        Actions it proposes, the preferred one first.
    valid_days : int
        Days after which a proposal of it has expired, at least 1.
    """

    code: str
    when: tuple[Condition, ...]
    source: str
    actions: tuple[str, ...]
    valid_days: int


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An action that a trigger proposes for somebody.

    Parameters
    ----------
    trigger, action : str
        Codes.
    household_id, customer_id : str
        Whom it is about. Without a household, the customer is one.
    subscription_id : str or None
        The line it is about; None where it is about the customer.
    happened_at : datetime
        When the fact came true (UTC).
    """

    trigger: str
    action: str
    household_id: str
    customer_id: str
    subscription_id: str | None
    happened_at: datetime


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided about a proposal, and all that it rested on.

    Parameters
    ----------
    decision_id : str
        The same for the same proposal of the same campaign and plan.
    campaign_id : str
        The campaign.
    proposal : Proposal
        What was proposed.
    channel : str or None
        Through which channel; None where nothing is sent.
    arm : Arm or None
        None where policy refused it before an arm was drawn, and where it is not withholdable.
    propensity : float or None
        Probability with which that arm was drawn; None without a draw.
    state : str
        See `DecisionState`.
    reasons : tuple of str
        Codes of the rules that refused it; see `care.policy`.
    send_after, send_before : datetime or None
        When it may be sent (UTC); None where nothing is sent.
    facts_digest : str
        SHA-256 of the facts that decided, in hexadecimal digits.
    versions : dict of str to str
        Model and version of each score that decided.
    consent_revision : int
        Number of the newest consent that was known, 0 where none.
    """

    decision_id: str
    campaign_id: str
    proposal: Proposal
    channel: str | None
    arm: Arm | None
    propensity: float | None
    state: DecisionState
    reasons: tuple[str, ...]
    send_after: datetime | None
    send_before: datetime | None
    facts_digest: str
    versions: dict[str, str]
    consent_revision: int


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An attempt to hand a decision over to a receiver.

    Parameters
    ----------
    decision_id : str
        The decision.
    attempt : int
        From 1.
    attempted_at : datetime
        Recorded before anything is sent (UTC).
    answer : str or None
        What came of it; None until that is known.
    """

    decision_id: str
    attempt: int
    attempted_at: datetime
    answer: str | None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a decision, as a channel reports it or the operator's own tables show it.

    Parameters
    ----------
    decision_id : str
        The decision.
    outcome : str
        One of the contract's outcomes.
    value : float
        1 or 0, or an amount.
    happened_at, reported_at : datetime
        When it happened, and when it was told (UTC).
    """

    decision_id: str
    outcome: str
    value: float
    happened_at: datetime
    reported_at: datetime
