"""Workers share out who connects. Here they run in one loop."""

import asyncio
import ctypes
import socket
from collections.abc import Awaitable, Callable

from serving.process.acceptor import ABSENT, Acceptor, Share

HOST = "127.0.0.1"


class Worker:
    """A worker that counts its connections."""

    def __init__(self, listener: socket.socket, counts: "ctypes.Array[ctypes.c_int]", place: int):
        self.open: set[asyncio.BaseTransport] = set()
        worker = self

        class Counted(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                worker.open.add(transport)

        self.acceptor = Acceptor(listener, Share(counts, place), lambda: len(self.open), Counted)


def with_workers(
    places: int, absent: int, check: Callable[[list[Worker], int], Awaitable[None]]
) -> None:
    """Check workers that share a port with others who say that they have none, and take none."""

    async def run() -> None:
        counts = (ctypes.c_int * (places + absent))(*[0] * (places + absent))
        with socket.create_server((HOST, 0)) as listener:
            workers = [Worker(listener.dup(), counts, place) for place in range(places)]
            for worker in workers:
                worker.acceptor.start()
            try:
                await asyncio.wait_for(check(workers, listener.getsockname()[1]), 60)
            finally:
                for worker in workers:
                    worker.acceptor.close()
                    for transport in worker.open:
                        transport.close()
        assert list(counts)[:places] == [ABSENT] * places

    asyncio.run(run())


async def connect(port: int, callers: int, workers: list[Worker]) -> list[asyncio.StreamWriter]:
    """Connect at once, and wait until all are taken."""
    before = sum(len(worker.open) for worker in workers)
    streams = await asyncio.gather(*(asyncio.open_connection(HOST, port) for _ in range(callers)))
    while sum(len(worker.open) for worker in workers) < before + callers:
        await asyncio.sleep(0.01)
    return [writer for _, writer in streams]


def test_a_burst_is_shared_out() -> None:
    async def check(workers: list[Worker], port: int) -> None:
        writers = await connect(port, 30, workers)
        assert {len(worker.open) for worker in workers} == {10}
        for writer in writers:
            writer.close()

    with_workers(3, 0, check)


def test_one_that_takes_none_any_more_is_not_waited_for() -> None:
    async def check(workers: list[Worker], port: int) -> None:
        workers[0].acceptor.close()
        writers = await connect(port, 5, workers)
        assert [len(worker.open) for worker in workers] == [0, 5]
        for writer in writers:
            writer.close()

    with_workers(2, 0, check)


def test_what_is_left_to_others_who_do_not_come_is_taken() -> None:
    async def check(workers: list[Worker], port: int) -> None:
        writers = await connect(port, 5, workers)
        assert len(workers[0].open) == 5
        for writer in writers:
            writer.close()

    with_workers(1, 1, check)
