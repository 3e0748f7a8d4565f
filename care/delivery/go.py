"""Whether a decision that was handed over may still be sent: asked by the ledger alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from care.consents import NO_SCREENINGS, ConsentsInForce, Screenings
from care.jurisdiction import Jurisdiction
from care.ledger.forget import ERASED
from care.ledger.rows import DecisionRow, microseconds
from care.model import ACTION_CLASSES
from care.policy import ContactLimits, PolicyQuestion, customers_word_only, judge
from care.quiet_hours import UNKNOWN_ZONE

CONSENT_CODES = ("do_not_contact", "no_consent", "profiling_objection")
"""Reasons that are a customer's own word."""

UsesProfiling = Callable[[str], bool]
"""Whether a prediction chooses an action, by its code."""

TIME_ZONE = "time_zone"
"""Field of a decision in which the customer's zone stands; empty where it is not known."""

_WITH_RECEIVER = ("handed_over", "claimed")
"""States in which a receiver may have a message: it may ask before its answer has been recorded."""


@dataclass(frozen=True, kw_only=True)
class KnownNow:
    """What is known when a message is about to be sent.

    Parameters
    ----------
    consents : ConsentsInForce
        Of the customers at least.
    uses_profiling : callable
        Whether a prediction chose an action.
    law : Jurisdiction
        Whose rules hold.
    now : datetime
        What time it is (UTC).
    screenings : Screenings
        What registers say of the customers who may be called with an offer.
    is_halted : bool
        Whether a person has halted care: nothing is sent then.
    care_may_run : bool
        Whether the last night says that care may run: only what is owed is sent otherwise.
    """

    consents: ConsentsInForce
    uses_profiling: UsesProfiling
    law: Jurisdiction
    now: datetime
    screenings: Screenings = NO_SCREENINGS
    is_halted: bool = False
    care_may_run: bool = True


def asks_registers(decision: DecisionRow) -> bool:
    """Whether a decision is about an offer by phone, which do-not-call registers are asked about."""
    return decision.action_class == "offer" and decision.channel == "phone"


def reasons_now(decision: DecisionRow, state: str, known: KnownNow) -> list[str]:
    """Why a decision may not be sent at this moment; nothing where it may.

    Parameters
    ----------
    decision : DecisionRow
        The decision.
    state : str
        Its state.
    known : KnownNow
        What is known.

    Returns
    -------
    list of str
        The state where no receiver may have it; ``erased`` where the customer was erased;
        ``care_halted``, ``too_late``; and codes of the contact policy about consent, do-not-call
        registers and quiet hours.
    """
    if state not in _WITH_RECEIVER or decision.channel is None or decision.send_before is None:
        return [state]
    if decision.customer_id == ERASED:
        # Nobody knows any more what they consented to.
        return [ERASED]
    reasons = ["care_halted"] if known.is_halted else []
    if decision.send_before <= known.now:
        reasons.append("too_late")
    return list(dict.fromkeys(reasons + _policy(decision, known)))


def withdrawn(decisions: Sequence[DecisionRow], known: KnownNow) -> dict[str, str]:
    """Why decisions must not be sent any more, by id, where customers have withdrawn or were erased
    since.
    """
    whys = {}
    for decision in decisions:
        if decision.customer_id == ERASED:
            whys[decision.decision_id] = ERASED
            continue
        codes = _policy(decision, known)
        if own := [code for code in codes if code in CONSENT_CODES]:
            whys[decision.decision_id] = ", ".join(own)
    return whys


def _policy(decision: DecisionRow, known: KnownNow) -> list[str]:
    customer, channel = np.array([decision.customer_id]), str(decision.channel)
    name = str(decision.fields.get(TIME_ZONE) or "")
    facts = customers_word_only(
        consent=known.consents.granted("offers", channel, customer),
        contact=known.consents.may_contact(channel, customer),
        profiling=known.consents.permits("profiling", customer),
        **known.screenings.of(customer),
        send_at=np.array([microseconds(known.now)], dtype=np.int64),
        zone=np.array([0 if name else UNKNOWN_ZONE]),
        zones=(name,) if name else (),
    )
    question = PolicyQuestion(
        action_class=next(one for one in ACTION_CLASSES if one == decision.action_class),
        uses_profiling=known.uses_profiling(decision.action),
        cool_down_days=0,
        channel=channel,
        jurisdiction=known.law,
        limits=ContactLimits(offers_per_household=1, contacts_per_household=1),
        care_is_halted=not known.care_may_run,
    )
    return list(judge(facts, question).reasons(0))
