"""What care actions do: shifts of the log hazard, by line, and the chance of staying they change."""

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from simulator.weekly.state import ACTIVE
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, NO_WEEK
from simulator.world.care_actions import CareAction, Part
from simulator.world.draws import Array
from simulator.world.parameters import LINES, POSTPAID, PREPAID

_WEEKS = 13
"""About 90 days."""


class CareEffects:
    """What actions would do to the lines of a block now.

    Parameters
    ----------
    week : Week
        The week being simulated, or about to begin.
    """

    def __init__(self, week: Week) -> None:
        self.week = week
        state = week.state
        settled = (state.wavering_to == NO_WEEK) | ~state.leaves
        self._open_to_care = settled & (state.status == ACTIVE)
        self._conditions: dict[str, Array] = {}

    def shift(self, action: CareAction, line: Array, tired: Array) -> Array:
        """Shift of the log hazard that an action causes; below 0 it reduces churn.

        Parameters
        ----------
        action : CareAction
            The action.
        line : (n,) array of int
            Positions of the lines.
        tired : (n,) array of float
            How much too often each line's customer was contacted just before, 0 or more
            (`tiredness`).

        Returns
        -------
        (n,) array of float
            Before fading; 0 for lines that have decided to leave.
        """
        magnitudes = self.week.parameters.campaign
        taste = 0.4 + 1.2 * self.week.draws.at(
            f"taste for {action.name}", self.week.population.lines.number[line]
        )
        helps = self._sum(action.helps, line) * magnitudes.helps * taste
        harms = self._sum(action.harms, line) * magnitudes.wakes * taste
        saturated = np.exp(-magnitudes.saturation * tired)
        shift = helps * saturated + harms + magnitudes.annoys * tired
        return np.where(self._open_to_care[line], shift, 0.0)

    def stay_effect(self, action: CareAction, chance: Array) -> Array:
        """Change in each line's probability of staying for 90 days because of an action now.

        Everything else is assumed not to change.

        Parameters
        ----------
        action : CareAction
            The action.
        chance : (n,) array of float
            Probability that each line is lost in a week, without the action.

        Returns
        -------
        (n,) array of float
            One number per line of the block.
        """
        week = self.week
        lines = week.population.lines
        everybody = np.arange(week.size)
        shift = self.shift(action, everybody, tiredness(week)[lines.customer])
        change = np.zeros(week.size)
        moved = np.flatnonzero(np.abs(shift) > 1e-3)
        counts = _counting_weeks(week)[lines.kind[moved]]
        fading = action.fade_a_week ** (1 + np.arange(_WEEKS))
        exposure = (counts * np.exp(shift[moved, None] * fading)).sum(axis=1)
        change[moved] = np.exp(-chance[moved] * exposure) - np.exp(
            -chance[moved] * counts.sum(axis=1)
        )
        return change

    def _sum(self, parts: tuple[Part, ...], line: Array) -> Array:
        total = np.zeros(len(line))
        for part in parts:
            product = np.full(len(line), part.size)
            for condition in part.when:
                product = product * self._holds(condition)[line]
            total += product
        return total

    def _holds(self, condition: str) -> Array:
        if condition not in self._conditions:
            self._conditions[condition] = CONDITIONS[condition](self.week)
        return self._conditions[condition]


def tiredness(week: Week) -> Array:
    """How much too often each customer was contacted lately, by care.

    Returns
    -------
    (n,) array of float
        One number per customer of the block, 0 or more.
    """
    return tired_by(week.state.c_care_contacts, week)


def tired_by(contacts: Array, week: Week) -> Array:
    """How much recent contacts, fading, are beyond what a customer tolerates."""
    magnitudes = week.parameters.campaign
    return np.maximum(np.asarray(contacts, dtype=np.float64) - magnitudes.tolerated_contacts, 0)


def _counting_weeks(week: Week) -> Array:
    """Share of lines beginning to waver in each coming week that are lost within 90 days.

    One row per kind of line.
    """
    magnitudes = week.parameters.churn
    inactive_weeks = np.where(np.arange(len(LINES)) == PREPAID, magnitudes.inactivity_days / 7, 0.0)
    left = _WEEKS - 1 - inactive_weeks[:, None] - np.arange(_WEEKS)
    return np.clip(left / (1 + np.array(magnitudes.lead_weeks_most))[:, None], 0, 1)


def _dissatisfied(week: Week) -> Array:
    satisfaction = week.state.c_satisfaction[week.population.lines.customer]
    return np.asarray(expit(-3.5 * (satisfaction + 0.4)))


def _free_to_go(week: Week) -> Array:
    """Without commitment."""
    lines = week.population.lines
    return (week.state.commit_end < week.number) & (lines.kind != PREPAID)


def _dormant(week: Week) -> Array:
    """Of long tenure, without commitment, content and in no contact: has not thought of leaving."""
    lines, state = week.population.lines, week.state
    years = (week.start - state.start_at) / (365 * DAY)
    quiet = np.clip(1 - state.c_contacts[lines.customer], 0, 1) * (1 - _dissatisfied(week))
    return np.where(_free_to_go(week), np.clip((years - 1) / 1.5, 0, 1), 0.25) * quiet


def _unfit_plan(week: Week) -> Array:
    state = week.state
    unfit = np.clip((state.unused - 0.45) / 0.3, 0, 1) + np.clip(state.cycle_overage / 8, 0, 1)
    return np.minimum(unfit, 1)


def _trouble(week: Week) -> Array:
    state = week.state
    trouble = np.clip(state.c_contacts + state.c_unresolved, 0, 1)
    return np.asarray(trouble[week.population.lines.customer])


def _old_device(week: Week) -> Array:
    age = week.number - week.state.device_week
    return np.clip((age - 55) / 40, 0, 1) * (week.population.lines.kind == POSTPAID)


def _commitment_ending(week: Week) -> Array:
    to_end = week.state.commit_end - week.number
    return ((to_end > -7) & (to_end <= 5)).astype(np.float64)


def _bill_shock(week: Week) -> Array:
    lines = week.population.lines
    return np.clip(week.state.a_shock[lines.account], 0, 1) * (lines.kind != PREPAID)


CONDITIONS: dict[str, Callable[[Week], Array]] = {
    "dissatisfied": _dissatisfied,
    "content": lambda week: 1 - _dissatisfied(week),
    "dormant": _dormant,
    "free_to_go": lambda week: _free_to_go(week).astype(np.float64),
    "commitment_ending": _commitment_ending,
    "unfit_plan": _unfit_plan,
    "trouble": _trouble,
    "unresolved": lambda week: np.clip(week.state.c_unresolved, 0, 1)[
        week.population.lines.customer
    ],
    "recent_outage": lambda week: np.clip(week.state.outage, 0, 1),
    "no_recent_outage": lambda week: 1 - np.clip(week.state.outage, 0, 1),
    "old_device": _old_device,
    "no_old_device": lambda week: 1 - _old_device(week),
    "bill_shock": _bill_shock,
    "price_rise": lambda week: np.clip(week.state.price_rise, 0, 1),
    "prepaid": lambda week: (week.population.lines.kind == PREPAID).astype(np.float64),
    "not_prepaid": lambda week: (week.population.lines.kind != PREPAID).astype(np.float64),
    "idle": lambda week: (week.state.idle_weeks > 0).astype(np.float64),
}
"""How far each line fulfils each condition, from 0 to 1, one number per line of the block."""
