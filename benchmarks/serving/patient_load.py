"""Callers as they should be: each keeps a connection until an answer says `Connection: close`, and
sends a request again that got no answer.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.serving.load import Call, request_bytes

_MOST_TRIES = 3
_HEADER_END = b"\r\n\r\n"
_ENDS = (ConnectionError, asyncio.IncompleteReadError)


@dataclass
class Tally:
    """What became of requests.

    Parameters
    ----------
    answered : int
        How many were answered with 200 and a right answer.
    wrong : list of str
        What was wrong with others.
    cut : int
        Connections that ended before an answer, as when a worker is killed. Their requests were
        sent again.
    refused : int
        Connections that could not be made.
    moved : int
        Answers that said `Connection: close`.
    slowest_ms : float
        The longest time until an answer, with all tries.
    """

    answered: int = 0
    wrong: list[str] = field(default_factory=list)
    cut: int = 0
    refused: int = 0
    moved: int = 0
    slowest_ms: float = 0.0
    versions: Counter[str] = field(default_factory=Counter)


class Callers:
    """Callers of one service, who ask until they are told to stop.

    Parameters
    ----------
    port : int
        On loopback.
    ids : sequence of str
        Customers to ask about, in turn.
    is_right : callable
        From an id, a version and a probability to whether that version gives it.
    """

    def __init__(
        self, port: int, ids: Sequence[str], is_right: Callable[[str, str, float], bool]
    ) -> None:
        self.tally = Tally()
        self._port = port
        self._ids = ids
        self._is_right = is_right
        self._asked = 0
        self._over = False

    async def ask(self, connections: int) -> None:
        """Keep as many connections busy until `stop`."""
        await asyncio.gather(*(self._keep_asking() for _ in range(connections)))

    def stop(self) -> None:
        """Ask no more."""
        self._over = True

    async def _keep_asking(self) -> None:
        caller = _Caller(self._port, self.tally)
        while not self._over:
            customer = self._ids[self._asked % len(self._ids)]
            self._asked += 1
            document = {"customer_ids": [customer], "reasons": 0}
            began = time.perf_counter()
            status, body = await caller.ask(Call("/v1/predictions", json.dumps(document).encode()))
            taken_ms = 1000 * (time.perf_counter() - began)
            self.tally.slowest_ms = max(self.tally.slowest_ms, taken_ms)
            self._note(customer, status, body)
        caller.close()

    def _note(self, customer: str, status: int, body: bytes) -> None:
        if status != 200:
            self.tally.wrong.append(f"{status}: {body[:200].decode(errors='replace')}")
            return
        (entry,) = json.loads(body)["predictions"]
        if self._is_right(customer, entry["version"], entry["probability"]):
            self.tally.answered += 1
            self.tally.versions[entry["version"]] += 1
        else:
            self.tally.wrong.append(f"{customer}: {entry}")


class _Caller:
    """One connection at a time."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._port = port
        self._tally = tally
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, call: Call) -> tuple[int, bytes]:
        """Status and body of the answer; status 0 where there is none after some tries."""
        for _ in range(_MOST_TRIES):
            try:
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                self._tally.refused += 1
                continue
            try:
                return await self._exchange(*self._streams, call)
            except _ENDS:
                self._tally.cut += 1
                self.close()
        return 0, b"no answer"

    def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: Call
    ) -> tuple[int, bytes]:
        writer.write(request_bytes(call))
        head = (await reader.readuntil(_HEADER_END)).decode("latin-1").lower().split("\r\n")
        headers: dict[str, Any] = dict(line.split(": ", 1) for line in head[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self._tally.moved += 1
            self.close()
        return int(head[0].split(" ")[1]), body
