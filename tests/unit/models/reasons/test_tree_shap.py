"""Bulk contributions against LightGBM's own, on trees of every shape that it grows."""

from collections.abc import Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError
from models.reasons import explain as reasons
from models.reasons import tree_shap
from models.reasons.explain import explain
from models.reasons.tree_shap import TreeShap
from models.reasons.trees import UnsupportedTreesError
from tests.builders.boosters import PARAMETERS, TREE_KINDS, awkward_rows, booster_of, rows_of


@pytest.mark.parametrize("changes", TREE_KINDS, ids=lambda changes: ",".join(changes) or "default")
def test_every_kind_of_tree_is_explained_as_lightgbm_does(changes: dict[str, Any]) -> None:
    booster, matrix = booster_of(**changes), awkward_rows()
    own = booster.predict(matrix, pred_contrib=True, num_threads=1)
    trees = TreeShap([booster])
    contributions = trees.contributions(matrix, threads=1)
    assert np.abs(contributions - own[:, :-1]).max() < 1e-9
    assert trees.base == pytest.approx(own[0, -1], abs=1e-12)
    assert (
        np.abs(
            trees.base + contributions.sum(axis=1) - booster.predict(matrix, raw_score=True)
        ).max()
        < 1e-9
    )
    assert not contributions[:, 3].any()


def test_paths_of_many_features_are_explained_as_lightgbm_does() -> None:
    """A chain: each split cuts off one feature, so that the deepest leaves hang on more features
    than any table holds.
    """
    random = np.random.default_rng(5)
    matrix = (random.random((6000, 24)) < 0.75).astype(float)
    label = 1 - 0.75 ** matrix.cumprod(axis=1).sum(axis=1)
    booster = lgb.train(
        PARAMETERS | {"objective": "regression", "num_leaves": 40}, lgb.Dataset(matrix, label), 8
    )
    depths = [
        depth
        for tree in booster.dump_model()["tree_info"]
        for depth in _depths(tree["tree_structure"])
    ]
    assert max(depths) > 15
    rows = random.integers(0, 2, (500, 24)).astype(float)
    own = booster.predict(rows, pred_contrib=True, num_threads=1)
    gap = np.abs(TreeShap([booster]).contributions(rows, threads=1) - own[:, :-1])
    assert gap.max() < 1e-9 * np.abs(own).max()


def test_a_single_leaf_contributes_nothing() -> None:
    booster = booster_of(rounds=3, min_data_in_leaf=900)
    matrix = awkward_rows()
    trees = TreeShap([booster])
    assert not trees.contributions(matrix, threads=1).any()
    assert trees.base == pytest.approx(float(booster.predict(matrix[:1], raw_score=True)[0]))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1_000_000),
    leaves=st.integers(2, 60),
    depth=st.integers(1, 20),
    missing=st.floats(0.0, 0.9),
    categories=st.integers(2, 50),
    changes=st.sampled_from([{"max_cat_to_onehot": 100}, {"extra_trees": True}, {}]),
)
def test_bulk_is_shap_s_tree_explainer_on_random_trees(
    seed: int, leaves: int, depth: int, missing: float, categories: int, changes: dict[str, Any]
) -> None:
    """Which is LightGBM's own code: `shap` hands boosters of LightGBM to it."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(300, 6)).round(1)
    matrix[:, :2] = random.integers(0, categories, (300, 2))
    matrix[random.random(matrix.shape) < missing] = np.nan
    signal = np.nan_to_num(matrix[:, 2:]) @ random.normal(size=4) + 3 * (matrix[:, 0] % 3 == 1)
    label = (signal + random.normal(size=300) > np.median(signal)).astype(float)
    grown = {"num_leaves": leaves, "max_depth": depth, "min_data_per_group": 1, "cat_smooth": 1}
    data = lgb.Dataset(matrix, label, categorical_feature=[0, 1])
    booster = lgb.train(PARAMETERS | grown | changes | {"extra_seed": seed}, data, 4)
    rows = random.permuted(matrix, axis=0)
    import shap  # takes long, and no other test needs it

    explainer = shap.TreeExplainer(
        booster, feature_perturbation="tree_path_dependent", model_output="raw"
    )
    trees = TreeShap([booster])
    difference = trees.contributions(rows, threads=1) - explainer.shap_values(rows)
    assert np.abs(difference).max() < 1e-9
    assert trees.base == pytest.approx(explainer.expected_value, abs=1e-9)


def test_many_rows_are_explained_in_bulk_whatever_the_threads() -> None:
    booster = booster_of(rounds=5)
    matrix = np.tile(awkward_rows(), (60, 1))
    assert len(matrix) > 2 * 16384
    one, two = explain([booster], matrix, threads=1), explain([booster], matrix, threads=2)
    assert np.array_equal(one.contributions, two.contributions)
    assert np.array_equal(one.contributions[:600], one.contributions[-600:])
    few = explain([booster], matrix[:600], threads=1)
    assert np.abs(one.contributions[:600] - few.contributions).max() < 1e-9
    assert one.base.shape == (len(matrix),)
    assert np.allclose(one.base[:600], few.base, atol=1e-12)


def test_tables_of_many_trees_are_made_and_forgotten_by_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    booster, matrix = booster_of(rounds=10), awkward_rows()
    at_once = TreeShap([booster]).contributions(matrix, threads=1)
    monkeypatch.setattr(tree_shap, "_BATCH_BYTES", 1)
    assert [len(trees) for trees in tree_shap._batches(TreeShap([booster])._roots)] == [1] * 10
    assert np.abs(TreeShap([booster]).contributions(matrix, threads=2) - at_once).max() < 1e-12


def test_only_many_rows_are_worth_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[list[lgb.Booster]] = []

    class Noted(TreeShap):
        def __init__(self, boosters: Sequence[lgb.Booster]) -> None:
            made.append(list(boosters))
            super().__init__(boosters)

    monkeypatch.setattr(reasons, "TreeShap", Noted)
    booster, matrix = booster_of(rounds=1), rows_of(reasons.BULK_ROWS, seed=5)
    explain([booster], matrix[:-1], threads=1)
    assert not made
    explain([booster], matrix, threads=1)
    assert made == [[booster]]


def test_another_number_of_features_is_refused() -> None:
    with pytest.raises(InputError, match="the boosters' 15 features"):
        TreeShap([booster_of(rounds=1)]).contributions(rows_of(5, seed=1)[:, :14], threads=1)


def test_what_has_no_tables_is_left_to_lightgbm() -> None:
    booster = booster_of(boosting="rf", bagging_fraction=0.5, bagging_freq=1)
    with pytest.raises(UnsupportedTreesError):
        TreeShap([booster])
    matrix = rows_of(reasons.BULK_ROWS, seed=6)
    explanation = explain([booster], matrix, threads=1)
    assert np.allclose(explanation.margin, booster.predict(matrix, raw_score=True), atol=1e-9)


def _depths(node: dict[str, Any], path: frozenset[int] = frozenset()) -> list[int]:
    if "leaf_value" in node:
        return [len(path)]
    below = path | {node["split_feature"]}
    return _depths(node["left_child"], below) + _depths(node["right_child"], below)
