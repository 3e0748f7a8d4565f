"""The truth, which no feature may read: satisfaction, hazards and the effects of actions."""

import numpy as np

from simulator.weekly.campaign import ACTIONS, stay_effect
from simulator.weekly.churn import CARE_CAUSES, CAUSES, drivers, hazard, largest_driver
from simulator.weekly.state import ACTIVE
from simulator.weekly.week import Week


def record(week: Week) -> None:
    """Every few weeks, record the true state of each line in service at the week's start."""
    if week.number % week.parameters.truth_every_weeks:
        return
    state, lines = week.state, week.population.lines
    active = np.flatnonzero(state.status == ACTIVE)
    if len(active) == 0:
        return
    leaving = state.leaves & (state.leave_at > week.start)
    leaves = np.array(week.parameters.churn.leaves_if_wavering)[lines.kind]
    causes = drivers(week)
    chance = hazard(week, causes) * leaves
    effects = {
        f"stay_effect_{action}": np.round(stay_effect(week, action, chance)[active], 5)
        for action in ACTIONS
    }
    week.truth.add(
        "states",
        lines.number[active],
        np.full(len(active), week.start),
        subscription_id=active,
        customer_id=lines.customer[active],
        satisfaction=np.round(state.c_satisfaction[lines.customer[active]], 3),
        hazard_a_week=np.round(chance[active], 6),
        driver=largest_driver(causes, CAUSES)[active],
        care_driver=largest_driver(causes, CARE_CAUSES)[active],
        leaving=leaving[active],
        **effects,
    )
