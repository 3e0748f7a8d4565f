"""Plans: who is sent something, who is withheld at random, and who is refused and why."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.arms import Holdout
from care.campaign import Campaign
from care.catalogue import DEFAULT_CATALOGUE, read_catalogue
from care.jurisdiction import jurisdiction
from care.model import Action, Arm
from care.planning import NO_CHANNEL, NOT_DRAWN, RISK_RANK, CareFacts, Plan, Rules, make_plan
from care.policy import NO, ContactLimits, PolicyFacts
from tests.unit.care.test_policy import NOON, facts

STRICT = jurisdiction("EU")
CATALOGUE = read_catalogue(DEFAULT_CATALOGUE, STRICT)
RULES = Rules(
    jurisdiction=STRICT,
    limits=ContactLimits(),
    holdout=Holdout(salt="sixteen letters!", share=0.05),
    year=2026,
    care_is_halted=False,
)
CAMPAIGN = Campaign(
    campaign_id="spring",
    action="plan_fit_offer",
    triggers=("predicted_risk",),
    begins_on="2026-03-01",
    ends_on="2026-05-31",
    control_share=0.2,
    outcome_days=90,
    most_households=100_000,
    priority=1,
)


def known(count: int, **changed: object) -> CareFacts:
    """Everybody at risk, two lines to a household, and allowed by every rule but for changes."""
    policy = facts(count, **changed)

    def of(channel: str, action: Action) -> PolicyFacts:
        return policy

    return CareFacts(
        household_id=np.array([f"H{number // 2}" for number in range(count)]),
        customer_id=np.array([f"C{number}" for number in range(count)]),
        subscription_id=np.array([f"S{number}" for number in range(count)]),
        facts={
            RISK_RANK: np.linspace(0, 0.1, count),
            "days_to_commitment_end": np.full(count, 20.0),
        },
        risk=np.linspace(1, 0, count),
        policy=of,
    )


def planned(count: int = 4_000, campaign: Campaign = CAMPAIGN, **changed: object) -> Plan:
    return make_plan(campaign, CATALOGUE, known(count, **changed), RULES)


def test_everybody_proposed_is_sent_withheld_or_refused() -> None:
    counts = planned().counts()
    assert counts.proposed == 4_000
    assert counts.refused == {"same_household": 2_000}
    assert counts.sent + counts.control + counts.holdout == counts.intended == 2_000
    assert counts.control == pytest.approx(0.95 * 0.2 * 2_000, abs=90)
    assert counts.holdout == pytest.approx(0.05 * 2_000, abs=50)


def test_the_riskiest_of_a_household_is_in_its_arm() -> None:
    plan = planned()
    drawn = plan.rows[plan.arm != NOT_DRAWN]
    assert set(drawn % 2) == {0}


def test_only_so_many_households_are_drawn_the_riskiest_first() -> None:
    plan = planned(campaign=replace(CAMPAIGN, most_households=100))
    assert plan.counts().intended == 100
    assert plan.rows[plan.arm != NOT_DRAWN].max() < 200
    assert plan.counts().refused == {"same_household": 2_000, "campaign_full": 1_900}


def test_who_is_refused_is_in_no_arm() -> None:
    plan = planned(consent=NO)
    assert plan.counts().refused == {"no_consent": 4_000}
    assert set(plan.arm) == {NOT_DRAWN}
    assert set(plan.channel) == {NO_CHANNEL}
    assert not plan.is_sent.any()


def test_a_quiet_hour_only_delays() -> None:
    night = NOON + 10 * 3_600_000_000
    plan = planned(send_at=night)
    assert plan.counts().sent > 0
    sent_at = plan.send_at[plan.is_sent]
    # 08:00 in Berlin on the day after.
    assert set(sent_at) == {NOON + 19 * 3_600_000_000}


def test_what_is_owed_has_no_arms_and_reaches_every_line() -> None:
    notice = replace(
        CAMPAIGN, action="contract_end_notice", triggers=("commitment_end",), control_share=0.0
    )
    plan = planned(campaign=notice, consent=NO, household_offers=9)
    assert plan.counts().sent == 4_000
    assert set(plan.arm) == {NOT_DRAWN}


def test_service_care_is_not_withheld_from_the_holdout() -> None:
    call = replace(CAMPAIGN, action="courtesy_call")
    counts = planned(campaign=call).counts()
    assert counts.holdout == 0
    assert counts.control > 0


def test_a_fact_that_is_not_known_proposes_nothing() -> None:
    someone = known(4)
    someone = replace(someone, facts={RISK_RANK: np.full(4, np.nan)})
    assert make_plan(CAMPAIGN, CATALOGUE, someone, RULES).counts().proposed == 0


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_the_order_of_the_facts_changes_nothing(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    someone = known(count)
    someone = replace(someone, risk=random.choice([0.1, 0.2, np.nan], count))
    order = random.permutation(count)
    shuffled = CareFacts(
        household_id=someone.household_id[order],
        customer_id=someone.customer_id[order],
        subscription_id=someone.subscription_id[order],
        facts={name: fact[order] for name, fact in someone.facts.items()},
        risk=someone.risk[order],
        policy=lambda channel, action: someone.policy(channel, action).taken(order),
    )
    campaign = replace(CAMPAIGN, most_households=10)
    one = make_plan(campaign, CATALOGUE, someone, RULES)
    other = make_plan(campaign, CATALOGUE, shuffled, RULES)

    def by_line(plan: Plan, lines: np.ndarray) -> dict[str, tuple[int, int, tuple[str, ...]]]:
        return {
            lines[row]: (plan.arm[k], plan.channel[k], plan.refusals.reasons(k))
            for k, row in enumerate(plan.rows)
        }

    assert by_line(one, someone.subscription_id) == by_line(other, shuffled.subscription_id)


@given(st.integers(0, 2**32 - 1))
def test_a_held_out_household_is_sent_no_offer_in_any_campaign(seed: int) -> None:
    rules = replace(RULES, holdout=Holdout(salt=f"salt of the home {seed}", share=0.2))
    someone = known(200)
    held = rules.holdout.contains(someone.household_id.tolist(), 2026)
    for name in ("spring", "autumn"):
        plan = make_plan(replace(CAMPAIGN, campaign_id=name), CATALOGUE, someone, rules)
        assert not (plan.is_sent & held[plan.rows]).any()
        assert (plan.arm[held[plan.rows] & plan.refusals.allowed] == Arm.HOLDOUT).all()
