"""Laws of what leaves, whatever is said, by whom, in whatever order: never without consent, never
in quiet hours; a withdrawal wins a tie, and cancels what has left.
"""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from care.consents import ConsentStatement
from care.delivery.go import TIME_ZONE, KnownNow, reasons_now, withdrawn
from care.jurisdiction import jurisdiction
from care.ledger.ledger import Ledger
from care.ledger.rows import Claim, DecisionRow, Verdicts
from tests.builders.ledger_rows import ANA, NOON, decision_row, plan_row
from tests.builders.ledgers import ledger_url

COUNT = 4
LAW = jurisdiction("UK")
LONDON = ZoneInfo("Europe/London")
CUSTOMERS = st.integers(0, COUNT - 1)


class Delivery(RuleBasedStateMachine):
    """Customers who say yes and no, a worker, a day that passes, and reports that come late."""

    kind: ClassVar[str] = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        folder = Path(self.open.enter_context(tempfile.TemporaryDirectory()))
        self.ledger = Ledger(self.open.enter_context(ledger_url(self.kind, folder)))
        self.now = NOON
        self.said: list[tuple[int, str, bool, datetime]] = []
        self.held: list[Claim] = []
        self.handed: set[int] = set()

    @initialize()
    def approve(self) -> None:
        rows = [
            decision_row(number, fields={TIME_ZONE: "Europe/London"}) for number in range(COUNT)
        ]
        self.ledger.record_plan(plan_row(), {}, rows)
        self.ledger.approve("spring-1", "d" * 64, ANA, NOON)

    @rule(
        who=CUSTOMERS,
        channel=st.sampled_from(["sms", "any", "email"]),
        is_granted=st.booleans(),
        hours_ago=st.integers(0, 2),
    )
    def say(self, who: int, channel: str, is_granted: bool, hours_ago: int) -> None:
        at = self.now - timedelta(hours=hours_ago)
        self.said.append((who, channel, is_granted, at))
        statement = ConsentStatement(
            customer_id=f"C{who}",
            purpose="offers",
            channel=channel,
            is_granted=is_granted,
            happened_at=at,
        )
        self.ledger.consents.record([statement], "request", self.now)

    @rule(hours=st.integers(1, 9))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def claim(self) -> None:
        claims = self.ledger.outbox.claim(self.now, COUNT, self.verdicts)
        for claim in claims:
            number = int(claim.decision.decision_id[1:])
            assert self.consents(number), "sent without consent"
            assert 8 <= self.now.astimezone(LONDON).hour < 21, "sent in quiet hours"
        self.held += claims

    @rule()
    def report(self) -> None:
        for claim in self.held:
            if self.ledger.outbox.handed_over([claim], self.now):
                self.handed.add(int(claim.decision.decision_id[1:]))
        self.held.clear()

    @rule()
    def look_for_withdrawals(self) -> None:
        decisions = self.ledger.handed.open(self.now)
        whys = withdrawn(decisions, self.known())
        self.ledger.handed.cancel(whys, self.now)
        for decision in self.ledger.handed.open(self.now):
            assert self.consents(int(decision.decision_id[1:])), "left with the receiver"

    @rule(who=CUSTOMERS)
    def ask(self, who: int) -> None:
        decision, state = self.ledger.handed.look_up([f"D{who}"])[f"D{who}"]
        reasons = reasons_now(decision, state, self.known())
        if not reasons:
            # A receiver may ask before its answer has been recorded.
            claimed = {int(claim.decision.decision_id[1:]) for claim in self.held}
            assert who in self.handed | claimed
            assert self.consents(who)

    def verdicts(self, decisions: Sequence[DecisionRow]) -> Verdicts:
        refused, postponed = {}, {}
        known = self.known()
        for one in decisions:
            reasons = reasons_now(one, "handed_over", known)
            if reasons == ["quiet_hours"]:
                postponed[one.decision_id] = self.now + timedelta(hours=1)
            elif reasons:
                refused[one.decision_id] = ", ".join(reasons)
        return Verdicts(refused=refused, postponed=postponed)

    def known(self) -> KnownNow:
        return KnownNow(
            consents=self.ledger.consents.in_force(self.now),
            uses_profiling=lambda action: False,
            law=LAW,
            now=self.now,
        )

    def consents(self, who: int) -> bool:
        """Whether a customer consents to offers by SMS: a second implementation."""
        about = [
            (at, not is_granted)
            for one, channel, is_granted, at in self.said
            if one == who and channel in ("sms", "any")
        ]
        return bool(about) and not max(about)[1]

    def teardown(self) -> None:
        self.ledger.close()
        self.open.close()


class DeliveryOnPostgres(Delivery):
    """The same on PostgreSQL."""

    kind: ClassVar[str] = "postgresql"


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
TestDeliveryOnPostgres = DeliveryOnPostgres.TestCase
TestDeliveryOnPostgres.settings = settings(max_examples=2, stateful_step_count=15, deadline=None)
