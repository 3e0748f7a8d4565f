"""A raw receiver of webhooks on loopback, which fails, is slow and loses answers as it is told."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from care.delivery.receivers import Receiver

SECRET = b"a secret of twenty-four bytes or more"

Behaviour = Callable[[int], Awaitable[web.Response | None]]
"""Answers a request, by its number from 1; None hangs up instead."""


async def takes(number: int) -> web.Response:
    """Take everything at once."""
    return web.Response(status=204)


class RawReceiver:
    """What was received, in order; every signature is verified.

    Parameters
    ----------
    behaviour : callable
        How it answers.
    """

    def __init__(self, behaviour: Behaviour = takes) -> None:
        self.behaviour = behaviour
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    @property
    def seen(self) -> Counter[str]:
        """How often each message was received."""
        return Counter(headers["webhook-id"] for headers in self.headers)

    def declared(self, **changed: Any) -> Receiver:
        """The receiver as a home declares it."""
        fields = {
            "name": "crm",
            "url": self.url,
            "secret": "HOLDFAST_SECRET_CRM",
            "channels": ("sms",),
            "system": None,
            "most_per_second": 10_000,
            "allow_private": True,
        }
        return Receiver(**(fields | changed))

    async def answer(self, request: web.Request) -> web.Response:
        """Verify and keep what comes, then answer as the behaviour says."""
        body = await request.text()
        headers = {name.lower(): value for name, value in request.headers.items()}
        Webhook(SECRET).verify(body, headers)
        self.bodies.append(json.loads(body))
        self.headers.append(headers)
        response = await self.behaviour(len(self.bodies))
        if response is None and request.transport is not None:
            request.transport.abort()
        return response or web.Response()


@asynccontextmanager
async def receiving(receiver: RawReceiver) -> AsyncIterator[RawReceiver]:
    """Let a receiver listen on a free port of loopback."""
    app = web.Application()
    app.router.add_post("/hooks", receiver.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    (address, *_) = runner.addresses
    receiver.url = f"http://127.0.0.1:{address[1]}/hooks"
    try:
        yield receiver
    finally:
        await runner.cleanup()
