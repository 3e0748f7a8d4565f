"""Approved decisions handed over as a file, for teams without webhooks.

Consent and policy are asked again within the transaction that claims a decision, on what is known
now. Each claim is recorded before the file is written. Where writing is interrupted, the claims end
by themselves, and the decisions stand in the next file under the same names.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import UndefinedError

from care.consents import ConsentsInForce
from care.ledger.rows import Claim, DecisionRow, moment
from care.model import LANGUAGES, Action
from care.planning import CareFacts
from care.policy import PolicyQuestion, judge
from care.quiet_hours import next_allowed
from care.texts import render
from features.operator.line_facts import FactReading
from features.settings import FeatureSettings
from holdfast.clock import Clock
from holdfast.errors import InputError
from holdfast.files import write_beside
from holdfast.logging import progress
from models.words.catalogue import resolve
from pipeline.care.consents import merge_consents
from pipeline.care.facts import consent_facts, policy_facts
from pipeline.care.plan import earlier_decisions, halted_by_night, newest_snapshot
from pipeline.care.workspace import CareWorkspace

COLUMNS = (
    "decision_id",
    "campaign_id",
    "customer_id",
    "subscription_id",
    "action",
    "channel",
    "language",
    "message",
    "send_after",
    "send_before",
)
"""Columns of the file. Times are ISO 8601 in UTC; nothing may be sent outside them."""

NOT_IN_SERVICE = "not_in_service"
"""Why a decision is refused whose line is no longer in the newest snapshot."""

_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What was handed over.

    Parameters
    ----------
    path : Path or None
        The file; None where nothing was due.
    handed_over : int
        Decisions in it.
    states : dict of str to int
        All decisions of the ledger by their state now.
    """

    path: Path | None
    handed_over: int
    states: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "path": self.path and str(self.path),
            "handed_over": self.handed_over,
            "states": self.states,
        }


def send_as_file(care: CareWorkspace, features: FeatureSettings, clock: Clock) -> Sent:
    """Hand over all approved decisions that are due.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    features : FeatureSettings
        Memory and threads that reading may take.
    clock : Clock
        The home's.
    """
    now = clock()
    recheck = _Recheck(care, features, now)
    claims: list[Claim] = []
    with progress("Claiming what is due"):
        while taken := care.ledger.outbox.claim(now, _AT_ONCE, recheck.refuses):
            claims += taken
    if not claims:
        return Sent(path=None, handed_over=0, states=care.ledger.states())
    rows = [_row(care, claim, recheck.send_after) for claim in claims]
    unfit = [claim for claim, row in zip(claims, rows, strict=True) if row is None]
    fit = [claim for claim, row in zip(claims, rows, strict=True) if row is not None]
    if unfit:
        care.ledger.outbox.give_up(unfit, now, "a fact that its text needs is not known")
    first = claims[0]
    name = f"{now:%Y%m%dT%H%M%S}-{first.decision.decision_id}-{first.attempt}.csv"
    path = care.home.care / "sent" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_beside(path, _csv([row for row in rows if row is not None]))
    done = care.ledger.outbox.handed_over(fit, now)
    return Sent(path=path, handed_over=done, states=care.ledger.states())


