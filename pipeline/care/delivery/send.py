"""Approved decisions handed over once: to receivers by webhook, and all others as a file.

Consent and policy are asked again within the transaction that claims a decision, on what is known
now. Each claim is recorded before anything leaves. Where that is interrupted, the claims end by
themselves, and the decisions leave again under the same names.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from care.delivery.files import write_file
from care.delivery.message import Texts, UnfitError
from care.delivery.receivers import Receivers
from care.ledger.outbox import FILES, HALTED, Route
from care.ledger.rows import Claim, HeldUp, Settlement
from features.settings import FeatureSettings
from holdfast.logging import progress
from pipeline.care.delivery.recheck import Recheck
from pipeline.care.delivery.relays import Delivery, opened_relays, texts_of
from pipeline.care.workspace import CareWorkspace

_AT_ONCE = 1000


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What was handed over.

    Parameters
    ----------
    path : Path or None
        The file; None where nothing was due that goes into one.
    in_file : int
        Decisions in it.
    by_webhook : dict of str to int
        Decisions that each receiver took.
    states : dict of str to int
        All decisions of the ledger by their state now.
    held_up : list of HeldUp
        What has not left though it is approved, by its reason.
    """

    path: Path | None
    in_file: int
    by_webhook: dict[str, int]
    states: dict[str, int]
    held_up: list[HeldUp]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "path": self.path and str(self.path),
            "handed_over": self.in_file + sum(self.by_webhook.values()),
            "by_webhook": self.by_webhook,
            "states": self.states,
            "held_up": [one.to_json() for one in self.held_up],
        }


def send_due(care: CareWorkspace, delivery: Delivery, features: FeatureSettings) -> Sent:
    """Hand over all approved decisions that are due, once.

    Parameters
    ----------
    care : CareWorkspace
        The home's care.
    delivery : Delivery
        Where decisions go.
    features : FeatureSettings
        Memory and threads that reading may take.
    """
    recheck = Recheck(care, features, delivery.clock)
    recheck.read(care.ledger.outbox.waiting())
    taken = asyncio.run(_to_receivers(care, delivery, recheck))
    path, in_file = _into_file(care, delivery.receivers, recheck, delivery.clock())
    return Sent(
        path=path,
        in_file=in_file,
        by_webhook=taken,
        states=care.ledger.states(),
        held_up=care.ledger.outbox.held_up(),
    )


async def _to_receivers(
    care: CareWorkspace, delivery: Delivery, recheck: Recheck
) -> dict[str, int]:
    taken = dict.fromkeys(delivery.receivers.webhooks, 0)
    async with opened_relays(care, delivery, lambda: recheck) as relays:
        for relay in relays:
            with progress(f"Handing over to {relay.receiver.name}") as advance:
                while (did := await relay.paced_round()).claimed:
                    taken[relay.receiver.name] += did.taken
                    advance(did.taken)
    return taken


def _into_file(
    care: CareWorkspace, receivers: Receivers, recheck: Recheck, now: datetime
) -> tuple[Path | None, int]:
    route = Route(receiver=FILES, channels=receivers.channels_in_files)
    claims: list[Claim] = []
    with progress("Claiming what goes into a file"):
        while part := care.ledger.outbox.claim(now, _AT_ONCE, recheck.for_files, route):
            claims += part
    if claims and care.ledger.outbox.is_halted():
        # A person halted care since the claims: nothing of it goes into a file.
        back = [
            Settlement(claim=claim, state="approved", why=HALTED, next_at=now) for claim in claims
        ]
        care.ledger.outbox.settle(back, now)
        return None, 0
    texts = texts_of(care)
    rows, unfit = [], []
    for claim in claims:
        try:
            rows.append((claim, _row(claim, texts, recheck.send_after)))
        except UnfitError as error:
            unfit.append(Settlement(claim=claim, state="dead", why=str(error)))
    care.ledger.outbox.settle(unfit, now)
    if not rows:
        return None, 0
    first = rows[0][0]
    name = f"{now:%Y%m%dT%H%M%S}-{first.decision.decision_id}-{first.token}"
    path = write_file(care.home.care / "sent" / name, receivers.files, [row for _, row in rows])
    return path, care.ledger.outbox.handed_over([claim for claim, _ in rows], now)


def _row(claim: Claim, texts: Texts, send_after: Mapping[str, datetime]) -> dict[str, str]:
    """A row of the file; `UnfitError` where its text cannot be filled."""
    decision = claim.decision
    text = texts.fill(claim)
    times = {
        name: "" if value is None else value.isoformat()
        for name, value in (
            ("send_after", send_after[decision.decision_id]),
            ("send_before", decision.send_before),
        )
    }
    return {
        "decision_id": decision.decision_id,
        "campaign_id": claim.campaign_id,
        "customer_id": decision.customer_id,
        "subscription_id": decision.subscription_id or "",
        "action": decision.action,
        "channel": decision.channel or "",
        "language": text.language,
        "message": text.message,
        **times,
        "consent_revision": str(claim.consent_revision),
    }
