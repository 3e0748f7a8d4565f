from collections.abc import Sequence
from dataclasses import replace

import lightgbm as lgb
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.boosters.average import average_margin
from models.reasons.cost import explanation_cost
from training.evaluation.folds import inner_folds, stratified_folds
from training.fitting.blend import (
    Member,
    cross_fit_blend,
    cross_fit_members,
    fit_blend,
    fit_calibrated,
)
from training.fitting.calibrate import choose_calibration
from training.fitting.constraints import constrained
from training.fitting.fit import TrainingTable, cross_fit, fit_booster
from training.fitting.parameters import DEFAULT_PARAMETERS, DEFAULT_SETS
from training.settings import TrainingSettings

SETTINGS = TrainingSettings(max_rounds=60, patience_rounds=10)

SHALLOW = {**DEFAULT_PARAMETERS, "max_depth": 2, "num_leaves": 4, "learning_rate": 0.1}
LARGE_LEAVES = {**DEFAULT_PARAMETERS, "min_data_in_leaf": 100, "path_smooth": 10.0}


def _table(rows: int, seed: int = 1) -> TrainingTable:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, 5))
    matrix[:, 4] = random.integers(0, 6, rows)
    matrix[random.random((rows, 5)) < 0.1] = np.nan
    rate = 1 / (1 + np.exp(-(np.nan_to_num(matrix[:, 0]) + (matrix[:, 4] == 2) - 1.5)))
    return TrainingTable(
        matrix=matrix,
        label=(random.random(rows) < rate).astype(float),
        group=None,
        features=("a", "b", "c", "d", "e"),
        categorical=(4,),
    )


TABLE, UNSEEN = _table(600), _table(300, seed=2)


def texts(boosters: Sequence[lgb.Booster]) -> list[str]:
    """Their trees; not how their rows were binned, which LightGBM writes below them."""
    return [booster.model_to_string().partition("\nparameters:")[0] for booster in boosters]


def _boosters(*members: Member) -> list[lgb.Booster]:
    return [fit_booster(TABLE, member.rounds, SETTINGS, 1, member.parameters) for member in members]


def test_a_single_member_is_the_plain_booster() -> None:
    plain = fit_booster(TABLE, 7, SETTINGS, 1)
    (one,) = fit_blend(TABLE, [Member(DEFAULT_PARAMETERS, 7)], SETTINGS, threads=1)
    assert one.model_to_string() == plain.model_to_string()


def test_members_beyond_the_allowed_leaves_are_left_out_but_for_the_first() -> None:
    members = [Member(DEFAULT_PARAMETERS, 12), Member(LARGE_LEAVES, 25), Member(SHALLOW, 3)]
    first, second, third = _boosters(*members)
    allowed = explanation_cost(first) + explanation_cost(third)
    assert explanation_cost(second) > explanation_cost(third)
    blend = fit_blend(TABLE, members, SETTINGS, 1, most_leaves=allowed)
    assert texts(blend) == texts((first, third))


def test_the_first_member_ends_before_it_has_too_many_leaves() -> None:
    whole, fewer = _boosters(Member(DEFAULT_PARAMETERS, 12), Member(DEFAULT_PARAMETERS, 5))
    for allowed in (explanation_cost(fewer), explanation_cost(fewer) + 1):
        (one,) = fit_blend(TABLE, [Member(DEFAULT_PARAMETERS, 12)], SETTINGS, 1, allowed)
        assert np.array_equal(
            one.predict(UNSEEN.matrix), whole.predict(UNSEEN.matrix, num_iteration=5)
        )
        assert explanation_cost(one) == explanation_cost(fewer)
    (stump,) = fit_blend(TABLE, [Member(DEFAULT_PARAMETERS, 12)], SETTINGS, 1, most_leaves=1)
    assert stump.num_trees() == 1


FOLDS = list(stratified_folds(TABLE.label, None, 3, seed=1))
TWO = [DEFAULT_PARAMETERS, SHALLOW]


