"""Why customers, lines and rows are left out of a training or of a night's scores, in words."""

from collections.abc import Mapping

EXCLUDED: Mapping[str, str] = {
    "iot": "lines of machines (IoT)",
    "test": "test lines",
    "employee": "employees' lines",
    "iot_test_employee": "only lines of machines, tests or employees",
    "suspended": "suspended",
    "status_unknown": "with a status that is in no list",
    "enterprise": "of enterprises, which have an account manager",
    "new": "too new: not enough history",
    "cancelling": "already cancelling",
    "ended": "already ended",
    "porting": "asked to port out",
    "inactive": "prepaid and already inactive",
    "silent": "prepaid and already inactive",  # as versions made earlier call it
    "no_history": "without feature history",
    "other_billing_type": "of another billing type",
    "in_gap": "lost inside the gap",
    "incomplete": "prepaid, and the data ended before inactivity could be decided",
    "censored": "outcome not known",
    "care": "touched by our own care",
    "not_at_risk": "of nobody who can be surveyed",
    "purged": "label would reach into the test period",
    "use_unknown": "prepaid, and its use is not known",
}
"""What each reason means; pages translate it."""
