"""Policy asked again, on what is known now, about decisions that are about to leave."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from care.consents import ConsentsInForce
from care.ledger.rows import DecisionRow, Verdicts, microseconds, moment
from care.model import Action
from care.planning import CareFacts
from care.policy import YES, PolicyQuestion, judge
from care.quiet_hours import next_allowed
from features.live.exclusions import LiveExclusions
from features.online.service import online_directory
from features.operator.line_facts import FactReading
from features.operator.repository import OperatorRepository
from features.operator.screenings import SCREENINGS
from features.packed.store import PackedStore
from features.settings import FeatureSettings
from holdfast.clock import Clock
from holdfast.home import Home
from pipeline.care.consents import merge_consents
from pipeline.care.facts import consent_facts, policy_facts
from pipeline.care.plan import earlier_decisions, halted_by_night, newest_snapshot
from pipeline.care.workspace import CareWorkspace
from training.labelling.exits import lines_with_notice
from training.labelling.history import RawHistory

NOT_IN_SERVICE = "not_in_service"
"""Why a decision is refused whose line is no longer in the newest snapshot."""

NOTICE_GIVEN = "notice_given"
"""Why a decision is refused that a prediction proposed, when the customer has given notice since."""

NOT_IN_CATALOGUE = "not_in_catalogue"
"""Why a decision is refused whose action is no longer in the catalogue."""


_ASKED_NOW = (SCREENINGS, "notices", "consents")
"""Raw tables that are asked as they stand now, and not as of the snapshot."""


def facts_stamp(home: Home) -> object:
    """Changes with what a `Recheck` of a home rests on, but for the ledger and the catalogue.

    Raises
    ------
    InputError
        Nothing was scored yet.
    """
    parts = [path for name in _ASKED_NOW for path in sorted((home.raw / name).glob("*.parquet"))]
    written = [
        (str(path), about.st_mtime_ns, about.st_size) for path in parts for about in [path.stat()]
    ]
    return newest_snapshot(home), halted_by_night(home), written


class Recheck:
    """Policy on the facts of the newest snapshot, and of the ledger when it is made.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    features : FeatureSettings
        Memory and threads that reading may take.
    clock : Clock
        The home's.
    """

    def __init__(self, care: CareWorkspace, features: FeatureSettings, clock: Clock) -> None:
        self.care, self._clock = care, clock
        merge_consents(care.home, care.ledger, clock())
        self._earlier = earlier_decisions(care.ledger)
        self._decided = {entry.decision.decision_id: entry.decided_at for entry in self._earlier}
        self._reading = FactReading(
            at=newest_snapshot(care.home),
            memory_gb=features.memory_gb,
            threads=features.threads_to_use,
        )
        self._halted = halted_by_night(care.home)
        self._with_notice = lines_with_notice(RawHistory(care.home.raw, clock()), clock())
        self._live = _live_exclusions(care.home)
        self._known: dict[tuple[str, datetime], CareFacts] = {}
        self.send_after: dict[str, datetime] = {}
        """When each that was asked about may be sent from then on, out of quiet hours."""

    @property
    def snapshot(self) -> datetime:
        """Time of the snapshot that facts come from (UTC)."""
        return self._reading.at

    def read(self, waiting: Collection[tuple[str, datetime]]) -> None:
        """Read what will be asked about decisions of some actions, made at some times, so that no
        transaction waits for it.
        """
        for code, decided_at in waiting:
            if code in self.care.catalogue.actions:
                self._facts(self.care.catalogue.actions[code], decided_at)

    def for_files(self, decisions: Sequence[DecisionRow]) -> Verdicts:
        """What policy says of decisions that go into a file: whoever reads it waits for the end of
        quiet hours.
        """
        refused: dict[str, str] = {}
        # Read for each claim: somebody may have withdrawn since the one before.
        customers = {decision.customer_id for decision in decisions}
        consents = self.care.ledger.consents.in_force(self._clock(), customers)
        made: dict[tuple[str, datetime], list[DecisionRow]] = {}
        unknown: dict[str, datetime] = {}
        for one in decisions:
            if one.decision_id in self._decided:
                made.setdefault((one.action, self._decided[one.decision_id]), []).append(one)
            else:
                # Approved since this was made; whoever is made next knows it.
                unknown[one.decision_id] = self._clock()
        for (code, decided_at), chosen in made.items():
            action = self.care.catalogue.actions.get(code)
            if action is None:
                refused |= {one.decision_id: NOT_IN_CATALOGUE for one in chosen}
            else:
                refused |= self._of_action(action, decided_at, chosen, consents)
        revisions = {one.decision_id: consents.revision(one.customer_id) for one in decisions}
        return Verdicts(refused=refused, postponed=unknown, consent_revisions=revisions)

    def for_webhooks(self, decisions: Sequence[DecisionRow]) -> Verdicts:
        """What policy says of decisions that go to a receiver: they wait for the end of quiet hours,
        and are asked about again then.
        """
        verdicts = self.for_files(decisions)
        now = self._clock()
        may = [
            one.decision_id
            for one in decisions
            if one.decision_id not in verdicts.refused.keys() | verdicts.postponed.keys()
        ]
        quiet = {one: self.send_after[one] for one in may if self.send_after[one] > now}
        return replace(verdicts, postponed={**verdicts.postponed, **quiet})

    def _of_action(
        self,
        action: Action,
        decided_at: datetime,
        decisions: Sequence[DecisionRow],
        consents: ConsentsInForce,
    ) -> dict[str, str]:
        """What refuses decisions of one action now. A decision is asked against those made before it:
        later ones were asked against it.
        """
        facts = self._facts(action, decided_at)
        places = {line: place for place, line in enumerate(facts.subscription_id.tolist())}
        said = self._said_since(decisions)
        refused = {
            decision.decision_id: NOT_IN_SERVICE
            for decision in decisions
            if decision.subscription_id not in places
        }
        refused |= {
            decision.decision_id: NOTICE_GIVEN
            for decision in decisions
            if self._has_given_notice(decision, said) and self._is_predicted(decision)
        }
        now = np.int64(microseconds(self._clock()))
        for channel in dict.fromkeys(decision.channel for decision in decisions):
            asked = [
                decision
                for decision in decisions
                if decision.channel == channel and decision.decision_id not in refused
            ]
            rows = np.array([places[str(one.subscription_id)] for one in asked], dtype=np.intp)
            known = replace(
                facts.policy(str(channel), action).taken(rows),
                **consent_facts(consents, str(channel), facts.customer_id[rows]),
            )
            ports = ["port_requests" in said.get(str(one.subscription_id), ()) for one in asked]
            known = replace(
                known, port_is_pending=np.where(ports, YES, known.port_is_pending).astype(np.int8)
            )
            law = self.care.law
            at = np.full(len(asked), now)
            when = next_allowed(at, known.zone, known.zones, str(channel), law)
            question = PolicyQuestion(
                action_class=action.action_class,
                uses_profiling=action.uses_profiling,
                cool_down_days=action.cool_down_days,
                channel=str(channel),
                jurisdiction=law,
                limits=self.care.limits,
                care_is_halted=self._halted,
            )
            refusals = judge(replace(known, send_at=when), question)
            for place, decision in enumerate(asked):
                self.send_after[decision.decision_id] = moment(int(when[place]))
                if reasons := refusals.reasons(place):
                    refused[decision.decision_id] = ", ".join(reasons)
        return refused

    def _said_since(self, decisions: Sequence[DecisionRow]) -> dict[str, frozenset[str]]:
        """Raw tables of which live events have told since the snapshot that a line is leaving, by
        subscription.
        """
        lines = [one.subscription_id for one in decisions if one.subscription_id is not None]
        if self._live is None or not lines:
            return {}
        return self._live.tables_since(lines, microseconds(self._reading.at))

    def _has_given_notice(self, decision: DecisionRow, said: Mapping[str, frozenset[str]]) -> bool:
        line = str(decision.subscription_id)
        return line in self._with_notice or "notices" in said.get(line, ())

    def _is_predicted(self, decision: DecisionRow) -> bool:
        """Whether a prediction proposed it; so it counts where its trigger is no longer there."""
        trigger = self.care.catalogue.triggers.get(decision.trigger)
        return trigger is None or trigger.source == "prediction"

    def _facts(self, action: Action, decided_at: datetime) -> CareFacts:
        key = (action.code, decided_at)
        if key not in self._known:
            earlier = [entry for entry in self._earlier if entry.decided_at < decided_at]
            self._known[key] = policy_facts(
                *(self.care.home, action, self.care.limits, earlier),
                *(ConsentsInForce(), self._reading, self._clock()),
            )
        return self._known[key]


def _live_exclusions(home: Home) -> LiveExclusions | None:
    """What live events say of lines that are leaving; None where the home keeps no live events."""
    folder = online_directory(OperatorRepository(home).directory)
    return LiveExclusions(PackedStore(folder)) if (folder / "data.mdb").exists() else None
