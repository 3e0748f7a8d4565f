"""How long lines last, as far as it is known when they begin: what equilibrium is made from.

The hazard of a line has a part of its own that never changes, a course over its age (tenure, and
the terms of its commitment), and the chance to be lost without a decision. What changes with time,
such as satisfaction, network and prices, counts by its average
(`simulator.world.parameters.PopulationParameters.changing_hazard`).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from simulator.world.draws import Array
from simulator.world.parameters import LINES, PREPAID, ChurnParameters, Parameters

_WEEKS_A_YEAR = 365 / 7
_SOONEST_YEARS = 0.15
"""Tenure that younger lines count with, as in `simulator.weekly.churn`."""
_LONGEST_WEEKS = 5_200
AGES = np.concatenate([[0.0], np.geomspace(0.5, _LONGEST_WEEKS, 79)])
"""Ages that survival is known at, in weeks."""


def tenure_part(magnitudes: ChurnParameters, kind: Array, years: Array) -> Array:
    """Part of the log hazard by tenure, for lines of some kinds and ages in years."""
    exponent = np.array(magnitudes.log_tenure_years)[kind]
    part: Array = exponent * np.log(np.maximum(years, _SOONEST_YEARS))
    return part


def low_use_part(
    magnitudes: ChurnParameters, kind: Array, base_data: Array, base_minutes: Array
) -> Array:
    """Part of the log hazard by usual use: who uses little leaves sooner."""
    usual = np.log1p(base_data + base_minutes / 15)
    low_use = np.where(kind == PREPAID, 2.0, 2.6) - usual
    part: Array = np.array(magnitudes.low_use)[kind] * np.clip(low_use, -2.5, 2.5)
    return part


def lasting_part(
    magnitudes: ChurnParameters,
    kind: Array,
    autopay: Array,
    dual_sim: Array,
    age: Array,
    frailty: Array,
    odd: Array,
) -> Array:
    """Part of the log hazard by what never changes: how a line is paid and used, and by whom."""
    prepaid = kind == PREPAID
    part: Array = (
        magnitudes.autopay * (autopay & ~prepaid)
        + magnitudes.dual_sim * (dual_sim & prepaid)
        + magnitudes.young * (age <= 2)
        + frailty
        - 3.0 * odd
    )
    return part


@dataclass(frozen=True)
class Lifetimes:
    """How long lines last, one array entry each.

    Parameters
    ----------
    kind : array of int
        Line: postpaid, prepaid, broadband, TV.
    committed : array of bool
        Whether it begins with a commitment.
    hazard : array of float
        Its hazard a week at a tenure of one year and without commitment.
    involuntary : array of float
        Its chance a week to be lost without a decision.
    """

    kind: Array
    committed: Array
    hazard: Array
    involuntary: Array
    parameters: Parameters

    def of(self, lines: Array) -> "Lifetimes":
        """Those of some of the lines."""
        return Lifetimes(
            self.kind[lines],
            self.committed[lines],
            self.hazard[lines],
            self.involuntary[lines],
            self.parameters,
        )

    def survival(self) -> Array:
        """Probability of each line to last until each of `AGES`, one row per line."""
        exposure = _exposures(self.parameters)[:, :, np.searchsorted(_grid(), AGES)]
        return np.exp(
            -self.hazard[:, None] * exposure[self.kind, self.committed.astype(np.int64)]
            - self.involuntary[:, None] * AGES
        )

    def survival_at(self, age: Array) -> Array:
        """Probability of each line to last until an age of its own, in weeks."""
        place = np.clip(age, 0, _LONGEST_WEEKS)
        exposure = np.zeros(len(age))
        curves = _exposures(self.parameters)
        for kind in range(len(LINES)):
            for committed in (False, True):
                of_curve = (self.kind == kind) & (self.committed == committed)
                exposure[of_curve] = np.interp(
                    place[of_curve], _grid(), curves[kind, int(committed)]
                )
        survival: Array = np.exp(-self.hazard * exposure - self.involuntary * place)
        return survival


def involuntary_chance(parameters: Parameters, kind: Array, age: Array, odd: Array) -> Array:
    """Chance a week of being lost by fraud, moving or death, for lines of owners by age band."""
    magnitudes = parameters.churn
    chance: Array = (
        0.5 * np.array(magnitudes.fraud_a_week)[kind]
        + np.array(magnitudes.moved_a_week)[kind]
        + np.array(magnitudes.deceased_a_week)[age] * ~odd
    )
    return chance


def default_chance(parameters: Parameters, kind: Array, autopay: Array, risk: Array) -> Array:
    """Chance a week that a line's account stops paying and does not pay before the line ends."""
    magnitudes = parameters.billing
    bills = magnitudes.unpaid_to_end - 1
    chance: Array = (
        magnitudes.default_chance_a_week
        * np.exp(0.8 * risk)
        * np.where(autopay, 1.0, magnitudes.default_without_autopay)
        * (1 - magnitudes.cure_chance_a_bill) ** bills
        * (kind != PREPAID)
    )
    return chance


@cache
def _grid() -> Array:
    """Weeks of age, with `AGES` among them."""
    return np.union1d(np.arange(_LONGEST_WEEKS + 1.0), AGES)


def _exposures(parameters: Parameters) -> Array:
    """What lines have lived through by each age of `_grid`, in weeks at a tenure of a year and
    without commitment: by kind, and without and with a commitment at the start.
    """
    grid = _grid()
    middle = (grid[1:] + grid[:-1]) / 2
    curves = np.zeros((len(LINES), 2, len(grid)))
    for kind in range(len(LINES)):
        tenure = tenure_part(parameters.churn, np.array(kind), middle / _WEEKS_A_YEAR)
        for committed in (0, 1):
            hazard = np.exp(tenure) * _commitment_factor(parameters, kind, committed, middle)
            curves[kind, committed, 1:] = np.cumsum(hazard * np.diff(grid))
    return curves


def _commitment_factor(parameters: Parameters, kind: int, committed: int, age: Array) -> Array:
    """Average factor of the hazard by commitment, at each age, relative to lines without one."""
    magnitudes, population = parameters.churn, parameters.population
    length = population.commitment_weeks[kind]
    if not committed or length == 0:
        return np.ones(len(age))
    term, week = np.divmod(age, length)
    now = population.renewed_share**term
    before = np.where(term > 0, population.renewed_share ** np.maximum(term - 1, 0), 1.0)
    inside = np.exp(magnitudes.committed - magnitudes.out_of_commitment)
    ending = np.exp(magnitudes.commitment_ending - magnitudes.out_of_commitment)
    factor: Array = (
        now * np.where(week < length - 5, inside, ending)
        + (before - now) * np.where(week < 7, ending, 1.0)
        + (1 - before)
    )
    return factor
