"""The plan catalogue and its prices by week."""

from dataclasses import dataclass

import numpy as np

from simulator.world.draws import Array, Draws
from simulator.world.parameters import LINES, PlanParameters

CODES = ("MOB", "PRE", "FIX", "TV")


@dataclass(frozen=True)
class PlanCatalogue:
    """Plans, numbered across lines.

    Parameters
    ----------
    ids : tuple of str
        Plan ids.
    line : array of int
        Line of each plan, an index of `LINES`.
    first_fee : array of float
        Fee when the period starts, currency per month.
    data_gb, minutes : array of float
        Allowance per month; NaN for unlimited.
    over_gb, over_minute : array of float
        Price beyond the allowance.
    commitment_months : array of int
        Minimum term of the plan.
    rise_week : array of int
        Week of the year in which its price may rise, each year.
    """

    ids: tuple[str, ...]
    line: Array
    first_fee: Array
    data_gb: Array
    minutes: Array
    over_gb: Array
    over_minute: Array
    commitment_months: Array
    rise_week: Array
    rise: Array

    def first_of(self, line: int) -> int:
        """Number of a line's cheapest plan."""
        return int(np.searchsorted(self.line, line))

    def count_of(self, line: int) -> int:
        """Plans of a line."""
        return int((self.line == line).sum())

    def fee(self, week: int) -> Array:
        """Fee of each plan in a week, currency per month."""
        rises = (week - self.rise_week) // 52 + 1
        fee: Array = np.round(self.first_fee * (1 + self.rise) ** rises, 2)
        return fee

    def rising(self, week: int) -> Array:
        """Whether each plan's price rises at the start of a week."""
        rising: Array = ((week - self.rise_week) % 52 == 0) & (self.rise > 0)
        return rising


def catalogue(draws: Draws, parameters: PlanParameters) -> PlanCatalogue:
    """Create the catalogue.

    Parameters
    ----------
    draws : Draws
        Random numbers that all blocks share.
    parameters : PlanParameters
        Prices.
    """
    sizes = [len(fees) for fees in parameters.fees]
    line = np.repeat(np.arange(len(LINES)), sizes)
    number = len(line)
    random = draws.generator("plan prices")
    return PlanCatalogue(
        ids=tuple(
            f"{CODES[kind]}-{place + 1:02d}"
            for kind, size in enumerate(sizes)
            for place in range(size)
        ),
        line=line,
        first_fee=np.concatenate(parameters.fees),
        data_gb=np.concatenate(parameters.data_gb),
        minutes=np.concatenate(parameters.minutes),
        over_gb=np.array(parameters.overage_per_gb)[line],
        over_minute=np.array(parameters.overage_per_minute)[line],
        commitment_months=np.array([24, 0, 18, 12])[line],
        rise_week=random.integers(8, 50, number),
        rise=np.where(
            line == LINES.index("prepaid"),
            0.0,
            np.round(parameters.rise_share * random.uniform(0.5, 1.6, number), 3),
        ),
    )
