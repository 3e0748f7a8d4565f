"""Blend: several boosters averaged into one booster, which scores and explains as any other.

The margin of a blend is the mean of its members' margins: it holds all their trees, with each leaf
divided by the number of members. Contributions add up over trees and so stay exact; explaining
costs the leaves of all members.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from holdfast.errors import InputError
from models.reasons.cost import explanation_cost, leaves_by_tree
from training.fitting.fit import TrainingTable, fit_booster, fit_early_stopped
from training.fitting.parameters import Parameters
from training.settings import TrainingSettings

_TREE = re.compile(r"^Tree=\d+\n", re.MULTILINE)
_END = "end of trees\n"
_SIZES = re.compile(r"^tree_sizes=.*$", re.MULTILINE)
_VALUES = re.compile(r"^(leaf_value|internal_value)=(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Member:
    """One booster of a blend.

    Parameters
    ----------
    parameters : mapping
        LightGBM parameters, without seed and threads.
    rounds : int
        Boosting rounds.
    """

    parameters: Parameters
    rounds: int


def fit_blend(
    table: TrainingTable,
    members: Sequence[Member],
    settings: TrainingSettings,
    threads: int,
    most_leaves: int | None = None,
) -> lgb.Booster:
    """Fit every member on all the given rows, and average them; a single member is the plain
    booster.

    Parameters
    ----------
    table, settings, threads
        As in `training.fitting.fit.fit_booster`.
    members : sequence of Member
        Best first; at least one.
    most_leaves : int, optional
        Most leaves of the blend, beside those of a first tree. Members with which it would have
        more are left out, and the first member ends before it has more.
    """
    kept: list[lgb.Booster] = []
    leaves = 0
    for member in members:
        booster = fit_booster(table, member.rounds, settings, threads, member.parameters)
        if most_leaves is not None and not kept:
            booster = _ended_early(booster, most_leaves)
        cost = explanation_cost(booster)
        if kept and most_leaves is not None and leaves + cost > most_leaves:
            continue
        kept.append(booster)
        leaves += cost
    return average(kept)


def _ended_early(booster: lgb.Booster, most_leaves: int) -> lgb.Booster:
    """The first trees of a booster, as many as have no more leaves together, and at least one."""
    within = int(np.sum(np.cumsum(leaves_by_tree(booster)) <= most_leaves))
    if within == booster.num_trees():
        return booster
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=max(1, within)))


def fit_blend_early_stopped(
    train: TrainingTable,
    valid: TrainingTable,
    parameter_sets: Sequence[Parameters],
    settings: TrainingSettings,
    threads: int,
) -> tuple[lgb.Booster, tuple[Member, ...]]:
    """Fit all parameters on one part, stop each where its log loss on the other is lowest, and
    average them.

    Parameters
    ----------
    train, valid, settings, threads
        As in `training.fitting.fit.fit_early_stopped`.
    parameter_sets : sequence of mapping
        At least one.

    Returns
    -------
    booster : lightgbm.Booster
        The average.
    members : tuple of Member
        The parameters with the rounds that were best, to fit again on more rows.
    """
    fits = [
        fit_early_stopped(train, valid, parameters, settings, threads)
        for parameters in parameter_sets
    ]
    members = tuple(
        Member(parameters, rounds)
        for parameters, (_, rounds) in zip(parameter_sets, fits, strict=True)
    )
    return average([booster for booster, _ in fits]), members


def average(boosters: Sequence[lgb.Booster]) -> lgb.Booster:
    """One booster whose raw margin is the mean of theirs.

    Parameters
    ----------
    boosters : sequence of lightgbm.Booster
        Binary, with the same features in the same order; at least one. A single one is returned
        unchanged.

    Raises
    ------
    InputError
        There are none, or their features differ.
    """
    if not boosters:
        raise InputError("boosters", "must hold at least one to average", 0)
    first = boosters[0]
    for other in boosters[1:]:
        if other.feature_name() != first.feature_name():
            raise InputError(
                "boosters", "must be of the same features in the same order", other.feature_name()
            )
    if len(boosters) == 1:
        return first
    before, after = _around_trees(first.model_to_string())
    trees = [
        _divided(tree, len(boosters))
        for booster in boosters
        for tree in _trees(booster.model_to_string())
    ]
    numbered = [f"Tree={number}\n{tree}" for number, tree in enumerate(trees)]
    # LightGBM finds the trees by these lengths in bytes.
    sizes = " ".join(str(len(tree.encode())) for tree in numbered)
    text = f"{_SIZES.sub(f'tree_sizes={sizes}', before)}{''.join(numbered)}{after}"
    return lgb.Booster(model_str=text)


def _around_trees(text: str) -> tuple[str, str]:
    """The text of a booster before and after its trees."""
    before, *_ = _TREE.split(text, maxsplit=1)
    return before, text[text.index(_END) :]


def _trees(text: str) -> list[str]:
    """Each tree of a booster's text, without its number."""
    return _TREE.split(text[: text.index(_END)])[1:]


def _divided(tree: str, members: int) -> str:
    """A tree's text with all its values divided by the number of members."""

    def divide(line: re.Match[str]) -> str:
        name, values = line.groups()
        return f"{name}={' '.join(repr(float(value) / members) for value in values.split())}"

    return _VALUES.sub(divide, tree)
