"""Starts, renewals, plan changes, replacements, devices, consents and loyalty of lines."""

import numpy as np

from features.contracts.vocabulary import (
    CONSENT_PURPOSES,
    CONTACT_CHANNELS,
    ORDER_KINDS,
    REPLACEMENTS,
    STATUS_REASONS,
    TIERS,
)
from simulator.weekly.state import ACTIVE, ENDED, PLANNED
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, FIRST_WEEK, HOUR, MINUTE, NEVER, NO_WEEK, start_of
from simulator.world.draws import Array
from simulator.world.parameters import BROADBAND, POSTPAID, PREPAID

PRODUCT = np.array([0, 0, 1, 2])
BILLING = np.array([0, 1, 2, 2])
ANY = len(CONTACT_CHANNELS)


def emit_lines(week: Week, lines: Array, at: Array) -> None:
    """Emit the present state of some lines.

    Parameters
    ----------
    week : Week
        The week being simulated.
    lines : array of int
        Positions of the lines.
    at : array of int
        Start of the state, in microseconds.
    """
    state, about = week.state, week.population.lines
    left = np.maximum(start_of(state.commit_end[lines]) - at, 0) / (30 * DAY)
    ended = state.status[lines] == ENDED
    replaced = ended & np.isin(
        state.reason[lines], [STATUS_REASONS.index(how) for how in REPLACEMENTS]
    )
    kind = about.kind[lines]
    week.rows.add(
        "subscriptions",
        about.number[lines],
        at,
        subscription_id=lines,
        customer_id=about.customer[lines],
        product_line=PRODUCT[kind],
        billing_type=BILLING[kind],
        plan_id=state.plan[lines],
        activated_at=state.start_at[lines],
        plan_since_at=state.plan_since[lines],
        commitment_end_at=_week_time(state.commit_end[lines]),
        promotion_end_at=_week_time(state.promo_end[lines]),
        instalment_end_at=_week_time(state.instalment_end[lines]),
        termination_fee=np.where(
            kind == PREPAID, np.nan, np.round(left * state.fee[lines] * 0.5, 2)
        ),
        autopay=week.population.accounts.autopay[about.account[lines]] & (kind != PREPAID),
        status=state.status[lines],
        status_reason=np.where(state.status[lines] == ACTIVE, -1, state.reason[lines]),
        replaced_by=np.where(replaced, about.successor[lines], -1),
        replacement=np.where(replaced, about.replacement[lines], -1),
        home_cell_id=state.cell[lines],
        is_test=about.is_test[lines],
        is_employee=about.is_employee[lines],
        is_iot=about.is_iot[lines],
    )


def _week_time(weeks: Array) -> Array:
    return np.where(weeks == NO_WEEK, NEVER, start_of(weeks))


def order(week: Week, what: str, lines: Array, placed: Array, completed: Array) -> None:
    """Emit an order's two steps for some lines."""
    about = week.population.lines
    number = (about.number[lines] * 1000 + week.number) * len(ORDER_KINDS) + ORDER_KINDS.index(what)
    common = {
        "order_id": number,
        "customer_id": about.customer[lines],
        "subscription_id": lines,
        "order": np.full(len(lines), ORDER_KINDS.index(what)),
    }
    week.rows.add("orders", number, placed, **common, status=0)
    week.rows.add("orders", number, completed, **common, status=1)


def begin(week: Week) -> None:
    """Let customers join and lines start, be replaced, renew, and change plan or price."""
    _join(week)
    _start(week)
    _replace(week)
    _change_prices(week)
    _end_terms(week)
    _renew(week)
    _buy_devices(week)
    _change_plans(week)
    _change_consents(week)
    _change_loyalty(week)


