"""Contacts with customer service, tickets and appointments, and their effect on satisfaction."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from features.contracts.vocabulary import (
    INTERACTION_CHANNELS,
    ISSUES,
    ORDER_KINDS,
    TICKET_CLASSES,
    TICKET_KINDS,
    TICKET_STATUSES,
)
from simulator.weekly.billing import refund
from simulator.weekly.week import Week
from simulator.world import texts
from simulator.world.calendar import (
    DAY,
    HOUR,
    MINUTE,
    NO_WEEK,
    SECOND,
    local_time,
    month_end_load,
    week_of,
)
from simulator.world.draws import Array, pick
from simulator.world.parameters import BROADBAND

_BILLING, _NETWORK, _TECHNICAL, _PLAN, _CANCELLATION, _DEVICE, _ORDER, _OTHER = range(len(ISSUES))
_CLASS_OF = np.array([3, 2, 2, 3, 3, 2, 1, 4])
"""Class of a ticket by issue, unless wait or attitude is the complaint."""
_AGENT_CHANNELS = np.array(
    [channel in {"phone", "chat", "email", "store", "social"} for channel in INTERACTION_CHANNELS]
)
_CALLED = np.array([channel in {"phone", "ivr"} for channel in INTERACTION_CHANNELS])


@dataclass(frozen=True)
class Contacts:
    """Contacts of one week, one array entry each.

    `key` is unique; `customer` is a position in the block.
    """

    key: Array
    customer: Array
    line: Array
    issue: Array
    channel: Array
    started_at: Array
    closed_at: Array
    wait: Array
    abandoned: Array
    resolved: Array
    agent: Array
    ticket: Array
    experience: Array
    """How good the contact was, about standard normal."""


def serve(week: Week) -> Contacts:
    """Let customers contact the operator, for new and for open issues.

    Returns
    -------
    Contacts
        The week's contacts, about which surveys are sent.
    """
    customer, issue, again = _who_turns_up(week)
    contacts = _handle(week, customer, issue, again)
    _emit(week, contacts)
    _ticket(week, contacts)
    _feel(week, contacts, again)
    _send_technicians(week, contacts)
    return contacts


def _who_turns_up(week: Week) -> tuple[Array, Array, Array]:
    magnitudes = week.parameters.service
    state, lines = week.state, week.population.lines
    present = week.by_customer(week.active()) > 0
    rate = week.contact_rate + np.array(magnitudes.base_rate_a_week)
    wavers = (state.wavering_to != NO_WEEK) & (state.wavering_to >= week.number)
    rate[:, _CANCELLATION] += magnitudes.on_wavering * week.most_by_customer(wavers)
    rate[:, _PLAN] += magnitudes.on_price_rise * week.most_by_customer(
        np.minimum(state.price_rise + state.promo_over, 1.5)
    )
    rate[:, _TECHNICAL] += 0.003 * week.most_by_customer(week.active() & (lines.kind >= BROADBAND))
    mood = np.exp(-magnitudes.dissatisfaction * np.clip(state.c_satisfaction, -3, 3))
    load = 0.4 + 0.6 * month_end_load(week.number).mean()
    rate *= (week.population.customers.contact_factor * mood * load * present)[:, None]
    new = np.flatnonzero(week.uniform_by_customer("contact") < -np.expm1(-rate.sum(axis=1)))
    issue = pick(
        week.draws.at("issue", week.population.customers.number[new], week.number), rate[new]
    )
    open_now = (state.c_open_issue >= 0) & (state.c_open_until > week.number) & present
    back = np.flatnonzero(
        open_now & (week.uniform_by_customer("repeat") < magnitudes.repeat_chance)
    )
    customer = np.concatenate([new, back])
    issues = np.concatenate([issue, state.c_open_issue[back]]).astype(np.int64)
    return customer, issues, np.repeat([False, True], [len(new), len(back)])


def _handle(week: Week, customer: Array, issue: Array, again: Array) -> Contacts:
    magnitudes = week.parameters.service
    customers = week.population.customers
    key = (customers.number[customer] * 10_000 + week.number) * 2 + again

    def draw(what: str) -> Array:
        return week.draws.at(f"contact {what}", key)

    digital = customers.digital[customer]
    weights = np.stack(
        [
            1.25 - 0.75 * digital,
            np.full(len(key), 0.16),
            0.22 * digital,
            0.38 * digital,
            np.full(len(key), 0.07),
            0.24 * digital,
            0.16 * (1.1 - digital),
            np.full(len(key), 0.02),
        ],
        axis=1,
    )
    channel = pick(draw("channel"), weights)
    load = month_end_load(week.number)
    time = draw("moment")
    day = pick(draw("day"), load)
    started = local_time(day, time, week.start)
    outages, _ = week.network.outage_minutes(week.number)
    crowd = np.log(load[day]) + 0.6 * min(outages.mean() / 60, 1.5)
    wait = magnitudes.wait_seconds_median * np.exp(magnitudes.wait_sd * ndtri(draw("wait")) + crowd)
    wait = np.floor(
        wait * np.where(_CALLED[channel], 1.0, np.where(_AGENT_CHANNELS[channel], 1.4, 0.05))
    )
    wait = np.minimum(wait, 7200)
    abandoned = _CALLED[channel] & (draw("patience") < np.clip(wait / 2400, 0, 0.6))
    staff = max(12, int(magnitudes.agents_per_customer * week.parameters.customers_per_block))
    agent = week.draws.block * staff + np.floor(draw("agent") * staff).astype(np.int64)
    attitude = magnitudes.agent_attitude_sd * (
        0.75 * ndtri(week.draws.at("agent attitude", agent)) + 0.65 * ndtri(draw("tone"))
    )
    served = _AGENT_CHANNELS[channel] & ~abandoned
    hard = np.array([0.05, -0.10, -0.12, 0.08, 0.02, 0.0, -0.05, 0.12])[issue]
    chance = (
        magnitudes.resolved_share
        + hard
        + 0.05 * attitude * served
        - 0.10 * again
        - 0.18 * ~_AGENT_CHANNELS[channel]
    )
    resolved = ~abandoned & (draw("resolved") < np.clip(chance, 0.05, 0.95))
    minutes = np.where(served, 3 + 8 * draw("length"), 1.0)
    closed = started + (wait * SECOND).astype(np.int64) + (minutes * 60).astype(np.int64) * SECOND
    complains = np.where(resolved, magnitudes.ticket_if_resolved, magnitudes.ticket_if_unresolved)
    opens = ~abandoned & (draw("ticket") < complains) & ~again
    carries = again & (week.state.c_open_ticket[customer] >= 0)
    ticket = np.where(opens, key, np.where(carries, week.state.c_open_ticket[customer], -1))
    experience = 0.75 * np.where(resolved, 0.7, -1.0) + np.where(served, 0.5 * attitude, -0.15)
    experience -= (
        0.35 * np.log1p(np.where(_CALLED[channel], wait, wait / 4) / 180) + 0.3 * again - 0.20
    )
    line = week.main_line()[customer]
    network = (issue == _NETWORK) | (issue == _TECHNICAL)
    worst = _worst_line(week)[customer]
    return Contacts(
        key=key,
        customer=customer,
        line=np.where(network & (worst >= 0), worst, np.where(draw("line known") < 0.15, -1, line)),
        issue=issue,
        channel=channel,
        started_at=started,
        closed_at=closed,
        wait=wait,
        abandoned=abandoned,
        resolved=resolved,
        agent=np.where(served, agent, -1),
        ticket=ticket,
        experience=experience,
    )


def _worst_line(week: Week) -> Array:
    """Each customer's line in service with the most degraded network, or -1."""
    lines, state = week.population.lines, week.state
    active = np.flatnonzero(week.active())
    order = active[np.argsort(state.net_now[active], kind="stable")]
    worst = np.full(week.people, -1)
    worst[lines.customer[order]] = order
    return worst


