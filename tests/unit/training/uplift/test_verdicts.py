"""Verdicts: what may be claimed jointly, how much more data it takes, and nothing of what was not
drawn at random.
"""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from scipy.stats import t as student

from holdfast.errors import InputError
from tests.builders.experiments import experiment
from training.evaluation.assessment import Estimate
from training.uplift.earlier import EarlierLooks, looks_taken
from training.uplift.estimate import EvaluatedExperiment, evaluate_experiment
from training.uplift.inference import PointEstimate, difference
from training.uplift.looks import ONLY_LOOK, Look, Looks
from training.uplift.result import ActionUplift, Arm, EffectGroup, Finding
from training.uplift.settings import UpliftSettings
from training.uplift.stakes import NO_STAKES, Stakes
from training.uplift.verdicts import (
    customers_needed,
    evidence_of,
    stepwise_jointly,
    with_verdicts,
)

CLUSTERS = 4_000
ERROR = 0.01
DRAWN = replace(experiment(rows=400), arms=("control", *(f"call {place}" for place in range(6))))
"""With as many actions as any test looks at."""


def action(effect: float, ranking: float = 0.0, error: float = ERROR) -> ActionUplift:
    arm = Arm(name="a", rows=2_000, outcome=0.5, clusters=2_000, effective_clusters=2_000.0)
    nothing = Estimate(0.0, 0.0, 0.0)
    measured = PointEstimate(effect, error, CLUSTERS)
    area = PointEstimate(ranking, ERROR, CLUSTERS)
    return ActionUplift(
        action="call",
        control=arm,
        treatment=arm,
        estimate=measured,
        average=measured.interval(),
        unadjusted=nothing,
        adjustment=nothing,
        ranked=True,
        ranking=area,
        qini=area.interval(),
        autoc=nothing,
        slope=nothing,
        policies=(),
        groups=(),
        curve=(),
    )


def decided(
    *actions: ActionUplift, stakes: Stakes = NO_STAKES, look: Look | None = None
) -> tuple[ActionUplift, ...]:
    seen = look or replace(ONLY_LOOK, clusters=CLUSTERS)
    result = EvaluatedExperiment(DRAWN, actions, (), seen)
    (evaluated,) = with_verdicts([(result, "randomised")], stakes)
    return evaluated.actions


def findings(
    *actions: ActionUplift, stakes: Stakes = NO_STAKES, look: Look | None = None
) -> list[Finding]:
    return [one.finding for one in decided(*actions, stakes=stakes, look=look)]


def decide(*actions: ActionUplift, stakes: Stakes = NO_STAKES) -> list[str | None]:
    return [finding.verdict for finding in findings(*actions, stakes=stakes)]


def test_four_verdicts_of_one_action() -> None:
    points = Stakes(break_even=3.0)
    assert decide(action(0.03)) == ["works"]
    assert decide(action(-0.03)) == ["harms"]
    assert decide(action(0.01)) == ["not_enough_data"]
    assert decide(action(0.005), stakes=points) == ["too_small_to_matter"]
    assert decide(action(0.015), stakes=points) == ["not_enough_data"]
    assert decide(action(0.025), stakes=points) == ["works"]
    # Above zero, and below what it costs: what matters is that it does not pay.
    assert decide(action(0.009, error=0.003), stakes=points) == ["too_small_to_matter"]
    assert decide(action(-0.03), stakes=points) == ["harms"]


@given(st.lists(st.floats(-0.05, 0.05), min_size=1, max_size=6))
def test_without_a_break_even_effect_nothing_is_too_small(effects: list[float]) -> None:
    assert "too_small_to_matter" not in decide(*map(action, effects))


