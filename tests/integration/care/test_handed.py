"""After the handover: a withdrawal cancels, the receiver is told, and what it sends yet is counted."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from care.consents import ConsentStatement
from care.delivery.go import KnownNow, withdrawn
from care.delivery.message import Message, Text, send_message
from care.delivery.relay import Relay, Round
from care.delivery.webhook import Webhook
from care.jurisdiction import jurisdiction
from care.ledger.forget import ERASED, forget_people
from care.ledger.handed import Breaches
from care.ledger.ledger import Ledger
from care.ledger.outbox import Route
from care.ledger.rows import Claim, HeldUp, OutcomeRow, Settlement, Verdicts
from holdfast.clock import system_clock
from tests.builders.ledger_rows import ANA, NOON, decision_row, plan_row
from tests.builders.ledgers import KINDS, ledger_url
from tests.builders.receiver import SECRET, RawReceiver, receiving

MINUTE = timedelta(minutes=1)
CRM = Route(receiver="crm", channels=("sms",))


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ledger_url(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = Ledger(url)
    opened.record_plan(plan_row(), {}, map(decision_row, range(3)))
    opened.approve("spring-1", "d" * 64, ANA, NOON)
    yield opened
    opened.close()


def hand_over(ledger: Ledger, route: Route = CRM) -> list[Claim]:
    claims = ledger.outbox.claim(NOON, 9, lambda rows: Verdicts(), route)
    ledger.outbox.handed_over(claims, NOON)
    return claims


def said(customer: str, *, is_granted: bool, **changed: Any) -> ConsentStatement:
    fields = {"purpose": "offers", "channel": "sms", "happened_at": NOON}
    return ConsentStatement(customer_id=customer, is_granted=is_granted, **(fields | changed))


def cancelled(ledger: Ledger) -> dict[str, str]:
    """Cancel what must not be sent any more; why, by decision."""
    decisions = ledger.handed.open(NOON)
    known = KnownNow(
        consents=ledger.consents.in_force(NOON),
        uses_profiling=lambda code: True,
        law=jurisdiction("UK"),
        now=NOON,
    )
    whys = withdrawn(decisions, known)
    ledger.handed.cancel(whys, NOON)
    return whys


def test_a_withdrawal_after_the_handover_cancels_and_wins_a_tie(ledger: Ledger) -> None:
    granted = [said(f"C{number}", is_granted=True) for number in range(3)]
    ledger.consents.record(granted, "request", NOON)
    hand_over(ledger)
    assert cancelled(ledger) == {}
    # At the very time at which consent was granted.
    ledger.consents.record([said("C1", is_granted=False)], "request", NOON + MINUTE)
    assert ledger.handed.spoke_since(NOON + MINUTE) == {"C1"}
    assert cancelled(ledger) == {"D1": "no_consent"}
    assert cancelled(ledger) == {}
    assert ledger.states() == {"cancelled": 1, "handed_over": 2}
    objects = said("C2", is_granted=False, purpose="profiling", channel="any")
    ledger.consents.record([objects], "request", NOON + MINUTE)
    assert cancelled(ledger) == {"D2": "profiling_objection"}


def test_what_was_handed_over_of_who_was_erased_is_cancelled(ledger: Ledger, url: str) -> None:
    granted = [said(f"C{number}", is_granted=True) for number in range(3)]
    ledger.consents.record(granted, "request", NOON)
    hand_over(ledger)
    forget_people(url, {"C1"})
    assert [one.decision_id for one in ledger.handed.open(NOON, {ERASED})] == ["D1"]
    assert cancelled(ledger) == {"D1": ERASED}
    (claim,) = ledger.outbox.claim_cancels(NOON, 9, CRM)
    assert (claim.decision.decision_id, claim.decision.customer_id) == ("D1", ERASED)


def test_what_can_no_longer_be_sent_is_not_cancelled(ledger: Ledger) -> None:
    hand_over(ledger)
    assert len(ledger.handed.open(NOON)) == 3
    assert len(ledger.handed.open(NOON, {"C1", "X"})) == 1
    assert ledger.handed.open(NOON + timedelta(days=7)) == []


def test_the_receiver_is_told_until_it_takes_it(ledger: Ledger) -> None:
    hand_over(ledger)
    assert ledger.handed.cancel({"D1": "no_consent", "D9": "no_consent"}, NOON) == 1
    assert ledger.outbox.waiting() == []
    assert ledger.outbox.claim_cancels(NOON, 9, Route(receiver="dialler")) == []
    (claim,) = ledger.outbox.claim_cancels(NOON, 9, CRM)
    assert (claim.decision.decision_id, claim.kind, claim.token) == ("D1", "cancel", 2)
    later = Settlement(claim=claim, state="approved", why="answer 503", next_at=NOON + MINUTE)
    assert ledger.outbox.settle([later], NOON) == 1
    assert ledger.states() == {"cancelled": 1, "handed_over": 2}
    # A halt does not hold it up.
    ledger.halt("Ana", NOON)
    (again,) = ledger.outbox.claim_cancels(NOON + MINUTE, 9, CRM)
    assert ledger.outbox.handed_over([again], NOON + MINUTE) == 1
    assert ledger.outbox.claim_cancels(NOON + MINUTE, 9, CRM) == []
    assert ledger.states() == {"cancelled": 1, "handed_over": 2}


def test_a_cancel_that_nobody_took_is_tried_again_and_changes_no_state(ledger: Ledger) -> None:
    hand_over(ledger)
    ledger.handed.cancel({"D1": "no_consent"}, NOON)
    (claim,) = ledger.outbox.claim_cancels(NOON, 9, CRM)
    ledger.outbox.settle([Settlement(claim=claim, state="dead", why="answer 410")], NOON)
    assert ledger.outbox.claim_cancels(NOON + timedelta(hours=1), 9, CRM) == []
    assert ledger.outbox.replay("Ana", NOON) == 1
    assert ledger.states() == {"cancelled": 1, "handed_over": 2}
    assert len(ledger.outbox.claim_cancels(NOON, 9, CRM)) == 1


def test_nobody_can_be_told_of_what_went_into_a_file(ledger: Ledger) -> None:
    hand_over(ledger, Route())
    assert ledger.handed.cancel({"D1": "no_consent"}, NOON) == 1
    assert ledger.outbox.claim_cancels(NOON, 9, Route()) == []


def test_a_cancel_is_a_signed_message_with_an_id_of_its_own(ledger: Ledger) -> None:
    def composed(claim: Claim, now: object) -> Message:
        return send_message(claim, Text(language="en", message="", fields={}), None, NOON, NOON)

    async def run() -> list[Round]:
        async with receiving(RawReceiver()) as receiver:
            webhook = Webhook(receiver.declared(), [SECRET], system_clock, 9)
            relay = Relay(
                outbox=ledger.outbox,
                receiver=receiver.declared(),
                sender=webhook,
                compose=composed,
                judges=lambda rows: Verdicts(),
                clock=lambda: NOON,
                random=Random(1),
            )
            first = await relay.round()
            ledger.handed.cancel({"D1": "no_consent"}, NOON)
            second = await relay.round()
            await webhook.close()
            assert receiver.headers[-1]["webhook-id"] == "D1-cancel"
            assert receiver.bodies[-1] == {
                "type": "care.cancel",
                "timestamp": NOON.isoformat(),
                "data": {"decision_id": "D1", "campaign_id": "spring"},
            }
            return [first, second]

    assert asyncio.run(run()) == [Round(claimed=3, taken=3), Round(claimed=1, taken=1)]


def test_messages_sent_late_or_after_a_cancel_are_counted_by_receiver(ledger: Ledger) -> None:
    hand_over(ledger)
    ledger.handed.cancel({"D1": "no_consent"}, NOON)
    ledger.outbox.handed_over(ledger.outbox.claim_cancels(NOON, 9, CRM), NOON + 2 * MINUTE)
    sent = [
        ("D0", NOON + timedelta(days=8)),
        # Before the receiver knew.
        ("D1", NOON + MINUTE),
        ("D2", NOON + MINUTE),
    ]
    report(ledger, *sent)
    assert ledger.handed.breaches() == {"crm": Breaches(late=1)}
    report(ledger, ("D1", NOON + 3 * MINUTE), ("D1", NOON + 4 * MINUTE))
    assert ledger.handed.breaches() == {"crm": Breaches(late=1, after_cancel=1)}


def report(ledger: Ledger, *sent: tuple[str, Any]) -> None:
    """Report messages as sent."""
    ledger.record_outcomes(
        [
            OutcomeRow(
                decision_id=name,
                outcome="sent",
                value=1.0,
                happened_at=at,
                reported_at=at + timedelta(days=9),
            )
            for name, at in sent
        ]
    )


def test_what_has_not_left_is_counted_by_its_reason(ledger: Ledger) -> None:
    (waits,) = ledger.outbox.held_up()
    assert (waits.count, waits.how, waits.next_at) == (3, "waits", NOON)
    first, second, _ = ledger.outbox.claim(NOON, 9, lambda rows: Verdicts(), CRM)
    assert ledger.outbox.held_up() == []
    later = Settlement(claim=first, state="approved", why="answer 401", next_at=NOON + MINUTE)
    never = Settlement(claim=second, state="dead", why="answer 410")
    ledger.outbox.settle([later, never], NOON)
    assert ledger.outbox.held_up() == [
        HeldUp(count=1, how="tried_again", why="answer 401", next_at=NOON + MINUTE),
        HeldUp(count=1, how="given_up", why="answer 410", next_at=None),
    ]


def test_what_is_refused_after_an_attempt_is_cancelled_at_the_receiver(ledger: Ledger) -> None:
    first, *_ = ledger.outbox.claim(NOON, 1, lambda rows: Verdicts(), CRM)
    lost = Settlement(claim=first, state="approved", why="TimeoutError", next_at=NOON)
    ledger.outbox.settle([lost], NOON)
    refuse_all = lambda rows: Verdicts(refused={one.decision_id: "no_consent" for one in rows})  # noqa: E731
    assert ledger.outbox.claim(NOON, 9, refuse_all, CRM) == []
    assert ledger.states() == {"refused": 3}
    # The receiver may have the one that was tried, and no other.
    (cancel,) = ledger.outbox.claim_cancels(NOON, 9, CRM)
    assert (cancel.decision.decision_id, cancel.kind) == (first.decision.decision_id, "cancel")
    ledger.outbox.handed_over([cancel], NOON)
    assert ledger.states() == {"cancelled": 1, "refused": 2}
