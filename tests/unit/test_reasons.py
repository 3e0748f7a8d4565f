"""Contributions against Shapley values computed the slow way, from their definition."""

from itertools import combinations
from math import factorial
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from models.reasons import Explanation, explain

FEATURES = 4


@pytest.fixture(scope="module")
def booster() -> lgb.Booster:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(600, FEATURES))
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    signal = np.nan_to_num(matrix[:, 0] * matrix[:, 1]) + np.nan_to_num(matrix[:, 2])
    label = (signal + random.normal(size=600) > 0).astype(float)
    parameters = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1}
    return lgb.train(parameters, lgb.Dataset(matrix, label), 6)


def _rows_below(node: dict[str, Any]) -> int:
    return int(node["leaf_count"] if "leaf_value" in node else node["internal_count"])


def _expected(node: dict[str, Any], row: np.ndarray, known: frozenset[int]) -> float:
    """Expected output of a tree where only some features are known; the others follow the training rows."""
    if "leaf_value" in node:
        return float(node["leaf_value"])
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        value = row[node["split_feature"]]
        if np.isnan(value) and node["missing_type"] != "NaN":
            value = 0.0
        goes_left = node["default_left"] if np.isnan(value) else value <= node["threshold"]
        return _expected(left if goes_left else right, row, known)
    weight = _rows_below(left) / (_rows_below(left) + _rows_below(right))
    return weight * _expected(left, row, known) + (1 - weight) * _expected(right, row, known)


def _shapley(booster: lgb.Booster, row: np.ndarray) -> np.ndarray:
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]

    def value(known: frozenset[int]) -> float:
        return sum(_expected(tree, row, known) for tree in trees)

    contributions = np.zeros(FEATURES)
    for feature in range(FEATURES):
        others = [other for other in range(FEATURES) if other != feature]
        for size in range(FEATURES):
            weight = factorial(size) * factorial(FEATURES - size - 1) / factorial(FEATURES)
            for subset in combinations(others, size):
                contributions[feature] += weight * (value(frozenset({*subset, feature})) - value(frozenset(subset)))
    return contributions


def test_contributions_are_shapley_values(booster: lgb.Booster) -> None:
    rows = np.random.default_rng(2).normal(size=(12, FEATURES))
    rows[0, 0] = rows[1, 2] = np.nan
    found = explain(booster, rows, threads=1)
    assert np.allclose(found.contributions, [_shapley(booster, row) for row in rows], atol=1e-9)


def test_ties_go_to_the_first_feature() -> None:
    assert Explanation(np.zeros(1), np.array([[0.5, -0.5, 0.7, 0.5]])).strongest(3).tolist() == [[2, 0, 1]]