def test_five_actions_must_show_more_than_one() -> None:
    one = 2.2 * ERROR
    assert decide(action(one)) == ["works"]
    assert decide(action(one), *[action(0.0)] * 4) == ["not_enough_data"] * 5
    # Holm: what the clearest actions show leaves more for the others.
    assert decide(action(one), *[action(0.05)] * 4) == ["works"] * 5


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=8))
def test_holms_procedure_is_the_textbooks(p_values: list[float]) -> None:
    order = np.argsort(p_values, kind="stable")
    expected = [False] * len(p_values)
    for step, place in enumerate(order):
        if p_values[place] > 0.05 / (len(p_values) - step):
            break
        expected[place] = True
    claims = [lambda level, p=p: p <= level for p in p_values]
    assert stepwise_jointly(claims, 0.05) == expected


def test_five_actions_without_effect_are_wrong_together_at_most_once_in_twenty() -> None:
    random = np.random.default_rng(1)
    draws = 400
    wrong = sum(
        bool({"works", "harms"} & set(decide(*map(action, random.normal(0, ERROR, 5)))))
        for _ in range(draws)
    )
    assert wrong <= binom.ppf(0.999, draws, 0.05)
    assert wrong >= binom.ppf(0.001, draws, 0.05)


@pytest.mark.parametrize("claimed", (True, False))
@pytest.mark.parametrize("balanced", (True, False))
def test_only_a_claim_that_the_arms_do_not_contradict_is_randomised(
    claimed: bool, balanced: bool
) -> None:
    expected = "randomised" if claimed and balanced else "observational"
    assert evidence_of(claimed, balanced) == expected


def test_of_an_observational_comparison_nothing_is_claimed_and_others_do_not_pay_for_it() -> None:
    look = replace(ONLY_LOOK, clusters=CLUSTERS)
    seen = EvaluatedExperiment(DRAWN, tuple([action(0.05, 0.05)] * 4), (), look)
    drawn = EvaluatedExperiment(DRAWN, (action(2.2 * ERROR),), (), look)
    first, second = with_verdicts([(seen, "observational"), (drawn, "randomised")], NO_STAKES)
    assert {one.finding.verdict for one in first.actions} == {None}
    assert {one.finding.targetable for one in first.actions} == {None}
    assert second.actions[0].finding.verdict == "works"


def test_targetable_holds_jointly_too() -> None:
    look = replace(ONLY_LOOK, clusters=CLUSTERS)
    one = EvaluatedExperiment(DRAWN, (action(0.0, 2.2 * ERROR),), (), look)
    five = replace(one, actions=one.actions + tuple([action(0.0)] * 4))
    ((alone,), (_, *_)) = (with_verdicts([(e, "randomised")], NO_STAKES) for e in (one, five))
    (among,) = with_verdicts([(five, "randomised")], NO_STAKES)
    assert alone.actions[0].finding.targetable is True
    assert among.actions[0].finding.targetable is False


def test_how_many_are_needed_depends_on_the_effect_that_was_named_not_on_the_one_observed() -> None:
    stakes = Stakes(detect=1.0)
    more = set()
    for observed in (-0.001, 0.0, 0.012):
        result = EvaluatedExperiment(
            DRAWN, (action(observed),), (), replace(ONLY_LOOK, clusters=CLUSTERS)
        )
        (decided,) = with_verdicts([(result, "randomised")], stakes)
        more.add(decided.actions[0].finding.more_needed)
    # An error of 1 point at 4,000; found in four of five cases with one of 1 / (1.96 + 0.84).
    assert len(more) == 1
    assert more.pop() == pytest.approx(4_000 * (2.8016**2 - 1), rel=0.01)
    assert decide(action(0.0), stakes=stakes) == ["not_enough_data"]


def test_an_experiment_of_the_size_told_finds_the_effect_in_four_of_five_cases() -> None:
    needed = customers_needed(
        PointEstimate(0.0, ERROR, CLUSTERS), 0.02, replace(ONLY_LOOK, clusters=CLUSTERS), 0.05
    )
    error = ERROR * np.sqrt(CLUSTERS / needed)
    found = float(student.sf(student.isf(0.025, needed) - 0.02 / error, needed))
    assert found == pytest.approx(0.8, abs=0.005)


