"""Rows of the ledger as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from holdfast.errors import InputError

MessageKind = Literal["send", "cancel"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LONGEST_NAME = 128
"""Characters of the name of a person or a process."""


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """A plan of a campaign.

    Parameters
    ----------
    plan_id : str
        Its name.
    campaign_id, campaign_digest : str
        The campaign, and the SHA-256 of what it was then.
    digest : str
        SHA-256 of all its decisions: what a person approves.
    made_at : datetime
        When it was made (UTC).
    about : dict of str to JSON
        Counts and what it rested on, for people.
    """

    plan_id: str
    campaign_id: str
    campaign_digest: str
    digest: str
    made_at: datetime
    about: dict[str, Any]


ApprovedHow = Literal["key", "rule", "simulation", "typed"]
"""How it is known who approved: by an API key of theirs; by a rule that they approved with one; a
simulated operator has nobody to ask; earlier releases let a name be typed.
"""


@dataclass(frozen=True, kw_only=True)
class Approver:
    """Who approves.

    Parameters
    ----------
    name : str
        A person, by name.
    how : {"key", "rule", "simulation", "typed"}
        How it is known that it is they.
    key : str or None
        Name of the API key; None without one.
    """

    name: str
    how: ApprovedHow
    key: str | None = None


@dataclass(frozen=True, kw_only=True)
class ApprovalRule:
    """A campaign's plans approved in advance, up to a ceiling.

    Parameters
    ----------
    campaign_id : str
        The campaign.
    digest : str
        SHA-256 of what was approved of it: its file, its action and its triggers. What is another
        now is not approved.
    most_messages : int
        Messages on one day, at most, at least 1.
    most_cost : float
        Their cost, at most, in the operator's currency, at least 0.
    by : Approver
        Who approved it.
    at : datetime
        When (UTC).
    """

    campaign_id: str
    digest: str
    most_messages: int
    most_cost: float
    by: Approver
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ApprovalRow:
    """A plan that was approved.

    Parameters
    ----------
    plan_id, digest : str
        The plan, and what was approved of it.
    by : Approver
        Who approved it.
    at : datetime
        When (UTC).
    """

    plan_id: str
    digest: str
    by: Approver
    at: datetime


@dataclass(frozen=True, kw_only=True)
class CampaignRow:
    """A campaign as it was last planned.

    Parameters
    ----------
    campaign_id : str
        Its name.
    document : dict of str to JSON
        What its file declared.
    """

    campaign_id: str
    document: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class DecisionRow:
    """A decision of a plan that somebody is sent something, or withheld at random.

    Parameters
    ----------
    decision_id : str
        Its name; also the id of the contact.
    household_id, customer_id : str
        Whom it is about.
    subscription_id : str or None
        The line.
    trigger, action, action_class : str
        Why, what, and of which class.
    channel : str or None
        None where it is withheld.
    arm : str or None
        ``treatment``, ``control`` or ``holdout``; None where no arm was drawn.
    propensity : float or None
        Probability with which the arm was drawn.
    send_after, send_before : datetime or None
        When it may be sent (UTC); None where it is withheld.
    facts_digest : str
        SHA-256 of the facts that it rested on.
    fields : dict of str to JSON
        Fields of the message, kept apart so that they can be erased.
    """

    decision_id: str
    household_id: str
    customer_id: str
    subscription_id: str | None
    trigger: str
    action: str
    action_class: str
    channel: str | None
    arm: str | None
    propensity: float | None
    send_after: datetime | None
    send_before: datetime | None
    facts_digest: str
    fields: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A decision that one worker may deliver until its lease ends.

    Parameters
    ----------
    decision : DecisionRow
        The decision.
    campaign_id : str
        Its campaign.
    kind : {"send", "cancel"}
        Whether the receiver is asked to send it, or told not to.
    token : int
        Number of the claim, from 1: what a worker reports with an older one is ignored.
    attempt : int
        Number of the attempt that is recorded with the claim, from 1; again from 1 after a person
        has asked for what was given up.
    consent_revision : int or None
        Of the customer, when policy let it leave (see `care.consents.ConsentsInForce.revision`); None
        of a cancel.
    """

    decision: DecisionRow
    campaign_id: str
    kind: MessageKind
    token: int
    attempt: int
    consent_revision: int | None = None


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """What became of a claim.

    Parameters
    ----------
    claim : Claim
        The claim.
    state : {"handed_over", "approved", "dead"}
        The receiver took it; it may be tried again; it will not be, unless a person asks for it.
    why : str
        In words, without anything about the customer.
    next_at : datetime or None
        When it may be tried again (UTC), of ``approved``.
    """

    claim: Claim
    state: Literal["handed_over", "approved", "dead"]
    why: str = ""
    next_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What policy says of decisions that are about to leave; those that it does not name may.

    Parameters
    ----------
    refused : mapping of str to str
        By id, why it may not be sent.
    postponed : mapping of str to datetime
        By id, when it is to be asked again (UTC).
    consent_revisions : mapping of str to int
        By id of what may be sent, the consent revision of its customer that this rests on.
    """

    refused: Mapping[str, str] = field(default_factory=dict)
    postponed: Mapping[str, datetime] = field(default_factory=dict)
    consent_revisions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OutcomeRow:
    """What came of a decision.

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


@dataclass(frozen=True, kw_only=True)
class MaturedOutcome:
    """Whether the line of a decision was lost, by the operator's own tables.

    Parameters
    ----------
    decision_id : str
        The decision.
    is_lost : bool or None
        None where the line was not at risk, or it is not recorded why it ended.
    matured_at : datetime
        When that was final (UTC).
    """

    decision_id: str
    is_lost: bool | None
    matured_at: datetime


def microseconds(moment: datetime) -> int:
    """A time as the ledger stores it.

    >>> microseconds(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(stored: int) -> datetime:
    """A stored time, in UTC."""
    return _EPOCH + timedelta(microseconds=stored)


@dataclass(frozen=True, kw_only=True)
class HeldUp:
    """Messages that wait for the same reason.

    Parameters
    ----------
    count : int
        How many.
    how : {"waits", "tried_again", "given_up"}
        Whether they wait for their time, an attempt has failed, or nobody tries again.
    why : str
        What came of the last attempt; empty where they wait for their time.
    next_at : datetime or None
        When the first of them is tried (UTC); None where they are given up.
    """

    count: int
    how: Literal["waits", "tried_again", "given_up"]
    why: str
    next_at: datetime | None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        next_at = self.next_at and self.next_at.isoformat()
        return {"count": self.count, "how": self.how, "why": self.why, "next_at": next_at}


def require_name(by: str) -> None:
    """Require the name of who asks for something.

    Raises
    ------
    InputError
        It is empty, or longer than the ledger keeps.
    """
    if not 1 <= len(by.strip()) <= len(by) <= LONGEST_NAME:
        raise InputError("--by", f"must be a name of 1 to {LONGEST_NAME} characters", by)
