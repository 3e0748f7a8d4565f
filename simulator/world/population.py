"""The customers of a block: everything about them that no event changes.

All customers who ever join, and all their lines, are planned at the start, so that arrays keep their
order. Lines that would have ended before the burn-in are left out.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from features.contracts.vocabulary import REPLACEMENTS
from simulator.world.calendar import (
    DAY,
    FIRST_WEEK,
    HOUR,
    LAST_WEEK,
    NO_WEEK,
    SECOND,
    WEEK,
    start_of,
)
from simulator.world.customers import (
    CONSUMER,
    Accounts,
    Customers,
    are_prepaid,
    draw_accounts,
    draw_customers,
)
from simulator.world.draws import Array, Draws, pick
from simulator.world.joining import Joining, draw_joining
from simulator.world.lifetimes import (
    Lifetimes,
    default_chance,
    involuntary_chance,
    lasting_part,
    low_use_part,
)
from simulator.world.line_traits import Nature, draw_contracts, draw_nature
from simulator.world.network import Network
from simulator.world.parameters import BROADBAND, POSTPAID, PREPAID, TV, Parameters
from simulator.world.plans import PlanCatalogue
from simulator.world.regions import competition

SLOTS = 1_000_000
"""Subscription numbers reserved for each block."""

_MOBILE_LINES = (
    np.array([0.16, 0.38, 0.27, 0.19]),
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
    owner, kind = _held(draws, customers, parameters)
    nature = draw_nature(draws, kind, owner, customers, network, parameters)
    random = draws.generator("later lines")
    first_line = np.concatenate([[True], owner[1:] != owner[:-1]])
    delay = parameters.population.later_line_weeks * random.random(len(owner))
    later = ~first_line & (random.random(len(owner)) < parameters.population.later_line_share)
    delay = np.where(later, delay, 0.0)
    lifetimes = _lifetimes(
        kind,
        owner,
        nature,
        customers,
        accounts,
        network.lasting_badness[nature.cell],
        competition(draws, None),
        parameters,
    )
    joining = draw_joining(draws, owner, delay, lifetimes, parameters.population)
    customers = _joined(draws, customers, joining)
    kept = np.flatnonzero(joining.lasts)
    owner, kind, nature = owner[kept], kind[kept], nature.of(kept)
    start_at = np.where(
        delay[kept] > 0,
        start_of(0) + np.floor(joining.start[kept] * WEEK).astype(np.int64) // HOUR * HOUR,
        customers.first_seen_at[owner],
    )
    lines = _lines(draws, owner, kind, start_at, nature, customers, plans, parameters)
    return Population(customers, accounts, lines)


def _held(draws: Draws, customers: Customers, parameters: Parameters) -> tuple[Array, Array]:
    """Owner and kind of the lines that customers ever have, in the order of owners."""
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
        random.random(count) < np.where(mobile == 0, 1.0, np.where(prepaid_like, 0.10, 0.30))
    ) | (firm & (random.random(count) < 0.5))
    tv = broadband & (random.random(count) < 0.60)
    owner = np.concatenate(
        [np.repeat(np.arange(count), mobile), np.flatnonzero(broadband), np.flatnonzero(tv)]
    )
    kind = np.repeat([POSTPAID, BROADBAND, TV], [mobile.sum(), broadband.sum(), tv.sum()])
    differs = draws.generator("lines").random(len(owner)) < 0.06
    kind = np.where(
        (kind == POSTPAID) & (prepaid_like[owner] ^ (differs & ~firm[owner])), PREPAID, kind
    )
    order = np.lexsort((np.arange(len(owner)), owner))
    return owner[order], kind[order]


def _lifetimes(
    kind: Array,
    owner: Array,
    nature: Nature,
    customers: Customers,
    accounts: Accounts,
    badness: Array,
    competitors: Array,
    parameters: Parameters,
) -> Lifetimes:
    """How long lines last by what is known when they begin: also about the network at their cell,
    and the competitors in each region.
    """
    magnitudes, population = parameters.churn, parameters.population
    payer = customers.account[owner] - customers.number[0]
    age, odd = customers.age[owner], nature.is_iot | nature.is_test
    held = np.bincount(owner)[owner]
    satisfaction = (
        customers.satisfaction_level[owner]
        - population.lasting_contacts * (customers.contact_factor[owner] - 1)
        - population.lasting_network * (badness + nature.cell_factor)
    )
    log_hazard = (
        np.array(magnitudes.base_log_hazard_a_week)[kind]
        + np.log(np.array(magnitudes.leaves_if_wavering) * population.changing_hazard)[kind]
        + np.array(magnitudes.satisfaction)[kind] * satisfaction
        + magnitudes.competitor_sd * competitors[customers.region[owner]]
        + np.where(kind == PREPAID, 0.0, magnitudes.out_of_commitment)
        + low_use_part(magnitudes, kind, nature.base_data, nature.base_minutes)
        + magnitudes.further_lines * np.minimum(held - 1, 4)
        + lasting_part(
            magnitudes,
            kind,
            accounts.autopay[payer],
            nature.dual_sim,
            age,
            nature.frailty,
            odd,
        )
    )
    return Lifetimes(
        kind=kind,
        committed=nature.committed(kind, parameters),
        hazard=np.exp(log_hazard),
        involuntary=involuntary_chance(parameters, kind, age, nature.is_iot)
        + default_chance(parameters, kind, accounts.autopay[payer], accounts.risk[payer]),
        parameters=parameters,
    )


def _joined(draws: Draws, customers: Customers, joining: Joining) -> Customers:
    """The customers with the time that each joins at: of day, too."""
    second = np.floor(
        draws.generator("time of joining").random(len(joining.join)) * 12 * 3600
    ).astype(np.int64)
    day = np.floor(joining.join * 7).astype(np.int64)
    return replace(
        customers,
        first_seen_at=start_of(0) + day * DAY + second * SECOND,
        join_week=np.floor(joining.join).astype(np.int64),
    )


def _lines(
    draws: Draws,
    owner: Array,
    kind: Array,
    start_at: Array,
    nature: Nature,
    customers: Customers,
    plans: PlanCatalogue,
    parameters: Parameters,
) -> Lines:
    """Lines with their contracts, and those that continue another one: these are planned as further
    slots, and used from then on.
    """
    magnitudes = parameters.population
    planned, count = len(owner), len(customers.number)
    firm = customers.segment != CONSUMER
    random = draws.generator("successors")
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
    replace_week = random.integers(FIRST_WEEK + 2, LAST_WEEK, len(replaced))

    successor = np.full(planned + len(replaced), -1)
    successor[replaced] = planned + np.arange(len(replaced))
    predecessor = np.full(planned + len(replaced), -1)
    predecessor[planned:] = replaced
    source = np.concatenate([np.arange(planned), replaced])
    customer = np.concatenate([owner, heir])
    same = np.concatenate([np.zeros(planned, dtype=bool), next_kind == kind[replaced]])
    kind = np.concatenate([kind, next_kind])
    total = len(kind)
    weeks = np.full(total, NO_WEEK)
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
    start_week = np.floor((start_at - start_of(0)) / WEEK).astype(np.int64)
    nature = nature.of(source)
    contracts = draw_contracts(draws, kind, start_week, nature, plans, parameters)
    for name in ("plan", "commit_end", "promo_end", "discount", "instalments"):
        contracts[name] = np.where(same, contracts[name][source], contracts[name])
    return Lines(
        number=draws.block * SLOTS + np.arange(total),
        customer=customer,
        account=account,
        household=leader,
        kind=kind,
        start_at=start_at,
        start_week=start_week,
        successor=successor,
        predecessor=predecessor,
        replacement=manner,
        replace_week=weeks,
        cell=nature.cell,
        cell_factor=nature.cell_factor,
        frailty=nature.frailty,
        base_minutes=nature.base_minutes,
        base_data=nature.base_data,
        trend=nature.trend,
        is_test=nature.is_test,
        is_employee=nature.is_employee & (kind != PREPAID),
        is_iot=nature.is_iot,
        dual_sim=nature.dual_sim & (kind <= PREPAID),
        **contracts,
    )
