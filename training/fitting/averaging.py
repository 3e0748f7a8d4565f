"""Averaging: which of the parameters that were tried are worth averaging, evaluated on the tuning
rows.

On few rows the parameters that look best are often not the best, and several that look good predict
more together than any of them; on many rows they agree, and more leaves are only slower to explain.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from holdfast.arrays import Floats
from models.reasons.cost import explanation_cost
from training.evaluation.metrics import log_loss
from training.fitting.fit import EarlyStopped, TrainingTable
from training.fitting.parameters import Parameters

LEAVES_PRICED = 10_000
"""Leaves that cost `TuningSettings.explanation_price`: about those of 300 trees of 31."""


def priced(log_loss: float, leaves: int, price: float) -> float:
    """The objective: log loss, raised by a share for every `LEAVES_PRICED` leaves that an
    explanation visits.
    """
    return log_loss * (1 + price * leaves / LEAVES_PRICED)


@dataclass(frozen=True)
class Tried:
    """Parameters fitted on the training rows.

    Parameters
    ----------
    leaves : int
        Over all its trees.
    margin : (n,) float64
        Raw margin of the tuning rows.
    """

    leaves: int
    margin: Floats


@dataclass(frozen=True)
class Averaging:
    """Chooses what is averaged.

    Parameters
    ----------
    fit : callable
        Fits parameters on the training rows, stopped by the tuning rows.
    valid : TrainingTable
        The tuning rows.
    price : float
        `TuningSettings.explanation_price`.
    most_leaves : int
        Leaves of the average, at most; the best parameters stay however many they have.
    threads : int
        Threads of a prediction.
    """

    fit: Callable[[Parameters], EarlyStopped]
    valid: TrainingTable
    price: float
    most_leaves: int
    threads: int

    def worth(
        self, best: Sequence[Parameters], most: float, advance: Callable[[int], None]
    ) -> list[int]:
        """Positions of the parameters to average: as many of the best as earn the leaves they add.

        The loss of an average is never above the mean of its members' losses. What it is below is
        what averaging earns. The best one's own loss is no measure, flattered as it is by having
        been chosen as the lowest.

        Parameters
        ----------
        best : sequence of mapping
            Parameters, best first; at least one.
        most : float
            Objective that the average must not exceed: the default parameters'.
        advance : callable
            Called after every fit.
        """
        members: dict[int, Tried] = {}
        worth = [0]
        for position, parameters in enumerate(best):
            one = self._try(parameters)
            advance(1)
            if members and self._leaves([*members.values(), one]) > self.most_leaves:
                continue
            members[position] = one
            together = self._priced(list(members.values()))
            apart = float(np.mean([self._priced([member]) for member in members.values()]))
            if together < apart and together <= most:
                worth = list(members)
            elif len(members) > len(worth) + 1:
                break
        return worth

    def _try(self, parameters: Parameters) -> Tried:
        stopped = self.fit(parameters)
        margin = stopped.booster.predict(
            self.valid.matrix, raw_score=True, num_threads=self.threads
        )
        return Tried(explanation_cost(stopped.booster), np.asarray(margin, dtype=np.float64))

    def _priced(self, members: Sequence[Tried]) -> float:
        margin = np.mean([member.margin for member in members], axis=0)
        loss = log_loss(self.valid.label, expit(margin), self.valid.weight)
        return priced(loss, self._leaves(members), self.price)

    @staticmethod
    def _leaves(members: Sequence[Tried]) -> int:
        return sum(member.leaves for member in members)
