"""The truth, which no feature may read: satisfaction, hazards and the effects of actions."""

import numpy as np

from simulator.weekly.care_effects import CareEffects
from simulator.weekly.churn import CARE_CAUSES, CAUSES, drivers, hazard, largest_driver
from simulator.weekly.economics import margin_a_week
from simulator.weekly.state import ACTIVE
from simulator.weekly.week import Week
from simulator.world.care_actions import CARE_ACTIONS


def record(week: Week) -> None:
    """Every few weeks, record the true states."""
    if week.number % week.parameters.truth_every_weeks == 0:
        record_states(week)


def record_states(week: Week) -> None:
    """Record the true state of each line in service at the week's start."""
    state, lines = week.state, week.population.lines
    active = np.flatnonzero(state.status == ACTIVE)
    if len(active) == 0:
        return
    leaving = state.leaves & (state.leave_at > week.start)
    leaves = np.array(week.parameters.churn.leaves_if_wavering)[lines.kind]
    causes = drivers(week)
    chance = hazard(week, causes) * leaves
    care = CareEffects(week)
    effects = {
        f"stay_effect_{action.name}": np.round(care.stay_effect(action, chance)[active], 5)
        for action in CARE_ACTIONS
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
        margin_a_week=np.round(margin_a_week(week)[active], 3),
        **effects,
    )
