"""Jurisdiction profiles: what the law of a place, or a careful operator, asks of care."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from care.model import ActionClass
from holdfast.documents import read_document
from holdfast.errors import InputError

Applies = Literal["offer", "profiled_offer"]
"""Which actions need a field in their texts: all offers, or those that a prediction chooses."""

_FILE = Path(__file__).with_name("jurisdictions.toml")
_SOURCED = (
    *("quiet_hours", "is_quiet_on_sundays", "offers_to_unknown_age"),
    *("do_not_call_screened_within_days", "port_suppresses", "required_fields"),
)


@dataclass(frozen=True, kw_only=True)
class Jurisdiction:
    """What a jurisdiction asks of care.

    Parameters
    ----------
    name : str
        The place.
    zones : tuple of str
        IANA time zones that a customer may be in whose zone is not known, at least one.
    is_quiet_on_sundays : bool
        Whether channels with quiet hours are quiet the whole Sunday.
    offers_to_unknown_age : bool
        Whether who may be a minor is given offers.
    do_not_call_screened_within_days : int
        Numbers are called only where they were compared with the do-not-call register within so
        many days.
    port_suppresses : tuple of {"service", "offer"}
        Classes of actions that end while a request to take the number elsewhere is open.
    quiet_hours : dict of str to (str, str)
        By channel, from when to when nothing is sent, ``HH:MM`` in the customer's zone.
    required_fields : dict of str to {"offer", "profiled_offer"}
        Fields that texts must show, and which actions' texts.
    sources : dict of str to str
        Where each rule comes from.
    """

    name: str
    zones: tuple[str, ...]
    is_quiet_on_sundays: bool
    offers_to_unknown_age: bool
    do_not_call_screened_within_days: int
    port_suppresses: tuple[ActionClass, ...]
    quiet_hours: dict[str, tuple[str, str]]
    required_fields: dict[str, Applies]
    sources: dict[str, str]

    def fields_required(self, action_class: ActionClass, uses_profiling: bool) -> tuple[str, ...]:
        """Fields that the texts of such an action must show."""
        if action_class != "offer":
            return ()
        return tuple(
            field
            for field, applies in self.required_fields.items()
            if applies == "offer" or uses_profiling
        )


@cache
def jurisdictions() -> Mapping[str, Jurisdiction]:
    """All profiles by code, such as ``EU``; ``strict`` is the default."""
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {code: _read(code, profile) for code, profile in document.items()}


def jurisdiction(code: str) -> Jurisdiction:
    """The profile of a code.

    Raises
    ------
    InputError
        There is none.
    """
    profiles = jurisdictions()
    if code not in profiles:
        raise InputError("jurisdiction", f"must be one of {', '.join(profiles)}", code)
    return profiles[code]


def _read(code: str, profile: Any) -> Jurisdiction:
    read = read_document(Jurisdiction, profile, _FILE.name, code)
    without = [rule for rule in _SOURCED if not read.sources.get(rule)]
    if without:
        raise InputError(f"{_FILE.name}: {code}.sources.{without[0]}", "must name the source")
    return read
