"""The customers of a block, and the accounts that pay for their lines."""

from dataclasses import dataclass

import numpy as np

from features.contracts.vocabulary import AGE_BANDS, PAYMENT_METHODS, SEGMENTS
from simulator.world.draws import Array, Draws, pick
from simulator.world.parameters import Parameters
from simulator.world.regions import LANGUAGES, REGIONS, languages, shares

CONSUMER = SEGMENTS.index("consumer")

AGE_USE = np.array([0.3, 0.5, 0.35, 0.2, 0.0, -0.25, -0.6, -0.9])
"""How much more than others each age band uses, as an exponent."""

_AGES = np.array([0.01, 0.13, 0.21, 0.20, 0.17, 0.14, 0.09, 0.05])


@dataclass(frozen=True)
class Customers:
    """A block's customers, one array entry each.

    Parameters
    ----------
    number : array of int
        Global number.
    household, account : array of int
        Global number of the first customer in it; households of firms are -1.
    """

    number: Array
    household: Array
    account: Array
    segment: Array
    region: Array
    language: Array
    age: Array
    accessible: Array
    digital: Array
    """How much the customer uses app and web, 0 to 1."""
    contact_factor: Array
    """Factor of the customer's contact rate."""
    satisfaction_level: Array
    """The level that satisfaction returns to."""
    answer_effect: Array
    """Effect on the log odds of answering surveys that no column explains."""
    first_seen_at: Array
    join_week: Array
    """When the customer joins: 0 until the customer's lines are known."""


@dataclass(frozen=True)
class Accounts:
    """A block's accounts, one array entry per customer, used for the first of an account."""

    bill_day: Array
    autopay: Array
    method: Array
    risk: Array


def draw_customers(draws: Draws, first: int, count: int, parameters: Parameters) -> Customers:
    """Draw `count` customers, numbered from `first`."""
    magnitudes = parameters.population
    home = draws.generator("households")
    sizes = 1 + home.choice(
        len(magnitudes.household_size_shares), count, p=magnitudes.household_size_shares
    )
    household = np.repeat(np.arange(count), sizes)[:count]
    leader = np.searchsorted(household, household)
    shared = home.random(count) < magnitudes.shared_account_share
    region = np.minimum(np.searchsorted(np.cumsum(shares()), home.random(count)), len(REGIONS) - 1)[
        leader
    ]
    who = draws.generator("customers")
    segment = who.choice(len(SEGMENTS), count, p=magnitudes.segment_shares)
    age = who.choice(len(AGE_BANDS), count, p=_AGES)
    language = pick(home.random(count)[leader], languages()[region])
    other = who.random(count) < 0.04
    language = np.where(other, pick(who.random(count), languages()[region]), language)
    firm = segment != CONSUMER
    own = np.arange(count)
    leads_home = np.where(firm | firm[leader], own, leader)
    digital = np.clip(0.55 + 0.3 * AGE_USE[age] + 0.22 * who.standard_normal(count), 0.02, 0.98)
    satisfaction_level = magnitudes.satisfaction_base_sd * who.standard_normal(count)
    satisfaction_level += (
        0.10 * (age >= 5)
        - 0.08 * (age <= 2)
        - 0.10 * (segment >= 2)
        + 0.25 * (np.array([0.3, 0.1, -0.4])[language])
    )
    return Customers(
        number=first + own,
        household=np.where(firm, -1, first + leads_home),
        account=first + np.where(shared[leader] & ~firm & ~firm[leader], leader, own),
        segment=segment,
        region=region,
        language=np.minimum(language, len(LANGUAGES) - 1),
        age=age,
        accessible=who.random(count) < magnitudes.wants_accessibility_share * (1 + 2 * (age >= 6)),
        digital=digital,
        contact_factor=np.exp(
            parameters.service.personal_sd * who.standard_normal(count)
            - 0.5 * parameters.service.personal_sd**2
        ),
        satisfaction_level=satisfaction_level,
        answer_effect=0.5 * who.standard_normal(count),
        first_seen_at=np.zeros(count, dtype=np.int64),
        join_week=np.zeros(count, dtype=np.int64),
    )


def are_prepaid(draws: Draws, segment: Array, age: Array, count: int, share: float) -> Array:
    """Whether each of `count` customers has prepaid lines, by segment and age band."""
    chance = np.where(
        segment == CONSUMER,
        share * np.array([1.4, 1.5, 1.15, 0.95, 0.85, 0.8, 0.8, 0.9])[age],
        0.02,
    )
    prepaid: Array = draws.uniform("prepaid customer", 0, count) < chance
    return prepaid


def draw_accounts(draws: Draws, customers: Customers, parameters: Parameters) -> Accounts:
    """Draw how each customer's account is paid, and how likely it is to fall into arrears."""
    count = len(customers.number)
    random = draws.generator("accounts")
    autopay = random.random(count) < parameters.population.autopay_share + 0.15 * (
        customers.digital - 0.5
    )
    by_hand = random.choice(np.array([1, 2, 3, 4]), count, p=[0.45, 0.38, 0.13, 0.04])
    risk = random.standard_normal(count) * 0.8 + 0.4 * (customers.age <= 2)
    return Accounts(
        bill_day=random.choice(np.array([1, 6, 12, 18, 24]), count),
        autopay=autopay,
        method=np.where(autopay, PAYMENT_METHODS.index("autopay"), by_hand),
        risk=risk,
    )
