"""A load generator: a closed loop over a few connections, in a process of its own.

It writes HTTP/1.1 by hand, because a client library takes more time than the service that it is to
measure, and would take it from the other core.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

_HEADER_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Call:
    """One request.

    Parameters
    ----------
    path : str
        Where to.
    body : bytes
        JSON.
    """

    path: str
    body: bytes


Exchange = tuple[Call, ...]
"""Calls that follow each other on one connection, and are timed as one."""


@dataclass(frozen=True)
class Load:
    """What to ask, and how hard.

    Parameters
    ----------
    port : int
        Of a server on loopback.
    exchanges : sequence of Exchange
        Each is made once, in this order.
    connections : int
        How many are kept open; each has one exchange in flight.
    seconds : float
        No exchange begins later than this.
    """

    port: int
    exchanges: Sequence[Exchange]
    connections: int
    seconds: float


@dataclass(frozen=True)
class Reply:
    """What an exchange took, and brought.

    Parameters
    ----------
    milliseconds : float
        From the first byte sent to the last one received.
    body : bytes
        Of the last call's answer.
    """

    milliseconds: float
    body: bytes


@contextmanager
def load_process() -> Iterator[ProcessPoolExecutor]:
    """A process to `run` loads in."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


def run(load: Load) -> list[Reply]:
    """Make the exchanges; replies to those that began in time, in their order.

    Raises
    ------
    RuntimeError
        A server answered with another status than 200, or without a length.
    OSError
        It cannot be reached, or closed a connection.
    """
    return asyncio.run(_run(load))


async def _run(load: Load) -> list[Reply]:
    streams = [
        await asyncio.open_connection("127.0.0.1", load.port) for _ in range(load.connections)
    ]
    waiting = iter(enumerate(load.exchanges))
    replies: dict[int, Reply] = {}
    end = time.perf_counter() + load.seconds

    async def ask_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while time.perf_counter() < end and (next_one := next(waiting, None)) is not None:
            place, exchange = next_one
            started, body = time.perf_counter(), b""
            for call in exchange:
                writer.write(request_bytes(call))
                body = await _answer(reader)
            replies[place] = Reply(1000 * (time.perf_counter() - started), body)

    try:
        await asyncio.gather(*(ask_on(reader, writer) for reader, writer in streams))
    finally:
        for _, writer in streams:
            writer.close()
    return [replies[place] for place in sorted(replies)]


def request_bytes(call: Call) -> bytes:
    """A call as it goes over the wire."""
    head = (
        f"POST {call.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(call.body)}\r\n\r\n"
    )
    return head.encode() + call.body


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(_HEADER_END)
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)}
    if "content-length" not in headers:
        raise RuntimeError(f"an answer without Content-Length: {status}")
    body = await reader.readexactly(int(headers["content-length"]))
    if status.split(" ")[1] != "200":
        raise RuntimeError(f"{status}: {body[:300].decode(errors='replace')}")
    return body