def test_a_cross_fitted_blend_is_the_blend_with_the_rounds_that_its_members_have_alone() -> None:
    blend = cross_fit_blend(TABLE, TWO, FOLDS, SETTINGS, threads=1)
    alone = [cross_fit(TABLE, FOLDS, SETTINGS, 1, parameters) for parameters in TWO]
    members = [Member(parameters, fit.rounds) for parameters, fit in zip(TWO, alone, strict=True)]
    plain = fit_blend(TABLE, members, SETTINGS, threads=1)
    assert texts(blend.boosters) == texts(plain)
    margins = [fit.margin(TABLE.matrix, fit.rounds, 1) for fit in alone]
    assert np.array_equal(blend.margin, np.mean(margins, axis=0))


def test_margins_out_of_fold_are_of_the_members_and_the_rounds_that_were_kept() -> None:
    """The first member ends after some trees, and no other is kept."""
    whole = cross_fit(TABLE, FOLDS, SETTINGS, 1, DEFAULT_PARAMETERS)
    (short,) = _boosters(Member(DEFAULT_PARAMETERS, whole.rounds // 2))
    allowed = explanation_cost(short)
    blend = cross_fit_blend(TABLE, TWO, FOLDS, SETTINGS, threads=1, most_leaves=allowed)
    assert [booster.num_trees() for booster in blend.boosters] == [whole.rounds // 2]
    assert np.array_equal(blend.margin, whole.margin(TABLE.matrix, whole.rounds // 2, 1))


def test_known_members_are_fitted_again_as_they_were_chosen() -> None:
    chosen = cross_fit_blend(TABLE, TWO, FOLDS, SETTINGS, threads=1)
    again = cross_fit_members(TABLE, chosen.members, FOLDS, SETTINGS, threads=1)
    assert again.members == chosen.members
    assert texts(again.boosters) == texts(chosen.boosters)
    assert np.array_equal(again.margin, chosen.margin)
    other = _table(500, seed=4)
    folds = list(stratified_folds(other.label, None, 3, seed=1))
    more = cross_fit_members(other, chosen.members, folds, SETTINGS, threads=1)
    assert [booster.num_trees() for booster in more.boosters] == [
        member.rounds for member in chosen.members
    ]
    allowed = explanation_cost(more.boosters[0])
    fewer = cross_fit_members(other, chosen.members, folds, SETTINGS, 1, most_leaves=allowed)
    assert fewer.members == chosen.members[:1]


@settings(max_examples=10)
@given(st.integers(0, 2), st.integers(0, 1_000))
def test_no_row_has_a_margin_of_a_booster_that_learnt_from_it(fold: int, seed: int) -> None:
    """Other labels in a fold change no margin of that fold."""
    _, inside = FOLDS[fold]
    label = TABLE.label.copy()
    label[inside] = np.random.default_rng(seed).permutation(label[inside])
    fixed = SETTINGS.model_copy(update={"max_rounds": 10})
    before, after = (
        cross_fit(replace(TABLE, label=one), FOLDS, fixed, 1, DEFAULT_PARAMETERS)
        for one in (TABLE.label, label)
    )
    margins = [fit.margin(TABLE.matrix, 5, 1) for fit in (before, after)]
    assert np.array_equal(margins[0][inside], margins[1][inside])
    assert np.array_equal(label, TABLE.label) or not np.array_equal(*margins)


def test_constraints_of_all_members_hold_in_the_blend() -> None:
    members = [
        Member(constrained(parameters, (1, 0, 0, 0, 0)), 30)
        for parameters in (DEFAULT_PARAMETERS, SHALLOW)
    ]
    matrix = np.repeat(UNSEEN.matrix[:20], 50, axis=0)
    matrix[:, 0] = np.tile(np.linspace(-3, 3, 50), 20)
    margin = average_margin(fit_blend(TABLE, members, SETTINGS, threads=1), matrix, threads=1)
    assert np.diff(np.reshape(margin, (20, 50)), axis=1).min() >= -1e-12


def test_boosters_and_their_calibration_come_from_the_given_rows_alone() -> None:
    boosters, choice = fit_calibrated(TABLE, SETTINGS, threads=1)
    blend = cross_fit_blend(
        TABLE, DEFAULT_SETS, list(inner_folds(TABLE.label, None, SETTINGS)), SETTINGS, threads=1
    )
    assert texts(boosters) == texts(blend.boosters)
    expected = choose_calibration(blend.margin, TABLE.label, seed=SETTINGS.seed)
    assert choice.calibration == expected.calibration
    assert set(choice.log_loss) == {"platt", "beta"}  # an isotonic curve needs more customers
