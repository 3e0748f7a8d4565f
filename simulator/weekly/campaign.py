"""Care: randomised campaigns, care decided outside the simulation, its effects and outcomes."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from features.contracts.vocabulary import ARMS, CONTACT_CHANNELS, OUTCOMES, STATUS_REASONS
from simulator.weekly.lifecycle import withdraw_offers
from simulator.weekly.state import ACTIVE, ENDED
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, HOUR, MINUTE, NO_WEEK
from simulator.world.draws import Array
from simulator.world.parameters import LINES
from simulator.world.population import POSTPAID, PREPAID

ACTIONS = ("plan_fit_offer", "data_gift", "courtesy_call", "outage_apology", "device_upgrade_offer")
OFFERS = frozenset({"plan_fit_offer", "data_gift", "device_upgrade_offer"})
CHANNELS = {
    "plan_fit_offer": "sms",
    "data_gift": "app",
    "courtesy_call": "phone",
    "outage_apology": "sms",
    "device_upgrade_offer": "email",
}
_TREATMENT, _CONTROL, _HOLDOUT = range(len(ARMS))
_WEEKS = 13
"""About 90 days."""


@dataclass(frozen=True)
class Actions:
    """Care decided outside the simulation for one block and week, one array entry per decision.

    Parameters
    ----------
    line : array of int
        Position of the line; -1 for a decision about a whole customer.
    customer : array of int
        Position of the customer, where the decision is about the whole customer.
    whole : array of bool
        The decision is about the whole customer.
    action, channel, arm : array of int
        Indices of `ACTIONS`, of the contract's channels (-1 for none) and arms.
    propensity : array of float
        NaN when not randomised.
    at : array of int
        Time in microseconds.
    rank : array of int
        Number of the decision about one line in one week, from 1.
    contact_id, campaign_id : array of str
        Names that the contact and its outcomes have in the tables; empty for the simulation's own.
    """

    line: Array
    customer: Array
    whole: Array
    action: Array
    channel: Array
    arm: Array
    propensity: Array
    at: Array
    rank: Array
    contact_id: Array
    campaign_id: Array


def effect(week: Week, action: str) -> Array:
    """Shift of each line's log hazard that an action would cause now; below 0 it reduces churn.

    Parameters
    ----------
    week : Week
        The week being simulated.
    action : str
        One of `ACTIONS`.

    Returns
    -------
    array of float
        One number per line, before fading. An action has no effect on lines that have decided to
        leave.
    """
    magnitudes = week.parameters.campaign
    lines, state = week.population.lines, week.state
    satisfaction = state.c_satisfaction[lines.customer]
    dissatisfied = expit(-3.5 * (satisfaction + 0.4))
    free = (state.commit_end < week.number) & (lines.kind != 1)
    years = (week.start - state.start_at) / (365 * DAY)
    quiet = np.clip(1 - state.c_contacts[lines.customer], 0, 1) * (1 - dissatisfied)
    sleeping = np.where(free, np.clip((years - 1) / 1.5, 0, 1), 0.25) * quiet
    taste = 0.4 + 1.2 * week.draws.at(f"taste for {action}", lines.number)
    unfit = np.clip((state.unused - 0.45) / 0.3, 0, 1) + np.clip(state.cycle_overage / 8, 0, 1)
    helps, wakes = magnitudes.helps * taste, magnitudes.wakes * taste
    trouble = np.clip(state.c_contacts + state.c_unresolved, 0, 1)[lines.customer]
    old_device = np.clip((week.number - state.device_week - 55) / 40, 0, 1) * (
        lines.kind == POSTPAID
    )
    worse = np.clip(state.net_now, 0, 1)
    upgrade = old_device * (0.25 + 0.75 * dissatisfied) * (0.4 + 0.6 * free)
    shift = {
        "plan_fit_offer": 0.6 * helps * dissatisfied * np.minimum(unfit, 1) + wakes * sleeping,
        "data_gift": np.zeros(week.size),
        "courtesy_call": helps * dissatisfied * trouble
        + wakes * (0.35 * sleeping + 0.12 * (1 - dissatisfied)),
        "outage_apology": helps * worse * (0.2 + 0.8 * dissatisfied)
        + 0.15 * wakes * (1 - worse) * (1 - dissatisfied),
        "device_upgrade_offer": helps * upgrade + 0.3 * wakes * sleeping * (1 - old_device),
    }[action]
    settled = (state.wavering_to == NO_WEEK) | ~state.leaves
    return np.where(settled & (state.status == ACTIVE), shift, 0.0)


def stay_effect(week: Week, action: str, chance: Array) -> Array:
    """Change in each line's probability of staying for 90 days because of an action now.

    Everything else is assumed not to change.

    Parameters
    ----------
    week : Week
        The week about to begin.
    action : str
        One of `ACTIONS`.
    chance : array of float
        Probability that each line is lost in a week, without the action.
    """
    shift = effect(week, action)
    change = np.zeros(week.size)
    moved = np.flatnonzero(np.abs(shift) > 1e-3)
    kind = week.population.lines.kind[moved]
    counts = _counting_weeks(week)[kind]
    fading = week.parameters.campaign.fade_a_week ** (1 + np.arange(_WEEKS))
    exposure = (counts * np.exp(shift[moved, None] * fading)).sum(axis=1)
    change[moved] = np.exp(-chance[moved] * exposure) - np.exp(-chance[moved] * counts.sum(axis=1))
    return change


def _counting_weeks(week: Week) -> Array:
    """Share of lines beginning to waver in each coming week that are lost within 90 days.

    One row per kind of line.
    """
    magnitudes = week.parameters.churn
    inactive_weeks = np.where(np.arange(len(LINES)) == PREPAID, magnitudes.inactivity_days / 7, 0.0)
    left = _WEEKS - 1 - inactive_weeks[:, None] - np.arange(_WEEKS)
    return np.clip(left / (1 + np.array(magnitudes.lead_weeks_most))[:, None], 0, 1)


def care(week: Week, actions: Actions | None) -> None:
    """Run the week's campaign and the given actions, and emit the outcomes of earlier ones."""
    _emit_outcomes(week)
    _run_campaign(week)
    if actions is not None:
        _act(week, actions)


