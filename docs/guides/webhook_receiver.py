"""A small receiver of holdfast's webhooks, without any library beyond Python's own.

``HOLDFAST_SECRET_CRM=whsec_... python docs/guides/webhook_receiver.py inbox.db 8080`` verifies each
message, keeps it once however often it comes, and only then answers.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer

TOLERANCE_SECONDS = 300
MOST_BYTES = 1_048_576


def is_authentic(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether a message comes from who has the secret, and is not an old one sent again."""
    message_id = headers.get("webhook-id", "")
    sent_at = headers.get("webhook-timestamp", "")
    if not sent_at.isdecimal() or abs(now - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{sent_at}.".encode() + body
    right = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    # While a secret is replaced there are two signatures.
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(right, one) for one in given)


class Inbox:
    """Messages by their id, in a file."""

    def __init__(self, path: str) -> None:
        self._path = path
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, body TEXT)")

    def keep(self, message_id: str, body: bytes) -> bool:
        """Keep a message; False where it was kept before."""
        with closing(sqlite3.connect(self._path)) as database, database:
            query = "INSERT OR IGNORE INTO inbox VALUES (?, ?)"
            return database.execute(query, (message_id, body.decode())).rowcount == 1


def server(secret: str, inbox: Inbox, port: int) -> HTTPServer:
    """A server on this machine; beyond it, put a proxy with TLS in front."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            if length > MOST_BYTES:
                self.answer(413)
                return
            body = self.rfile.read(length)
            if not is_authentic(secret, self.headers, body, time.time()):
                self.answer(401)
                return
            is_new = inbox.keep(self.headers["webhook-id"], body)
            if is_new:
                # Work on it later: holdfast waits ten seconds for the answer.
                message = json.loads(body)
                print(message["type"], message["data"]["decision_id"])
            self.answer(204)

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, form: str, *values: object) -> None:
            """Keep the log short."""

    return HTTPServer(("127.0.0.1", port), Receiver)


if __name__ == "__main__":
    server(os.environ["HOLDFAST_SECRET_CRM"], Inbox(sys.argv[1]), int(sys.argv[2])).serve_forever()