class _Recheck:
    """Policy asked again, about decisions that are about to leave."""

    def __init__(self, care: CareWorkspace, features: FeatureSettings, now: datetime) -> None:
        self._care, self._now = care, now
        merge_consents(care.home, care.ledger, now)
        self._earlier = earlier_decisions(care.ledger)
        self._decided = {entry.decision.decision_id: entry.decided_at for entry in self._earlier}
        self._reading = FactReading(
            at=newest_snapshot(care.home),
            memory_gb=features.memory_gb,
            threads=features.threads_to_use,
        )
        self._halted = halted_by_night(care.home)
        self._consents = ConsentsInForce()
        self._known: dict[tuple[str, datetime], CareFacts] = {}
        self.send_after: dict[str, datetime] = {}
        """When each may be sent from now on, out of quiet hours."""

    def refuses(self, decisions: Sequence[DecisionRow]) -> Mapping[str, str]:
        refused: dict[str, str] = {}
        # Read for each claim: somebody may have withdrawn since the one before.
        customers = {decision.customer_id for decision in decisions}
        self._consents = self._care.ledger.consents.in_force(self._now, customers)
        for code in dict.fromkeys(decision.action for decision in decisions):
            chosen = [decision for decision in decisions if decision.action == code]
            refused |= self._of_action(self._care.catalogue.actions[code], chosen)
        return refused

    def _of_action(self, action: Action, decisions: Sequence[DecisionRow]) -> Mapping[str, str]:
        """What refuses decisions of one action now. A decision is asked against those made before it:
        later ones were asked against it.
        """
        first = min(self._decided[decision.decision_id] for decision in decisions)
        facts = self._facts(action, first)
        places = {line: place for place, line in enumerate(facts.subscription_id.tolist())}
        refused = {
            decision.decision_id: NOT_IN_SERVICE
            for decision in decisions
            if decision.subscription_id not in places
        }
        for channel in action.channels:
            asked = [
                decision
                for decision in decisions
                if decision.channel == channel and decision.decision_id not in refused
            ]
            rows = np.array([places[str(one.subscription_id)] for one in asked], dtype=np.intp)
            known = replace(
                facts.policy(channel, action).taken(rows),
                **consent_facts(self._consents, channel, facts.customer_id[rows]),
            )
            law = self._care.law
            when = next_allowed(known.send_at, known.zone, known.zones, channel, law)
            question = PolicyQuestion(
                action_class=action.action_class,
                uses_profiling=action.uses_profiling,
                cool_down_days=action.cool_down_days,
                channel=channel,
                jurisdiction=law,
                limits=self._care.limits,
                care_is_halted=self._halted,
            )
            refusals = judge(replace(known, send_at=when), question)
            for place, decision in enumerate(asked):
                self.send_after[decision.decision_id] = moment(int(when[place]))
                if reasons := refusals.reasons(place):
                    refused[decision.decision_id] = ", ".join(reasons)
        return refused

    def _facts(self, action: Action, first: datetime) -> CareFacts:
        if (action.code, first) not in self._known:
            earlier = [entry for entry in self._earlier if entry.decided_at < first]
            self._known[action.code, first] = policy_facts(
                *(self._care.home, action, self._care.limits, earlier),
                *(ConsentsInForce(), self._reading, self._now),
            )
        return self._known[action.code, first]


def _row(
    care: CareWorkspace, claim: Claim, send_after: Mapping[str, datetime]
) -> dict[str, str] | None:
    """A row of the file; None where its text cannot be filled."""
    decision = claim.decision
    action = care.catalogue.actions[decision.action]
    language = _language(str(decision.fields.get("language") or ""))
    operator = care.catalogue.operator
    values = {
        **operator.values(language),
        **{name: value for name, value in decision.fields.items() if name in action.fields},
    }
    try:
        message = render(action.texts[language], values, language, operator.currency)
    except UndefinedError:
        return None
    times = {
        name: "" if value is None else value.isoformat()
        for name, value in (
            ("send_after", send_after.get(decision.decision_id, decision.send_after)),
            ("send_before", decision.send_before),
        )
    }
    return {
        "decision_id": decision.decision_id,
        "campaign_id": claim.campaign_id,
        "customer_id": decision.customer_id,
        "subscription_id": decision.subscription_id or "",
        "action": decision.action,
        "channel": decision.channel or "",
        "language": language,
        "message": message,
        **times,
    }


def _language(asked: str) -> str:
    """The language of texts that a customer is written to in; the first where there are none."""
    try:
        return resolve(asked)
    except InputError:
        return LANGUAGES[0]


def _csv(rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
