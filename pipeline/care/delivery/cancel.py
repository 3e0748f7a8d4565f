"""What was handed over is cancelled where the customer has withdrawn or was erased since."""

from datetime import datetime, timedelta

from care.delivery.go import KnownNow, withdrawn
from care.ledger.forget import ERASED
from pipeline.care.workspace import CareWorkspace

_OVERLAP = timedelta(minutes=10)
"""Longer than from the claim of a decision to its handover: who withdraws between is seen then. And
longer than a caller's clock may be fast: what it says to happen later is in force only by then.
"""


def cancel_withdrawn(care: CareWorkspace, now: datetime, since: datetime | None) -> datetime:
    """Cancel what must not be sent any more.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    now : datetime
        What time it is (UTC).
    since : datetime or None
        When this was done last; None where nobody knows.

    Returns
    -------
    datetime
        `now`.
    """
    handed = care.ledger.handed
    customers = None if since is None else {ERASED, *handed.spoke_since(since - _OVERLAP)}
    decisions = handed.open(now, customers)
    if decisions:
        consents = care.ledger.consents.in_force(now, {one.customer_id for one in decisions})
        known = KnownNow(
            consents=consents,
            uses_profiling=care.catalogue.uses_profiling,
            law=care.law,
            now=now,
        )
        handed.cancel(withdrawn(decisions, known), now)
    return now
