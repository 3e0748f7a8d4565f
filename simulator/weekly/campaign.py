"""Care: randomised campaigns, care decided outside the simulation, its effects and outcomes."""

from dataclasses import dataclass

import numpy as np

from features.contracts.vocabulary import ARMS, CONTACT_CHANNELS, OUTCOMES, STATUS_REASONS
from simulator.weekly.care_effects import CareEffects, tired_by
from simulator.weekly.lifecycle import refuses_offers_by_phone, withdraw_offers
from simulator.weekly.state import ENDED
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, HOUR, MINUTE
from simulator.world.care_actions import ACTIONS, CARE_ACTIONS, FADES
from simulator.world.draws import Array
from simulator.world.parameters import POSTPAID

_OWN = ("plan_fit_offer", "data_gift", "courtesy_call", "outage_apology", "device_upgrade_offer")
"""Actions of the operator's own campaigns, in turn."""
BREACHES = ("any_contact", "offers", "offers_by_phone")
"""What a customer had refused who was contacted all the same."""
_TREATMENT, _CONTROL, _HOLDOUT = range(len(ARMS))


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


def care(week: Week, actions: Actions | None) -> None:
    """Run the week's campaign and the given actions, and emit the outcomes of earlier ones."""
    _emit_outcomes(week)
    _run_campaign(week)
    if actions is not None:
        _act(week, actions)
    week.state.c_care_contacts *= np.float32(week.parameters.campaign.remembered_a_week)


def _run_campaign(week: Week) -> None:
    magnitudes = week.parameters.campaign
    campaign, rest = divmod(week.number, magnitudes.weeks_between)
    if rest:
        return
    action = _OWN[campaign % len(_OWN)]
    round_ = campaign // len(_OWN)
    about = CARE_ACTIONS[ACTIONS.index(action)]
    state, customers, lines = week.state, week.population.customers, week.population.lines
    main = week.main_line()
    line = np.maximum(main, 0)
    allowed = (main >= 0) & ~state.c_no_contact & ~lines.is_test[line] & ~lines.is_iot[line]
    if about.is_offer:
        allowed &= ~state.c_no_offers
    stratum = state.c_unresolved > 0.3
    device_age = week.number - state.device_week[line]
    eligible = {
        "plan_fit_offer": state.commit_end[line] < week.number,
        "data_gift": lines.mobile[line],
        "courtesy_call": state.c_contacts > 0.5,
        "outage_apology": state.outage[line] > 0.35,
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
    channel = np.full(len(who), CONTACT_CHANNELS.index(about.channel))
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
    state = week.state
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
    tired = tired_by(state.c_care_contacts[customer] + _earlier(customer, at, delivered), week)
    shift = _apply(week, action, line, row_line, customer, delivered, tired)
    np.add.at(state.c_care_contacts, customer[delivered], np.float32(1.0))
    breach = np.where(treated, _breach(week, customer, action, channel), -1)
    offer = np.array([kind.is_offer for kind in CARE_ACTIONS])[action]
    accepted = (
        delivered
        & offer
        & (week.draws.at("acceptance", contact) < 0.05 + 0.35 * np.clip(-shift, 0, 1))
    )
    costs = np.array([(kind.cost, kind.cost_if_accepted) for kind in CARE_ACTIONS])[action]
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
        cost=np.where(treated, costs[:, 0], 0) + np.where(accepted, costs[:, 1], 0),
        breach=breach,
    )
    _answer(week, contact, customer, at, delivered & offer, accepted)
    _annoy(week, contact, customer, at, delivered, shift, tired, breach)
    state.o_contact = np.concatenate([state.o_contact, contact[line >= 0]])
    state.o_line = np.concatenate([state.o_line, line[line >= 0]])
    state.o_at = np.concatenate([state.o_at, at[line >= 0]])


