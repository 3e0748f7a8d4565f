"""The relays of a home: one for each receiver, with what its messages are made of."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from random import Random

from care.delivery.message import Message, Texts, UnfitError, send_message
from care.delivery.receivers import Receiver, Receivers
from care.delivery.relay import MOST_AT_ONCE, Relay
from care.delivery.webhook import Webhook
from care.ledger.rows import Claim, DecisionRow, Verdicts
from care.model import LANGUAGES
from holdfast.clock import Clock
from holdfast.errors import InputError
from holdfast.failpoint import Failpoint, no_failpoint
from models.words.catalogue import resolve
from pipeline.care.delivery.contact_ids import contact_ids
from pipeline.care.delivery.recheck import Recheck
from pipeline.care.workspace import CareWorkspace

Secrets = Mapping[str, Sequence[bytes]]
"""By receiver, what its webhooks are signed with."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where decisions of a home go, and by which clocks.

    Parameters
    ----------
    receivers : Receivers
        Where decisions go.
    secrets : mapping of str to sequence of bytes
        By receiver, what its webhooks are signed with.
    clock : Clock
        The home's.
    machine_clock : Clock
        The machine's, which receivers compare signatures with, and which leases of processes are
        counted in.
    """

    receivers: Receivers
    secrets: Secrets
    clock: Clock
    machine_clock: Clock


def texts_of(care: CareWorkspace) -> Texts:
    """Fills the texts of a home's actions."""
    return Texts(catalogue=care.catalogue, language_of=_language)


@asynccontextmanager
async def opened_relays(
    care: CareWorkspace,
    delivery: Delivery,
    recheck: Callable[[], Recheck],
    worker: int | None = None,
    failpoint: Failpoint = no_failpoint,
) -> AsyncIterator[list[Relay]]:
    """A relay for each receiver that takes webhooks, while the context lasts.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    delivery : Delivery
        Where decisions go.
    recheck : callable
        Gives the policy on what is known by then.
    worker : int or None
        Number of the lease of the process that works; None for a command that ends.
    failpoint : Failpoint
        Called between the steps.
    """

    def judges(decisions: Sequence[DecisionRow]) -> Verdicts:
        return recheck().for_webhooks(decisions)

    async with AsyncExitStack() as stack:
        relays = []
        for receiver in delivery.receivers.webhooks.values():
            secrets = delivery.secrets[receiver.name]
            webhook = Webhook(receiver, secrets, delivery.machine_clock, MOST_AT_ONCE)
            stack.push_async_callback(webhook.close)
            relays.append(
                Relay(
                    outbox=care.ledger.outbox,
                    receiver=receiver,
                    sender=webhook,
                    compose=_composer(care, receiver, recheck),
                    judges=judges,
                    clock=delivery.clock,
                    random=Random(),  # noqa: S311 - spreads attempts, and hides nothing
                    worker=worker,
                    failpoint=failpoint,
                )
            )
        yield relays


def _composer(
    care: CareWorkspace, receiver: Receiver, recheck: Callable[[], Recheck]
) -> Callable[[Claim, datetime], Message]:
    @lru_cache(maxsize=1)
    def ids(snapshot: datetime) -> Mapping[str, str]:
        return contact_ids(care.home, str(receiver.system), snapshot)

    def compose(claim: Claim, now: datetime) -> Message:
        contact_id = None
        if receiver.system is not None:
            contact_id = ids(recheck().snapshot).get(claim.decision.customer_id)
            if contact_id is None:
                raise UnfitError(f"the customer has no id in the system {receiver.system}")
        text = texts_of(recheck().care).fill(claim)
        return send_message(claim, text, contact_id, now, now)

    return compose


def _language(asked: str) -> str:
    """The language of texts that a customer is written to in; the first where there are none."""
    try:
        return resolve(asked)
    except InputError:
        return LANGUAGES[0]
