"""Planner, ledger and worker killed at named places and at random: nothing is lost, and nothing
comes twice unless an answer got lost or a kill came between.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

from care.ledger.ledger import Ledger
from holdfast.clock import system_clock
from tests.builders.processes import processes
from tests.builders.receiver import RawReceiver, receiving
from tests.builders.relay_process import DECISIONS, MODULES, PLACES, relay_until_done


@dataclass
class Take:
    """A message that the receiver took. It may take it after its sender was killed."""

    message_id: str
    sent_at: datetime
    is_lost: bool


@dataclass
class Unreliable:
    """A receiver that fails, is slow and loses answers, by a seed."""

    random: Random
    killed_at: list[datetime] = field(default_factory=list)
    takes: list[Take] = field(default_factory=list)
    receiver: RawReceiver = field(init=False)

    def __post_init__(self) -> None:
        self.receiver = RawReceiver(self.answer)

    async def answer(self, number: int) -> web.Response | None:
        message_id = self.receiver.headers[number - 1]["webhook-id"]
        kind = self.random.choices(("takes", "fails", "slow", "loses"), (70, 12, 10, 8))[0]
        if kind == "fails":
            return web.Response(status=503)
        if kind == "slow":
            await asyncio.sleep(self.random.uniform(0, 0.05))
        sent_at = datetime.fromisoformat(self.receiver.bodies[number - 1]["timestamp"])
        self.takes.append(Take(message_id, sent_at, kind == "loses"))
        return None if kind == "loses" else web.Response(status=204)


@contextmanager
def listening(unreliable: Unreliable) -> Iterator[None]:
    """The receiver in a thread of its own, while the context lasts."""
    ready, stop = threading.Event(), threading.Event()

    async def run() -> None:
        async with receiving(unreliable.receiver):
            ready.set()
            while not stop.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.proof
def test_nothing_is_lost_and_nothing_comes_twice_without_a_kill_or_a_lost_answer(
    tmp_path: Path, proof_draws: Callable[[int], int]
) -> None:
    kills, random = proof_draws(200), Random(14)
    url = f"sqlite:///{tmp_path}/care.db"
    Ledger(url).close()
    unreliable, context = Unreliable(Random(7)), processes(*MODULES)
    runs = 0
    with listening(unreliable):
        receiver = unreliable.receiver.declared()
        while len(unreliable.killed_at) < kills:
            # By turns at a named place and at random; places are reached once or some times.
            runs += 1
            place = PLACES[runs // 2 % len(PLACES)] if runs % 2 else ""
            times = random.choice((1, 1, 2, 5)) if place == "after_answer" else 1
            process = context.Process(
                target=relay_until_done,
                args=(url, receiver, runs, system_clock(), place, times),
            )
            process.start()
            if not place:
                time.sleep(random.uniform(0, 0.4))
                with suppress(ProcessLookupError):  # it may have ended by itself
                    os.kill(process.pid or 0, signal.SIGKILL)
            process.join(60)
            assert process.exitcode in (0, -signal.SIGKILL)
            if process.exitcode != 0:
                unreliable.killed_at.append(system_clock())
        # Kills count as attempts: what was given up by them is tried again, as a person would.
        ledger = Ledger(url)
        ledger.outbox.replay("Ana", system_clock())
        ledger.close()
        last = context.Process(
            target=relay_until_done, args=(url, receiver, runs + 1, system_clock(), "", 0)
        )
        last.start()
        last.join(60)
        assert last.exitcode == 0

    ledger = Ledger(url)
    approved = {
        plan.plan_id for plan in ledger.plans() if ledger.approved_by(plan.plan_id) is not None
    }
    states = ledger.states()
    sent = {row.decision_id for _, row in ledger.decisions("spring")}
    assert ledger.outbox.waiting() == []
    ledger.close()
    # Every approved decision ended in one state, and was received; no other was.
    assert len(approved) > kills // 4
    assert states.get("handed_over") == len(approved) * DECISIONS == len(sent)
    assert states.keys() <= {"handed_over", "planned"}
    assert {take.message_id for take in unreliable.takes} == sent
    before: dict[str, Take] = {}
    for take in unreliable.takes:
        earlier = before.get(take.message_id)
        if earlier is not None:
            between = (earlier.sent_at < at < take.sent_at for at in unreliable.killed_at)
            assert earlier.is_lost or any(between), take
        before[take.message_id] = take
