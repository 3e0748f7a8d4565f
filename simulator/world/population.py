"""The customers of a block: everything about them that no event changes.

All customers who ever join, and all their lines, are planned at the start, so that arrays keep their
order.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from features.contracts.vocabulary import REPLACEMENTS
from simulator.world.calendar import DAY, HOUR, NO_WEEK, WEEK, start_of
from simulator.world.customers import (
    AGE_USE,
    CONSUMER,
    Accounts,
    Customers,
    are_prepaid,
    draw_accounts,
    draw_customers,
)
from simulator.world.draws import Array, Draws, pick
from simulator.world.network import Network
from simulator.world.parameters import Parameters
from simulator.world.plans import PlanCatalogue

POSTPAID, PREPAID, BROADBAND, TV = range(4)
SLOTS = 1_000_000
"""Subscription numbers reserved for each block."""

_MOBILE_LINES = (
    np.array([0.21, 0.66, 0.10, 0.03]),
    np.array([0.05, 0.60, 0.25, 0.10]),
    np.array([0.0, 0.15, 0.25, 0.20, 0.15, 0.10, 0.08, 0.07]),
    np.array(
        [
            0.0,
            0.0,
            0.02,
            0.04,
            0.06,
            0.08,
            0.10,
            0.10,
            0.10,
            0.10,
            0.10,
            0.08,
            0.08,
            0.08,
            0.08,
            0.08,
        ]
    ),
)


@dataclass(frozen=True)
class Lines:
    """A block's subscriptions, one array entry each.

    Parameters
    ----------
    number : array of int
        Global number.
    customer : array of int
        The customer's position in the block; `account` and `household` are positions of customers,
        too.
    kind : array of int
        Line: postpaid, prepaid, broadband, TV.
    start_at : array of int
        Planned start in microseconds; for successors the time of replacement.
    successor : array of int
        Position of the line that continues this one, or -1. `replacement` is the kind of
        replacement, `replace_week` its week.
    """

    number: Array
    customer: Array
    account: Array
    household: Array
    kind: Array
    start_at: Array
    start_week: Array
    successor: Array
    predecessor: Array
    replacement: Array
    replace_week: Array
    plan: Array
    commit_end: Array
    promo_end: Array
    discount: Array
    instalments: Array
    cell: Array
    cell_factor: Array
    frailty: Array
    base_minutes: Array
    base_data: Array
    trend: Array
    is_test: Array
    is_employee: Array
    is_iot: Array
    dual_sim: Array
    device_week: Array
    is_5g: Array
    recharge: Array

    @property
    def mobile(self) -> Array:
        """Whether each line is mobile."""
        return self.kind <= PREPAID


@dataclass(frozen=True)
class Population:
    """A block's customers, accounts and lines. Every customer has at least one line."""

    customers: Customers
    accounts: Accounts
    lines: Lines

    @cached_property
    def by_customer(self) -> tuple[Array, Array]:
        """Positions of the lines ordered by customer, and where each customer's lines begin."""
        order = np.argsort(self.lines.customer, kind="stable")
        return order, np.searchsorted(
            self.lines.customer[order], np.arange(len(self.customers.number))
        )


def populate(
    draws: Draws,
    first: int,
    count: int,
    network: Network,
    plans: PlanCatalogue,
    parameters: Parameters,
) -> Population:
    """Plan a block's population.

    Parameters
    ----------
    draws : Draws
        The block's.
    first, count : int
        Global number of the first customer, and how many.
    network : Network
        The network, for home cells.
    plans : PlanCatalogue
        The plans on offer.
    parameters : Parameters
        Magnitudes.
    """
    customers = draw_customers(draws, first, count, parameters)
    accounts = draw_accounts(draws, customers, parameters)
    return Population(customers, accounts, _lines(draws, customers, network, plans, parameters))


