"""Boosters with trees of every shape that LightGBM grows, and rows for them."""

from typing import Any

import lightgbm as lgb
import numpy as np

PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "verbosity": -1,
    "num_threads": 1,
    "min_data_in_leaf": 1,
    "seed": 1,
}


def rows_of(count: int, seed: int) -> np.ndarray:
    """Two numbers with NaN, one with many zeros, a category, a constant, and ten more numbers."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(count, 15))
    matrix[random.random(count) < 0.2, 0] = np.nan
    matrix[random.random(count) < 0.5, 1] = 0.0
    matrix[:, 2] = random.integers(0, 40, count)
    matrix[random.random(count) < 0.1, 2] = np.nan
    matrix[:, 3] = 7.0
    return matrix


def booster_of(rounds: int = 20, **changes: Any) -> lgb.Booster:
    matrix = rows_of(900, seed=1)
    signal = (
        np.nan_to_num(matrix[:, 0]) + matrix[:, 1] * matrix[:, 4] + matrix[:, 5:].sum(axis=1) / 4
    )
    signal += np.isin(matrix[:, 2], [3, 8, 9, 17])
    label = (signal + np.random.default_rng(2).normal(size=900) > 0).astype(float)
    return lgb.train(
        PARAMETERS | changes, lgb.Dataset(matrix, label, categorical_feature=[2]), rounds
    )


def awkward_rows() -> np.ndarray:
    """Rows unlike those trained on: unseen, negative, broken and missing categories, NaN and zeros
    everywhere, extremes.
    """
    matrix = rows_of(600, seed=3)
    random = np.random.default_rng(4)
    matrix[:200, 2] = random.choice([-3.0, -0.5, 2.7, 39.0, 40.0, 1000.0, 3e9], 200)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    matrix[random.random(matrix.shape) < 0.1] = 0.0
    matrix[random.random(matrix.shape) < 0.02] = 1e300
    matrix[random.random(matrix.shape) < 0.02] = -1e-36
    return matrix


TREE_KINDS: list[dict[str, Any]] = [
    {},
    {"max_depth": 6, "num_leaves": 16},
    {"num_leaves": 120},
    {
        "num_leaves": 40,
        "feature_fraction": 0.15,
        "min_data_per_group": 1,
        "max_cat_to_onehot": 1,
    },
    {"max_cat_to_onehot": 100},
    {"zero_as_missing": True},
    {"use_missing": False},
    {"num_leaves": 2},
    {"bagging_fraction": 0.3, "bagging_freq": 1, "extra_trees": True},
    {"monotone_constraints": [1, *[0] * 14], "monotone_constraints_method": "advanced"},
    {"boosting": "dart"},
]
"""Parameters of LightGBM beside `PARAMETERS`, each for another kind of tree."""
