"""Contributions against Shapley values computed the slow way, from their definition."""

import doctest
from itertools import combinations
from math import factorial
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from holdfast.errors import InputError
from models.reasons import explain as module
from models.reasons.explain import Explanation, by_driver, by_reason, explain
from models.reasons.meaning import Direction, FeatureMeaning
from models.reasons.worded import can_change, reasons

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
    """Expected output of a tree where only some features are known; the others follow the training
    rows.
    """
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
                contributions[feature] += weight * (
                    value(frozenset({*subset, feature})) - value(frozenset(subset))
                )
    return contributions


def test_contributions_are_shapley_values(booster: lgb.Booster) -> None:
    rows = np.random.default_rng(2).normal(size=(12, FEATURES))
    rows[0, 0] = rows[1, 2] = np.nan
    explained = explain([booster], rows, threads=1)
    assert np.allclose(explained.contributions, [_shapley(booster, row) for row in rows], atol=1e-9)


def test_ties_go_to_the_first_feature() -> None:
    assert Explanation(np.zeros(1), np.array([[0.5, -0.5, 0.7, 0.5]])).strongest(3).tolist() == [
        [2, 0, 1]
    ]


def meaning(
    name: str, reason: str, driver: str = "network", actionable: bool = True
) -> FeatureMeaning:
    return FeatureMeaning(name, f"About {name}", "days", driver, actionable, "none", reason)


MEANINGS = (
    meaning("drop_days_28d", "drops"),
    meaning("monthly_fee", "fee", "price", actionable=False),
    meaning("drop_days_28d_vs_own", "drops"),
    meaning("of their own", "of their own", "table", actionable=False),
)
MATRIX = np.array([[11.0, 40.0, 1.5, 3.0], [np.nan, np.nan, np.nan, np.nan]])
EXPLANATION = Explanation(
    np.array([-2.0, -1.0]), np.array([[0.2, -0.9, 0.5, -0.1], [0.4, 0.001, -0.6, 0.3]])
)


def test_a_missing_value_is_a_reason_as_what_it_means() -> None:
    """Of a line that nobody ever topped up, and of one of which no top-ups are known."""
    meanings = (
        meaning("days_since_recharge", "recharge_gap", "usage"),
        meaning("recharges_91d", "recharge", "usage"),
        meaning("termination_fee", "termination_fee", "contract"),
    )
    rows = np.array([[np.nan, 0.0, np.nan], [np.nan, np.nan, np.nan]])
    explanation = Explanation(np.zeros(2), np.tile([0.5, 0.0, 0.4], (2, 1)))
    first, second = reasons(explanation, rows, meanings, "en", 2)
    assert [reason.text for reason in first] == [
        "No top-up in the last six months",
        "No termination fee",
    ]
    assert [reason.text for reason in second] == ["Top-ups not known", "No termination fee"]
    assert {(reason.feature, reason.value) for reason in (*first, *second)} == {
        ("days_since_recharge", None),
        ("termination_fee", None),
    }


@pytest.mark.parametrize(
    ("feature", "direction", "value", "contribution", "expected"),
    [
        ("complaints_91d", "none", 2.0, 0.4, True),
        ("complaints_91d", "none", 0.0, 0.4, False),  # there is nothing to change
        ("complaints_91d", "none", 2.0, -0.4, False),  # it does not raise the risk
        ("complaints_91d", "none", None, 0.4, False),  # nobody knows what to change
        ("throughput_28d", "decreasing", 0.0, 0.4, True),  # no speed is the worst
        ("throughput_28d_vs_own", "none", 1.01, 0.4, False),  # as usual
    ],
)
def test_care_can_change_what_is_known_and_worse_than_it_has_to_be(
    feature: str, direction: Direction, value: float | None, contribution: float, expected: bool
) -> None:
    able = FeatureMeaning(feature, "", "", "service", True, direction, "reason")
    unable = FeatureMeaning(feature, "", "", "service", False, direction, "reason")
    assert can_change(able, value, contribution) is expected
    assert not can_change(unable, value, contribution)


def test_contributions_add_up_by_reason_and_by_driver_to_the_margin(booster: lgb.Booster) -> None:
    rows = np.random.default_rng(3).normal(size=(50, FEATURES))
    explanation = explain([booster], rows, threads=1)
    margin = booster.predict(rows, raw_score=True)
    assert np.allclose(explanation.margin, margin, atol=1e-9)
    for grouped in (by_reason(explanation, MEANINGS), by_driver(explanation, MEANINGS)):
        assert np.allclose(explanation.base + grouped.contributions.sum(axis=1), margin, atol=1e-9)
    grouped = by_reason(explanation, MEANINGS)
    assert grouped.names == ("drops", "fee", "of their own")
    assert grouped.members == ((0, 2), (1,), (3,))
    assert np.allclose(
        grouped.contributions[:, 0], explanation.contributions[:, [0, 2]].sum(axis=1)
    )
    assert by_driver(explanation, MEANINGS).names == ("network", "price", "table")


