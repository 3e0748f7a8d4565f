"""Parameters: what LightGBM is given for every fit, beside what tuning chooses."""

from collections.abc import Mapping

from training.settings import TrainingSettings

Parameters = Mapping[str, object]
"""LightGBM parameters, without seed and threads."""

DEFAULT_PARAMETERS: dict[str, object] = {
    "objective": "binary",
    "metric": "binary_logloss",
    "learning_rate": 0.05,
    "num_leaves": 16,
    "max_depth": 6,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.6,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    # Categories with few rows each are noise until shown otherwise.
    "cat_smooth": 100.0,
    "cat_l2": 50.0,
    "min_data_per_group": 200,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
"""Defaults for tables of thousands to millions of customers: shallow trees, slow learning, rounds
chosen by the data.
"""


SHALLOW_PARAMETERS: dict[str, object] = {**DEFAULT_PARAMETERS, "max_depth": 3, "num_leaves": 8}
"""Trees of depth 3, which fit less noise than the defaults."""

DEFAULT_SETS: tuple[dict[str, object], ...] = (DEFAULT_PARAMETERS, SHALLOW_PARAMETERS)
"""Parameters whose boosters are averaged where none were searched for: they predict as well as twenty
trials of a search on the four public tables (``python -m benchmarks.quality``).
"""

_FOR_MANY_FEATURES: dict[str, object] = {
    "feature_fraction": 0.3,
    "learning_rate": 0.075,
    # Trees that see other features differ enough from each other.
    "bagging_fraction": 1.0,
    "bagging_freq": 0,
    # With few features in a tree, histograms by feature are quicker than by row; trees are the same.
    "force_row_wise": False,
    "force_col_wise": True,
}

OPERATOR_SETS: tuple[dict[str, object], ...] = tuple(
    {**one, **_FOR_MANY_FEATURES} for one in DEFAULT_SETS
)
"""The same for an operator's features, of which there are over a hundred: three in ten of them for a
tree, and larger steps. They take half of the time, and a thousandth of AUC is lost
(``python -m benchmarks.training.parameters``).
"""


def fit_parameters(
    settings: TrainingSettings, threads: int, parameters: Parameters = DEFAULT_PARAMETERS
) -> dict[str, object]:
    """Parameters with the seed and the threads of a fit; the result does not depend on `threads` (0
    for all cores).
    """
    return {**parameters, "seed": settings.seed, "num_threads": threads}
