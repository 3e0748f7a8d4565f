"""How many webhooks a second leave the outbox, end to end, on one core.

``python -m benchmarks.care.outbox [DECISIONS] [--postgres]``: approved decisions are claimed in
batches, consent is read from the ledger and judged within the claim, texts are filled, webhooks
signed and sent, and answers settled. The receiver answers at once, in a process of its own. The
ledger is SQLite on the disk of the temporary folder, with ``synchronous=FULL``; with ``--postgres``
PostgreSQL, too, where a server answers. CPU seconds are those of the process that sends, and of
PostgreSQL's processes that serve it, where the server is on this machine; the receiver's are not
counted.
"""

import asyncio
import base64
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import numpy as np
import sqlalchemy as sa

from benchmarks.report import show
from care.catalogue import DEFAULT_CATALOGUE, read_catalogue
from care.consents import NO_SCREENINGS, ConsentStatement
from care.delivery.message import Texts, send_message
from care.delivery.receivers import Receiver
from care.delivery.relay import MOST_AT_ONCE, Relay
from care.delivery.webhook import Webhook
from care.jurisdiction import jurisdiction
from care.ledger.ledger import Ledger
from care.ledger.rows import DecisionRow, Verdicts, microseconds
from care.policy import ContactLimits, PolicyQuestion, customers_word_only, judge
from holdfast.clock import system_clock
from tests.builders.ledger_rows import ANA, NOON, decision_row, plan_row
from tests.builders.ledgers import ledger_url

DECISIONS = 5_000
WANTED = {"sqlite": 500, "postgresql": 1_500}
"""Webhooks a second."""

_APPLICATION = f"holdfast-outbox-{os.getpid()}"
"""Name by which PostgreSQL knows this ledger's connections."""

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_LAW = jurisdiction("UK")
_QUESTION = PolicyQuestion(
    action_class="service",
    uses_profiling=False,
    cool_down_days=0,
    channel="sms",
    jurisdiction=_LAW,
    limits=ContactLimits(),
)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read requests and answer each at once."""
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            writer.write(_ANSWER)
    except asyncio.IncompleteReadError:
        writer.close()


def _receive(tell: Connection) -> None:
    async def run() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        tell.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def _relayed(ledger: Ledger, receiver: Receiver) -> int:
    texts = Texts(catalogue=read_catalogue(DEFAULT_CATALOGUE, _LAW), language_of=lambda tag: "en")
    webhook = Webhook(receiver, [base64.b64decode("c2VjcmV0" * 6)], system_clock, MOST_AT_ONCE)

    def judged(decisions: Sequence[DecisionRow]) -> Verdicts:
        customers = np.array([one.customer_id for one in decisions])
        consents = ledger.consents.in_force(NOON, set(customers.tolist()))
        facts = customers_word_only(
            consent=consents.granted("offers", "sms", customers),
            contact=consents.may_contact("sms", customers),
            profiling=consents.permits("profiling", customers),
            **NO_SCREENINGS.of(customers),
            send_at=np.full(len(customers), microseconds(NOON)),
            zone=np.zeros(len(customers), dtype=np.int64),
            zones=("Europe/London",),
        )
        refusals = judge(facts, _QUESTION)
        refused = {
            one.decision_id: ", ".join(reasons)
            for place, one in enumerate(decisions)
            if (reasons := refusals.reasons(place))
        }
        return Verdicts(refused=refused)

    relay = Relay(
        outbox=ledger.outbox,
        receiver=receiver,
        sender=webhook,
        compose=lambda claim, now: send_message(claim, texts.fill(claim), "4711", now, now),
        judges=judged,
        clock=lambda: NOON,
        random=Random(1),  # noqa: S311 - spreads attempts
    )
    taken = 0
    while (did := await relay.round()).claimed:
        taken += did.taken
    await webhook.close()
    return taken


def measured(kind: str, decisions: int, port: int) -> dict[str, object]:
    """A row of the table."""
    receiver = Receiver(
        name="crm",
        url=f"http://127.0.0.1:{port}/hooks",
        secret="HOLDFAST_SECRET_CRM",  # noqa: S106 - the name of a variable
        channels=("sms",),
        system=None,
        most_per_second=10_000,
        allow_private=True,
    )
    with tempfile.TemporaryDirectory() as folder, ledger_url(kind, Path(folder)) as plain:
        url = plain if kind == "sqlite" else f"{plain}&application_name={_APPLICATION}"
        ledger = Ledger(url)
        rows = [
            decision_row(number, action="courtesy_call", action_class="service")
            for number in range(decisions)
        ]
        ledger.record_plan(plan_row(), {}, rows)
        ledger.approve("spring-1", "d" * 64, ANA, NOON)
        said = [
            ConsentStatement(
                customer_id=row.customer_id,
                purpose="offers",
                channel="any",
                is_granted=True,
                happened_at=NOON - timedelta(days=1),
            )
            for row in rows
        ]
        ledger.consents.record(said, "raw", NOON)
        served = _server_cpu_s(url)
        start, cpu = time.perf_counter(), time.process_time()
        taken = asyncio.run(_relayed(ledger, receiver))
        lasted, used = time.perf_counter() - start, time.process_time() - cpu
        served = _server_cpu_s(url) - served
        ledger.close()
    if taken != decisions:
        raise RuntimeError(f"{taken} of {decisions} were taken")
    return {
        "ledger": kind,
        "webhooks": taken,
        "s": lasted,
        "webhooks a s": round(taken / lasted),
        "CPU ms a webhook": 1000 * used / taken,
        "server's CPU ms": 1000 * served / taken,
        "webhooks a CPU s of both": round(taken / (used + served)),
        "wanted a s": WANTED[kind],
    }


def _server_cpu_s(url: str) -> float:
    """CPU that PostgreSQL's processes behind a ledger's connections have used so far, seconds; 0 for
    SQLite, which has none.
    """
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite":
        return 0.0
    engine = sa.create_engine(address.update_query_dict({"application_name": "counts"}))
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = :name"
    with engine.connect() as connection:
        pids = connection.execute(sa.text(query), {"name": _APPLICATION}).scalars().all()
    engine.dispose()
    ticks = 0
    for pid in pids:
        times = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(") ", 1)[1].split()
        ticks += int(times[11]) + int(times[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main(decisions: int = DECISIONS) -> None:
    """Print how fast decisions leave."""
    context = multiprocessing.get_context("spawn")
    hear, tell = context.Pipe(duplex=False)
    process = context.Process(target=_receive, args=(tell,), daemon=True)
    process.start()
    port = hear.recv()
    kinds = ("sqlite", "postgresql") if "--postgres" in sys.argv else ("sqlite",)
    show("Outbox, end to end", [measured(kind, decisions, port) for kind in kinds])
    process.terminate()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:] if argument.isdigit()))
