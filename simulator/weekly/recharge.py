"""Prepaid balance and recharges."""

import numpy as np

from simulator.weekly.economics import recharges_a_week
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, NEVER, NO_WEEK
from simulator.world.draws import pick
from simulator.world.parameters import PREPAID


def recharge(week: Week) -> None:
    """Let prepaid lines use up their balance and recharge, less often before they are lost."""
    magnitudes = week.parameters.recharge
    lines, state = week.population.lines, week.state
    in_use = (lines.kind == PREPAID) & week.active() & (state.idle_weeks == 0)
    in_use &= (state.quiet_from == NEVER) | (state.quiet_from > week.start)
    before = np.maximum(np.round(state.balance - np.where(in_use, recharges_a_week(week), 0), 2), 0)
    state.balance = np.where(in_use, before, state.balance)
    wavers = (state.wavering_to != NO_WEEK) & state.declines
    willing = magnitudes.willingness_a_week * np.where(wavers, 0.45, 1.0)
    due = (
        in_use
        & (before < magnitudes.buffer + 0.1 * lines.recharge)
        & (week.uniform("recharge") < willing)
    )
    who = np.flatnonzero(due & (state.start_at < week.start))
    number = lines.number[who]
    place = np.searchsorted(np.array(magnitudes.amounts), lines.recharge[who])
    step = np.floor(3 * week.draws.at("recharge amount", number, week.number)).astype(np.int64) - 1
    amount = np.array(magnitudes.amounts)[
        np.clip(place + step * (place > 0), 0, len(magnitudes.amounts) - 1)
    ]
    digital = week.population.customers.digital[lines.customer[who]]
    weights = np.stack(
        [digital, 0.5 * digital, 0.7 * (1 - digital), 0.4 * (1 - digital), np.full(len(who), 0.05)],
        axis=1,
    )
    at = week.random_time("recharge", number)
    stop = state.quiet_from[who]
    at = np.where((stop != NEVER) & (stop < at), np.maximum(stop - DAY // 24, week.start), at)
    week.rows.add(
        "recharges",
        number,
        at,
        subscription_id=who,
        amount=amount,
        channel=pick(week.draws.at("recharge channel", number, week.number), weights),
        balance_before=before[who],
        valid_until_at=at + magnitudes.valid_days * DAY,
    )
    state.balance[who] += amount