def _join(week: Week) -> None:
    """Emit customers who join this week; in the first week, also those who joined before."""
    customers, state = week.population.customers, week.state
    joining = np.flatnonzero(np.maximum(customers.join_week, FIRST_WEEK) == week.number)
    at = customers.first_seen_at[joining]
    number = customers.number[joining]
    known = week.draws.at("age known", number) > 0.06
    week.rows.add(
        "customers",
        number,
        at,
        customer_id=joining,
        household_id=customers.household[joining],
        account_id=customers.account[joining] - customers.number[0],
        segment=customers.segment[joining],
        region=customers.region[joining],
        time_zone=customers.region[joining],
        language=np.where(
            week.draws.at("language known", number) > 0.03, customers.language[joining], -1
        ),
        age_band=np.where(known & (customers.segment[joining] == 0), customers.age[joining], -1),
        accessibility_needs=customers.accessible[joining],
        first_seen_at=at,
    )
    refused = {
        "offers": week.draws.at("no offers", number) < 0.24,
        "surveys": week.draws.at("no surveys", number) < 0.12,
        "profiling": week.draws.at("no profiling", number) < 0.04,
        "any_contact": week.draws.at("no contact", number) < 0.015,
    }
    state.c_no_offers[joining] = refused["offers"]
    state.c_no_surveys[joining] = refused["surveys"]
    state.c_no_profiling[joining] = refused["profiling"]
    state.c_no_contact[joining] = refused["any_contact"]
    for purpose, no in refused.items():
        recorded = no if purpose == "any_contact" else np.ones(len(joining), dtype=bool)
        _consent(week, joining[recorded], purpose, ANY, no[recorded], at[recorded])
    quiet = refuses_offers_by_phone(week, number) & ~refused["offers"]
    _consent(
        week,
        joining[quiet],
        "offers",
        CONTACT_CHANNELS.index("phone"),
        np.ones(quiet.sum(), dtype=bool),
        at[quiet] + HOUR,
    )
    tenure = (week.end - at) / (365 * DAY)
    draw = week.draws.at("tier", number)
    state.c_tier[joining] = np.clip(np.floor(0.35 * tenure + 2.2 * draw - 0.7), 0, len(TIERS) - 1)
    state.c_points[joining] = np.floor(np.maximum(tenure, 0) * 400 * draw + 50).astype(np.int32)
    member = week.draws.at("loyalty member", number) < 0.6
    _loyalty(week, joining[member], at[member] + DAY)


def _consent(
    week: Week, customers: Array, purpose: str, channel: int, withdrawn: Array, at: Array
) -> None:
    number = week.population.customers.number[customers]
    week.rows.add(
        "consents",
        number * 8 + CONSENT_PURPOSES.index(purpose),
        at,
        customer_id=customers,
        purpose=np.full(len(customers), CONSENT_PURPOSES.index(purpose)),
        channel=np.full(len(customers), channel),
        state=withdrawn.astype(np.int8),
    )


def refuses_offers_by_phone(week: Week, number: Array) -> Array:
    """Whether customers, by their numbers, refuse offers by phone, if they do not refuse all."""
    refuses: Array = week.draws.at("no offers by phone", number) < 0.15
    return refuses


def withdraw_offers(week: Week, customers: Array, at: Array) -> None:
    """Let customers withdraw their consent to offers."""
    week.state.c_no_offers[customers] = True
    _consent(week, customers, "offers", ANY, np.ones(len(customers), dtype=bool), at)


def _change_consents(week: Week) -> None:
    customers, state = week.population.customers, week.state
    draw = week.uniform_by_customer("consent changes")
    present = week.by_customer(week.active()) > 0
    gone = np.flatnonzero(present & ~state.c_no_offers & (draw < 0.0009))
    withdraw_offers(week, gone, week.random_time("consent", customers.number[gone]))
    back = np.flatnonzero(present & state.c_no_offers & (draw > 0.9985))
    state.c_no_offers[back] = False
    _consent(
        week,
        back,
        "offers",
        ANY,
        np.zeros(len(back), dtype=bool),
        week.random_time("consent", customers.number[back]),
    )


def _loyalty(week: Week, customers: Array, at: Array) -> None:
    number = week.population.customers.number[customers]
    tier, points = week.state.c_tier[customers], week.state.c_points[customers]
    week.rows.add("loyalty", number, at, customer_id=customers, tier=tier, points=points)


def _change_loyalty(week: Week) -> None:
    """Count members' points anew every 26 weeks, each in a week of its own."""
    customers, state = week.population.customers, week.state
    due = (customers.number % 26 == week.number % 26) & (customers.join_week < week.number - 4)
    due &= week.by_customer(week.active()) > 0
    members = np.flatnonzero(due & (week.draws.at("loyalty member", customers.number) < 0.6))
    draw = week.draws.at("points", customers.number[members], week.number)
    state.c_points[members] = np.maximum(
        state.c_points[members] + np.floor(320 * draw - 60).astype(np.int32), 0
    )
    state.c_tier[members] = np.clip(
        state.c_tier[members] + (draw > 0.92) - (draw < 0.02), 0, len(TIERS) - 1
    )
    _loyalty(week, members, week.random_time("loyalty", customers.number[members]))


