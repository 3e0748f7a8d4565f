"""Satisfaction: a latent state of each customer, about standard normal over customers."""

import numpy as np

from simulator.weekly.week import Week


def settle(week: Week) -> None:
    """Change satisfaction by a week's events and noise; it returns slowly to its own level."""
    magnitudes = week.parameters.satisfaction
    customers, state = week.population.customers, week.state
    active = week.active()
    line_count = np.maximum(week.by_customer(active), 1)
    unfit = np.clip(state.unused - 0.55, 0, 0.5) * active
    week.shock -= magnitudes.misfit * week.by_customer(unfit) / line_count
    noise = magnitudes.noise_sd_a_week * week.draws.normal("mood", week.number, week.people)
    home = customers.satisfaction_level + magnitudes.mean_shift
    pull = magnitudes.return_a_week * (home - state.c_satisfaction)
    state.c_satisfaction = state.c_satisfaction + pull + np.clip(week.shock, -1.5, 0.5) + noise
    state.c_sibling *= np.float32(0.86)