def _emit(week: Week, contacts: Contacts) -> None:
    key = contacts.key
    late_flag = week.draws.at("resolution known", key) > 0.04
    transfers = np.floor(week.draws.at("transfers", key) ** 5 * 4).astype(np.int64)
    week.rows.add(
        "interactions",
        key,
        contacts.closed_at,
        interaction_id=key,
        customer_id=contacts.customer,
        subscription_id=contacts.line,
        channel=contacts.channel,
        issue=contacts.issue,
        started_at=contacts.started_at,
        wait_seconds=np.where(
            _AGENT_CHANNELS[contacts.channel] | _CALLED[contacts.channel], contacts.wait, np.nan
        ),
        transfers=np.where(contacts.agent >= 0, transfers, 0),
        abandoned=contacts.abandoned,
        resolved=np.where(late_flag, contacts.resolved, -1),
        agent_id=contacts.agent,
        ticket_id=contacts.ticket,
    )


def _ticket(week: Week, contacts: Contacts) -> None:
    """Open tickets with all their steps; later steps are emitted now and arrive in their time."""
    magnitudes = week.parameters.service
    opened = contacts.ticket == contacts.key
    key, customer, issue = contacts.key[opened], contacts.customer[opened], contacts.issue[opened]

    def draw(what: str) -> Array:
        return week.draws.at(f"ticket {what}", key)

    rude = contacts.experience[opened] < -1.5
    ticket_class = np.where(rude & (draw("rude") < 0.5), 0, _CLASS_OF[issue])
    slow = (contacts.wait[opened] > 420) & (draw("slow") < 0.5)
    ticket_class = np.where(slow, TICKET_CLASSES.index("efficiency"), ticket_class)
    technical = (issue == _NETWORK) | (issue == _TECHNICAL) | (issue == _DEVICE)
    asks = contacts.resolved[opened] | (draw("asks") < 0.25)
    kind = np.where(
        asks, TICKET_KINDS.index("request"), np.where(technical & (draw("fault") < 0.7), 1, 0)
    )
    at = contacts.closed_at[opened] + MINUTE
    responded = at + (HOUR * (0.3 + 20 * draw("response") ** 3)).astype(np.int64) // SECOND * SECOND
    days = magnitudes.resolve_days_median * np.exp(0.9 * ndtri(draw("days")))
    settled = (
        responded
        + (np.where(contacts.resolved[opened], 0.1, np.clip(days, 0.2, 45)) * DAY).astype(np.int64)
        // SECOND
        * SECOND
    )
    reopened = draw("reopened") < magnitudes.reopened_share
    again = settled + ((0.5 + 4 * draw("reopened when")) * DAY).astype(np.int64) // SECOND * SECOND
    settled_again = (
        again + ((0.5 + 6 * draw("settled again")) * DAY).astype(np.int64) // SECOND * SECOND
    )
    closed = np.where(reopened, settled_again, settled) + 2 * DAY
    language = week.population.customers.language[customer]
    words = texts.encode(language, issue, ticket_class, draw("words"))
    words = np.where(draw("wordless") < 0.12, -1, words)
    common = {
        "ticket_id": key,
        "customer_id": customer,
        "subscription_id": contacts.line[opened],
        "ticket_class": ticket_class,
        "ticket_kind": kind,
    }
    everyone = np.ones(len(key), dtype=bool)
    steps = (
        ("opened", at, everyone),
        ("responded", responded, everyone),
        ("resolved", settled, everyone),
        ("reopened", again, reopened),
        ("resolved", settled_again, reopened),
        ("closed", closed, everyone),
    )
    for status, time, chosen in steps:
        week.rows.add(
            "tickets",
            key[chosen],
            time[chosen],
            **{name: value[chosen] for name, value in common.items()},
            status=np.full(int(chosen.sum()), TICKET_STATUSES.index(status)),
            text=words[chosen] if status == "opened" else np.full(int(chosen.sum()), -1),
        )
    state = week.state
    state.c_open_ticket[customer] = key
    state.c_open_until[customer] = week_of(closed) + 1
    upset = kind == TICKET_KINDS.index("complaint")
    given = upset & (draw("goodwill") < 0.10)
    accounts = (
        week.population.customers.account[customer[given]] - week.population.customers.number[0]
    )
    number = week.population.customers.number[customer[given]]
    refund(
        week,
        number,
        accounts,
        np.round(3 + 12 * draw("goodwill amount")[given], 2),
        "goodwill",
        settled[given],
    )