def _start(week: Week) -> None:
    lines, state = week.population.lines, week.state
    first = lines.predecessor < 0
    early = (lines.start_week < FIRST_WEEK) & (week.number == FIRST_WEEK)
    # A further line starts only while its customer still has one: the exception is the customer's
    # first.
    stays = (week.by_customer(week.active()) > 0)[lines.customer]
    joins = (week.population.customers.join_week == week.number)[lines.customer]
    due = lines.start_week == week.number
    starting = np.flatnonzero(first & (state.status == PLANNED) & (early | (due & (stays | joins))))
    _activate(week, starting)
    new = starting[lines.start_week[starting] >= FIRST_WEEK]
    at = lines.start_at[new]
    placed = np.maximum(at - 3 * DAY, week.start + MINUTE)
    order(week, "new_line", new, np.minimum(placed, at), at)


def _activate(week: Week, starting: Array) -> None:
    lines, state = week.population.lines, week.state
    state.status[starting] = ACTIVE
    current = week.plans.fee(week.number)[state.plan[starting]]
    state.fee[starting] = current
    at = lines.start_at[starting]
    state.last_used[starting] = np.maximum(at, week.start)
    emit_lines(week, starting, at)
    emit_devices(week, starting[lines.mobile[starting]], at[lines.mobile[starting]])


