"""Blend: boosters with several parameter sets, whose raw margins are averaged.

Explaining a blend costs the leaves of all members.

A cross-fitted blend comes with an out-of-fold margin of each row that it learnt from: what other
boosters, fitted in the same way without the row's fold, say of the row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from holdfast.arrays import Floats, Positions
from models.boosters.average import mean_of
from models.reasons.cost import explanation_cost, leaves_by_tree
from training.evaluation.folds import inner_folds
from training.fitting.calibrate import CalibrationChoice, choose_calibration
from training.fitting.fit import CrossFit, TrainingTable, cross_fit, fit_booster
from training.fitting.parameters import DEFAULT_SETS, Parameters
from training.settings import TrainingSettings


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
    """Boosters of all rows, and margins of other boosters for them.

    Parameters
    ----------
    boosters : tuple of lightgbm.Booster
        One per member, fitted on all rows; their margins are to be averaged.
    margin : (n,) float64
        Mean raw margin of every row, from boosters that did not learn from it.
    members : tuple of Member
        What the boosters were fitted with.
    fits : tuple of CrossFit
        The other boosters, by member.
    """

    boosters: tuple[lgb.Booster, ...]
    margin: Floats
    members: tuple[Member, ...]
    fits: tuple[CrossFit, ...]

    def nested_margin(self, table: TrainingTable, threads: int) -> Floats:
        """Mean raw margin of every row, whose rounds were not chosen by it either.

        Parameters
        ----------
        table, threads
            As it was cross-fitted.
        """
        margins = []
        for member, fit in zip(self.members, self.fits, strict=True):
            # A member that ended before its best round has no more trees to choose from.
            ended_early = member.rounds < fit.rounds
            most = member.rounds if ended_early else fit.boosters[0].num_trees()
            margins.append(fit.nested_margin(table, most, threads))
        return mean_of(margins)


def fit_blend(
    table: TrainingTable,
    members: Sequence[Member],
    settings: TrainingSettings,
    threads: int,
    most_leaves: int | None = None,
) -> tuple[lgb.Booster, ...]:
    """Fit every member on all the given rows.

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
    return tuple(_fit_members(table, members, settings, threads, most_leaves).values())


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
    table = table.binned()
    fits = [cross_fit(table, folds, settings, threads, parameters) for parameters in parameter_sets]
    members = [
        Member(parameters, fit.rounds) for parameters, fit in zip(parameter_sets, fits, strict=True)
    ]
    boosters = _fit_members(table, members, settings, threads, most_leaves)
    margins = [
        fits[position].margin(table.matrix, booster.num_trees(), threads)
        for position, booster in boosters.items()
    ]
    kept = tuple(
        Member(parameter_sets[position], booster.num_trees())
        for position, booster in boosters.items()
    )
    kept_fits = tuple(fits[position] for position in boosters)
    return CrossFittedBlend(tuple(boosters.values()), mean_of(margins), kept, kept_fits)


def cross_fit_members(
    table: TrainingTable,
    members: Sequence[Member],
    folds: Sequence[tuple[Positions, Positions]],
    settings: TrainingSettings,
    threads: int,
    most_leaves: int | None = None,
) -> CrossFittedBlend:
    """Fit a blend whose members are known on all rows, and cross-fit its members.

    Parameters
    ----------
    table, folds, settings, threads, most_leaves
        As in `cross_fit_blend`.
    members : sequence of Member
        At least one.
    """
    table = table.binned()
    boosters = _fit_members(table, members, settings, threads, most_leaves)
    kept = tuple(
        Member(members[position].parameters, booster.num_trees())
        for position, booster in boosters.items()
    )
    fits = tuple(
        cross_fit(table, folds, settings, threads, member.parameters, member.rounds)
        for member in kept
    )
    margins = [
        fit.margin(table.matrix, member.rounds, threads)
        for fit, member in zip(fits, kept, strict=True)
    ]
    return CrossFittedBlend(tuple(boosters.values()), mean_of(margins), kept, fits)


def fit_calibrated(
    table: TrainingTable,
    settings: TrainingSettings,
    threads: int,
    parameter_sets: Sequence[Parameters] = DEFAULT_SETS,
) -> tuple[tuple[lgb.Booster, ...], CalibrationChoice]:
    """Fit boosters and their calibration, all from these rows alone.

    Parameters
    ----------
    table, settings, threads, parameter_sets
        As in `cross_fit_blend`; its folds are inner ones of these rows.
    """
    folds = list(inner_folds(table.label, table.group, settings))
    blend = cross_fit_blend(table, parameter_sets, folds, settings, threads)
    choice = choose_calibration(blend.margin, table.label, table.weight, table.group, settings.seed)
    return blend.boosters, choice


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
