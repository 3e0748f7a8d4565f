"""Webhooks: signed by the Standard Webhooks specification, sent once, and their answers read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import aiohttp
from aiohttp.abc import AbstractResolver
from standardwebhooks.webhooks import Webhook as Signature

from care.delivery.address import CheckedResolver, PrivateAddressError
from care.delivery.message import Message
from care.delivery.receivers import Receiver
from holdfast.clock import Clock

_SECONDS, _CONNECT_SECONDS = 10.0, 5.0
_MOST_ANSWER_BYTES = 64 * 1024
_NAMES_SECONDS = 30
"""How long a name that was resolved and checked is not asked for again."""

_NEVER = frozenset({400, 410, 413, 415, 422})
"""Answers after which the same message is not tried again: it will not be taken."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a receiver made of a message.

    Parameters
    ----------
    kind : {"taken", "later", "never"}
        It took it; it may take it later; it will not take it.
    why : str
        In words.
    wait_seconds : float
        How long the receiver asks to be left alone, 0 or more.
    """

    kind: Literal["taken", "later", "never"]
    why: str = ""
    wait_seconds: float = 0.0


class Webhook:
    """Sends messages to a receiver. To be made and closed in one event loop.

    Parameters
    ----------
    receiver : Receiver
        The receiver.
    secrets : sequence of bytes
        What messages are signed with; receivers take any of the signatures.
    clock : Clock
        The machine's, whatever time it is for the operator: receivers compare it with their own.
    most_at_once : int
        Connections at most.
    resolver : AbstractResolver, optional
        Asks for addresses. Default: the machine's own.
    """

    def __init__(
        self,
        receiver: Receiver,
        secrets: Sequence[bytes],
        clock: Clock,
        most_at_once: int,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._url = receiver.url
        self._signatures = [Signature(secret) for secret in secrets]
        self._clock = clock
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=most_at_once,
                ttl_dns_cache=_NAMES_SECONDS,
                resolver=resolver if receiver.allow_private else CheckedResolver(resolver),
            ),
            # Neither cookies nor the environment's proxies.
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=_SECONDS, sock_connect=_CONNECT_SECONDS),
            auto_decompress=False,
            headers={"Content-Type": "application/json", "User-Agent": "holdfast"},
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, message: Message) -> Answer:
        """Send a message once. Redirects are not followed."""
        try:
            async with self._session.post(
                self._url,
                data=message.body.encode(),
                headers=self._headers(message),
                allow_redirects=False,
            ) as response:
                await _read_to_end(response)
                return _answer_of(response.status, response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError) as error:
            cause = error.__cause__ or getattr(error, "os_error", None)
            private = isinstance(cause, PrivateAddressError)
            return Answer(kind="later", why=str(cause) if private else type(error).__name__)

    def _headers(self, message: Message) -> dict[str, str]:
        # A receiver refuses signatures older than five minutes, so each attempt has its own.
        now = self._clock()
        signed = [one.sign(message.message_id, now, message.body) for one in self._signatures]
        return {
            "webhook-id": message.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signed),
        }


async def _read_to_end(response: aiohttp.ClientResponse) -> None:
    """Read a short answer, so that the connection can be used again; else close it."""
    left = _MOST_ANSWER_BYTES
    while left > 0 and (chunk := await response.content.read(left)):
        left -= len(chunk)
    if left <= 0:
        response.close()


def _answer_of(status: int, retry_after: str) -> Answer:
    why = f"answer {status}"
    if 200 <= status < 300:
        return Answer(kind="taken")
    if status in _NEVER:
        return Answer(kind="never", why=why)
    wait = float(retry_after) if retry_after.isdecimal() else 0.0
    return Answer(kind="later", why=why, wait_seconds=wait)
