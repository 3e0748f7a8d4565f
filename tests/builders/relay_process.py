"""A process that plans, approves and relays, and is killed while it does."""

import asyncio
import os
import signal
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from care.delivery.message import Message, Text, send_message
from care.delivery.receivers import Receiver
from care.delivery.relay import Relay
from care.delivery.webhook import Webhook
from care.ledger.ledger import Ledger
from care.ledger.rows import Claim, PlanRow, Verdicts
from holdfast.clock import system_clock
from holdfast.failpoint import Failpoint
from tests.builders.ledger_rows import ANA, decision_row, plan_row
from tests.builders.receiver import SECRET

MODULES = ("tests.builders.relay_process", "sqlalchemy.dialects.sqlite", "alembic.command")
PLACES = (
    *("in_plan", "in_approval", "in_claim", "after_claim"),
    *("after_answer", "after_send", "in_settlement", "after_settle"),
)
"""Failpoints of planning, approving, claiming, sending and settling."""

DECISIONS = 12
"""Decisions of each plan."""


class Impatient(Random):
    """Waits a thousandth of the time before it tries again."""

    def uniform(self, a: float, b: float) -> float:
        return 0.001


def plan_of(number: int, made_at: datetime) -> PlanRow:
    """The plan of a run."""
    return replace(plan_row(f"spring-{number}"), made_at=made_at)


def kill_at(place: str, times: int) -> Failpoint:
    """End this process as a kill does, when a place is reached the n-th time."""
    left = times

    def reached(name: str) -> None:
        nonlocal left
        left -= name == place
        if name == place and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return reached


def relay_until_done(
    url: str, receiver: Receiver, number: int, made_at: datetime, place: str, times: int
) -> None:
    """Plan and approve the plan of a run, unless that is done, and relay until nothing is left."""
    failpoint = kill_at(place, times)
    ledger = Ledger(url, failpoint)
    plan = plan_of(number, made_at)
    rows = [
        decision_row(
            number * DECISIONS + one, send_after=made_at, send_before=made_at + timedelta(days=1)
        )
        for one in range(DECISIONS)
    ]
    ledger.record_plan(plan, {}, rows)
    ledger.approve(plan.plan_id, plan.digest, ANA, made_at)
    ledger.outbox.take_over(number)
    asyncio.run(_relay(ledger, receiver, number, failpoint))
    ledger.close()


async def _relay(ledger: Ledger, receiver: Receiver, number: int, failpoint: Failpoint) -> None:
    webhook = Webhook(receiver, [SECRET], system_clock, 8)
    relay = Relay(
        outbox=ledger.outbox,
        receiver=receiver,
        sender=webhook,
        compose=_composed,
        judges=lambda rows: Verdicts(),
        clock=system_clock,
        random=Impatient(),
        worker=number,
        failpoint=failpoint,
    )
    while ledger.outbox.waiting():
        if not (await relay.round()).claimed:
            await asyncio.sleep(0.005)
    await webhook.close()


def _composed(claim: Claim, now: datetime) -> Message:
    text = Text(language="en", message="Hello", fields={})
    return send_message(claim, text, None, now, now)
