"""The average of boosters: margins and contributions are the means of theirs, however they are
computed.
"""

from typing import Any

import lightgbm as lgb
import numpy as np
import pytest

from models.boosters.average import average_margin
from models.reasons.cost import explanation_cost
from models.reasons.explain import explain
from models.reasons.row_shap import RowShap
from models.reasons.tree_shap import TreeShap
from tests.builders.boosters import awkward_rows, booster_of

KINDS: list[dict[str, Any]] = [
    {"max_depth": 6, "num_leaves": 16},
    {"max_depth": 3, "num_leaves": 8, "seed": 2},
    {"bagging_fraction": 0.3, "bagging_freq": 1, "extra_trees": True},
]


@pytest.fixture(scope="module")
def boosters() -> list[lgb.Booster]:
    return [booster_of(rounds, **kind) for rounds, kind in zip((12, 20, 5), KINDS, strict=True)]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_margins_and_contributions_are_the_means(boosters: list[lgb.Booster], count: int) -> None:
    chosen, matrix = boosters[:count], awkward_rows()
    margins = [booster.predict(matrix, raw_score=True) for booster in chosen]
    assert average_margin(chosen, matrix, 1) == pytest.approx(np.mean(margins, axis=0), abs=1e-12)
    own = np.mean([booster.predict(matrix, pred_contrib=True) for booster in chosen], axis=0)
    row_shap, tree_shap = RowShap(chosen), TreeShap(chosen)
    explained = explain(chosen, matrix, threads=1)
    for contributions, base in (
        (row_shap.contributions(matrix), row_shap.base),
        (tree_shap.contributions(matrix, threads=1), tree_shap.base),
        (explained.contributions, explained.base[0]),
    ):
        assert np.abs(contributions - own[:, :-1]).max() < 1e-9
        assert base == pytest.approx(own[0, -1], abs=1e-9)
    assert np.abs(explained.margin - np.mean(margins, axis=0)).max() < 1e-9


def test_explaining_an_average_costs_the_leaves_of_all(boosters: list[lgb.Booster]) -> None:
    assert explanation_cost(*boosters) == sum(explanation_cost(booster) for booster in boosters)


def test_one_booster_is_its_own_average(boosters: list[lgb.Booster]) -> None:
    matrix = awkward_rows()
    alone = boosters[0].predict(matrix, raw_score=True)
    assert np.array_equal(average_margin(boosters[:1], matrix, 1), alone)
