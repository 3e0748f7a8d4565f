"""Laws of the outbox, whatever workers do in whatever order."""

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from care.ledger.ledger import Ledger
from care.ledger.outbox import LEASE
from care.ledger.rows import Claim, Settlement, Verdicts
from tests.builders.ledger_rows import ANA, NOON, decision_row, plan_row

COUNT = 5
ENDED = {"handed_over", "refused", "expired", "dead"}


class Outbox(RuleBasedStateMachine):
    """Two workers, a person who halts, and time that passes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.ledger = Ledger(f"sqlite:///{Path(self.folder.name) / 'care.db'}")
        self.now = NOON
        self.held: list[tuple[Claim, object]] = []
        self.taken: set[str] = set()
        self.dead = 0

    @initialize()
    def approve(self) -> None:
        withheld = decision_row(99, channel=None, arm="control", send_after=None, send_before=None)
        self.ledger.record_plan(plan_row(), {}, [*map(decision_row, range(COUNT)), withheld])
        self.ledger.approve("spring-1", "d" * 64, ANA, NOON)

    @rule(most=st.integers(1, COUNT), refused=st.sets(st.integers(0, COUNT - 1), max_size=1))
    def claim(self, most: int, refused: set[int]) -> None:
        names = {f"D{number}" for number in refused}
        claims = self.ledger.outbox.claim(
            self.now,
            most,
            lambda rows: Verdicts(
                refused={r.decision_id: "no" for r in rows if r.decision_id in names}
            ),
        )
        still = {c.decision.decision_id for c, until in self.held if until > self.now}
        mine = {claim.decision.decision_id for claim in claims}
        assert not mine & still, "two workers hold one decision"
        assert not mine & (names | self.taken | {"D99"})
        assert not (claims and self.ledger.is_halted)
        self.held += [(claim, self.now + LEASE) for claim in claims]

    @rule(data=st.data())
    def report(self, data: st.DataObject) -> None:
        if not self.held:
            return
        claim, _ = data.draw(st.sampled_from(self.held))
        newest = max(
            other.token
            for other, _ in self.held
            if other.decision.decision_id == claim.decision.decision_id
        )
        done = self.ledger.outbox.handed_over([claim], self.now)
        assert done <= (claim.token == newest)
        if done:
            assert claim.decision.decision_id not in self.taken, "handed over twice"
            self.taken.add(claim.decision.decision_id)
        self.forget(claim)

    @rule(data=st.data(), dead=st.booleans())
    def fail(self, data: st.DataObject, dead: bool) -> None:
        if not self.held:
            return
        claim, _ = data.draw(st.sampled_from(self.held))
        ended = Settlement(claim=claim, state="dead" if dead else "approved", why="no")
        done = self.ledger.outbox.settle([ended], self.now)
        self.dead += bool(done and dead)
        self.forget(claim)

    @rule(minutes=st.integers(1, 8))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def replay(self) -> None:
        assert self.ledger.outbox.replay("Ana", self.now) == self.dead
        self.dead = 0

    @rule(is_halted=st.booleans())
    def halt(self, is_halted: bool) -> None:
        self.ledger.halt("Ana", self.now, is_halted=is_halted)

    @invariant()
    def every_decision_is_in_one_state(self) -> None:
        states = self.ledger.states()
        assert sum(states.values()) in (0, COUNT + 1)
        assert states.get("handed_over", 0) == len(self.taken)
        if states:
            assert states["withheld"] == 1

    def forget(self, claim: Claim) -> None:
        # It may still be reported by a worker that comes back late: another claim of it counts.
        self.held = [(other, until) for other, until in self.held if other is not claim]

    def teardown(self) -> None:
        while claims := self.ledger.outbox.claim(
            self.now + timedelta(days=30), COUNT, lambda rows: Verdicts()
        ):
            raise AssertionError(f"sent too late: {claims}")
        self.ledger.halt("Ana", self.now, is_halted=False)
        self.ledger.outbox.claim(self.now + timedelta(days=30), COUNT, lambda rows: Verdicts())
        states = self.ledger.states()
        assert set(states) <= ENDED | {"withheld"}
        self.ledger.close()
        self.folder.cleanup()


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)
