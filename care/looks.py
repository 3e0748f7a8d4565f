"""Looks: when the effect of a campaign may be read, and how wide its interval then is.

A campaign is read once, when all of its outcomes have matured, unless its file declares otherwise
before it begins: days of further looks, whose intervals hold together (alpha spending), or no end at
all, with intervals that hold on every day together (a confidence sequence). A campaign that is read
more than once never shows the narrower interval of a single look, since it could have been stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from care.measure import Effect, are_enough, effect
from care.sequential import sequence_half_width, spending_bounds
from holdfast.arrays import Floats

Reading = Literal["once", "planned_looks", "any_day"]
"""``once``: at the declared end; ``planned_looks``: on declared days and at the end; ``any_day``:
there is no end."""

ALPHA = 0.05
"""Chance that an interval, or any of those that hold together, misses the true effect."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """A look at a campaign.

    Parameters
    ----------
    at : datetime
        When (UTC).
    households : int
        Households of both arms whose outcomes had matured and are known.
    effect : Effect or None
        None where an arm had too few.
    """

    at: datetime
    households: int
    effect: Effect | None

    @property
    def shows(self) -> bool:
        """Whether its interval lies on one side of zero: the campaign could have been stopped."""
        return self.effect is not None and self.effect.finding != "not_shown"


@dataclass(frozen=True)
class Matured:
    """What is known at a look.

    Parameters
    ----------
    at : datetime
        When (UTC).
    outcome : (n,) float64
        Outcomes of households that have matured by then and are known.
    arm : (n,) int8
        Their arms.
    spent_by : float
        Where the campaign stands in its course, above 0 and at most 1 (see
        `care.sequential.spending_bounds`); 1 at its end.
    """

    at: datetime
    outcome: Floats
    arm: NDArray[np.int8]
    spent_by: float

    @property
    def is_enough(self) -> bool:
        """Whether each arm has enough households for an interval."""
        return are_enough(self.outcome, self.arm)


def read_looks(reading: Reading, matured: Sequence[Matured], narrowest_at: int) -> list[Look]:
    """Read a campaign at each of its looks so far.

    Parameters
    ----------
    reading : {"once", "planned_looks", "any_day"}
        What the campaign declares.
    matured : sequence of Matured
        What was known at each look, the first one first.
    narrowest_at : int
        Households at which the intervals of ``any_day`` are narrowest; of no meaning otherwise.

    Returns
    -------
    list of Look
        In the same order. A look at which an arm had too few households, or at which nothing new had
        matured, has no effect and spends nothing.
    """
    criticals = _criticals(reading, matured, narrowest_at)
    return [
        Look(
            at=known.at,
            households=len(known.outcome),
            effect=None
            if critical is None
            else effect(known.outcome, known.arm, 1 - ALPHA, critical),
        )
        for known, critical in zip(matured, criticals, strict=True)
    ]


def _criticals(
    reading: Reading, matured: Sequence[Matured], narrowest_at: int
) -> list[float | None]:
    """Standard errors to either side at each look; None where there is nothing to read."""
    sizes = [len(known.outcome) for known in matured]
    if reading == "any_day":
        return [
            sequence_half_width(size, 1.0, narrowest_at, ALPHA) if known.is_enough else None
            for known, size in zip(matured, sizes, strict=True)
        ]
    most = 0
    counted = []
    for place, known in enumerate(matured):
        if known.is_enough and sizes[place] > most:
            counted.append(place)
            most = sizes[place]
    criticals: list[float | None] = [None] * len(matured)
    if counted:
        spent_by = [matured[place].spent_by for place in counted]
        bounds = spending_bounds([sizes[place] for place in counted], ALPHA, spent_by)
        for place, bound in zip(counted, bounds.tolist(), strict=True):
            # What comes after moves the last bits, and a look shows the same whenever it is asked for.
            criticals[place] = round(bound, 6)
    return criticals