def _feel(week: Week, contacts: Contacts, again: Array) -> None:
    """Change satisfaction, and keep unresolved issues open."""
    magnitudes = week.parameters.satisfaction
    state = week.state
    change = np.where(contacts.resolved, magnitudes.resolved, -magnitudes.unresolved)
    change = change - magnitudes.wait * np.log1p(contacts.wait / 180) * _CALLED[contacts.channel]
    served = contacts.agent >= 0
    attitude = np.clip(contacts.experience, -2.5, 2.5)
    change = change + magnitudes.attitude * attitude * served * 0.5 - magnitudes.repeat * again
    np.add.at(week.shock, contacts.customer, change)
    state.c_contacts *= 0.88
    state.c_unresolved *= 0.88
    np.add.at(state.c_contacts, contacts.customer, np.float32(1.0))
    np.add.at(state.c_unresolved, contacts.customer, (~contacts.resolved).astype(np.float32))
    done = contacts.customer[contacts.resolved]
    state.c_open_issue[done] = -1
    left = contacts.customer[~contacts.resolved]
    state.c_open_issue[left] = contacts.issue[~contacts.resolved]
    state.c_open_until[left] = np.maximum(state.c_open_until[left], week.number + 3)
    over = (state.c_open_issue >= 0) & (state.c_open_until <= week.number)
    state.c_open_issue[over] = -1


