"""The catalogue: which actions there are, and which triggers propose them.

An operator may keep a catalogue of its own in its home; the one here is the default. Reading is
strict, and tells every mistake at once, each by its line.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from care.faults import Faults, FaultyFileError
from care.jurisdiction import Jurisdiction
from care.model import LANGUAGES, Action, Trigger
from care.texts import fields_in, template_faults
from features.contracts.vocabulary import CONTACT_CHANNELS
from holdfast.documents import inspect_document, to_document
from holdfast.errors import InputError

DEFAULT_CATALOGUE = Path(__file__).with_name("catalogue.toml")

_WORDING_LETTERS = 16
_NO_BOUNDS = {"at_least": None, "at_most": None}
_SAID_BY_LANGUAGE = ("opt_out", "untargeted_choice", "personalised_price")
_SOURCES = (*("behaviour", "billing", "network", "service", "contract", "survey", "prediction"),)


_Entry = TypeVar("_Entry", Action, Trigger)


class CatalogueError(FaultyFileError):
    """A catalogue has mistakes."""


@dataclass(frozen=True, kw_only=True)
class OperatorTexts:
    """What the operator says of itself in messages.

    Parameters
    ----------
    sender : str
        Its name, as customers know it.
    currency : str
        Of amounts, ISO 4217, such as ``EUR``.
    opt_out : dict of str to str
        By language, how to be sent no more offers.
    untargeted_choice : dict of str to str
        By language, where offers are that no prediction has chosen.
    personalised_price : dict of str to str
        By language, that a price was chosen by automated decision.
    """

    sender: str
    currency: str
    opt_out: dict[str, str]
    untargeted_choice: dict[str, str]
    personalised_price: dict[str, str]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that it fills."""
        return ("sender", *_SAID_BY_LANGUAGE)

    def values(self, language: str) -> dict[str, str]:
        """Its fields in a language."""
        return {
            "sender": self.sender,
            **{name: getattr(self, name)[language] for name in _SAID_BY_LANGUAGE},
        }


@dataclass(frozen=True)
class Catalogue:
    """Actions and triggers.

    Parameters
    ----------
    operator : OperatorTexts
        What the operator says of itself.
    actions : mapping of str to Action
        By code.
    triggers : mapping of str to Trigger
        By code.
    """

    operator: OperatorTexts
    actions: Mapping[str, Action]
    triggers: Mapping[str, Trigger]

    @cached_property
    def wordings(self) -> Mapping[str, str]:
        """By action, a digest of all that its messages say, but for facts of customers."""
        operator = to_document(self.operator)
        said = {
            code: json.dumps([action.texts, operator], sort_keys=True)
            for code, action in self.actions.items()
        }
        return {
            code: hashlib.sha256(text.encode()).hexdigest()[:_WORDING_LETTERS]
            for code, text in said.items()
        }

    def uses_profiling(self, code: str) -> bool:
        """Whether a prediction chooses an action; true of one that is not there any more."""
        return code not in self.actions or self.actions[code].uses_profiling


def catalogue_of(home: Path) -> Path:
    """The catalogue that holds in a home: its own, or the one that holdfast comes with."""
    own = home / "care" / "catalogue.toml"
    return own if own.exists() else DEFAULT_CATALOGUE


