"""Horizon models: calibrated boosters for each horizon, and others for a stratum where those predict
the rows of the stratum better.

A booster learns from all the given rows. Its rounds, whether a stratum gets one of its
own, and the calibrations are decided by cross-fitting: other boosters, each fitted without one fold
of the customers, give every row a margin that was not learnt from it. So all losses
tell the level of risk, and not those alone of a few customers who were held out. Models that were
evaluated are fitted again on more rows, with the parameters and rounds that they have (`Plan`).
"""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from holdfast.arrays import Floats, Positions
from holdfast.cores import core_count
from holdfast.errors import InputError
from holdfast.logging import progress
from models.bands import BandBounds
from models.boosters.threads import threads_that_boost
from models.calibration import Calibration
from models.strata import EVERYONE
from models.target import Target
from models.version import HorizonModel, StratumModel
from training.counting import customers_with, fewest_of_a_class
from training.evaluation.assessment import horizon_name
from training.evaluation.folds import customer_fold_count, stratified_customer_folds
from training.evaluation.metrics import log_loss
from training.fitting.binned import BinnedRows
from training.fitting.blend import Member, cross_fit_blend, cross_fit_members
from training.fitting.calibrate import choose_calibration
from training.fitting.fit import TrainingTable
from training.fitting.parameters import Parameters
from training.fitting.sampling import sample_rows
from training.labelling.dataset import Dataset
from training.settings import TrainingConfig

FOLDS = 3
"""Folds of customers for cross-fitting, at most: more cost time, and met the level no better."""

FEWEST_FOR_OWN_BOOSTER = 5_000
"""Customers with the outcome, and without it, that a stratum needs for a booster of its own to be
tried.
"""

MOST_CELLS_SIDE_BY_SIDE = 40_000_000
"""Rows times features up to which horizons are fitted side by side, each on one thread. That takes less
of the processor than one after the other on all of them, but the rows of each in memory at once.
"""

FEWEST_FOR_OWN_CALIBRATION = 60
"""Customers with the outcome that a stratum needs for a calibration of its own: with as many, the
level of its odds is known to about an eighth (one standard error).
"""


@dataclass
class FittingRecord:
    """What was tried when horizon models were fitted.

    Parameters
    ----------
    rounds : dict of str to int
        Trees by horizon, and by ``horizon/stratum`` where a stratum has a booster of its own.
    folds : dict of str to int
        Folds of customers that margins come from, by the same names.
    boosters : dict of str to dict
        By ``horizon/stratum``: out-of-fold log loss on the stratum's rows of the shared booster and
        of its own, and whether its own won.
    calibrations : dict of str to dict
        By horizon, and ``horizon/stratum``: the kind chosen and the cross-validated log loss of
        every candidate.
    """

    rounds: dict[str, int] = field(default_factory=dict)
    folds: dict[str, int] = field(default_factory=dict)
    boosters: dict[str, dict[str, Any]] = field(default_factory=dict)
    calibrations: dict[str, dict[str, Any]] = field(default_factory=dict)


Plan = Mapping[str, tuple[Member, ...]]
"""Members of the boosters by horizon, and by ``horizon/stratum`` where a stratum has its own."""


@dataclass(frozen=True)
class CrossFitted:
    """Boosters, and out-of-fold margins of the rows that they learnt from.

    Parameters
    ----------
    boosters : tuple of lightgbm.Booster
        Fitted on all these rows; their margins are averaged.
    rows : (n,) intp
        Their positions in the dataset, in order.
    margin : (n,) float64
        Raw margins from boosters that did not learn from the row.
    nested_margin : (n,) float64 or None
        The same, where the row had no say in their rounds either; None where nothing is to be judged
        by it.
    """

    boosters: tuple[lgb.Booster, ...]
    rows: Positions
    margin: Floats
    nested_margin: Floats | None

    def only(self, chosen: NDArray[np.bool_]) -> "CrossFitted":
        """The same boosters with some of the rows."""
        nested = self.nested_margin
        return replace(
            self,
            rows=self.rows[chosen],
            margin=self.margin[chosen],
            nested_margin=None if nested is None else nested[chosen],
        )


