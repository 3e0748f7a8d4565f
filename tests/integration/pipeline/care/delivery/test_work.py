"""The process that works: it hands over until it is told to stop, and holds a lease meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from care.delivery.receivers import Receivers
from care.ledger.rows import moment
from care.ledger.tables import OUTBOX
from holdfast.clock import Clock, system_clock
from holdfast.home import Home
from pipeline.care.approve import approve_campaign
from pipeline.care.delivery.relays import Delivery
from pipeline.care.delivery.send import send_due
from pipeline.care.delivery.work import WorkError, WorkPlan, work
from pipeline.care.plan import plan_campaign
from pipeline.care.workspace import CareWorkspace, care_of
from tests.builders.care_home import SETTINGS, care_home
from tests.builders.ledger_rows import ANA
from tests.builders.night import FEATURES, NIGHT
from tests.builders.receiver import SECRET, RawReceiver, receiving
from training.settings import LabelSettings

NOON = NIGHT + timedelta(hours=12)


@pytest.fixture
def home(operator_home: Home, tmp_path: Path) -> Home:
    return care_home(operator_home, tmp_path / "home")


def planned(care: CareWorkspace) -> int:
    """Plan and approve; how many are to be sent."""
    plan = plan_campaign(care, "calls", FEATURES, lambda: NOON)
    return approve_campaign(care, "calls", ANA, plan.row.digest, lambda: NOON).to_send


class Day:
    """A clock that stands still until it is set, and counts how often somebody looks at it."""

    def __init__(self) -> None:
        self.now, self.looks = NOON, 0

    def __call__(self) -> datetime:
        self.looks += 1
        return self.now

    async def go_on(self, home: Home) -> None:
        """Whenever nothing may be sent any more, let it be when the next may: however long that takes, so
        that nothing is too late.
        """
        engine = sa.create_engine(f"sqlite:///{home.care / 'ledger.db'}", poolclass=sa.NullPool)
        while True:
            with engine.connect() as connection:
                times = connection.execute(sa.select(OUTBOX.c.next_at)).scalars().all()
            next_at = min(map(moment, times), default=self.now)
            self.now = max(self.now, next_at)
            await asyncio.sleep(0.02)


def work_plan(care: CareWorkspace, receiver: RawReceiver, clock: Clock) -> WorkPlan:
    crm = receiver.declared(channels=("phone",))
    delivery = Delivery(
        receivers=Receivers(webhooks={"crm": crm}),
        secrets={"crm": [SECRET]},
        clock=clock,
        machine_clock=system_clock,
    )
    return WorkPlan(
        care=care, delivery=delivery, features=FEATURES, labels=LabelSettings(), holder="one"
    )


def nobody() -> Delivery:
    """Files alone: nothing goes to a receiver."""
    day = Day()
    return Delivery(receivers=Receivers(), secrets={}, clock=day, machine_clock=system_clock)


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the test's own time limit ends it where it never does."""
    while not holds():
        await asyncio.sleep(0.02)


async def worked(
    plan: WorkPlan, meanwhile: Coroutine[None, None, None], day: Day | None = None
) -> None:
    """Work until something has happened, while the day goes on, if one is given."""
    stop = asyncio.Event()
    working, waiting = asyncio.create_task(work(plan, stop)), asyncio.create_task(meanwhile)
    passing = asyncio.create_task(day.go_on(plan.care.home) if day else stop.wait())
    await asyncio.wait([working, waiting, passing], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await working
    passing.cancel()
    assert waiting.done()
    await waiting


def test_all_that_is_approved_is_handed_over_once(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        to_send = planned(care)
        receiver = RawReceiver()

        async def run() -> None:
            async with receiving(receiver):
                day = Day()
                plan = work_plan(care, receiver, day)
                await worked(plan, until(lambda: "approved" not in care.ledger.states()), day)

        asyncio.run(run())
        assert sum(receiver.seen.values()) == len(receiver.seen) == to_send
        decided = {row.decision_id for _, row in care.ledger.decisions("calls") if row.channel}
        assert set(receiver.seen) == decided
        assert all("{" not in body["data"]["message"] for body in receiver.bodies)
        # Ended in an orderly way, it lets the next one begin at once.
        now = system_clock()
        assert care.ledger.work_lease.take("two", now, timedelta(seconds=1)).holder == "two"


def test_a_second_process_says_who_works(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        now = system_clock()
        held = care.ledger.work_lease.take("other:17", now, timedelta(hours=1))
        plan = work_plan(care, RawReceiver(), Day())
        with pytest.raises(WorkError, match="other:17 works on this ledger"):
            asyncio.run(work(plan, asyncio.Event()))
        care.ledger.work_lease.give_back(held, now)


def test_nothing_leaves_after_a_halt_and_it_goes_on_after_that(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        to_send = planned(care)
        receiver = RawReceiver()
        day = Day()
        care.ledger.halt("Ana", NOON)

        async def halted() -> None:
            await until(lambda: day.looks > 10)
            assert not receiver.bodies
            care.ledger.halt("Ana", NOON, is_halted=False)
            await until(lambda: "approved" not in care.ledger.states())

        async def run() -> None:
            async with receiving(receiver):
                await worked(work_plan(care, receiver, day), halted(), day)

        asyncio.run(run())
        assert len(receiver.seen) == to_send


def test_a_campaign_is_measured_for_who_asks_and_a_job_that_fails_says_why(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        planned(care)
        care.ledger.jobs.ask("calls", "console", NOON)
        care.ledger.jobs.ask("winter", "console", NOON)
        ended = {"done", "failed"}

        async def run() -> None:
            plan = replace(work_plan(care, RawReceiver(), Day()), delivery=nobody())
            jobs = care.ledger.jobs
            await worked(plan, until(lambda: {one.state for one in jobs.newest()} <= ended))

        asyncio.run(run())
        failed, done = care.ledger.jobs.newest()
        assert (failed.state, done.state) == ("failed", "done")
        assert "winter" in failed.why
        assert care.ledger.measured.campaign("calls") is not None
        assert (home.care / "effects" / "calls.html").exists()


def test_what_is_quiet_for_a_customer_waits_until_it_is_not(home: Home) -> None:
    with care_of(home, SETTINGS) as care:
        to_send = planned(care)
        receiver = RawReceiver()
        midnight = NOON + timedelta(hours=12)

        async def run() -> None:
            async with receiving(receiver):
                delivery = work_plan(care, receiver, lambda: midnight).delivery
                await asyncio.to_thread(send_due, care, delivery, FEATURES)

        asyncio.run(run())
        waiting = care.ledger.states()["approved"]
        assert 0 < waiting <= to_send
        assert len(receiver.bodies) == to_send - waiting


def test_a_text_that_changes_while_it_works_is_sent_as_the_new_plan_has_it(home: Home) -> None:
    file = home.care / "catalogue.toml"
    text = file.read_text(encoding="utf-8")
    with care_of(home, SETTINGS) as care:
        receiver = RawReceiver()
        day = Day()

        async def changed() -> None:
            file.write_text("[operator", encoding="utf-8")  # half a file changes nothing
            await asyncio.sleep(1.5)
            file.write_text(text.replace('sender = "', 'sender = "Another '), encoding="utf-8")
            with care_of(home, SETTINGS) as other:
                to_send = await asyncio.to_thread(planned, other)
            await until(lambda: len(receiver.seen) == to_send)

        async def run() -> None:
            async with receiving(receiver):
                await worked(work_plan(care, receiver, day), changed(), day)

        asyncio.run(run())
        assert "dead" not in care.ledger.states()
