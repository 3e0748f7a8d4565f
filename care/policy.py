"""Contact policy: whether somebody may be sent something, and if not, why.

One check judges many proposals at once. It is asked when a campaign is planned, and again when a
message is claimed for delivery; for the same facts it gives the same answer. What is not known
counts against sending.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from care.jurisdiction import Jurisdiction
from care.model import ActionClass
from care.quiet_hours import is_quiet
from holdfast.arrays import Floats, Microseconds, Positions

Flags = NDArray[np.bool_]
Codes = NDArray[np.int8]

UNKNOWN, NO, YES = -1, 0, 1
"""What is known of a yes-or-no fact."""

_DAY = 86_400_000_000
"""Microseconds."""


@dataclass(frozen=True, kw_only=True)
class ContactLimits:
    """How much contact an operator allows itself.

    Parameters
    ----------
    offers_per_household : int
        Offers to all of a household within `within_days`, of all campaigns and other systems, at
        least 0.
    contacts_per_household : int
        The same for offers and service care together.
    within_days : int
        Days that count, at least 1.
    """

    offers_per_household: int = 1
    contacts_per_household: int = 3
    within_days: int = 30


@dataclass(frozen=True, kw_only=True)
class PolicyFacts:
    """What is known of proposals of one action through one channel, an entry per proposal.

    Parameters
    ----------
    consent : (n,) int8
        To offers through this channel: granted (`YES`), withdrawn (`NO`) or `UNKNOWN`.
    contact : (n,) int8
        `NO` where the customer wants no contact at all.
    profiling : (n,) int8
        `NO` where the customer objects to profiling.
    is_minor : (n,) int8
        Whether the customer is under age.
    is_on_do_not_call : (n,) int8
        Whether a number of the customer is on a register (see `care.consents.Screenings`).
    screened_at : (n,) int64
        When that was compared, microseconds since 1970 in UTC; 0 where never.
    port_is_pending : (n,) int8
        Whether a request to take the number elsewhere is open.
    is_likely_non_payer : (n,) int8
        Whether the customer is likely to leave without paying.
    has_open_complaint : (n,) int8
        Whether a complaint is open.
    is_in_incident : (n,) int8
        Whether the home lies where the network is disturbed now.
    other_campaign : (n,) bool
        Whether a campaign that goes first has the household.
    household_offers, household_contacts : (n,) int
        Contacts of the household within the days of `ContactLimits`, by whomever. What a campaign
        withheld at random counts as what it sent, so that its arms stay alike.
    days_since_same_action : (n,) float64
        Days since the household was last given the action; NaN where never.
    send_at : (n,) int64
        When it would be sent, microseconds since 1970 in UTC.
    zone : (n,) int
        Place of the customer's zone in `zones`; -1 where it is not known.
    zones : sequence of str
        IANA names.
    """

    consent: Codes
    contact: Codes
    profiling: Codes
    is_minor: Codes
    is_on_do_not_call: Codes
    screened_at: Microseconds
    port_is_pending: Codes
    is_likely_non_payer: Codes
    has_open_complaint: Codes
    is_in_incident: Codes
    other_campaign: Flags
    household_offers: NDArray[np.integer]
    household_contacts: NDArray[np.integer]
    days_since_same_action: Floats
    send_at: Microseconds
    zone: NDArray[np.integer]
    zones: Sequence[str]

    def __len__(self) -> int:
        return len(self.consent)

    def taken(self, places: Positions) -> "PolicyFacts":
        """Facts of some of the proposals, in the order of the places."""
        arrays: dict[str, Any] = {
            name: value[places]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, **arrays)


def customers_word_only(
    *,
    consent: Codes,
    contact: Codes,
    profiling: Codes,
    is_on_do_not_call: Codes,
    screened_at: Microseconds,
    send_at: Microseconds,
    zone: NDArray[np.integer],
    zones: Sequence[str],
) -> PolicyFacts:
    """Facts with which only the rules about a customer's own word and quiet hours can refuse:
    consents, objections and registers. Everything else was asked when the decision was handed over.
    Parameters as of `PolicyFacts`.
    """
    count = len(consent)
    no = np.full(count, NO, dtype=np.int8)
    nothing = np.zeros(count, dtype=np.int64)
    return PolicyFacts(
        consent=consent,
        contact=contact,
        profiling=profiling,
        is_minor=no,
        is_on_do_not_call=is_on_do_not_call,
        screened_at=screened_at,
        port_is_pending=no,
        is_likely_non_payer=no,
        has_open_complaint=no,
        is_in_incident=no,
        other_campaign=np.zeros(count, dtype=np.bool_),
        household_offers=nothing,
        household_contacts=nothing,
        days_since_same_action=np.full(count, np.nan),
        send_at=send_at,
        zone=zone,
        zones=zones,
    )


@dataclass(frozen=True, kw_only=True)
class PolicyQuestion:
    """What would be sent, and under which rules.

    Parameters
    ----------
    action_class : {"owed", "service", "offer"}
        Of the action.
    uses_profiling : bool
        Whether a prediction chose it.
    cool_down_days : int
        Of the action.
    channel : str
        Through which channel.
    jurisdiction : Jurisdiction
        The rules of the place.
    limits : ContactLimits
        The operator's own.
    care_is_halted : bool
        Whether the night said that no care may run, or a person halted it.
    """

    action_class: ActionClass
    uses_profiling: bool
    cool_down_days: int
    channel: str
    jurisdiction: Jurisdiction
    limits: ContactLimits
    care_is_halted: bool = False


SAME_HOUSEHOLD, CAMPAIGN_FULL = "same_household", "campaign_full"
"""Why a plan leaves out what policy allows: another of the household is planned, or enough are."""


@dataclass(frozen=True)
class Refusals:
    """What refuses proposals.

    Parameters
    ----------
    bits : (n,) uint32
        Bit k is set where `reason_codes` k refuses it.
    """

    bits: NDArray[np.uint32]

    @property
    def allowed(self) -> Flags:
        """(n,) bool: nothing refuses it."""
        allowed: Flags = self.bits == 0
        return allowed

    def reasons(self, place: int) -> tuple[str, ...]:
        """Codes of all that refuses a proposal, in the order of `reason_codes`."""
        bits = int(self.bits[place])
        return tuple(code for k, code in enumerate(reason_codes()) if bits >> k & 1)

    def counts(self) -> dict[str, int]:
        """How many proposals each code is the first to refuse; codes that refuse none are left
        out.
        """
        lowest = self.bits & (~self.bits + np.uint32(1))
        counts = {
            code: int(np.count_nonzero(lowest == np.uint32(1 << k)))
            for k, code in enumerate(reason_codes())
        }
        return {code: count for code, count in counts.items() if count}


def reason_codes() -> tuple[str, ...]:
    """All codes of what refuses, in the order in which they are told."""
    return (*(rule.code for rule in RULES), SAME_HOUSEHOLD, CAMPAIGN_FULL)


def bit_of(code: str) -> np.uint32:
    """The bit of a code."""
    return np.uint32(1 << reason_codes().index(code))


def judge(facts: PolicyFacts, question: PolicyQuestion) -> Refusals:
    """Ask every rule about every proposal.

    Parameters
    ----------
    facts : PolicyFacts
        What is known of the proposals.
    question : PolicyQuestion
        What would be sent.

    Returns
    -------
    Refusals
        In the order of the facts.
    """
    bits = np.zeros(len(facts), dtype=np.uint32)
    for place, rule in enumerate(RULES):
        if question.action_class in rule.classes and rule.asks(question):
            bits |= rule.refuses(facts, question).astype(np.uint32) << np.uint32(place)
    return Refusals(bits)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of the contact policy.

    Parameters
    ----------
    code : str
        Its name in decisions.
    classes : tuple of {"owed", "service", "offer"}
        Classes of actions that it may refuse.
    refuses : callable
        Where it refuses, (n,) bool.
    asks : callable
        Whether the question is about it at all.
    """

    code: str
    classes: tuple[ActionClass, ...]
    refuses: Callable[[PolicyFacts, PolicyQuestion], Flags]
    asks: Callable[[PolicyQuestion], bool] = lambda question: True


