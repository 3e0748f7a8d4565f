"""What no feature may read: satisfaction, hazards, and what each action would do to whom."""

import numpy as np

from simulator.weekly.campaign import ACTIONS, stay_effect
from simulator.weekly.churn import drivers, hazard
from simulator.weekly.state import ACTIVE
from simulator.weekly.week import Week


def tell(week: Week) -> None:
    """Every few weeks, tell the truth about each line in service, as of the week's start."""
    if week.number % week.parameters.truth_every_weeks:
        return
    state, lines = week.state, week.population.lines
    here = np.flatnonzero(state.status == ACTIVE)
    if len(here) == 0:
        return
    leaving = state.leaves & (state.leave_at > week.start)
    leaves = np.array(week.parameters.churn.leaves_if_wavering)[lines.kind]
    chance = hazard(week, drivers(week)) * leaves
    effects = {
        f"stay_effect_{action}": np.round(stay_effect(week, action, chance)[here], 5)
        for action in ACTIONS
    }
    week.truth.add(
        "states",
        lines.number[here],
        np.full(len(here), week.start),
        subscription_id=here,
        customer_id=lines.customer[here],
        satisfaction=np.round(state.c_satisfaction[lines.customer[here]], 3),
        hazard_a_week=np.round(chance[here], 6),
        leaving=leaving[here],
        **effects,
    )