@dataclass(frozen=True)
class OutOfFold:
    """Probabilities of the rows of one horizon, of boosters that did not learn from them.

    Parameters
    ----------
    rows : (n,) intp
        Positions in the dataset, in order.
    probability : (n,) float64
        With the calibrations of the horizon model.
    weight : (n,) float64
        How much each counts, for the rows that it stands for too.
    """

    rows: Positions
    probability: Floats
    weight: Floats


@dataclass(frozen=True)
class FittedModels:
    """Horizon models, and how they came about.

    Parameters
    ----------
    models : tuple of HorizonModel
        Shortest horizon first.
    record : FittingRecord
        What was tried.
    plan : Plan
        Parameters and rounds, to fit the same models on other rows.
    out_of_fold : dict of int to OutOfFold
        By horizon in days.
    """

    models: tuple[HorizonModel, ...]
    record: FittingRecord
    plan: Plan
    out_of_fold: dict[int, OutOfFold]

    @classmethod
    def together(
        cls, fitters: Sequence["_Fitter"], models: Sequence[HorizonModel]
    ) -> "FittedModels":
        """Models that were each fitted apart, in the order of their horizons."""
        record = FittingRecord()
        plan: dict[str, tuple[Member, ...]] = {}
        out_of_fold: dict[int, OutOfFold] = {}
        for one in fitters:
            record.rounds |= one.record.rounds
            record.folds |= one.record.folds
            record.boosters |= one.record.boosters
            record.calibrations |= one.record.calibrations
            plan |= one.plan
            out_of_fold |= one.out_of_fold
        return cls(tuple(models), record, plan, out_of_fold)


def fit_horizon_models(
    dataset: Dataset,
    rows: Positions,
    target: Target,
    parameter_sets: Sequence[Parameters],
    config: TrainingConfig,
    plan: Plan | None = None,
    bins: BinnedRows | None = None,
) -> FittedModels:
    """Fit and calibrate a model for each horizon of a target.

    Parameters
    ----------
    dataset : Dataset
        Labelled rows.
    rows : (m,) intp
        Positions of those to learn from, in order.
    target : Target
        Its horizons and strata.
    parameter_sets : sequence of mapping
        LightGBM parameters with constraints, best first. The margins of several boosters are
        averaged, as far as the gate allows their leaves.
    config : TrainingConfig
        Seed, most rounds and patience; the leaves that the gate allows; and the risk bands.
    plan : Plan, optional
        Parameters and rounds of models that were fitted before. With them nothing but the
        calibrations is chosen.
    bins : BinnedRows, optional
        All rows of the dataset, binned. Default: they are binned with edges of `rows`.

    Raises
    ------
    InputError
        Within some horizon fewer than two customers have the outcome, or are without it.
    """
    bins = bins or binned(dataset, rows)
    days = target.horizons_days
    at_once = min(len(days), core_count())
    if len(rows) * len(dataset.features) > MOST_CELLS_SIDE_BY_SIDE:
        at_once = 1
    shared = _Fitter(
        dataset, rows, target, parameter_sets, config, plan, bins, threads=1 if at_once > 1 else 0
    )
    fitters = [shared.alone() for _ in days]
    words = "Fitting boosters and calibrations" if plan is None else "Fitting on all labelled rows"
    models = []
    with progress(words, len(days)) as advance, threads_that_boost(at_once) as pool:
        for model in pool.map(_Fitter.fit, fitters, days):
            models.append(model)
            advance(1)
    return FittedModels.together(fitters, models)


def binned(dataset: Dataset, learnt: Positions) -> BinnedRows:
    """All rows of a dataset, binned once for all horizons, folds and parameters.

    Parameters
    ----------
    dataset : Dataset
        Labelled rows.
    learnt : (m,) intp
        Rows that the bins' edges are found on: none of a test period.
    """
    with progress("Binning features"):
        return BinnedRows(dataset.matrix, dataset.features, (), learnt)


