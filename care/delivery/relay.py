"""The relay: claims what is due for a receiver, sends it, and keeps what came of it.

An attempt is in the ledger before anything is sent. Where the process ends between a send and its
record, the claim ends by itself, and the message is sent again under the same id.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Protocol

from care.delivery.backoff import MOST_ATTEMPTS, next_attempt
from care.delivery.message import Message, UnfitError, cancel_message
from care.delivery.receivers import Receiver
from care.delivery.webhook import Answer
from care.ledger.outbox import HALTED, Judges, Outbox, Route
from care.ledger.rows import Claim, Settlement
from holdfast.clock import Clock
from holdfast.failpoint import Failpoint, no_failpoint

MOST_AT_ONCE = 100
"""Messages of one claim: what may be sent twice after a kill, and is under way when care is halted."""


class Sender(Protocol):
    """Sends messages to a receiver."""

    async def send(self, message: Message) -> Answer:
        """Send a message once."""


Composer = Callable[[Claim, datetime], Message]
"""Makes the message of a claim that is to be sent; `UnfitError` where that cannot be done."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """What one round did.

    Parameters
    ----------
    claimed : int
        Messages claimed.
    taken, later, dead : int
        Messages that the receiver took, that are tried again, and that are given up; but for those
        that another worker has claimed since.
    """

    claimed: int = 0
    taken: int = 0
    later: int = 0
    dead: int = 0

    def __add__(self, other: "Round") -> "Round":
        return Round(
            claimed=self.claimed + other.claimed,
            taken=self.taken + other.taken,
            later=self.later + other.later,
            dead=self.dead + other.dead,
        )


@dataclass(frozen=True, kw_only=True)
class Relay:
    """Hands over to one receiver.

    Parameters
    ----------
    outbox : Outbox
        What is on its way.
    receiver : Receiver
        The receiver.
    sender : Sender
        Sends to it.
    compose : Composer
        Makes messages.
    judges : Judges
        Policy, asked within the transaction that claims.
    clock : Clock
        What time it is for the operator.
    random : Random
        Spreads attempts.
    worker : int or None
        Number of the lease of the process that works; None for a command that ends.
    failpoint : Failpoint
        Called between the steps.
    """

    outbox: Outbox
    receiver: Receiver
    sender: Sender
    compose: Composer
    judges: Judges
    clock: Clock
    random: Random
    worker: int | None = None
    failpoint: Failpoint = no_failpoint

    @property
    def most(self) -> int:
        """Messages of a round; no more than the receiver takes in a second."""
        return min(MOST_AT_ONCE, self.receiver.most_per_second)

    async def paced_round(self) -> Round:
        """A round that takes as long as the receiver's rate asks for."""
        begun = asyncio.get_running_loop().time()
        did = await self.round()
        lasted = asyncio.get_running_loop().time() - begun
        await asyncio.sleep(max(0.0, did.claimed / self.receiver.most_per_second - lasted))
        return did

    async def round(self) -> Round:
        """Claim once, send all of it at once, and keep what came of it. What receivers must not send
        any more goes first.
        """
        route = Route(
            receiver=self.receiver.name, channels=self.receiver.channels, worker=self.worker
        )
        claims = await asyncio.to_thread(
            self.outbox.claim_cancels, self.clock(), self.most, route
        ) or await asyncio.to_thread(self.outbox.claim, self.clock(), self.most, self.judges, route)
        if not claims:
            return Round()
        self.failpoint("after_claim")
        if claims[0].kind == "send" and await asyncio.to_thread(self.outbox.is_halted):
            # A person halted care between the claim and now: nothing of it leaves.
            back = [_given_back(claim, self.clock(), HALTED) for claim in claims]
            await asyncio.to_thread(self._settle, back)
            return Round(claimed=len(claims), later=len(claims))
        settled = await self._send_all(claims)
        self.failpoint("after_send")
        await asyncio.to_thread(self._settle, settled)
        self.failpoint("after_settle")
        states = Counter(one.state for one in settled)
        return Round(
            claimed=len(claims),
            taken=states["handed_over"],
            later=states["approved"],
            dead=states["dead"],
        )

    async def _send_all(self, claims: Sequence[Claim]) -> list[Settlement]:
        tasks = [asyncio.create_task(self._send(claim)) for claim in claims]
        try:
            return await asyncio.gather(*tasks)
        except asyncio.CancelledError:
            # Nobody knows whether those under way were taken: they are sent again, under their ids.
            done = [task for task in tasks if task.done() and not task.cancelled()]
            under_way = [
                claim for claim, task in zip(claims, tasks, strict=True) if task not in done
            ]
            self._settle(
                [task.result() for task in done]
                + [_given_back(claim, self.clock()) for claim in under_way]
            )
            raise

    def _settle(self, settled: Sequence[Settlement]) -> None:
        self.outbox.settle(settled, self.clock())

    async def _send(self, claim: Claim) -> Settlement:
        now = self.clock()
        try:
            is_cancel = claim.kind == "cancel"
            message = cancel_message(claim, now) if is_cancel else self.compose(claim, now)
        except UnfitError as error:
            return Settlement(claim=claim, state="dead", why=str(error))
        answer = await self.sender.send(message)
        self.failpoint("after_answer")
        if answer.kind == "taken":
            return Settlement(claim=claim, state="handed_over")
        if answer.kind == "never" or claim.attempt >= MOST_ATTEMPTS:
            return Settlement(claim=claim, state="dead", why=answer.why)
        next_at = next_attempt(self.clock(), claim.attempt, answer.wait_seconds, self.random)
        return Settlement(claim=claim, state="approved", why=answer.why, next_at=next_at)


def _given_back(claim: Claim, now: datetime, why: str = "interrupted") -> Settlement:
    return Settlement(claim=claim, state="approved", why=why, next_at=now)
