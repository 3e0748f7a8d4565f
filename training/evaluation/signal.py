"""Whether a model predicts its target at all: a verdict that comes before every other figure.

A model is found where the whole intervals of AUC and of the lift of the riskiest lie above those of
a random order. Where they do not, there are two cases that ask for different things: so few rows
that a useful model may be hidden in them, or enough rows to say that there is none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from training.evaluation.assessment import Assessment, Estimate

SignalVerdict = Literal["model", "nothing_found"]

USEFUL_AUC = 0.6
"""AUC below which a model is of little use; the weakest public tables of telecoms reach 0.67.
An interval that ends below it shows that there is nothing to find in these columns.
"""

RANDOM_AUC, RANDOM_LIFT = 0.5, 1.0

SIGNAL_METRICS = ("auc", "lift_capacity")
"""Metrics of an assessment that it is told by."""


@dataclass(frozen=True)
class Signal:
    """What was found.

    Parameters
    ----------
    verdict : {"model", "nothing_found"}
        Whether the table or dataset predicts the target.
    enough_data : bool
        Whether nothing found means that there is nothing to find; True for a model.
    """

    verdict: SignalVerdict
    enough_data: bool

    @property
    def found(self) -> bool:
        """Whether there is a model."""
        return self.verdict == "model"


def signal_of(figures: Iterable[tuple[Estimate | None, Estimate | None]]) -> Signal:
    """Whether anything was found at any horizon.

    Parameters
    ----------
    figures : iterable of (Estimate or None, Estimate or None)
        AUC and lift of the riskiest customers at each horizon; None where the rows do not determine
        it, which shows nothing.

    Examples
    --------
    >>> signal_of([(Estimate(0.62, 0.57, 0.67), Estimate(1.8, 1.3, 2.4))]).verdict
    'model'
    >>> signal_of([(Estimate(0.51, 0.48, 0.54), Estimate(1.1, 0.8, 1.4))])
    Signal(verdict='nothing_found', enough_data=True)
    >>> signal_of([(Estimate(0.61, 0.45, 0.77), Estimate(1.1, 0.2, 3.4))])
    Signal(verdict='nothing_found', enough_data=False)
    """
    pairs = list(figures)
    for auc, lift in pairs:
        if auc and lift and auc.low > RANDOM_AUC and lift.low > RANDOM_LIFT:
            return Signal("model", True)
    ruled_out = all(auc is not None and _rules_out(auc) for auc, _ in pairs)
    return Signal("nothing_found", bool(pairs) and ruled_out)


def _rules_out(auc: Estimate) -> bool:
    """Whether a useful model would have been seen: the interval ends below its AUC, and not only
    because few rows happened to be ranked the wrong way round.
    """
    return auc.high < USEFUL_AUC and auc.high - auc.low < 2 * (USEFUL_AUC - RANDOM_AUC)


def signal_of_assessments(assessments: Mapping[str, Assessment]) -> Signal:
    """Whether anything was found at any horizon of an assessed model."""
    auc, lift = SIGNAL_METRICS
    return signal_of((one.metrics.get(auc), one.metrics.get(lift)) for one in assessments.values())
