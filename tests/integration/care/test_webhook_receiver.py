"""The receiver of the guide takes what delivery sends, once, and nothing else."""

import asyncio
import base64
import runpy
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from care.delivery.message import Message
from care.delivery.receivers import Receiver
from care.delivery.webhook import Answer, Webhook
from holdfast.clock import system_clock
from tests.builders.guides import ROOT
from tests.builders.receiver import SECRET, RawReceiver

GUIDE = runpy.run_path(str(ROOT / "docs" / "guides" / "webhook_receiver.py"))
MESSAGE = Message(message_id="D1", body='{"type":"care.send","data":{"decision_id":"D1"}}')


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    secret = "whsec_" + base64.b64encode(SECRET).decode()
    server = GUIDE["server"](secret, GUIDE["Inbox"](str(tmp_path / "inbox.db")), 0)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield RawReceiver().declared(url=f"http://127.0.0.1:{server.server_port}/hooks")
    server.shutdown()
    thread.join()
    server.server_close()


def sent(
    receiver: Receiver, *secrets: bytes, clock: Callable[[], datetime] = system_clock
) -> Answer:
    async def run() -> Answer:
        webhook = Webhook(receiver, secrets, clock, 1)
        answer = await webhook.send(MESSAGE)
        await webhook.close()
        return answer

    return asyncio.run(run())


def test_a_message_is_kept_once(receiver: Receiver, tmp_path: Path) -> None:
    assert sent(receiver, SECRET).kind == "taken"
    # Again, while the secret is replaced: with two signatures.
    assert sent(receiver, b"another secret of more than 24 bytes", SECRET).kind == "taken"
    with sqlite3.connect(tmp_path / "inbox.db") as database:
        assert database.execute("SELECT id, body FROM inbox").fetchall() == [("D1", MESSAGE.body)]


def test_forged_and_old_messages_are_refused(receiver: Receiver) -> None:
    forged = sent(receiver, b"another secret of more than 24 bytes")
    assert (forged.kind, forged.why) == ("later", "answer 401")
    old = sent(receiver, SECRET, clock=lambda: system_clock() - timedelta(minutes=6))
    assert old.why == "answer 401"