def _lines(
    draws: Draws,
    customers: Customers,
    network: Network,
    plans: PlanCatalogue,
    parameters: Parameters,
) -> Lines:
    magnitudes = parameters.population
    count = len(customers.number)
    random = draws.generator("line counts")
    mobile = np.zeros(count, dtype=np.int64)
    draw = random.random(count)
    for segment, weights in enumerate(_MOBILE_LINES):
        of_segment = customers.segment == segment
        mobile[of_segment] = pick(draw[of_segment], weights)
    prepaid_like = are_prepaid(
        draws, customers.segment, customers.age, count, magnitudes.prepaid_share
    )
    firm = customers.segment != CONSUMER
    broadband = (
        random.random(count) < np.where(mobile == 0, 1.0, np.where(prepaid_like, 0.08, 0.20))
    ) | (firm & (random.random(count) < 0.5))
    tv = broadband & (random.random(count) < 0.42)
    owner = np.concatenate(
        [np.repeat(np.arange(count), mobile), np.flatnonzero(broadband), np.flatnonzero(tv)]
    )
    kind = np.repeat([POSTPAID, BROADBAND, TV], [mobile.sum(), broadband.sum(), tv.sum()])
    planned = len(owner)
    random = draws.generator("lines")
    differs = random.random(planned) < 0.06
    kind = np.where(
        (kind == POSTPAID) & (prepaid_like[owner] ^ (differs & ~firm[owner])), PREPAID, kind
    )
    order = np.lexsort((np.arange(planned), owner))
    owner, kind = owner[order], kind[order]

    first_line = np.concatenate([[True], owner[1:] != owner[:-1]])
    join = (customers.first_seen_at[owner] - start_of(0)) / WEEK
    spread = random.random(planned)
    later = ~first_line & (random.random(planned) < magnitudes.later_line_share)
    start = np.where(later, join + spread * (magnitudes.joining_weeks - join), join)
    start_at = np.where(
        later,
        start_of(0) + (start * WEEK).astype(np.int64) // HOUR * HOUR,
        customers.first_seen_at[owner],
    )

    # Lines that continue another line are planned as further slots, and used from then on.
    continued = random.random(planned) < magnitudes.successor_share * np.where(
        kind <= PREPAID, 1.0, 0.4
    )
    replaced = np.flatnonzero(continued)
    how = random.choice(3, len(replaced), p=[0.35, 0.25, 0.40])
    how = np.where(kind[replaced] >= BROADBAND, REPLACEMENTS.index("migration"), how)
    heir = owner[replaced]
    neighbour = np.minimum(heir + 1, count - 1)
    has_neighbour = (
        (customers.household[neighbour] == customers.household[heir])
        & (neighbour != heir)
        & ~firm[heir]
    )
    transfer = REPLACEMENTS.index("transfer")
    how = np.where((how == transfer) & ~has_neighbour, REPLACEMENTS.index("sim_swap"), how)
    heir = np.where(how == transfer, neighbour, heir)
    migration = REPLACEMENTS.index("migration")
    next_kind = np.where((how == migration) & (kind[replaced] == PREPAID), POSTPAID, kind[replaced])
    replace_week = random.integers(2, magnitudes.joining_weeks, len(replaced))

    successor = np.full(planned + len(replaced), -1)
    successor[replaced] = planned + np.arange(len(replaced))
    predecessor = np.full(planned + len(replaced), -1)
    predecessor[planned:] = replaced
    source = np.concatenate([np.arange(planned), replaced])
    customer = np.concatenate([owner, heir])
    kind = np.concatenate([kind, next_kind])
    total = len(kind)
    weeks = np.full(total, -1)
    weeks[replaced] = replace_week
    manner = np.full(total, -1)
    manner[replaced] = how
    replace_at = (
        start_of(replace_week)
        + (random.random(len(replaced)) * 6 * DAY).astype(np.int64) // HOUR * HOUR
    )
    start_at = np.concatenate([start_at, replace_at])
    account = customers.account[customer] - customers.number[0]
    leader = (
        np.where(customers.household < 0, customers.number, customers.household)[customer]
        - customers.number[0]
    )

    traits = _traits(draws, kind, customer, start_at, customers, network, plans, parameters)
    same = np.concatenate([np.zeros(planned, dtype=bool), next_kind == kind[replaced]])
    for name in ("plan", "commit_end", "promo_end", "discount", "instalments"):
        traits[name] = np.where(same, traits[name][source], traits[name])
    for name in (
        "cell",
        "cell_factor",
        "frailty",
        "base_minutes",
        "base_data",
        "trend",
        "is_test",
        "is_employee",
        "is_iot",
    ):
        traits[name] = traits[name][source]
    return Lines(
        number=customers.number[0] // parameters.customers_per_block * SLOTS + np.arange(total),
        customer=customer,
        account=account,
        household=leader,
        kind=kind,
        start_at=start_at,
        start_week=np.floor((start_at - start_of(0)) / WEEK).astype(np.int64),
        successor=successor,
        predecessor=predecessor,
        replacement=manner,
        replace_week=weeks,
        **traits,
    )


