"""Whether a decision that was handed over may still be sent: asked by the ledger alone."""

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np

from care.consents import ConsentsInForce
from care.jurisdiction import Jurisdiction
from care.ledger.forget import ERASED
from care.ledger.rows import DecisionRow, microseconds
from care.model import ACTION_CLASSES
from care.policy import ContactLimits, PolicyQuestion, consent_only, judge
from care.quiet_hours import UNKNOWN_ZONE

CONSENT_CODES = ("do_not_contact", "no_consent", "profiling_objection")
"""Reasons that are a customer's own word."""

UsesProfiling = Callable[[str], bool]
"""Whether a prediction chooses an action, by its code."""

TIME_ZONE = "time_zone"
"""Field of a decision in which the customer's zone stands; empty where it is not known."""

_WITH_RECEIVER = ("handed_over", "claimed")
"""States in which a receiver may have a message: it may ask before its answer has been recorded."""


def reasons_now(
    decision: DecisionRow,
    state: str,
    consents: ConsentsInForce,
    uses_profiling: UsesProfiling,
    law: Jurisdiction,
    now: datetime,
    *,
    is_halted: bool,
) -> list[str]:
    """Why a decision may not be sent at this moment; nothing where it may.

    Parameters
    ----------
    decision : DecisionRow
        The decision.
    state : str
        Its state.
    consents : ConsentsInForce
        Of its customer at least.
    uses_profiling : callable
        Whether a prediction chose its action.
    law : Jurisdiction
        Whose rules hold.
    now : datetime
        What time it is (UTC).
    is_halted : bool
        Whether a person has halted care.

    Returns
    -------
    list of str
        The state where no receiver may have it; ``erased`` where the customer was erased;
        ``care_halted``, ``too_late``; and codes of the contact policy about consent and quiet hours.
    """
    if state not in _WITH_RECEIVER or decision.channel is None or decision.send_before is None:
        return [state]
    if decision.customer_id == ERASED:
        # Nobody knows any more what they consented to.
        return [ERASED]
    reasons = ["care_halted"] if is_halted else []
    if decision.send_before <= now:
        reasons.append("too_late")
    return reasons + _policy(decision, consents, uses_profiling, law, now)


def withdrawn(
    decisions: Sequence[DecisionRow],
    consents: ConsentsInForce,
    uses_profiling: UsesProfiling,
    law: Jurisdiction,
    now: datetime,
) -> dict[str, str]:
    """Why decisions must not be sent any more, by id, where customers have withdrawn or were erased
    since.
    """
    whys = {}
    for decision in decisions:
        if decision.customer_id == ERASED:
            whys[decision.decision_id] = ERASED
            continue
        codes = _policy(decision, consents, uses_profiling, law, now)
        if own := [code for code in codes if code in CONSENT_CODES]:
            whys[decision.decision_id] = ", ".join(own)
    return whys


def _policy(
    decision: DecisionRow,
    consents: ConsentsInForce,
    uses_profiling: UsesProfiling,
    law: Jurisdiction,
    now: datetime,
) -> list[str]:
    customer, channel = np.array([decision.customer_id]), str(decision.channel)
    name = str(decision.fields.get(TIME_ZONE) or "")
    facts = consent_only(
        consent=consents.granted("offers", channel, customer),
        contact=consents.may_contact(channel, customer),
        profiling=consents.permits("profiling", customer),
        send_at=np.array([microseconds(now)], dtype=np.int64),
        zone=np.array([0 if name else UNKNOWN_ZONE]),
        zones=(name,) if name else (),
    )
    question = PolicyQuestion(
        action_class=next(one for one in ACTION_CLASSES if one == decision.action_class),
        uses_profiling=uses_profiling(decision.action),
        cool_down_days=0,
        channel=channel,
        jurisdiction=law,
        limits=ContactLimits(offers_per_household=1, contacts_per_household=1),
    )
    return list(judge(facts, question).reasons(0))