def _send_technicians(week: Week, contacts: Contacts) -> None:
    """Send a technician for some faults of fixed lines, with an order and an appointment.

    Some appointments are moved or missed.
    """
    sent = (contacts.issue == _TECHNICAL) & ~contacts.resolved & (contacts.line >= 0)
    sent &= week.draws.at("technician", contacts.key) < 0.5
    key, customer, line = contacts.key[sent], contacts.customer[sent], contacts.line[sent]

    def draw(what: str) -> Array:
        return week.draws.at(f"appointment {what}", key)

    at = contacts.closed_at[sent] + 5 * MINUTE
    planned = at // HOUR * HOUR + (1 + np.floor(5 * draw("days")).astype(np.int64)) * DAY + HOUR
    moved, missed = draw("moved") < 0.12, draw("missed") < 0.07
    final = np.where(moved, planned + 2 * DAY, planned)
    repair = ORDER_KINDS.index("repair")
    number = key * len(ORDER_KINDS) + repair + 10**17
    common = {
        "order_id": number,
        "customer_id": customer,
        "subscription_id": line,
        "order": np.full(len(key), repair),
    }
    week.rows.add("orders", number, at, **common, status=0)
    done = final + 2 * HOUR + np.where(missed, 3 * DAY, 0)
    week.rows.add("orders", number, done, **common, status=1)
    visit = {"appointment_id": key, "customer_id": customer, "order_id": number}
    week.rows.add("appointments", key, at, **visit, planned_at=planned, status=0)
    announced = planned - 3 * HOUR
    shifted = {name: value[moved] for name, value in visit.items()}
    week.rows.add(
        "appointments", key[moved], announced[moved], **shifted, planned_at=final[moved], status=1
    )
    week.rows.add(
        "appointments", key, final + HOUR, **visit, planned_at=final, status=np.where(missed, 3, 2)
    )
    bad = week.parameters.satisfaction.late_appointment * (0.4 * moved + missed)
    np.add.at(week.shock, customer, -bad)
