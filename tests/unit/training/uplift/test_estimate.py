"""Evaluating an experiment: both verdicts, whom it harms, and the same results from the same
experiment.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from holdfast.errors import InputError
from tests.builders.experiments import evaluate, experiment
from training.evaluation.assessment import Estimate
from training.uplift.estimate import EvaluatedExperiment
from training.uplift.settings import UpliftSettings

QUICK = UpliftSettings(folds=4, repeats=1)


@pytest.fixture(scope="module")
def helps_and_harms() -> EvaluatedExperiment:
    """Keeps half of the customers, drives the other half away, and does nothing on average."""
    return evaluate(experiment(rows=6_000, spread=0.15), QUICK)


@pytest.fixture(scope="module")
def works_for_all() -> EvaluatedExperiment:
    return evaluate(experiment(rows=4_000, effect=0.12, seed=2), QUICK)


def test_groups_that_gain_and_groups_that_are_harmed_are_distinguished(
    helps_and_harms: EvaluatedExperiment,
) -> None:
    (evaluated_action,) = helps_and_harms.actions
    assert evaluated_action.targetable
    assert not evaluated_action.works
    assert not evaluated_action.harms
    assert evaluated_action.finding.verdict == "not_enough_data"
    assert evaluated_action.groups[0].effect.low > 0
    assert evaluated_action.groups[-1].harmed
    assert not evaluated_action.groups[0].harmed
    assert evaluated_action.groups[-1].effect.value == pytest.approx(-0.15, abs=0.06)
    (trait, *_) = evaluated_action.groups[-1].traits
    assert (trait.feature, trait.category) == ("f1", None)
    assert trait.here < -0.3 < 0.1 < trait.elsewhere


def test_an_action_that_works_for_all_alike(works_for_all: EvaluatedExperiment) -> None:
    (evaluated_action,) = works_for_all.actions
    assert evaluated_action.works
    assert evaluated_action.average.low < 0.12 < evaluated_action.average.high
    assert not any(group.harmed for group in evaluated_action.groups)


def test_three_shops_show_nothing_whatever_they_differ_in() -> None:
    """Nothing was done; the three shops happen to keep more customers than others."""
    random = np.random.default_rng(3)
    shop = np.repeat(np.arange(60), 40)
    treated = shop < 3
    stays = np.where(treated, 0.85, 0.65) + random.normal(0, 0.05, 60)[shop]
    drawn = replace(
        experiment(rows=2_400, features=2),
        arm=treated.astype(np.int64),
        propensity=np.where(treated, 0.05, 0.95),
        outcome=(random.random(2_400) < stays).astype(np.float64),
        cluster=shop,
    )
    (of_shops,) = evaluate(drawn, QUICK).actions
    assert (of_shops.treatment.clusters, of_shops.treatment.effective_clusters) == (3, 3.0)
    assert abs(of_shops.estimate.value) > 2.5 * of_shops.estimate.standard_error
    assert of_shops.finding.verdict == "not_enough_data"
    assert of_shops.finding.why_not == "too_few_clusters"
    assert of_shops.to_json()["why_not"] == "too_few_clusters"
    # As customers of their own, the same rows show an effect.
    assert evaluate(replace(drawn, cluster=np.arange(2_400)), QUICK).actions[0].works


def test_the_same_action_turned_round_does_harm() -> None:
    turned = experiment(rows=4_000, effect=0.12, seed=2)
    (evaluated_action,) = evaluate(replace(turned, arm=1 - turned.arm), QUICK).actions
    assert evaluated_action.harms
    assert not evaluated_action.works
    assert evaluated_action.average.value == pytest.approx(-0.12, abs=0.04)


def test_where_nothing_is_shown_there_is_not_enough_data() -> None:
    (evaluated_action,) = evaluate(experiment(rows=1_500, seed=5), QUICK).actions
    assert not evaluated_action.works
    assert not evaluated_action.targetable
    written = evaluated_action.to_json()
    assert (written["verdict"], written["targetable"], written["more_needed"]) == (
        "not_enough_data",
        False,
        None,
    )


def test_without_features_the_effect_is_the_plain_difference_and_nobody_is_ranked() -> None:
    plain = experiment(rows=2_000, effect=0.15)
    plain = replace(plain, matrix=np.empty((2_000, 0)), features=(), labels=())
    (found,) = evaluate(plain.with_a_feature(), QUICK).actions
    assert (found.finding.verdict, found.ranked) == ("works", False)
    assert found.finding.targetable is None
    assert found.average.value == pytest.approx(found.unadjusted.value, abs=0.002)
    assert (found.policies, found.groups, found.curve) == ((), (), ())


def test_features_that_take_up_the_effect_are_noticed_together() -> None:
    drawn = experiment(rows=4_000, effect=0.0, features=4, seed=3)
    random = np.random.default_rng(3)
    after = random.normal(size=(4_000, 4)) + 0.09 * (drawn.arm == 1)[:, None]
    stayed = (after.sum(axis=1) / 2 + random.normal(size=4_000) * 0.3 > 0).astype(float)
    (found,) = evaluate(replace(drawn, matrix=after, outcome=stayed), QUICK).actions
    assert found.adjusted_by_more_than_chance
    assert found.unadjusted.low > 0
    assert found.average.value < found.unadjusted.value - 0.02
    left = 0.4 + 0.06 * (drawn.arm == 0)
    before = replace(drawn, outcome=(random.random(4_000) > left).astype(float))
    (found,) = evaluate(before, QUICK).actions
    assert not found.adjusted_by_more_than_chance


def test_policies_are_valued_both_ways_and_against_random(
    helps_and_harms: EvaluatedExperiment,
) -> None:
    (evaluated_action,) = helps_and_harms.actions
    policies = {policy.name: policy for policy in evaluated_action.policies}
    assert list(policies) == ["nobody", "everybody", "random", "riskiest", "model"]
    assert policies["model"].share == policies["random"].share == QUICK.capacity_share
    assert policies["model"].over_random is not None
    assert policies["model"].over_random.low > 0
    between = policies["model"].over_riskiest
    assert between is not None
    assert between.value == pytest.approx(
        policies["model"].gain.value - policies["riskiest"].gain.value, abs=1e-9
    )
    assert policies["riskiest"].over_riskiest is None
    assert policies["nobody"].gain == Estimate(0.0, 0.0, 0.0)
    for policy in policies.values():
        assert policy.doubly_robust.value == pytest.approx(policy.weighted.value, abs=0.03)
        assert policy.doubly_robust.high - policy.doubly_robust.low <= 1.05 * (
            policy.weighted.high - policy.weighted.low
        )
        gained = policy.doubly_robust.value - policies["nobody"].doubly_robust.value
        assert policy.gain.value == pytest.approx(gained, abs=1e-9)
    assert policies["random"].gain.value == pytest.approx(
        QUICK.capacity_share * policies["everybody"].gain.value, abs=1e-9
    )


def test_the_curve_goes_from_no_row_to_all_rows_and_agrees_with_the_policies(
    helps_and_harms: EvaluatedExperiment,
) -> None:
    (evaluated_action,) = helps_and_harms.actions
    assert (evaluated_action.curve[0].share, evaluated_action.curve[0].gain.value) == (0.0, 0.0)
    policies = {policy.name: policy for policy in evaluated_action.policies}
    at = {round(point.share, 4): point.gain.value for point in evaluated_action.curve}
    assert at[1.0] == pytest.approx(policies["everybody"].gain.value, abs=1e-9)
    assert at[QUICK.capacity_share] == pytest.approx(policies["model"].gain.value, abs=1e-9)


def test_the_model_repeats_what_the_experiment_vouches_for(
    helps_and_harms: EvaluatedExperiment,
) -> None:
    (evaluated_action,) = helps_and_harms.actions
    model = helps_and_harms.model(0, "uplift_call", None)
    fresh = experiment(rows=2_000, seed=77, spread=0.15)
    predicted = model.predict(fresh.matrix)
    assert (model.works, model.targetable, model.average) == (
        False,
        True,
        evaluated_action.average.value,
    )
    assert 0 < model.slope <= 1
    up, down = fresh.matrix[:, 1] > 0.2, fresh.matrix[:, 1] < -0.2
    assert predicted.effect[up].mean() > 0.03
    assert predicted.effect[down].mean() < -0.03
    assert predicted.group[up].mean() < predicted.group[down].mean()
    assert np.bincount(predicted.group, minlength=5) == pytest.approx([400] * 5, abs=200)
    assert set(zip(predicted.low, predicted.high, strict=True)) == {
        (group.effect.low, group.effect.high) for group in evaluated_action.groups
    }
    assert model.documents["uplift.json"]["verdict"] == "not_enough_data"


def test_without_a_ranking_all_rows_get_the_average_effect() -> None:
    evaluated = evaluate(experiment(rows=1_500, seed=5), QUICK)
    predicted = evaluated.model(0, "uplift_call", None).predict(evaluated.experiment.matrix)
    np.testing.assert_allclose(predicted.effect, evaluated.actions[0].average.value)


def test_the_same_experiment_gives_the_same_findings_and_the_same_bytes(tmp_path: Path) -> None:
    drawn = experiment(rows=1_200, spread=0.1, cluster=2)
    one, two = evaluate(drawn, QUICK), evaluate(drawn, QUICK)
    assert one.actions == two.actions
    digests = [
        evaluated.model(0, "uplift_call", None).save(tmp_path / str(place))
        for place, evaluated in enumerate((one, two))
    ]
    assert digests[0] == digests[1]


def test_each_of_several_actions_has_its_own_verdict() -> None:
    """The gift does nothing, the call works; rows of one say nothing against the other."""
    two = experiment(rows=6_000, effect=0.15)
    random = np.random.default_rng(4)
    gift = (two.arm == 0) & (random.random(6_000) < 0.5)
    three = replace(
        two,
        arms=("control", "call", "gift"),
        arm=np.where(gift, 2, two.arm),
        propensity=np.where(two.arm == 1, 0.5, 0.25),
    )
    call, gift_found = evaluate(three, QUICK).actions
    assert call.works
    assert (call.action, gift_found.action) == ("call", "gift")
    assert not gift_found.works
    assert gift_found.treatment.rows == int(gift.sum())


def test_numbers_as_outcome() -> None:
    drawn = experiment(rows=2_000, effect=0.0)
    spend = (
        20 + 5 * drawn.matrix[:, 0] + 3 * drawn.arm + np.random.default_rng(1).normal(0, 4, 2_000)
    )
    (evaluated,) = evaluate(replace(drawn, outcome=spend), QUICK).actions
    assert evaluated.works
    assert evaluated.average.low < 3 < evaluated.average.high
    # What models explain takes noise out: far narrower than the difference of means.
    assert (
        evaluated.average.high - evaluated.average.low
        < 0.85 * 2 * 1.96 * spend.std() * 2 / np.sqrt(2_000)
    )


def test_an_arm_that_is_much_smaller_than_the_others() -> None:
    drawn = experiment(rows=4_000, treated=0.03, effect=0.1)
    (evaluated,) = evaluate(drawn, QUICK).actions
    assert evaluated.treatment.rows < 150
    assert evaluated.average.low < 0.1 < evaluated.average.high


def test_columns_that_hardly_anybody_has_say_nothing_of_a_group() -> None:
    drawn = experiment(rows=1_500, spread=0.15)
    sparse = drawn.matrix.copy()
    sparse[5:, 2] = np.nan
    (evaluated,) = evaluate(replace(drawn, matrix=sparse), QUICK).actions
    for group in evaluated.groups:
        assert all(np.isfinite((trait.here, trait.elsewhere)).all() for trait in group.traits)


def test_what_allows_no_estimate_is_refused() -> None:
    with pytest.raises(InputError, match="at least 100 rows in arm"):
        evaluate(experiment(rows=150), QUICK)