def _earlier(customer: Array, at: Array, delivered: Array) -> Array:
    """How many earlier contacts of the same batch reached the same customer."""
    order = np.lexsort((at, customer))
    reached = delivered[order].astype(np.int64)
    before = np.cumsum(reached) - reached
    is_first = np.concatenate([[True], np.diff(customer[order]) != 0])
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
    earlier = np.zeros(len(order), dtype=np.int64)
    earlier[order] = before - before[first]
    return earlier


def _apply(
    week: Week,
    action: Array,
    line: Array,
    row_line: Array,
    customer: Array,
    delivered: Array,
    tired: Array,
) -> Array:
    """Let contacts that reached somebody take effect, on the line or on all lines of the customer.

    Returns
    -------
    (n,) array of float
        The shift of the log hazard of each contact's line, which it caused or would have caused.
    """
    effects, state = CareEffects(week), week.state
    shift = np.zeros(len(action))
    for code in np.unique(action):
        kind = CARE_ACTIONS[code]
        column = FADES.index(kind.fade_a_week)
        known = np.flatnonzero((action == code) & (line >= 0))
        shift[known] = effects.shift(kind, line[known], tired[known])
        direct = known[(delivered & (row_line >= 0))[known]]
        np.add.at(state.shift[:, column], row_line[direct], shift[direct].astype(np.float32))
        for place in np.flatnonzero((action == code) & delivered & (row_line < 0)):
            lines = np.flatnonzero(week.population.lines.customer == customer[place])
            moved = effects.shift(kind, lines, np.full(len(lines), tired[place]))
            state.shift[lines, column] += moved.astype(np.float32)
    return shift


def _breach(week: Week, customer: Array, action: Array, channel: Array) -> Array:
    """What each customer had refused, as an index of `BREACHES`; -1 where the contact is allowed."""
    state = week.state
    offer = np.array([kind.is_offer for kind in CARE_ACTIONS])[action]
    phone = channel == CONTACT_CHANNELS.index("phone")
    number = week.population.customers.number[customer]
    return np.select(
        [
            state.c_no_contact[customer],
            offer & state.c_no_offers[customer],
            offer & phone & refuses_offers_by_phone(week, number),
        ],
        range(len(BREACHES)),
        -1,
    )


def _answer(
    week: Week, contact: Array, customer: Array, at: Array, offered: Array, accepted: Array
) -> None:
    """Emit who accepts an offer and who does not."""
    day = week.later("acceptance", contact, at + HOUR, 10)
    _outcome(
        week,
        contact[offered],
        "accepted",
        accepted[offered].astype(float),
        day[offered],
        at[offered] + 30 * DAY,
    )


def _annoy(
    week: Week,
    contact: Array,
    customer: Array,
    at: Array,
    delivered: Array,
    shift: Array,
    tired: Array,
    breach: Array,
) -> None:
    """Let some withdraw their consent to offers or complain: more of those whom a contact harms,
    who were contacted too often, or who had refused contact.
    """
    magnitudes = week.parameters.campaign
    draw = week.draws.at("annoyance", contact)
    too_often = magnitudes.annoyed_share * np.clip(tired, 0, 1)
    leaves = delivered & (draw < 0.004 + 0.05 * np.clip(shift, 0, 1) + too_often)
    _outcome(
        week,
        contact[leaves],
        "opted_out",
        np.ones(leaves.sum()),
        at[leaves] + HOUR,
        at[leaves] + HOUR,
    )
    withdraw_offers(week, customer[leaves], at[leaves] + HOUR)
    wronged = delivered & (breach >= 0)
    upset = delivered & (draw > 0.996 - too_often - magnitudes.breach_complaint_share * wronged)
    _outcome(
        week,
        contact[upset],
        "complained",
        np.ones(upset.sum()),
        at[upset] + 2 * HOUR,
        at[upset] + 2 * HOUR,
    )
    np.add.at(week.state.c_satisfaction, customer[wronged], -magnitudes.breach)


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
