"""Made-up facts of many lines for care, drawn with a seed: every rule refuses some."""

from datetime import UTC, datetime

import numpy as np

from care.catalogue import Catalogue
from care.model import Action
from care.planning import RISK_RANK, CareFacts
from care.policy import NO, UNKNOWN, YES, PolicyFacts
from holdfast.arrays import Floats

NOON = int(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()) * 1_000_000
_DAY = 86_400_000_000
ZONES = ("Europe/Berlin", "Europe/Lisbon", "Europe/Athens")


def policy_facts(count: int, seed: int = 1) -> PolicyFacts:
    """Facts of proposals through one channel, at many times of a day in several zones."""
    random = np.random.default_rng(seed)

    def codes(unknown: float, no: float) -> np.ndarray:
        drawn = random.random(count)
        return np.where(drawn < unknown, UNKNOWN, np.where(drawn < unknown + no, NO, YES)).astype(
            np.int8
        )

    return PolicyFacts(
        consent=codes(0.1, 0.3),
        contact=codes(0.02, 0.03),
        profiling=codes(0.02, 0.03),
        is_minor=codes(0.05, 0.93),
        is_on_do_not_call=codes(0.05, 0.85),
        screened_at=NOON - random.integers(0, 60, count) * _DAY,
        port_is_pending=codes(0.0, 0.99),
        is_likely_non_payer=codes(0.05, 0.9),
        has_open_complaint=codes(0.01, 0.95),
        is_in_incident=codes(0.01, 0.97),
        other_campaign=random.random(count) < 0.05,
        household_offers=random.integers(0, 3, count),
        household_contacts=random.integers(0, 5, count),
        days_since_same_action=np.where(
            random.random(count) < 0.2, random.random(count) * 200, np.nan
        ),
        send_at=NOON + random.integers(0, _DAY, count),
        zone=random.integers(-1, len(ZONES), count),
        zones=ZONES,
    )


def care_facts(catalogue: Catalogue, count: int, seed: int = 1) -> CareFacts:
    """Lines, two to a household, of whom each condition of a trigger holds for about a third."""
    random = np.random.default_rng(seed)
    facts: dict[str, Floats] = {}
    for trigger in catalogue.triggers.values():
        for condition in trigger.when:
            low = condition.at_least if condition.at_least is not None else condition.at_most
            high = condition.at_most if condition.at_most is not None else low
            middle = ((low or 0.0) + (high or 0.0)) / 2
            spread = 1.5 * max(abs((high or 0.0) - (low or 0.0)), abs(middle), 0.01)
            values = middle + spread * (2 * random.random(count) - 1)
            facts[condition.fact] = np.where(random.random(count) < 0.05, np.nan, values)
    risk = random.random(count)
    facts[RISK_RANK] = np.argsort(np.argsort(-risk)) / count
    policy = policy_facts(count, seed + 1)

    def of(channel: str, action: Action) -> PolicyFacts:
        return policy

    numbers = np.arange(count)
    return CareFacts(
        household_id=np.char.mod("H%07d", numbers // 2),
        customer_id=np.char.mod("C%07d", numbers),
        subscription_id=np.char.mod("S%07d", numbers),
        facts=facts,
        risk=risk,
        policy=of,
    )
