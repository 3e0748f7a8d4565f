"""Search space: the LightGBM parameters that tuning may choose, and the defaults as a point among
them.
"""

from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from training.fitting.parameters import DEFAULT_PARAMETERS

VERSION = 4
"""Goes up when the space or the objective changes; trials of another version do not count."""

_AS_LIGHTGBM_COMES: dict[str, Any] = {
    "lambda_l1": 0.0,
    "min_gain_to_split": 0.0,
    "path_smooth": 0.0,
    "extra_trees": False,
}
"""What the default parameters leave to LightGBM."""

_TWO_STEPS: dict[str, Any] = {"max_depth": 2, "num_leaves": 4, "learning_rate": 0.1}


def search_space(rows: int, categories: bool, constraints: bool) -> dict[str, BaseDistribution]:
    """What is searched, by LightGBM parameter.

    Parameters
    ----------
    rows : int
        Rows to learn from; with more of them, larger leaves come into question.
    categories : bool
        Whether there are columns of category codes.
    constraints : bool
        Whether there are monotone constraints, which smoothing would break.
    """
    space: dict[str, BaseDistribution] = {
        "learning_rate": FloatDistribution(0.02, 0.2, log=True),
        "num_leaves": IntDistribution(4, 64, log=True),
        "max_depth": IntDistribution(2, 8),
        "min_data_in_leaf": IntDistribution(5, max(200, rows // 100), log=True),
        "feature_fraction": FloatDistribution(0.2, 1.0),
        "bagging_fraction": FloatDistribution(0.5, 1.0),
        # Churn is mostly noise: linear scales look at strong regularisation more often than at
        # weak.
        "lambda_l1": FloatDistribution(0.0, 10.0),
        "lambda_l2": FloatDistribution(0.01, 100.0, log=True),
        "min_gain_to_split": FloatDistribution(0.0, 2.0),
    }
    if not constraints:
        space["path_smooth"] = FloatDistribution(0.0, 50.0)
    if categories:
        space |= {
            "cat_smooth": FloatDistribution(1.0, 300.0, log=True),
            "cat_l2": FloatDistribution(1.0, 100.0, log=True),
            "min_data_per_group": IntDistribution(10, 400, log=True),
        }
    else:
        # With category codes, LightGBM's extremely random trees predict something else for raw rows
        # than for binned ones.
        space["extra_trees"] = CategoricalDistribution([False, True])
    return space


def first_points(space: dict[str, BaseDistribution]) -> list[dict[str, Any]]:
    """What is tried before anything is proposed: the default parameters, and trees of two steps, which
    noise can mislead least.
    """
    default = {**_AS_LIGHTGBM_COMES, **DEFAULT_PARAMETERS}
    return [
        {name: {**default, **parameters}[name] for name in space} for parameters in ({}, _TWO_STEPS)
    ]
