"""Blend: several boosters averaged into one booster, which scores and explains as any other.

The margin of a blend is the mean of its members' margins: it holds all their trees, with each leaf
divided by the number of members. Contributions add up over trees and so stay exact; explaining
costs the leaves of all members.

A cross-fitted blend comes with an out-of-fold margin of each row that it learnt from: what other
boosters, fitted in the same way without the row's fold, say of the row.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from holdfast.arrays import Floats, Positions
from holdfast.errors import InputError
from models.reasons.cost import explanation_cost, leaves_by_tree
from training.fitting.fit import TrainingTable, cross_fit, fit_booster
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


@dataclass(frozen=True)
class CrossFittedBlend:
    """A booster of all rows, and margins of other boosters for them.

    Parameters
    ----------
    booster : lightgbm.Booster
        The average of the members, fitted on all rows.
    margin : (n,) float64
        Raw margin of every row, from boosters that did not learn from it.
    """

    booster: lgb.Booster
    margin: Floats


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
    boosters = _fit_members(table, members, settings, threads, most_leaves)
    return average(list(boosters.values()))


def cross_fit_blend(
    table: TrainingTable,
    parameter_sets: Sequence[Parameters],
    folds: Sequence[tuple[Positions, Positions]],
    settings: TrainingSettings,
    threads: int,
    most_leaves: int | None = None,
) -> CrossFittedBlend:
    """Choose the rounds of each of some parameters by cross-fitting, then fit all of them on all
    rows.

    Parameters
    ----------
    table, settings, threads, most_leaves
        As in `fit_blend`.
    parameter_sets : sequence of mapping
        LightGBM parameters, best first; at least one.
    folds : sequence of tuple of (.,) intp
        As in `training.fitting.fit.cross_fit`.
    """
    fits = [cross_fit(table, folds, settings, threads, parameters) for parameters in parameter_sets]
    members = [
        Member(parameters, fit.rounds) for parameters, fit in zip(parameter_sets, fits, strict=True)
    ]
    boosters = _fit_members(table, members, settings, threads, most_leaves)
    margins = [
        fits[position].margin(table.matrix, booster.num_trees(), threads)
        for position, booster in boosters.items()
    ]
    return CrossFittedBlend(average(list(boosters.values())), np.mean(margins, axis=0))


def _fit_members(
    table: TrainingTable,
    members: Sequence[Member],
    settings: TrainingSettings,
    threads: int,
    most_leaves: int | None,
) -> dict[int, lgb.Booster]:
    """The members' boosters that are kept, by their positions."""
    kept: dict[int, lgb.Booster] = {}
    leaves = 0
    for position, member in enumerate(members):
        booster = fit_booster(table, member.rounds, settings, threads, member.parameters)
        if most_leaves is not None and not kept:
            booster = _ended_early(booster, most_leaves)
        cost = explanation_cost(booster)
        if kept and most_leaves is not None and leaves + cost > most_leaves:
            continue
        kept[position] = booster
        leaves += cost
    return kept


def _ended_early(booster: lgb.Booster, most_leaves: int) -> lgb.Booster:
    """The first trees of a booster, as many as have no more leaves together, and at least one."""
    within = int(np.sum(np.cumsum(leaves_by_tree(booster)) <= most_leaves))
    if within == booster.num_trees():
        return booster
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=max(1, within)))


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