def read_catalogue(path: Path, jurisdiction: Jurisdiction) -> Catalogue:
    """Read a catalogue.

    Parameters
    ----------
    path : Path
        A TOML file such as the default one.
    jurisdiction : Jurisdiction
        Decides what texts of offers must show.

    Raises
    ------
    InputError
        The file cannot be read, or is no TOML.
    CatalogueError
        Anything in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(str(path), "must be a readable text file", type(error).__name__) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(path.name, f"must be TOML: {error}") from None
    found = Faults(path.name, text)
    actions = _read_actions(document, found)
    triggers = _read_triggers(document, found)
    operator = _read_operator(document, found)
    for name in document.keys() - {"operator", "actions", "triggers"}:
        found.add((name,), "must be `operator`, `actions` or `triggers`", name)
    for action in actions.values():
        _check_action(action, jurisdiction, found)
    for trigger in triggers.values():
        _check_trigger(trigger, document.get("actions", {}), found)
    if operator is None or found.faults:
        raise CatalogueError(found.in_order())
    return Catalogue(operator, actions, triggers)


def _read_operator(document: Mapping[str, Any], found: Faults) -> OperatorTexts | None:
    read, faults = inspect_document(OperatorTexts, document.get("operator"), "")
    for fault in faults:
        key: list[str] = fault.field.removeprefix(": ").split(".")
        found.add(("operator", *key), fault.rule, fault.value)
    if read is None:
        return None
    if not read.sender.strip():
        found.add(("operator", "sender"), "must name the operator")
    if not re.fullmatch("[A-Z]{3}", read.currency):
        found.add(("operator", "currency"), "must be a code such as EUR (ISO 4217)", read.currency)
    for name in _SAID_BY_LANGUAGE:
        for language in LANGUAGES:
            if not getattr(read, name).get(language):
                found.add(("operator", name, language), "must be a text")
    return read


def _read_actions(document: Mapping[str, Any], found: Faults) -> dict[str, Action]:
    return dict(_entries(Action, "actions", document, found))


def _read_triggers(document: Mapping[str, Any], found: Faults) -> dict[str, Trigger]:
    return dict(_entries(Trigger, "triggers", document, found))


def _entries(
    kind: type[_Entry], section: str, document: Mapping[str, Any], found: Faults
) -> Iterator[tuple[str, _Entry]]:
    """Entries of a section that can be read, and mistakes of those that cannot."""
    entries = document.get(section)
    if not isinstance(entries, dict) or not entries:
        found.add((section,), "must be a table with at least one entry")
        return
    names = {field.name for field in fields(kind)} - {"code"}
    for code, entry in entries.items():
        if not isinstance(entry, dict):
            found.add((section, code), "must be a table", entry)
            continue
        unknown = entry.keys() - names
        for name in sorted(unknown):
            found.add((section, code, name), f"must be one of {', '.join(sorted(names))}", name)
        whole = {"code": code, **entry}
        if isinstance(entry.get("when"), list):
            whole["when"] = [
                {**_NO_BOUNDS, **one} if isinstance(one, dict) else one for one in entry["when"]
            ]
        read, faults = inspect_document(kind, whole, "")
        for fault in faults:
            key: list[str] = fault.field.removeprefix(": ").split(".")
            found.add((section, code, *key), fault.rule, fault.value)
        if read is not None:
            yield code, read


def _check_action(action: Action, jurisdiction: Jurisdiction, found: Faults) -> None:
    here = ("actions", action.code)
    if action.action_class == "owed" and action.withholdable:
        found.add((*here, "withholdable"), "must be false of what is owed", True)
    if action.action_class == "offer" and not action.withholdable:
        found.add(
            (*here, "withholdable"), "must be true of an offer, or nothing is measured", False
        )
    if action.cost < 0:
        found.add((*here, "cost"), "must be 0 or more", action.cost)
    if action.cool_down_days < 0:
        found.add((*here, "cool_down_days"), "must be 0 or more", action.cool_down_days)
    if not action.channels:
        found.add((*here, "channels"), "must name at least one channel")
    for channel in action.channels:
        if channel not in CONTACT_CHANNELS:
            rule = f"must be among {', '.join(CONTACT_CHANNELS)}"
            found.add((*here, "channels"), rule, channel)
    effect = action.assumed_effect
    if not -1 <= effect.low <= effect.value <= effect.high <= 1:
        rule = "must be -1 <= low <= value <= high <= 1"
        found.add((*here, "assumed_effect"), rule, (effect.low, effect.value, effect.high))
    if not effect.source:
        found.add((*here, "assumed_effect", "source"), "must say where the assumption comes from")
    _check_texts(action, jurisdiction, found)


def _check_texts(action: Action, jurisdiction: Jurisdiction, found: Faults) -> None:
    here = ("actions", action.code, "texts")
    required = jurisdiction.fields_required(action.action_class, action.uses_profiling)
    for language in action.texts.keys() - set(LANGUAGES):
        found.add((*here, language), f"must be one of {', '.join(LANGUAGES)}", language)
    for language in LANGUAGES:
        text = action.texts.get(language)
        if not text:
            found.add((*here, language), "must be a text")
            continue
        faults = template_faults(text, action.fields)
        for fault in faults:
            found.add((*here, language), fault)
        missing = [] if faults else [name for name in required if name not in fields_in(text)]
        for name in missing:
            rule = (
                f"must show the field {name!r} under no condition"
                f" ({jurisdiction.name}: {jurisdiction.sources['required_fields']})"
            )
            found.add((*here, language), rule)


def _check_trigger(trigger: Trigger, actions: Mapping[str, Any], found: Faults) -> None:
    here = ("triggers", trigger.code)
    if not trigger.when:
        found.add((*here, "when"), "must have at least one condition")
    for condition in trigger.when:
        low, high = condition.at_least, condition.at_most
        if low is None and high is None:
            found.add((*here, "when"), "must have at_least, at_most or both", condition.fact)
        if low is not None and high is not None and low > high:
            found.add((*here, "when"), "must not have at_most below at_least", condition.fact)
    if trigger.source not in _SOURCES:
        rule = (
            f"must be one of {', '.join(_SOURCES)}; what came with a port request only suppresses"
        )
        found.add((*here, "source"), rule, trigger.source)
    if trigger.valid_days < 1:
        found.add((*here, "valid_days"), "must be at least 1", trigger.valid_days)
    if not trigger.actions:
        found.add((*here, "actions"), "must name at least one action")
    for code in trigger.actions:
        if code not in actions:
            found.add((*here, "actions"), f"must be among {', '.join(sorted(actions))}", code)
