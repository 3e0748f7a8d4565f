"""The turn of each server: what it is asked, one kind of request after the other."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from benchmarks.serving.customers import Customers
from benchmarks.serving.measure import Measurement, Questions, measure, probability_questions
from benchmarks.serving.server_process import ServerProcess
from benchmarks.serving.servers import (
    NOTHING_KEPT,
    Dialect,
    Servers,
    holdfast_dialect,
    mlflow_array_dialect,
    mlflow_frame_dialect,
    plain_stack_dialect,
)

UNCHANGED = 300
"""How many customers are asked about again and again."""
TOGETHER, REASONS = 100, 3

# So many that each load takes the server a second or more, where it is fast enough.
_HOLDFAST, _HOLDFAST_TOGETHER = 10_000, 500
_PLAIN_STACK, _PLAIN_STACK_TOGETHER = 1_000, 100
_MLFLOW = 2_000

Measurements = list[Measurement]


@dataclass(frozen=True)
class Turns:
    """One turn per server.

    Parameters
    ----------
    pool : ProcessPoolExecutor
        Where loads run.
    servers : Servers
        Who is asked.
    customers : Customers
        Whom they are asked about.
    """

    pool: ProcessPoolExecutor
    servers: Servers
    customers: Customers

    def holdfast(self) -> tuple[Measurements, Measurements, Measurements]:
        """One unchanged id, a hundred unchanged ids, and one changed id, all with reasons."""
        dialect = holdfast_dialect(REASONS)
        one = self._questions(dialect, self._singly(_HOLDFAST))
        together = self._questions(dialect, self._together(_HOLDFAST_TOGETHER))
        with self.servers.holdfast() as server:
            measured = (
                self._measure(server, one),
                self._measure(server, together),
                self._measure_changed(server, dialect),
            )
        self.customers.write(self.customers.matrix)
        return measured

    def holdfast_nothing_kept(self) -> tuple[Measurements, Measurements]:
        """One id, with reasons and without, of a service that computes every answer."""
        singly = self._singly(_HOLDFAST)
        with self.servers.holdfast(NOTHING_KEPT) as server:
            return (
                self._measure(server, self._questions(holdfast_dialect(REASONS), singly)),
                self._measure(server, self._questions(holdfast_dialect(0), singly)),
            )

    def plain_stack(self) -> tuple[Measurements, Measurements]:
        """One id, and a hundred ids, with reasons."""
        dialect = plain_stack_dialect(REASONS)
        one = self._questions(dialect, self._singly(_PLAIN_STACK))
        together = self._questions(dialect, self._together(_PLAIN_STACK_TOGETHER))
        with self.servers.plain_stack() as server:
            return self._measure(server, one), self._measure(server, together)

    def mlflow(self) -> tuple[Measurements, Measurements]:
        """One row, as a data frame and as an array."""
        customers, singly = self.customers, self._singly(_MLFLOW)
        rows = dict(zip(customers.ids, customers.matrix.tolist(), strict=True))
        features, right = customers.scorer.version.features, customers.uncalibrated()
        frame = probability_questions(singly, mlflow_frame_dialect(features, rows), right)
        array = probability_questions(singly, mlflow_array_dialect(rows), right)
        with self.servers.mlflow() as server:
            return self._measure(server, frame), self._measure(server, array)

    def _measure(self, server: ServerProcess, questions: Questions) -> Measurements:
        return measure(self.pool, server, questions.exchanges[:UNCHANGED], lambda _: questions)

    def _measure_changed(self, server: ServerProcess, dialect: Dialect) -> Measurements:
        """Before each load all records are rewritten; the load asks about each customer once."""
        everybody = [[id_] for id_ in self.customers.ids]

        def questions(place: int) -> Questions:
            matrix = self.customers.changed(place + 1)
            self.customers.write(matrix)
            return probability_questions(everybody, dialect, self.customers.probabilities(matrix))

        return measure(self.pool, server, [(dialect.ask(ids),) for ids in everybody], questions)

    def _questions(self, dialect: Dialect, asked: Sequence[Sequence[str]]) -> Questions:
        return probability_questions(asked, dialect, self.customers.probabilities())

    def _singly(self, count: int) -> list[list[str]]:
        """One customer per call, the same few in turn."""
        return [[id_] for id_ in islice(cycle(self.customers.ids[:UNCHANGED]), count)]

    def _together(self, count: int) -> list[list[str]]:
        """Many customers per call, of the same few, drawn anew for each."""
        random, few = np.random.default_rng(1), self.customers.ids[:UNCHANGED]
        return [random.choice(few, TOGETHER, replace=False).tolist() for _ in range(count)]
