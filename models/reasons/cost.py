"""What explaining a prediction costs: the leaves of a booster, over all its trees."""

import re

import lightgbm as lgb

_LEAVES = re.compile(r"^num_leaves=(\d+)$", re.MULTILINE)


def explanation_cost(booster: lgb.Booster) -> int:
    """Leaves over all trees of a booster: trees times leaves, where trees are of unequal size.

    Exact contributions visit every leaf of every tree, so that their time grows with this number,
    whatever the trees hold. 300 trees of 31 leaves cost 9,300.

    Parameters
    ----------
    booster : lightgbm.Booster
        Any; one that was stopped early counts the trees it keeps.

    Returns
    -------
    int
        At least 0; a booster without trees costs nothing.
    """
    return sum(leaves_by_tree(booster))


def leaves_by_tree(booster: lgb.Booster) -> list[int]:
    """Leaves of each tree of a booster, in the order of boosting; of one that was stopped early,
    those it keeps.
    """
    # The text is an order of magnitude faster than the dumped dictionary, which tuning would wait
    # for after every trial.
    kept = booster.best_iteration if booster.best_iteration > 0 else None
    return [int(leaves) for leaves in _LEAVES.findall(booster.model_to_string(num_iteration=kept))]