def emit_devices(week: Week, lines: Array, at: Array) -> None:
    """Emit the devices that some mobile lines use from now on."""
    state, about = week.state, week.population.lines
    week.rows.add(
        "devices",
        about.number[lines],
        at,
        subscription_id=lines,
        released_at=np.minimum(start_of(state.device_week[lines] // 13 * 13), at),
        is_5g_capable=state.device_5g[lines],
        is_dual_sim=about.dual_sim[lines],
    )


def _replace(week: Week) -> None:
    """Continue lines by their successors: migration, transfer and SIM swap are not churn."""
    lines, state = week.population.lines, week.state
    due = (
        (lines.replace_week == week.number)
        & (state.status == ACTIVE)
        & (state.wavering_to == NO_WEEK)
    )
    # Whoever takes a line over is a customer already, and still is.
    present = week.by_customer(week.active()) > 0
    due[due] &= present[lines.customer[lines.successor[due]]]
    old = np.flatnonzero(due)
    new = lines.successor[old]
    at = lines.start_at[new]
    for name in (
        "commit_end",
        "promo_end",
        "discount",
        "instalment_end",
        "balance",
        "fee",
        "plan",
        "plan_since",
    ):
        value = getattr(state, name)
        same = lines.kind[old] == lines.kind[new]
        value[new[same]] = value[old[same]]
    for name in (
        "cell",
        "device_week",
        "device_5g",
        "usage_wave",
        "net_past",
        "net_now",
        "outage",
        "unused",
        "use_level",
    ):
        value = getattr(state, name)
        value[new] = value[old]
    state.status[new] = ACTIVE
    state.last_used[new] = state.last_used[old]
    changed = lines.kind[old] != lines.kind[new]
    state.fee[new[changed]] = week.plans.fee(week.number)[state.plan[new[changed]]]
    state.plan_since[new[changed]] = at[changed]
    emit_lines(week, new, at)
    emit_devices(week, new[lines.mobile[new]], at[lines.mobile[new]])
    reasons = np.array([STATUS_REASONS.index(how) for how in REPLACEMENTS])
    end_lines(week, old, reasons[lines.replacement[old]], at)


def end_lines(week: Week, lines: Array, reason: Array | int, at: Array) -> None:
    """End lines for a reason (an index of the contract's) and emit that state."""
    state = week.state
    state.status[lines] = ENDED
    state.reason[lines] = reason
    emit_lines(week, lines, at)


def _change_prices(week: Week) -> None:
    """Raise plans' prices where no commitment protects them, after notice."""
    lines, state = week.population.lines, week.state
    notice = week.parameters.plans.rise_notice_weeks
    state.price_rise *= 0.87
    rising = week.plans.rising(week.number + notice)[state.plan]
    notified = np.flatnonzero(rising & week.active() & (state.commit_end < week.number + notice))
    new = np.round(state.fee[notified] * (1 + week.plans.rise[state.plan[notified]]), 2)
    at = week.random_time("notice", lines.number[notified], 5)
    effective = np.full(len(notified), start_of(week.number + notice))
    week.rows.add(
        "price_changes",
        lines.number[notified],
        at,
        subscription_id=notified,
        effective_at=effective,
        old_fee=state.fee[notified],
        new_fee=new,
    )
    size = (new / np.maximum(state.fee[notified], 1) - 1) / week.parameters.plans.rise_share
    state.price_rise[notified] = size
    week.shock -= week.parameters.satisfaction.price_rise * np.minimum(
        week.by_customer(_spread(week, notified, size)), 2.0
    )
    due = np.flatnonzero(
        week.plans.rising(week.number)[state.plan]
        & (state.commit_end < week.number)
        & week.active()
    )
    state.fee[due] = np.round(state.fee[due] * (1 + week.plans.rise[state.plan[due]]), 2)


def _spread(week: Week, lines: Array, values: Array) -> Array:
    wide = np.zeros(week.size)
    wide[lines] = values
    return wide


def _end_terms(week: Week) -> None:
    """Let commitments and promotions that end at this week's start lapse."""
    state = week.state
    state.promo_over *= 0.87
    active = week.active()
    over = np.flatnonzero(active & (state.promo_end == week.number))
    state.promo_over[over] = state.discount[over] / week.parameters.population.promotion_discount
    week.shock -= week.parameters.satisfaction.promotion_ended * np.minimum(
        week.by_customer(_spread(week, over, state.promo_over[over])), 2.0
    )
    lapsed = np.flatnonzero(
        active & ((state.commit_end == week.number) | (state.promo_end == week.number))
    )
    emit_lines(week, lapsed, np.full(len(lapsed), week.start, dtype=np.int64))


def _renew(week: Week) -> None:
    """Let lines around the end of their commitment renew, mostly with a new device or promotion."""
    lines, state = week.population.lines, week.state
    to_end = state.commit_end - week.number
    near = (state.commit_end != NO_WEEK) & (to_end < 8) & (to_end > -26)
    settled = state.wavering_to == NO_WEEK
    content = 1 / (1 + np.exp(-0.5 * state.c_satisfaction[lines.customer]))
    chance = np.where(to_end > -6, 0.065, 0.018) * content * near * settled * week.active()
    renewing = np.flatnonzero(week.uniform("renewal") < chance)
    at = week.random_time("renewal", lines.number[renewing])
    length = np.array(week.parameters.population.commitment_weeks)[lines.kind[renewing]]
    state.commit_end[renewing] = week.number + length
    mobile = lines.kind[renewing] == POSTPAID
    draw = week.draws.at("new device", lines.number[renewing], week.number)
    device = renewing[mobile & (draw < 0.7)]
    state.device_week[device] = week.number - 20
    state.device_5g[device] = True
    state.instalment_end[device] = state.commit_end[device]
    discounted = renewing[(lines.kind[renewing] >= BROADBAND) & (draw < 0.6)]
    state.promo_end[discounted] = week.number + 52
    state.discount[discounted] = week.parameters.population.promotion_discount
    state.fee[renewing] = week.plans.fee(week.number)[state.plan[renewing]]
    emit_lines(week, renewing, at)
    when = at[mobile & (draw < 0.7)]
    emit_devices(week, device, when)
    order(week, "device", device, when, when + 3 * DAY)


def _buy_devices(week: Week) -> None:
    """Let mobile lines of which the device is older than a year get another one elsewhere."""
    lines, state = week.population.lines, week.state
    magnitudes = week.parameters.population
    old = lines.mobile & week.active() & (week.number - state.device_week > 52)
    who = np.flatnonzero(old & (week.uniform("own device") < magnitudes.new_device_a_week))
    draw = week.draws.at("own device age", lines.number[who], week.number)
    state.device_week[who] = week.number - np.floor(40 * draw).astype(np.int64)
    state.device_5g[who] = draw < 0.85
    emit_devices(week, who, week.random_time("own device", lines.number[who]))


def _change_plans(week: Week) -> None:
    """Let lines move one plan up or down, more often if the plan does not fit."""
    lines, state = week.population.lines, week.state
    misfit = np.maximum(state.unused - 0.6, 0)
    settled = (state.wavering_to == NO_WEEK) & week.active() & ~lines.is_iot
    draw = week.uniform("plan change")
    down = settled & (draw < 0.0012 + 0.006 * misfit)
    up = settled & (draw > 0.9985)
    offered = np.array([week.plans.first_of(kind) for kind in range(4)])[lines.kind]
    last = offered + np.array([week.plans.count_of(kind) for kind in range(4)])[lines.kind] - 1
    target = np.clip(state.plan + up.astype(np.int64) - down.astype(np.int64), offered, last)
    changing = np.flatnonzero(target != state.plan)
    at = week.random_time("plan change", lines.number[changing])
    state.plan[changing] = target[changing]
    state.plan_since[changing] = at
    state.fee[changing] = week.plans.fee(week.number)[target[changing]]
    emit_lines(week, changing, at)
    order(week, "plan_change", changing, at, at + HOUR)