def test_looks_at_any_time_need_more() -> None:
    estimate = PointEstimate(0.0, ERROR, CLUSTERS)
    once = customers_needed(estimate, 0.02, Looks().at(CLUSTERS), 0.05)
    planned = customers_needed(
        estimate, 0.02, Looks(planned=(2_000, 4_000, 8_000)).at(CLUSTERS), 0.05
    )
    ever = customers_needed(estimate, 0.02, Looks(expected=CLUSTERS).at(CLUSTERS), 0.05)
    assert once < planned < ever


@pytest.mark.parametrize("effect", (-0.05, 0.0, 0.05))
def test_nothing_is_claimed_of_an_arm_of_few_customers(effect: float) -> None:
    few = Arm(name="shops", rows=2_000, outcome=0.5, clusters=25, effective_clusters=19.9)
    group = EffectGroup(rows=900, predicted=-0.1, effect=Estimate(-0.1, -0.2, -0.05), harmed=True)
    of_few = replace(action(effect, ranking=0.05), groups=(group,))
    for arms in ({"treatment": few}, {"control": few}):
        (finding,) = findings(replace(of_few, **arms), stakes=Stakes(break_even=3.0))
        assert (finding.verdict, finding.why_not) == ("not_enough_data", "too_few_clusters")
        # More customers of the same few shops are not what is lacking.
        assert (finding.targetable, finding.more_needed) == (False, None)
        assert not decided(replace(of_few, **arms))[0].groups[0].harmed
    enough = replace(few, effective_clusters=20.0)
    assert findings(replace(of_few, treatment=enough))[0].why_not is None
    assert decided(replace(of_few, treatment=enough))[0].groups[0].harmed


def test_an_estimate_is_as_certain_as_the_smaller_arm_allows() -> None:
    of_twenty = Arm(name="shops", rows=2_000, outcome=0.5, clusters=20, effective_clusters=20.0)
    # Clear of zero with 3,999 degrees of freedom, and not with the 19 that twenty shops give.
    assert decide(action(2.05 * ERROR)) == ["works"]
    assert decide(replace(action(2.05 * ERROR), control=of_twenty)) == ["not_enough_data"]
    assert decide(replace(action(2.12 * ERROR), control=of_twenty)) == ["works"]


@pytest.mark.parametrize(("treated", "control"), ((20, 40), (30, 30), (25, 100)))
def test_shops_without_effect_are_wrong_at_most_once_in_twenty(treated: int, control: int) -> None:
    draws = 400
    assert _wrong(treated, control, draws, few=False) <= binom.ppf(0.999, draws, 0.05)


def test_three_shops_would_be_wrong_far_more_often() -> None:
    assert _wrong(3, 57, 400, few=True) > 400 * 0.15


def _wrong(treated: int, control: int, draws: int, *, few: bool) -> int:
    """How often the difference of two arms of shops, which differ much from each other, is clear of
    zero: at the look that verdicts are given by, or as if all shops were of one arm.
    """
    shops = treated + control
    wrong = 0
    for seed in range(draws):
        random = np.random.default_rng([seed, treated])
        shop = np.repeat(np.arange(shops), 30)
        drawn = np.isin(np.arange(shops), random.permutation(shops)[:treated])[shop]
        stays = np.clip(random.normal(0.7, 0.12, shops), 0, 1)[shop]
        outcome = (random.random(len(shop)) < stays).astype(np.float64)
        look = Looks().at(shops).comparing(np.inf if few else min(treated, control))
        estimate = difference(outcome, 1.0 * drawn, 1.0 * ~drawn, shop).interval(look=look)
        wrong += not estimate.low <= 0 <= estimate.high
    return wrong


