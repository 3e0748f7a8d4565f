"""Scopes: what an API key may be used for, and for which purpose."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from holdfast.errors import InputError

if TYPE_CHECKING:
    from models.score_set import Purpose


class KeyScope(StrEnum):
    """One thing that a key may be used for."""

    PREDICTIONS_SERVICE = "predictions:service"
    PREDICTIONS_MARKETING = "predictions:marketing"
    EVENTS = "events"
    CONSENTS = "consents"
    OUTCOMES = "outcomes"
    DECISIONS = "decisions"
    CARE_READ = "care:read"
    CARE_APPROVE = "care:approve"


SCOPE_MEANINGS: Mapping[KeyScope, str] = {
    KeyScope.PREDICTIONS_SERVICE: "predictions and reasons, for service care",
    KeyScope.PREDICTIONS_MARKETING: "predictions and reasons, for marketing; withheld of who objects",
    KeyScope.EVENTS: "send events, such as contacts, tickets, payments and consents",
    KeyScope.CONSENTS: "send consents, granted and withdrawn",
    KeyScope.OUTCOMES: "send what came of decisions of care",
    KeyScope.DECISIONS: "ask whether a message of care may be sent at this moment",
    KeyScope.CARE_READ: "read campaigns and jobs, and have campaigns measured; no customers",
    KeyScope.CARE_APPROVE: "the same, and approve plans as the person whose key it is",
}
"""Each scope, with what it opens."""

PREDICTIONS = (KeyScope.PREDICTIONS_SERVICE, KeyScope.PREDICTIONS_MARKETING)
"""One of these is needed to ask for predictions."""

CARE = (KeyScope.CARE_READ, KeyScope.CARE_APPROVE)
"""One of these is needed to read campaigns, and to have them measured."""

_PURPOSES: "Mapping[KeyScope, Purpose]" = {
    KeyScope.PREDICTIONS_SERVICE: "service",
    KeyScope.PREDICTIONS_MARKETING: "marketing",
}


def read_scopes(names: Iterable[str]) -> frozenset[KeyScope]:
    """Scopes by their names.

    Raises
    ------
    InputError
        There is none, a name is no scope, or two of them are for different purposes: whoever asks
        with the key would be free to choose the purpose.
    """
    scopes = frozenset(map(_read_scope, names))
    if not scopes:
        raise InputError("--scope", f"must be given at least once: {', '.join(KeyScope)}")
    if len({_PURPOSES[scope] for scope in scopes if scope in _PURPOSES}) > 1:
        rule = "must be for one purpose, service or marketing; make a key for each"
        raise InputError("--scope", rule, ", ".join(sorted(scopes)))
    return scopes


def purpose_of(scopes: Iterable[KeyScope]) -> "Purpose | None":
    """The purpose that scopes fix; None where they open nothing about customers."""
    return next((_PURPOSES[scope] for scope in scopes if scope in _PURPOSES), None)


def _read_scope(name: str) -> KeyScope:
    try:
        return KeyScope(name)
    except ValueError:
        raise InputError("--scope", f"must be one of {', '.join(KeyScope)}", name) from None