def test_reasons_are_the_strongest_groups_in_words() -> None:
    first, second = reasons(EXPLANATION, MATRIX, MEANINGS, "en", 2)
    assert [(reason.reason, reason.direction, reason.text) for reason in first] == [
        ("fee", "lowers", "Monthly fee of 40"),
        (
            "drops",
            "raises",
            "11 days with dropped calls or connections in the last four weeks, usually about five",
        ),
    ]
    assert [reason.contribution for reason in first] == pytest.approx([-0.9, 0.7])
    assert [reason.actionable for reason in first] == [False, True]
    # The difference did most, and the number of days tells it more plainly: its value goes with the
    # text.
    assert (first[1].feature, first[1].value, first[1].unit, first[1].driver) == (
        "drop_days_28d",
        11.0,
        "days",
        "network",
    )
    assert [reason.text for reason in second] == [
        "About of their own: not known",
        "Change in days with dropped calls or connections not known",
    ]
    assert (second[1].direction, second[1].feature, second[1].value) == (
        "lowers",
        "drop_days_28d_vs_own",
        None,
    )


def test_reasons_may_be_kept_to_those_of_one_direction() -> None:
    raising = reasons(EXPLANATION, MATRIX, MEANINGS, "zh-TW", 5, only="raises")
    assert [[reason.reason for reason in row] for row in raising] == [["drops"], ["of their own"]]
    lowering = reasons(EXPLANATION, MATRIX, MEANINGS, "en", 5, only="lowers")
    assert [[reason.reason for reason in row] for row in lowering] == [
        ["fee", "of their own"],
        ["drops"],
    ]


def test_what_hardly_moved_a_prediction_is_no_reason() -> None:
    assert [reason.reason for reason in reasons(EXPLANATION, MATRIX, MEANINGS, "en", 9)[1]] == [
        "of their own",
        "drops",
    ]
    assert reasons(EXPLANATION, MATRIX, MEANINGS, "en", 0) == [(), ()]


def test_values_of_a_teams_own_columns_are_told_as_their_table_has_them() -> None:
    listed = reasons(
        EXPLANATION,
        MATRIX,
        MEANINGS,
        "en",
        3,
        decode=lambda name, value: {"of their own": "gold"}[name],
    )
    assert listed[0][2].text == "About of their own: gold"
    assert listed[0][2].value == 3.0
    unnamed = (*MEANINGS[:3], FeatureMeaning.of_column("of their own"))
    assert reasons(EXPLANATION, MATRIX, unnamed, "zh-CN", 3)[0][2].text == "of their own：3"


def test_two_reasons_never_say_the_same() -> None:
    names = ("recharges_28d", "days_since_recharge", "billing_type_code")
    meanings = [meaning(name, name, "usage") for name in names]
    explanation = Explanation(np.zeros(1), np.array([[0.5, 0.4, 0.3]]))
    (row,) = reasons(explanation, np.array([[0.0, np.nan, 0.0]]), meanings, "en", 3)
    assert [reason.text for reason in row] == ["Not a prepaid line", "A postpaid line"]


def test_reasons_travel_as_json() -> None:
    document = reasons(EXPLANATION, MATRIX, MEANINGS, "en", 1)[0][0].to_json()
    assert document == {
        "reason": "fee",
        "driver": "price",
        "contribution": -0.9,
        "direction": "lowers",
        "actionable": False,
        "feature": "monthly_fee",
        "value": 40.0,
        "unit": "days",
        "text": "Monthly fee of 40",
    }


def test_shap_gets_the_same_explanation_with_names_in_words() -> None:
    unnamed = (*MEANINGS[:3], FeatureMeaning.of_column("of their own"))
    explained = EXPLANATION.to_shap(MATRIX, unnamed)
    import shap  # takes long, and no other test needs it

    assert isinstance(explained, shap.Explanation)
    assert explained.feature_names == [
        "Dropped calls and connections (drop days 28d)",
        "Monthly fee (monthly fee)",
        "Dropped calls and connections (drop days 28d vs own)",
        "of their own",
    ]
    assert np.array_equal(explained.values, EXPLANATION.contributions)
    assert np.array_equal(explained.base_values, EXPLANATION.base)
    assert np.array_equal(explained.data, MATRIX, equal_nan=True)
    assert explained.display_data is None
    chinese = EXPLANATION.to_shap(MATRIX, unnamed, "zh-TW").feature_names
    assert chinese[1:2] == ["月租費 (monthly fee)"]


def test_shap_shows_values_as_their_table_has_them() -> None:
    explained = EXPLANATION.to_shap(
        MATRIX, MEANINGS, decode=lambda name, value: f"{name}={value:g}"
    )
    assert explained.display_data.tolist() == [
        ["drop_days_28d=11", "monthly_fee=40", "drop_days_28d_vs_own=1.5", "of their own=3"],
        ["not known"] * 4,
    ]
    assert explained.data[0, 3] == 3.0


@pytest.mark.parametrize(
    ("matrix", "meanings", "language", "field"),
    [
        (MATRIX[:, :3], MEANINGS, "en", "matrix"),
        (MATRIX[:1], MEANINGS, "en", "matrix"),
        (MATRIX, MEANINGS[:3], "en", "meanings"),
        (MATRIX, MEANINGS, "fr", "language"),
    ],
)
def test_shap_gets_nothing_that_does_not_fit(
    matrix: np.ndarray, meanings: tuple[FeatureMeaning, ...], language: str, field: str
) -> None:
    with pytest.raises(InputError) as caught:
        EXPLANATION.to_shap(matrix, meanings, language)
    assert caught.value.field == field


def test_the_examples_are_true() -> None:
    assert doctest.testmod(module).failed == 0


def test_meanings_must_be_those_of_the_columns() -> None:
    with pytest.raises(InputError, match="must be those of the 4 features"):
        reasons(EXPLANATION, MATRIX, MEANINGS[:3], "en", 1)
    with pytest.raises(InputError, match="language"):
        reasons(EXPLANATION, MATRIX, MEANINGS, "fr", 1)