def _traits(
    draws: Draws,
    kind: Array,
    customer: Array,
    start_at: Array,
    customers: Customers,
    network: Network,
    plans: PlanCatalogue,
    parameters: Parameters,
) -> dict[str, Array]:
    magnitudes, usage = parameters.population, parameters.usage
    random = draws.generator("line traits")
    total = len(kind)
    fixed = kind >= BROADBAND
    start_week = np.floor((start_at - start_of(0)) / WEEK).astype(np.int64)
    firm = (customers.segment != CONSUMER)[customer]

    level = (
        usage.base_sd * random.standard_normal(total)
        + np.where(fixed, 0.3, 1.0) * AGE_USE[customers.age][customer] * 0.6
    )
    base_data = np.array(usage.data_gb_a_week)[kind] * np.exp(level)
    talk = (
        0.35 * level + 0.75 * random.standard_normal(total) - 0.4 * AGE_USE[customers.age][customer]
    )
    base_minutes = np.array(usage.minutes_a_week)[kind] * np.exp(talk)
    iot = (kind == POSTPAID) & firm & (random.random(total) < magnitudes.iot_share_business)
    base_data = np.where(iot, 0.02, base_data)
    base_minutes = np.where(iot, 0.0, base_minutes)

    plan = np.zeros(total, dtype=np.int64)
    noise = parameters.plans.misfit_sd * random.standard_normal(total)
    for line in range(4):
        of_line = np.flatnonzero(kind == line)
        offered, size = plans.first_of(line), plans.count_of(line)
        allowance = np.nan_to_num(
            plans.data_gb[offered : offered + size],
            nan=2.5 * np.nanmax(parameters.plans.data_gb[min(line, 2)]),
        )
        fit = (
            np.searchsorted(allowance[:-1], base_data[of_line] * 4.3)
            if line != TV
            else np.full(len(of_line), 1.2)
        )
        plan[of_line] = offered + np.clip(np.rint(fit + 0.25 + noise[of_line]), 0, size - 1).astype(
            np.int64
        )

    length = np.array(magnitudes.commitment_weeks)[kind]
    committed = (random.random(total) < np.array(magnitudes.committed_share)[kind]) & ~iot
    tenure = np.maximum(-start_week, 0)
    terms = np.ceil((tenure + 1) / np.maximum(length, 1)).astype(np.int64)
    renewed = (random.random(total) < 0.50) | (terms <= 1)
    commit_end = start_week + np.where(renewed, terms, terms - 1) * length
    commit_end = np.where(committed & (length > 0), commit_end, NO_WEEK)
    promoted = (random.random(total) < np.array(magnitudes.promotion_share)[kind]) & ~iot
    promo_weeks = random.choice(np.array([26, 39, 52]), total)
    refreshed = (tenure > promo_weeks) & (random.random(total) < 0.35)
    promo_end = np.where(refreshed, random.integers(-20, 52, total), start_week + promo_weeks)
    promo_end = np.where(promoted & (promo_end > start_week), promo_end, NO_WEEK)
    dual = random.random(total) < np.where(
        kind == PREPAID, magnitudes.dual_sim_share_prepaid, magnitudes.dual_sim_share
    )
    device_age = np.minimum(random.gamma(2.0, 38.0, total), 400)

    region = customers.region[customer]
    home = customers.household[customer]
    place = draws.at("home cell", np.where(home < 0, customers.number[customer], home))
    cell = network.first_cell[region] + np.floor(
        place * np.maximum(network.cells_in[region], 1)
    ).astype(np.int64)
    amounts = np.array(parameters.recharge.amounts)
    return {
        "plan": plan,
        "commit_end": commit_end,
        "promo_end": promo_end,
        "discount": np.where(
            promo_end > NO_WEEK,
            magnitudes.promotion_discount * random.choice(np.array([0.6, 1.0, 1.4]), total),
            0,
        ),
        "instalments": (kind == POSTPAID)
        & (commit_end > NO_WEEK)
        & (random.random(total) < magnitudes.instalment_share),
        "cell": np.minimum(cell, network.cells - 1),
        "cell_factor": parameters.network.personal_sd * random.standard_normal(total),
        "frailty": magnitudes.frailty_sd * random.standard_normal(total),
        "base_minutes": base_minutes.astype(np.float32),
        "base_data": base_data.astype(np.float32),
        "trend": (usage.trend_sd_a_week * random.standard_normal(total)).astype(np.float32),
        "is_test": random.random(total) < magnitudes.test_share,
        "is_employee": (random.random(total) < magnitudes.employee_share) & (kind != PREPAID),
        "is_iot": iot,
        "dual_sim": dual & (kind <= PREPAID),
        "device_week": -np.floor(device_age).astype(np.int64),
        "is_5g": random.random(total) < np.clip(0.85 - device_age / 300, 0.05, 0.9),
        "recharge": amounts[
            np.clip(np.rint(1.2 + 0.9 * level + 0.5 * random.standard_normal(total)), 0, 5).astype(
                np.int64
            )
        ],
    }
