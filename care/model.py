"""The words of care, as values: actions, triggers, arms and the states of decisions.

An action is what can be done, a trigger is why it may be done now. A trigger that holds for
somebody makes a proposal. Policy and arms turn proposals into decisions: to send, to withhold at
random, or to refuse with a reason. A decision to send is delivered, and has outcomes.
"""

from dataclasses import dataclass
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


ASSUMED_DAYS = 90
"""Days over which effects are assumed."""


@dataclass(frozen=True, kw_only=True)
class AssumedEffect:
    """What an action is assumed to do, until a campaign has measured it.

    Parameters
    ----------
    value, low, high : float
        Change in the probability that a line stays for `ASSUMED_DAYS` days, -1 to 1, and the range it is
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