def table_of(dataset: Dataset, horizon_days: int, positions: Positions) -> TrainingTable:
    """Rows of a dataset whose label within a horizon is known, as LightGBM is fitted on them.

    Parameters
    ----------
    dataset : Dataset
        Labelled rows.
    horizon_days : int
        One of its horizons.
    positions : (m,) intp
        Positions of the rows to choose from.
    """
    label = dataset.labels[horizon_days]
    labelled = positions[~np.isnan(label[positions])]
    return TrainingTable(
        matrix=np.ascontiguousarray(dataset.matrix[labelled]),
        label=label[labelled],
        group=customer_codes(dataset)[labelled],
        features=dataset.features,
        categorical=(),
        weight=dataset.weight_of(horizon_days)[labelled],
    )


def customer_codes(dataset: Dataset) -> NDArray[np.int64]:
    """A number for each row's customer, the same for rows of one customer."""
    return np.unique(dataset.customers, return_inverse=True)[1].astype(np.int64)


class _Fitter:
    def __init__(
        self,
        dataset: Dataset,
        rows: Positions,
        target: Target,
        parameter_sets: Sequence[Parameters],
        config: TrainingConfig,
        given: Plan | None,
        bins: BinnedRows,
        threads: int,
    ) -> None:
        self.dataset = dataset
        self.learnt = rows
        self.strata = target.strata
        self.parameter_sets = parameter_sets
        self.settings = config.fitting
        self.most_leaves = config.gate.most_leaves
        self.bands = config.bands
        self.given = given
        self.bins = bins
        self.threads = threads
        self.record = FittingRecord()
        self.plan: dict[str, tuple[Member, ...]] = {}
        self.out_of_fold: dict[int, OutOfFold] = {}
        self._codes = customer_codes(dataset)
        self._stratum = (
            np.full(len(dataset.ids), EVERYONE)
            if target.strata is None
            else target.strata.of(dataset.matrix[:, dataset.features.index(target.strata.feature)])
        )
        times, names = (
            np.unique(values, return_inverse=True)[1]
            for values in (dataset.cutoffs.astype("datetime64[D]"), self._stratum)
        )
        self._strata_of_time = times * (int(names.max(initial=0)) + 1) + names
        self._number = np.random.default_rng(self.settings.seed).random(len(dataset.ids))
        self._stands_for = np.ones(len(dataset.ids))

    def alone(self) -> "_Fitter":
        """The same rows, with records of its own: one horizon knows nothing of another."""
        other = copy(self)
        other.record, other.plan, other.out_of_fold = FittingRecord(), {}, {}
        other._stands_for = self._stands_for.copy()
        return other

    def fit(self, horizon_days: int) -> HorizonModel:
        label = self.dataset.labels[horizon_days]
        known = self.learnt[~np.isnan(label[self.learnt])]
        sample = sample_rows(label[known], self._strata_of_time[known], self._number[known])
        rows = known[sample.chosen]
        self._stands_for[rows] = sample.stands_for
        tries_own = any(
            self._may_have_own(horizon_days, rows[self._stratum[rows] == stratum])
            for stratum in (self.strata.names if self.strata else ())
        )
        shared = self._cross_fitted(horizon_days, horizon_name(horizon_days), rows, tries_own)
        fitted = {EVERYONE: shared}
        for stratum in self.strata.names if self.strata else ():
            of_stratum = shared.only(self._stratum[shared.rows] == stratum)
            fitted[stratum] = self._own(horizon_days, stratum, of_stratum) or of_stratum
        return self._calibrated(horizon_days, fitted)

    def _may_have_own(self, horizon_days: int, rows: Positions) -> bool:
        """Whether a booster is tried on the rows of a stratum alone."""
        if self.given is not None:
            return False
        label = self.dataset.labels[horizon_days][rows]
        return fewest_of_a_class(label, self._codes[rows]) >= FEWEST_FOR_OWN_BOOSTER

    def _cross_fitted(
        self, horizon_days: int, name: str, rows: Positions, is_judged: bool = False
    ) -> CrossFitted:
        table = replace(
            table_of(self.dataset, horizon_days, rows),
            weight=self._weight(horizon_days, rows),
            bins=(self.bins, rows),
        )
        customers = self._codes[rows]
        count = customer_fold_count(table.label, customers, FOLDS)
        if count < 2:
            raise InputError(
                f"{self.dataset.target}, rows before the test period",
                f"must be of at least two customers with the outcome within {horizon_days} days,"
                " and of two without",
                count,
            )
        folds = list(stratified_customer_folds(table.label, customers, count, self.settings.seed))
        if self.given is None:
            blend = cross_fit_blend(
                table, self.parameter_sets, folds, self.settings, self.threads, self.most_leaves
            )
        else:
            blend = cross_fit_members(
                table, self.given[name], folds, self.settings, self.threads, self.most_leaves
            )
        self.plan[name] = blend.members
        self.record.rounds[name] = sum(booster.num_trees() for booster in blend.boosters)
        self.record.folds[name] = count
        nested = blend.nested_margin(table, self.threads) if is_judged else None
        return CrossFitted(blend.boosters, rows, blend.margin, nested)

    def _own(self, horizon_days: int, stratum: str, shared: CrossFitted) -> CrossFitted | None:
        """A stratum's own booster, where it predicts the stratum's rows better than the shared
        one; both by margins of which the row decided neither trees nor rounds.
        """
        name = f"{horizon_name(horizon_days)}/{stratum}"
        if self.given is not None:
            return (
                self._cross_fitted(horizon_days, name, shared.rows) if name in self.given else None
            )
        if not self._may_have_own(horizon_days, shared.rows):
            return None
        own = self._cross_fitted(horizon_days, name, shared.rows, is_judged=True)
        label, weight = self._labelled(horizon_days, shared.rows)
        losses = [
            log_loss(label, expit(margin), weight)
            for margin in (shared.nested_margin, own.nested_margin)
            if margin is not None
        ]
        wins = losses[1] < losses[0]
        self.record.boosters[name] = {
            "shared_log_loss": losses[0],
            "own_log_loss": losses[1],
            "own_wins": wins,
        }
        if not wins:
            del self.record.rounds[name], self.record.folds[name], self.plan[name]
            return None
        return own

    def _calibrated(self, horizon_days: int, fitted: Mapping[str, CrossFitted]) -> HorizonModel:
        shared = fitted[EVERYONE]
        of_all = self._choose(horizon_days, EVERYONE, shared, None)
        stratum_models = {EVERYONE: StratumModel(shared.boosters, of_all)}
        probability = of_all.probability(shared.margin)
        for stratum, own in fitted.items():
            if stratum == EVERYONE:
                continue
            calibration = of_all
            shares = own.boosters is shared.boosters
            label, _ = self._labelled(horizon_days, own.rows)
            positive = customers_with(label == 1, self._codes[own.rows])
            if not shares or positive >= FEWEST_FOR_OWN_CALIBRATION:
                calibration = self._choose(horizon_days, stratum, own, of_all if shares else None)
            stratum_models[stratum] = StratumModel(own.boosters, calibration)
            probability[self._stratum[shared.rows] == stratum] = calibration.probability(own.margin)
        self.out_of_fold[horizon_days] = OutOfFold(
            shared.rows, probability, self._weight(horizon_days, shared.rows)
        )
        bands = BandBounds.from_shares(probability, self.bands, self._stands_for[shared.rows])
        return HorizonModel(horizon_days=horizon_days, stratum_models=stratum_models, bands=bands)

    def _choose(
        self,
        horizon_days: int,
        stratum: str,
        fitted: CrossFitted,
        shared: Calibration | None,
    ) -> Calibration:
        label, weight = self._labelled(horizon_days, fitted.rows)
        choice = choose_calibration(
            fitted.margin,
            label,
            weight,
            self._codes[fitted.rows],
            self.settings.seed,
            shared,
        )
        name = "/".join(filter(None, (horizon_name(horizon_days), stratum)))
        self.record.calibrations[name] = {"chosen": choice.kind, "log_loss": dict(choice.log_loss)}
        return choice.calibration

    def _labelled(self, horizon_days: int, rows: Positions) -> tuple[Floats, Floats]:
        """Labels and weights of some rows."""
        return self.dataset.labels[horizon_days][rows], self._weight(horizon_days, rows)

    def _weight(self, horizon_days: int, rows: Positions) -> Floats:
        weight: Floats = self.dataset.weight_of(horizon_days)[rows] * self._stands_for[rows]
        return weight
