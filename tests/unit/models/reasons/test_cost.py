import lightgbm as lgb
import numpy as np
import pytest

from models.reasons.cost import explanation_cost


def _booster(rounds: int, leaves: int, signal: bool = True) -> lgb.Booster:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(500, 4))
    label = (matrix[:, 0] + random.normal(size=500) > 0).astype(float) if signal else np.zeros(500)
    parameters = {
        "objective": "binary",
        "num_leaves": leaves,
        "min_data_in_leaf": 5,
        "verbosity": -1,
        "num_threads": 1,
    }
    return lgb.train(parameters, lgb.Dataset(matrix, label), rounds)


@pytest.mark.parametrize("rounds, leaves", [(1, 2), (20, 7), (40, 15)])
def test_it_counts_the_leaves_of_all_trees(rounds: int, leaves: int) -> None:
    booster = _booster(rounds, leaves)
    assert explanation_cost(booster) == sum(
        tree["num_leaves"] for tree in booster.dump_model()["tree_info"]
    )
    assert explanation_cost(booster) == rounds * leaves


def test_a_booster_that_learnt_nothing_costs_next_to_nothing() -> None:
    assert explanation_cost(_booster(5, 15, signal=False)) <= 5


def test_it_is_the_same_after_saving_and_loading() -> None:
    booster = _booster(10, 7)
    assert explanation_cost(lgb.Booster(model_str=booster.model_to_string())) == explanation_cost(
        booster
    )


def test_trees_beyond_the_best_round_do_not_count() -> None:
    booster = _booster(10, 7)
    booster.best_iteration = 4
    assert explanation_cost(booster) == 4 * 7
