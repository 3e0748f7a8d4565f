"""Contact policy: who is refused, by which rule, and that what is unknown counts against sending."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from care.jurisdiction import jurisdiction
from care.model import ActionClass
from care.policy import (
    NO,
    RULES,
    UNKNOWN,
    YES,
    ContactLimits,
    PolicyFacts,
    PolicyQuestion,
    judge,
)

DAY = 86_400_000_000
NOON = int(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()) * 1_000_000
ZONES = ("Europe/Berlin", "Asia/Shanghai", "America/New_York")
CODES = st.sampled_from([UNKNOWN, NO, YES])


def facts(count: int = 1, **changed: object) -> PolicyFacts:
    """Somebody whom every rule allows, at noon in Berlin, with changes."""

    def codes(value: int) -> np.ndarray:
        return np.full(count, value, dtype=np.int8)

    allowed = PolicyFacts(
        consent=codes(YES),
        contact=codes(YES),
        profiling=codes(YES),
        is_minor=codes(NO),
        is_on_do_not_call=codes(NO),
        screened_at=np.full(count, NOON - DAY),
        port_is_pending=codes(NO),
        is_likely_non_payer=codes(NO),
        has_open_complaint=codes(NO),
        is_in_incident=codes(NO),
        other_campaign=np.zeros(count, dtype=bool),
        household_offers=np.zeros(count, dtype=np.int64),
        household_contacts=np.zeros(count, dtype=np.int64),
        days_since_same_action=np.full(count, np.nan),
        send_at=np.full(count, NOON - 60 * 60_000_000),
        zone=np.zeros(count, dtype=np.int64),
        zones=ZONES,
    )
    arrays = {
        name: np.full(count, value, dtype=getattr(allowed, name).dtype)
        for name, value in changed.items()
    }
    return replace(allowed, **arrays)


def question(
    action_class: ActionClass = "offer", channel: str = "phone", code: str = "EU", **changed: object
) -> PolicyQuestion:
    """An offer by phone that a prediction chose."""
    asked = PolicyQuestion(
        action_class=action_class,
        uses_profiling=True,
        cool_down_days=90,
        channel=channel,
        jurisdiction=jurisdiction(code),
        limits=ContactLimits(),
    )
    return replace(asked, **changed)  # type: ignore[arg-type]


REFUSED: dict[str, dict[str, object]] = {
    "do_not_contact": {"contact": NO},
    "no_consent": {"consent": UNKNOWN},
    "profiling_objection": {"profiling": NO},
    "minor": {"is_minor": UNKNOWN},
    "do_not_call": {"is_on_do_not_call": UNKNOWN},
    "port_pending": {"port_is_pending": UNKNOWN},
    "likely_non_payer": {"is_likely_non_payer": YES},
    "open_complaint": {"has_open_complaint": YES},
    "incident_area": {"is_in_incident": UNKNOWN},
    "other_campaign": {"other_campaign": True},
    "household_cap": {"household_offers": 1},
    "cool_down": {"days_since_same_action": 89.9},
    "quiet_hours": {"zone": 1, "send_at": NOON + DAY // 24 * 2},
}


def test_who_breaks_no_rule_is_allowed() -> None:
    assert judge(facts(), question()).reasons(0) == ()


@pytest.mark.parametrize("rule", REFUSED)
def test_each_rule_refuses_by_its_name(rule: str) -> None:
    verdicts = judge(facts(**REFUSED[rule]), question())
    assert verdicts.reasons(0) == (rule,)
    assert not verdicts.allowed[0]
    assert verdicts.counts() == {rule: 1}


def test_every_rule_is_shown_to_refuse() -> None:
    halted = judge(facts(), question(care_is_halted=True))
    assert halted.reasons(0) == ("care_halted",)
    assert {*REFUSED, "care_halted"} == {rule.code for rule in RULES}


def test_what_is_owed_is_only_a_matter_of_the_hour() -> None:
    everything = {name: value for changed in REFUSED.values() for name, value in changed.items()}
    awake = {**everything, "send_at": NOON, "zone": 0}
    owed = question("owed", care_is_halted=True)
    assert judge(facts(**awake), owed).reasons(0) == ()
    assert judge(facts(**everything), owed).reasons(0) == ("quiet_hours",)


def test_service_care_needs_no_consent_to_offers() -> None:
    asked = question("service")
    assert judge(facts(consent=NO, household_offers=5), asked).reasons(0) == ()
    assert judge(facts(household_contacts=3), asked).reasons(0) == ("household_cap",)
    assert judge(facts(contact=NO), asked).reasons(0) == ("do_not_contact",)


def test_a_screening_that_is_too_old_counts_as_none() -> None:
    old = facts(screened_at=NOON - 31 * DAY)
    assert judge(old, question()).reasons(0) == ("do_not_call",)
    assert judge(old, question(channel="sms")).reasons(0) == ()


def test_porting_suppresses_service_care_where_the_law_says_so() -> None:
    porting = facts(port_is_pending=YES)
    assert judge(porting, question("service", code="CN", channel="email")).reasons(0) == (
        "port_pending",
    )
    assert judge(porting, question("service", code="EU")).reasons(0) == ()


@given(
    st.fixed_dictionaries(dict.fromkeys(("consent", "contact", "profiling", "is_minor"), CODES)),
    st.integers(0, 7 * 24 * 60),
    st.sampled_from([-1, 0, 1, 2]),
    st.sampled_from(["strict", "EU", "UK", "US", "CN"]),
    st.sampled_from(["sms", "phone", "email", "app"]),
)
def test_no_offer_goes_without_consent_in_no_hour_and_no_place(
    known: dict[str, int], minutes: int, zone: int, code: str, channel: str
) -> None:
    someone = facts(**known, zone=zone, send_at=NOON + minutes * 60_000_000)
    verdicts = judge(someone, question(channel=channel, code=code))
    if verdicts.allowed[0]:
        assert known == {
            "consent": YES,
            "contact": known["contact"],
            "profiling": known["profiling"],
            "is_minor": NO,
        }
        assert NO not in (known["contact"], known["profiling"])
    unknown_zone = judge(
        replace(someone, zone=np.array([-1])), question(channel=channel, code="strict")
    )
    strict = judge(someone, question(channel=channel, code="strict"))
    # Whoever may be sent something wherever the customer is, may be sent it where the customer is.
    if unknown_zone.allowed[0] and zone >= 0 and ZONES[zone] in jurisdiction("strict").zones:
        assert strict.allowed[0]


@given(st.lists(st.sampled_from(sorted(REFUSED)), min_size=1, unique=True))
def test_reasons_of_one_are_the_rules_that_each_refuse(rules: list[str]) -> None:
    changed = {name: value for rule in rules for name, value in REFUSED[rule].items()}
    told = judge(facts(**changed), question()).reasons(0)
    assert set(told) == set(rules)
    assert list(told) == sorted(told, key=[rule.code for rule in RULES].index)


def test_many_are_judged_as_one_by_one() -> None:
    random = np.random.default_rng(1)
    count = 400
    many = facts(count)
    shuffled = {
        name: random.choice(np.array([UNKNOWN, NO, YES], dtype=np.int8), count)
        for name in ("consent", "contact", "is_minor", "port_is_pending", "has_open_complaint")
    }
    many = replace(
        many,
        **shuffled,
        send_at=NOON + random.integers(0, 365 * 24 * 60, count) * 60_000_000,
        zone=random.integers(-1, 3, count),
    )
    whole = judge(many, question())
    for place in range(count):
        arrays = {
            name: value[place : place + 1]
            for name, value in vars(many).items()
            if isinstance(value, np.ndarray)
        }
        alone = judge(replace(many, **arrays), question())
        assert alone.bits[0] == whole.bits[place]
