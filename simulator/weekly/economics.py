"""What a line earns: the margin that the profit of a policy is counted in."""

import numpy as np

from simulator.weekly.week import Week
from simulator.world.draws import Array
from simulator.world.parameters import PREPAID

_WEEKS_A_MONTH = 52 / 12


def margin_a_week(week: Week) -> Array:
    """Margin that each line earns in a week of service, at present price, discount and use.

    Parameters
    ----------
    week : Week
        The week being simulated, or about to begin.

    Returns
    -------
    (n,) array of float
        Currency; 0 for lines that are not in service.
    """
    lines, state = week.population.lines, week.state
    discount = np.where(state.promo_end > week.number, state.discount, 0.0)
    fee = state.fee * (1 - discount) / _WEEKS_A_MONTH
    earned = np.where(lines.kind == PREPAID, recharges_a_week(week), fee)
    margin: Array = week.parameters.billing.margin_share * earned * week.active()
    return margin


def recharges_a_week(week: Week) -> Array:
    """What each prepaid line uses up of its balance in a week of use, in currency."""
    spent: Array = 0.24 * week.population.lines.recharge * np.exp(0.6 * week.state.usage_wave)
    return spent
