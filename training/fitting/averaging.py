"""Averaging: of which of the tried parameters the boosters are averaged, by the log loss on the
tuning rows.

With few rows, the parameters that look best are often not the best, and the average of several good
boosters predicts better than each of them. With many rows the boosters agree, and an average only
has more leaves and is slower to explain.
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
"""Leaves that cost one `TuningSettings.explanation_price`: about 300 trees of 31 leaves."""


def priced(log_loss: float, leaves: int, price: float) -> float:
    """The objective: log loss, raised by the share `price` for every `LEAVES_PRICED` leaves that an
    explanation visits.
    """
    return log_loss * (1 + price * leaves / LEAVES_PRICED)


@dataclass(frozen=True)
class TriedBooster:
    """A booster fitted with some parameters on the training rows.

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
    """Chooses the parameters whose boosters are averaged.

    Parameters
    ----------
    fit : callable
        Fits parameters on the training rows, stopped by the tuning rows.
    valid : TrainingTable
        The tuning rows.
    price : float
        `TuningSettings.explanation_price`.
    most_leaves : int
        Most leaves of the average; the best parameters are kept whatever their number.
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
        """Positions of the parameters to average: as many of the best as lower the log loss by more
        than the price of the leaves that they add.

        The loss of an average is never above the mean of its members' losses; the difference is the
        gain of averaging. The loss of the best member alone is no measure of it: chosen as the
        lowest, it is too low.

        Parameters
        ----------
        best : sequence of mapping
            Parameters, best first; at least one.
        most : float
            Objective that the average must not exceed: that of the default parameters.
        advance : callable
            Called after every fit.
        """
        members: dict[int, TriedBooster] = {}
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

    def _try(self, parameters: Parameters) -> TriedBooster:
        stopped = self.fit(parameters)
        margin = stopped.booster.predict(
            self.valid.matrix, raw_score=True, num_threads=self.threads
        )
        return TriedBooster(explanation_cost(stopped.booster), np.asarray(margin, dtype=np.float64))

    def _priced(self, members: Sequence[TriedBooster]) -> float:
        margin = np.mean([member.margin for member in members], axis=0)
        loss = log_loss(self.valid.label, expit(margin), self.valid.weight)
        return priced(loss, self._leaves(members), self.price)

    @staticmethod
    def _leaves(members: Sequence[TriedBooster]) -> int:
        return sum(member.leaves for member in members)