_CARE: tuple[ActionClass, ...] = ("service", "offer")
_OFFER: tuple[ActionClass, ...] = ("offer",)
_ALL: tuple[ActionClass, ...] = ("owed", "service", "offer")


def _is_minor(facts: PolicyFacts, question: PolicyQuestion) -> Flags:
    is_minor: Flags = facts.is_minor == YES
    if not question.jurisdiction.offers_to_unknown_age:
        is_minor = is_minor | (facts.is_minor == UNKNOWN)
    return is_minor


def _is_not_to_be_called(facts: PolicyFacts, question: PolicyQuestion) -> Flags:
    days = question.jurisdiction.do_not_call_screened_within_days
    may_be_listed: Flags = facts.is_on_do_not_call != NO
    may_be_listed |= facts.screened_at < facts.send_at - days * _DAY
    return may_be_listed


def _has_enough(facts: PolicyFacts, question: PolicyQuestion) -> Flags:
    limits = question.limits
    has_enough: Flags = facts.household_contacts >= limits.contacts_per_household
    if question.action_class == "offer":
        has_enough = has_enough | (facts.household_offers >= limits.offers_per_household)
    return has_enough


def _is_quiet(facts: PolicyFacts, question: PolicyQuestion) -> Flags:
    place = question.channel, question.jurisdiction
    return is_quiet(facts.send_at, facts.zone, facts.zones, *place)


# fmt: off
RULES: tuple[Rule, ...] = (
    Rule(code="care_halted", classes=_CARE, asks=lambda q: q.care_is_halted,
         refuses=lambda f, q: np.ones(len(f), dtype=bool)),
    Rule(code="do_not_contact", classes=_CARE, refuses=lambda f, q: f.contact == NO),
    Rule(code="no_consent", classes=_OFFER, refuses=lambda f, q: f.consent != YES),
    Rule(code="profiling_objection", classes=_OFFER, asks=lambda q: q.uses_profiling,
         refuses=lambda f, q: f.profiling == NO),
    Rule(code="minor", classes=_OFFER, refuses=_is_minor),
    Rule(code="do_not_call", classes=_OFFER, asks=lambda q: q.channel == "phone",
         refuses=_is_not_to_be_called),
    Rule(code="port_pending", classes=_CARE,
         asks=lambda q: q.action_class in q.jurisdiction.port_suppresses,
         refuses=lambda f, q: f.port_is_pending != NO),
    Rule(code="likely_non_payer", classes=_OFFER, refuses=lambda f, q: f.is_likely_non_payer == YES),
    Rule(code="open_complaint", classes=_OFFER, refuses=lambda f, q: f.has_open_complaint != NO),
    Rule(code="incident_area", classes=_OFFER, refuses=lambda f, q: f.is_in_incident != NO),
    Rule(code="other_campaign", classes=_OFFER, refuses=lambda f, q: f.other_campaign),
    Rule(code="household_cap", classes=_CARE, refuses=_has_enough),
    Rule(code="cool_down", classes=_CARE,
         refuses=lambda f, q: f.days_since_same_action < q.cool_down_days),
    Rule(code="quiet_hours", classes=_ALL, refuses=_is_quiet),
)
# fmt: on
"""The rules in the order in which they are told: what a person has decided comes first, what is only
a matter of time last. What is owed is sent whatever a customer consents to, but not at night.
"""
