"""The latent state that everything moves: how satisfied each customer is, about standard normal
over customers.
"""

import numpy as np

from simulator.weekly.week import Week


def settle(week: Week) -> None:
    """Let a week's events and a noise of its own move satisfaction, which then returns slowly to
    where it belongs.
    """
    magnitudes = week.parameters.satisfaction
    customers, state = week.population.customers, week.state
    active = week.active()
    here = np.maximum(week.by_customer(active), 1)
    unfit = np.clip(state.unused - 0.55, 0, 0.5) * active
    week.shock -= magnitudes.misfit * week.by_customer(unfit) / here
    noise = magnitudes.noise_sd_a_week * week.draws.normal("mood", week.number, week.people)
    home = customers.content + magnitudes.mean_shift
    pull = magnitudes.return_a_week * (home - state.c_satisfaction)
    state.c_satisfaction = state.c_satisfaction + pull + np.clip(week.shock, -1.5, 0.5) + noise
    state.c_sibling *= np.float32(0.86)