def _run_campaign(week: Week) -> None:
    magnitudes = week.parameters.campaign
    since = week.number - magnitudes.first_week
    if since < 0 or since % magnitudes.weeks_between:
        return
    campaign = since // magnitudes.weeks_between
    action = ACTIONS[campaign % len(ACTIONS)]
    round_ = campaign // len(ACTIONS)
    state, customers, lines = week.state, week.population.customers, week.population.lines
    main = week.main_line()
    line = np.maximum(main, 0)
    allowed = (main >= 0) & ~state.c_no_contact & ~lines.is_test[line] & ~lines.is_iot[line]
    if action in OFFERS:
        allowed &= ~state.c_no_offers
    stratum = state.c_unresolved > 0.3
    device_age = week.number - state.device_week[line]
    eligible = {
        "plan_fit_offer": state.commit_end[line] < week.number,
        "data_gift": lines.mobile[line],
        "courtesy_call": state.c_contacts > 0.5,
        "outage_apology": state.net_now[line] > 0.35,
        "device_upgrade_offer": (lines.kind[line] == POSTPAID)
        & (device_age > 60)
        & (state.commit_end[line] < week.number + 12),
    }[action]
    sampled = week.draws.at("sampled", customers.number, campaign) < np.where(
        np.isin(action, ("courtesy_call", "outage_apology")), 0.95, magnitudes.sampled_share
    )
    who = np.flatnonzero(allowed & eligible & sampled)
    number = lines.number[main[who]]
    home = np.where(customers.household[who] < 0, customers.number[who], customers.household[who])
    held_out = week.draws.at("holdout", home) < magnitudes.holdout_share
    treats = np.full(len(who), 0.5)
    if action == "courtesy_call":
        treats = np.where(stratum[who], 0.8, 0.2)
    as_rule = (action == "outage_apology" and round_ % 2 == 1) or (
        action == "device_upgrade_offer" and round_ % 3 == 2
    )
    if as_rule:
        treats = np.ones(len(who))
    treated = ~held_out & (week.draws.at("arm", number, campaign) < treats)
    arm = np.where(held_out, _HOLDOUT, np.where(treated, _TREATMENT, _CONTROL))
    share = magnitudes.holdout_share
    propensity = np.where(held_out, share, (1 - share) * np.where(treated, treats, 1 - treats))
    propensity = np.full(len(who), np.nan) if as_rule else np.round(propensity, 4)
    at = week.random_time("campaign", number, 4)
    channel = np.full(len(who), CONTACT_CHANNELS.index(CHANNELS[action]))
    code = np.full(len(who), ACTIONS.index(action))
    contact = (number * 10_000 + week.number) * 16
    _contact(
        week,
        contact,
        main[who],
        main[who],
        who,
        np.full(len(who), campaign),
        code,
        channel,
        arm,
        propensity,
        at,
    )


def _act(week: Week, actions: Actions) -> None:
    owner = week.population.lines.customer[np.maximum(actions.line, 0)]
    customer = np.where(actions.whole, actions.customer, owner)
    number = week.population.customers.number[customer]
    line = np.where(actions.whole, week.main_line()[customer], actions.line)
    key = np.where(line >= 0, week.population.lines.number[line], number)
    contact = (key * 10_000 + week.number) * 16 + np.minimum(actions.rank, 15)
    week.given.update(
        (int(number), (str(name), str(campaign)))
        for number, name, campaign in zip(
            contact, actions.contact_id, actions.campaign_id, strict=True
        )
        if name
    )
    _contact(
        week,
        contact,
        line,
        np.where(actions.whole, -1, line),
        customer,
        np.full(len(line), -1),
        actions.action,
        actions.channel,
        actions.arm,
        actions.propensity,
        actions.at,
    )


