"""What the access rules cost: processor time per request of the guard, with a key and its rate
limit, beside a request without any key; and how long reading all keys takes.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from benchmarks.report import show
from holdfast.clock import system_clock
from holdfast.home import Home
from serving.access.access import Access
from serving.access.guard import AccessMiddleware
from serving.access.key_store import KeyStore

PER_MINUTE = (600, 6_000, 60_000)
KEYS = 20
MOST_REQUESTS = 20_000


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory() as directory:
        home = Home(Path(directory))
        rows = [{"request": "without a key", "cpu_us": _guard_us(home, 1, MOST_REQUESTS, "")}]
        store = KeyStore(home, system_clock)
        secrets = [store.create(f"key{k}", ["predictions:service"]).secret for k in range(KEYS)]
        for secret, limit in zip(secrets, PER_MINUTE, strict=False):
            cost = _guard_us(home, limit, min(limit // 2, MOST_REQUESTS), secret)
            rows.append({"request": f"with a key, limit {limit:,} a minute", "cpu_us": cost})
        show("Guard, processor time per request, with a busy caller", rows)
        reading = _microseconds(store.all, 50)
        show("Reading the keys, every two seconds", [{"keys": KEYS, "cpu_us": reading}])


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


async def _receive() -> Message:
    return {"type": "http.request"}


async def _send(message: Message) -> None:
    pass


def _guard_us(home: Home, per_minute: int, requests: int, secret: str) -> float:
    """Processor time of a request in the guard alone, in microseconds."""
    access = Access(home, system_clock, per_minute)
    access.start()
    guard = AccessMiddleware(_answer, access)

    async def ask_all() -> float:
        started = time.process_time()
        for _ in range(requests):
            await guard(_request(secret), _receive, _send)
        return time.process_time() - started

    return asyncio.run(ask_all()) / requests * 1e6


def _request(secret: str) -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    if secret:
        headers.append((b"authorization", f"Bearer {secret}".encode()))
    return {
        "type": "http",
        "method": "POST",
        "path": "/v1/predictions",
        "client": ("127.0.0.1", 50_000),
        "headers": headers,
        "state": {},
    }


def _microseconds(function: Callable[[], object], times: int) -> float:
    started = time.process_time()
    for _ in range(times):
        function()
    return (time.process_time() - started) / times * 1e6


if __name__ == "__main__":
    main()