@pytest.mark.parametrize(
    ("clusters", "why"),
    (
        (1_000, "not_a_planned_look"),
        (2_000, None),
        (3_000, "not_a_planned_look"),
        (4_200, None),
        (4_201, "beyond_last_look"),
        (20_000, "beyond_last_look"),
    ),
)
def test_words_are_given_at_planned_looks_alone(clusters: int, why: str | None) -> None:
    look = Looks(planned=(2_000, 4_000)).at(clusters)
    (finding,) = findings(action(0.2, ranking=0.2), look=look)
    assert finding.why_not == why
    assert finding.verdict == ("works" if why is None else "not_enough_data")
    assert finding.targetable is (why is None)


def test_no_word_is_given_at_a_further_look_that_was_not_planned() -> None:
    seen = EvaluatedExperiment(
        DRAWN, (action(0.2, ranking=0.2),), (), replace(ONLY_LOOK, clusters=CLUSTERS)
    )
    (first,) = with_verdicts([(seen, "randomised")], NO_STAKES)
    assert first.actions[0].finding.verdict == "works"
    (look,) = looks_taken([first], datetime(2026, 5, 3, tzinfo=UTC))
    fewer = replace(look, clusters=1_000, data="of 1,000")
    (second,) = with_verdicts([(seen, "randomised")], NO_STAKES, EarlierLooks((fewer,)))
    finding = second.actions[0].finding
    assert (finding.verdict, finding.targetable) == ("not_enough_data", False)
    assert (finding.why_not, finding.earlier_look) == ("looked_before", fewer)
    (again,) = with_verdicts([(seen, "randomised")], NO_STAKES, EarlierLooks((look,)))
    assert again.actions == first.actions


@pytest.mark.parametrize("kept", (True, False))
def test_evaluated_each_month_as_if_once_nothing_is_found_by_chance_where_looks_are_kept(
    kept: bool,
) -> None:
    """Twelve months of an experiment without effect, evaluated as if each look was the only one."""
    random, draws, months = np.random.default_rng(3), 300, 12
    grown = [DRAWN.rows(np.arange(200 + 10 * month)) for month in range(months)]
    wrong = 0
    for _ in range(draws):
        earlier, claimed = EarlierLooks(), False
        path = random.normal(0, 1, months).cumsum() / np.sqrt(np.arange(1, months + 1))
        for experiment_then, z in zip(grown, path, strict=True):
            look = replace(ONLY_LOOK, clusters=len(experiment_then.outcome))
            seen = EvaluatedExperiment(experiment_then, (action(z * ERROR),), (), look)
            (found,) = with_verdicts([(seen, "randomised")], NO_STAKES, earlier)
            claimed |= found.actions[0].works or found.actions[0].harms
            if kept:
                earlier = earlier.adding(looks_taken([found], datetime(2026, 5, 3, tzinfo=UTC)))
        wrong += claimed
    if kept:
        assert wrong <= binom.ppf(0.999, draws, 0.05)
    else:
        assert wrong > draws * 0.15


def test_break_even_from_costs() -> None:
    assert Stakes(cost=3.0, value=120.0).checked().least(binary=True) == 0.025
    assert Stakes(break_even=2.5).checked().least(binary=True) == 0.025
    assert Stakes(break_even=2.5).least(binary=False) == 2.5
    assert Stakes(break_even=2.5, detect=1.0).sought(binary=True) == 0.01
    assert Stakes(break_even=2.5).sought(binary=True) == 0.025
    with pytest.raises(InputError, match="--value: must be given too"):
        Stakes(cost=3.0).checked()
    with pytest.raises(InputError, match="--detect: must be a number above 0"):
        Stakes(detect=0.0).checked()


def test_the_estimates_of_an_experiment_say_nothing_before_verdicts_are_given() -> None:
    settings = UpliftSettings(folds=3, repeats=1)
    (plain,) = evaluate_experiment(experiment(rows=1_200, effect=0.2), settings).actions
    assert plain.average.low > 0
    assert not plain.works
    assert plain.finding.verdict is None
