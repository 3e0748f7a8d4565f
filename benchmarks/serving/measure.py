"""Measuring one server: loads of rising width, processor time per exchange, and latency."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from benchmarks.serving.load import Exchange, Load, Reply, run
from benchmarks.serving.server_process import ServerProcess
from benchmarks.serving.servers import Dialect

CONNECTIONS = (1, 8, 32)
_SECONDS = 20.0
"""How long one load may take. Only slow servers, or a busy machine, reach it."""
TOLERANCE = 5e-10
"""How far a probability may lie from the right one, so that two servers are within 1e-9."""


@dataclass(frozen=True)
class Measurement:
    """What a server took under one load.

    Parameters
    ----------
    connections : int
        Width of the load.
    exchanges : int
        How many were made.
    cpu_ms : float
        Processor time of the server's processes, per exchange.
    p50_ms, p99_ms : float
        Latency seen by the client.
    """

    connections: int
    exchanges: int
    cpu_ms: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True)
class Questions:
    """What to ask in one load, and what is right.

    Parameters
    ----------
    exchanges : sequence of Exchange
        Each is made once.
    check : callable
        Raises RuntimeError where one of the replies, in the order of the exchanges, is wrong. Of
        the last exchanges there may be none.
    """

    exchanges: Sequence[Exchange]
    check: Callable[[Sequence[Reply]], None]


def measure(
    pool: ProcessPoolExecutor,
    server: ServerProcess,
    warm_up: Sequence[Exchange],
    questions: Callable[[int], Questions],
) -> list[Measurement]:
    """Measure a server at each number of connections.

    Parameters
    ----------
    pool : ProcessPoolExecutor
        As `benchmarks.serving.load.load_process` gives it.
    server : ServerProcess
        It does nothing else meanwhile.
    warm_up : sequence of Exchange
        Made once before, not measured.
    questions : callable
        From the place of a load, 0 first, to its questions. It is called right before the load.

    Raises
    ------
    RuntimeError
        A reply is wrong.
    """
    _replies(pool, Load(server.port, warm_up, 4, _SECONDS))
    return [
        _measure_load(pool, server, connections, questions(place))
        for place, connections in enumerate(CONNECTIONS)
    ]


def _measure_load(
    pool: ProcessPoolExecutor, server: ServerProcess, connections: int, questions: Questions
) -> Measurement:
    before = server.cpu_seconds()
    replies = _replies(pool, Load(server.port, questions.exchanges, connections, _SECONDS))
    taken = server.cpu_seconds() - before
    questions.check(replies)
    p50, p99 = np.percentile([reply.milliseconds for reply in replies], [50, 99])
    return Measurement(
        connections=connections,
        exchanges=len(replies),
        cpu_ms=1000 * taken / len(replies),
        p50_ms=float(p50),
        p99_ms=float(p99),
    )


def _replies(pool: ProcessPoolExecutor, load: Load) -> list[Reply]:
    return pool.submit(run, load).result()


def probability_questions(
    asked: Sequence[Sequence[str]], dialect: Dialect, right: Mapping[str, float]
) -> Questions:
    """Questions about customers, one call for each list of ids, and their right probabilities."""

    def check(replies: Sequence[Reply]) -> None:
        for ids, reply in zip(asked, replies, strict=False):
            expected, answered = [right[one] for one in ids], dialect.read(reply.body)
            if len(answered) != len(expected) or not np.allclose(
                answered, expected, rtol=0, atol=TOLERANCE
            ):
                raise RuntimeError(f"a server answered {answered[:3]}, right is {expected[:3]}")

    return Questions([(dialect.ask(ids),) for ids in asked], check)
