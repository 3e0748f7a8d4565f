"""Contributions of single rows against LightGBM's own, on trees of every shape that it grows."""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.reasons import row_shap
from models.reasons.row_shap import RowShap
from models.reasons.trees import UnsupportedTreesError
from tests.builders.boosters import PARAMETERS, TREE_KINDS, awkward_rows, booster_of


@pytest.mark.parametrize("changes", TREE_KINDS, ids=lambda changes: ",".join(changes) or "default")
def test_every_kind_of_tree_is_explained_as_lightgbm_does(changes: dict[str, Any]) -> None:
    booster, matrix = booster_of(**changes), awkward_rows()
    own = booster.predict(matrix, pred_contrib=True, num_threads=1)
    trees = RowShap([booster])
    assert np.abs(trees.contributions(matrix) - own[:, :-1]).max() < 1e-9
    assert trees.base == pytest.approx(own[0, -1], abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1_000_000),
    leaves=st.integers(2, 40),
    depth=st.integers(1, 12),
    missing=st.floats(0.0, 0.9),
    categories=st.integers(2, 50),
    most=st.sampled_from([2, 8, 100, 1024]),
    changes=st.sampled_from([{"max_cat_to_onehot": 100}, {"zero_as_missing": True}, {}]),
)
def test_random_trees_are_explained_as_lightgbm_does_whatever_the_size_of_tables(
    seed: int,
    leaves: int,
    depth: int,
    missing: float,
    categories: int,
    most: int,
    changes: dict[str, Any],
) -> None:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(300, 6)).round(1)
    matrix[:, :2] = random.integers(0, categories, (300, 2))
    matrix[random.random(matrix.shape) < missing] = np.nan
    label = (np.nan_to_num(matrix).sum(axis=1) + random.normal(size=300) > 0).astype(float)
    grown = {"num_leaves": leaves, "max_depth": depth, "min_data_per_group": 1, "cat_smooth": 1}
    data = lgb.Dataset(matrix, label, categorical_feature=[0, 1])
    booster = lgb.train(PARAMETERS | grown | changes, data, 4)
    # Values between those trained on, on their thresholds, and past them.
    rows = random.permuted(matrix, axis=0)
    rows[::3] += random.choice([-100.0, -0.5, 0.05, 100.0], size=rows[::3].shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_shap, "_MOST_OF_LEAVES", most)
        trees = RowShap([booster])
    own = booster.predict(rows, pred_contrib=True, num_threads=1)
    assert np.abs(trees.contributions(rows) - own[:, :-1]).max() < 1e-9


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    trees, matrix = RowShap([booster_of()]), awkward_rows()
    alone = np.concatenate([trees.contributions(matrix[[row]]) for row in range(len(matrix))])
    assert alone.tobytes() == trees.contributions(matrix).tobytes()


def test_a_single_leaf_contributes_nothing() -> None:
    booster = booster_of(rounds=3, min_data_in_leaf=900)
    trees = RowShap([booster])
    assert not trees.contributions(awkward_rows()).any()
    assert trees.base == pytest.approx(
        float(booster.predict(awkward_rows()[:1], raw_score=True)[0])
    )


@pytest.mark.parametrize(("limit", "most"), [("_MOST_BYTES", 1000), ("_MOST_OF_LEAF", 4)])
def test_tables_that_would_be_too_large_are_not_made(
    limit: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_shap, "_MOST_OF_LEAVES", 4)
    monkeypatch.setattr(row_shap, limit, most)
    with pytest.raises(UnsupportedTreesError):
        RowShap([booster_of(num_leaves=60)])
