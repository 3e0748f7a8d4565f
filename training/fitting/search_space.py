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
"""Raised when the space or the objective changes; trials of another version do not count."""

_LIGHTGBM_DEFAULTS: dict[str, Any] = {
    "lambda_l1": 0.0,
    "min_gain_to_split": 0.0,
    "path_smooth": 0.0,
    "extra_trees": False,
}
"""LightGBM's own values where ours name none."""

_SHALLOW: dict[str, Any] = {"max_depth": 2, "num_leaves": 4, "learning_rate": 0.1}


def search_space(rows: int, categories: bool, constraints: bool) -> dict[str, BaseDistribution]:
    """What is searched, by LightGBM parameter.

    Parameters
    ----------
    rows : int
        Rows to fit on; with more of them, larger leaves are tried.
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
        # Churn is mostly noise: linear scales try strong regularisation more often than weak.
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
        # With category codes, LightGBM's extremely random trees predict differently for raw rows
        # than for binned ones.
        space["extra_trees"] = CategoricalDistribution([False, True])
    return space


def first_points(space: dict[str, BaseDistribution]) -> list[dict[str, Any]]:
    """What is tried first: the default parameters, and trees of depth 2, which fit the least
    noise.
    """
    default = {**_LIGHTGBM_DEFAULTS, **DEFAULT_PARAMETERS}
    return [
        {name: {**default, **parameters}[name] for name in space} for parameters in ({}, _SHALLOW)
    ]