def _contact(
    week: Week,
    contact: Array,
    line: Array,
    row_line: Array,
    customer: Array,
    campaign: Array,
    action: Array,
    channel: Array,
    arm: Array,
    propensity: Array,
    at: Array,
) -> None:
    """Emit decisions, apply the effects of delivered ones, and keep them open for their outcomes."""
    if len(contact) == 0:
        return
    magnitudes = week.parameters.campaign
    state, lines = week.state, week.population.lines
    treated = arm == _TREATMENT
    delivered = (
        treated & (week.draws.at("delivered", contact) < magnitudes.delivered_share) & (line >= 0)
    )
    week.rows.add(
        "care_contacts",
        contact,
        at,
        contact_id=contact,
        customer_id=customer,
        subscription_id=row_line,
        campaign_id=campaign,
        action=action,
        channel=np.where(treated, channel, -1),
        arm=arm,
        propensity=propensity,
        delivered=np.where(treated, delivered, -1),
    )
    shift = np.zeros(len(contact))
    for code in np.unique(action):
        of_action = action == code
        by_line = effect(week, ACTIONS[code])
        shift[of_action] = by_line[np.maximum(line[of_action], 0)]
        for place in np.flatnonzero(of_action & delivered & (row_line < 0)):
            of_customer = lines.customer == customer[place]
            state.shift[of_customer] += by_line[of_customer]
        direct = of_action & delivered & (row_line >= 0)
        np.add.at(state.shift, row_line[direct], by_line[row_line[direct]].astype(np.float32))
    week.truth.add(
        "contacts",
        contact,
        at,
        contact_id=contact,
        subscription_id=line,
        action=action,
        arm=arm,
        delivered=delivered,
        log_hazard_shift=np.round(shift, 4),
    )
    offer = np.isin(action, [ACTIONS.index(name) for name in OFFERS])
    draw = week.draws.at("acceptance", contact)
    accepted = delivered & offer & (draw < 0.05 + 0.35 * np.clip(-shift, 0, 1))
    offered = delivered & offer
    day = week.later("acceptance", contact, at + HOUR, 10)
    _outcome(
        week,
        contact[offered],
        "accepted",
        accepted[offered].astype(float),
        day[offered],
        at[offered] + 30 * DAY,
    )
    draw = week.draws.at("annoyance", contact)
    leaves = delivered & (draw < 0.004 + 0.05 * np.clip(shift, 0, 1))
    _outcome(
        week,
        contact[leaves],
        "opted_out",
        np.ones(leaves.sum()),
        at[leaves] + HOUR,
        at[leaves] + HOUR,
    )
    withdraw_offers(week, customer[leaves], at[leaves] + HOUR)
    upset = delivered & (draw > 0.996)
    _outcome(
        week,
        contact[upset],
        "complained",
        np.ones(upset.sum()),
        at[upset] + 2 * HOUR,
        at[upset] + 2 * HOUR,
    )
    state.o_contact = np.concatenate([state.o_contact, contact[line >= 0]])
    state.o_line = np.concatenate([state.o_line, line[line >= 0]])
    state.o_at = np.concatenate([state.o_at, at[line >= 0]])


def _outcome(
    week: Week, contact: Array, outcome: str, value: Array, at: Array, matured: Array
) -> None:
    week.rows.add(
        "care_outcomes",
        contact * 8 + OUTCOMES.index(outcome),
        at,
        contact_id=contact,
        outcome=np.full(len(contact), OUTCOMES.index(outcome)),
        value=value,
        matured_at=np.maximum(matured, at),
    )


def _emit_outcomes(week: Week) -> None:
    """Emit for each decision, in any arm, whether the line was lost in the days after it."""
    state = week.state
    due = state.o_at + week.parameters.campaign.maturity_days * DAY < week.end
    line, at = state.o_line[due], state.o_at[due] + week.parameters.campaign.maturity_days * DAY
    reasons = [STATUS_REASONS.index(reason) for reason in ("customer_request", "inactivity")]
    lost = (state.status[line] == ENDED) & np.isin(state.reason[line], reasons)
    lost &= (state.leave_at[line] > state.o_at[due]) & (state.leave_at[line] <= at)
    when = np.maximum(at, week.start) + MINUTE
    _outcome(week, state.o_contact[due], "churned", lost.astype(float), when, when)
    state.o_contact, state.o_line, state.o_at = (
        state.o_contact[~due],
        state.o_line[~due],
        state.o_at[~due],
    )
