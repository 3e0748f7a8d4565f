"""Webhooks to a raw receiver: signed afresh with one id, tried again, given up, never twice."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from aiohttp import web

from care.delivery.message import Message, Text, UnfitError, send_message
from care.delivery.relay import Relay, Round
from care.delivery.webhook import Webhook
from care.ledger.ledger import Ledger
from care.ledger.rows import Claim, DecisionRow, Verdicts
from holdfast.clock import system_clock
from tests.builders.ledger_rows import ANA, NOON, decision_row, plan_row
from tests.builders.receiver import SECRET, RawReceiver, receiving


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path}/care.db")
    opened.record_plan(plan_row(), {}, map(decision_row, range(5)))
    opened.approve("spring-1", "d" * 64, ANA, NOON)
    yield opened
    opened.close()


def composed(claim: Claim, now: datetime) -> Message:
    if claim.decision.decision_id == "D4":
        raise UnfitError("a fact that its text needs is not known")
    text = Text(language="en", message="Hello", fields=claim.decision.fields)
    return send_message(claim, text, "4711", now, now)


def relay_of(ledger: Ledger, receiver: RawReceiver, now: datetime, **changed: Any) -> Relay:
    declared = receiver.declared(**changed)
    return Relay(
        outbox=ledger.outbox,
        receiver=declared,
        sender=Webhook(declared, [SECRET], system_clock, 50),
        compose=composed,
        judges=lambda rows: Verdicts(consent_revisions={one.decision_id: 2 for one in rows}),
        clock=lambda: now,
        random=Random(1),
    )


def rounds(ledger: Ledger, receiver: RawReceiver, *times: datetime, **changed: Any) -> list[Round]:
    """A round at each of some times."""

    async def run() -> list[Round]:
        async with receiving(receiver):
            done = []
            for now in times:
                relay = relay_of(ledger, receiver, now, **changed)
                done.append(await relay.round())
                await relay.sender.close()  # type: ignore[attr-defined]
            return done

    return asyncio.run(run())


def test_each_decision_is_received_once_with_its_id_and_a_signature(ledger: Ledger) -> None:
    receiver = RawReceiver()
    assert rounds(ledger, receiver, NOON, NOON) == [Round(claimed=5, taken=4, dead=1), Round()]
    assert receiver.seen == dict.fromkeys(("D0", "D1", "D2", "D3"), 1)
    assert ledger.states() == {"dead": 1, "handed_over": 4}
    body = next(one for one in receiver.bodies if one["data"]["decision_id"] == "D1")
    assert body == {
        "type": "care.send",
        "timestamp": "2026-03-04T12:00:00+00:00",
        "data": {
            "decision_id": "D1",
            "campaign_id": "spring",
            "contact_id": "4711",
            "customer_id": "C1",
            "subscription_id": "S1",
            "action": "plan_fit_offer",
            "action_class": "offer",
            "channel": "sms",
            "language": "en",
            "message": "Hello",
            "fields": {"plan": "M", "best_plan_fee": 12.5},
            "send_after": "2026-03-04T12:00:00+00:00",
            "send_before": "2026-03-11T12:00:00+00:00",
            "consent_revision": 2,
        },
    }


def test_what_fails_is_tried_again_under_the_same_id_until_it_is_taken(ledger: Ledger) -> None:
    async def fails_first(number: int) -> web.Response:
        return web.Response(status=503 if number <= 5 else 200, headers={"Retry-After": "60"})

    receiver = RawReceiver(fails_first)
    times = (NOON, NOON + timedelta(seconds=59), NOON + timedelta(seconds=61))
    assert rounds(ledger, receiver, *times) == [
        Round(claimed=5, later=4, dead=1),
        Round(),
        Round(claimed=4, taken=3, later=1),
    ]
    assert set(receiver.seen.values()) == {2}
    signatures = {headers["webhook-signature"] for headers in receiver.headers}
    assert len(signatures) >= 4


def test_what_a_receiver_will_not_take_is_given_up(ledger: Ledger) -> None:
    async def refuses(number: int) -> web.Response:
        return web.Response(status=422, text="no" * 100_000)

    receiver = RawReceiver(refuses)
    assert rounds(ledger, receiver, NOON) == [Round(claimed=5, dead=5)]
    assert ledger.states() == {"dead": 5}


def test_who_is_refused_does_not_hide_those_after_them(ledger: Ledger) -> None:
    receiver = RawReceiver()

    def judges(rows: Sequence[DecisionRow]) -> Verdicts:
        first = [row.decision_id for row in rows if row.decision_id < "D3"]
        return Verdicts(refused=dict.fromkeys(first, "no_consent"))

    async def run() -> Round:
        async with receiving(receiver):
            relay = relay_of(ledger, receiver, NOON, most_per_second=1)
            done = await replace(relay, judges=judges).paced_round()
            await relay.sender.close()  # type: ignore[attr-defined]
            return done

    assert asyncio.run(run()) == Round(claimed=1, taken=1)
    assert ledger.states() == {"approved": 1, "handed_over": 1, "refused": 3}


def test_what_is_claimed_already_does_not_leave_after_a_halt(ledger: Ledger) -> None:
    receiver = RawReceiver()

    def halts(point: str) -> None:
        if point == "after_claim" and not ledger.is_halted:
            ledger.halt("Ana", NOON)

    async def run() -> list[Round]:
        async with receiving(receiver):
            relay = replace(relay_of(ledger, receiver, NOON), failpoint=halts)
            return [await relay.round(), await relay.round()]

    claimed, nothing = asyncio.run(run())
    assert (claimed.claimed, claimed.later, nothing.claimed) == (5, 5, 0)
    assert not receiver.bodies
    assert ledger.states() == {"approved": 5}
    ledger.halt("Ana", NOON, is_halted=False)
    (after,) = rounds(ledger, receiver, NOON)
    assert (after.taken, after.dead) == (4, 1)


def test_redirects_are_not_followed(ledger: Ledger) -> None:
    async def elsewhere(number: int) -> web.Response:
        raise web.HTTPTemporaryRedirect("/hooks")

    receiver = RawReceiver(elsewhere)
    assert rounds(ledger, receiver, NOON) == [Round(claimed=5, later=4, dead=1)]
    assert set(receiver.seen.values()) == {1}


def test_no_more_is_claimed_than_the_receiver_takes_in_a_second(ledger: Ledger) -> None:
    receiver = RawReceiver()
    (done,) = rounds(ledger, receiver, NOON, most_per_second=2)
    assert done == Round(claimed=2, taken=2)


def test_an_address_that_is_not_public_is_not_sent_to(ledger: Ledger, tmp_path: Path) -> None:
    receiver = RawReceiver()

    async def run() -> Round:
        async with receiving(receiver):
            receiver.url = receiver.url.replace("127.0.0.1", "localhost")
            relay = relay_of(ledger, receiver, NOON, allow_private=False)
            done = await relay.round()
            await relay.sender.close()  # type: ignore[attr-defined]
            return done

    assert asyncio.run(run()) == Round(claimed=5, later=4, dead=1)
    assert not receiver.bodies
    assert "stands for an address that is not public" in reasons(tmp_path / "care.db")


def test_who_does_not_answer_is_left_and_nothing_is_lost_when_the_round_is_ended(
    ledger: Ledger,
) -> None:
    async def slow(number: int) -> web.Response:
        if number > 2:
            await asyncio.sleep(60)
        return web.Response()

    receiver = RawReceiver(slow)

    async def run() -> None:
        async with receiving(receiver):
            relay = relay_of(ledger, receiver, NOON)
            task = asyncio.create_task(relay.round())
            while len(receiver.bodies) < 4:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await relay.sender.close()  # type: ignore[attr-defined]

    asyncio.run(run())
    # Nobody knows of two whether they were taken: they are sent again under their ids.
    assert ledger.states() == {"approved": 2, "dead": 1, "handed_over": 2}
    receiver.behaviour = RawReceiver().behaviour
    assert rounds(ledger, receiver, NOON) == [Round(claimed=2, taken=2)]
    assert sorted(receiver.seen.values()) == [1, 1, 2, 2]


def test_a_receiver_who_hangs_up_is_tried_again(ledger: Ledger) -> None:
    async def hangs_up(number: int) -> None:
        return None

    receiver = RawReceiver(hangs_up)
    (done,) = rounds(ledger, receiver, NOON)
    assert (done.claimed, done.taken, done.dead) == (5, 0, 1)


def reasons(path: Path) -> set[str]:
    """Why decisions are where they are."""
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT why FROM transitions")}
