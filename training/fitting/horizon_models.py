"""Horizon models: a calibrated booster for each horizon, and one for a stratum where that predicts
the tuning rows of the stratum better.

The tuning rows choose the boosting rounds. Then the booster is fitted again on fitting and tuning
rows together, and calibrated on the calibration rows, which belong to other customers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats, Positions
from holdfast.logging import progress
from models.bands import BandBounds
from models.calibration import Calibration
from models.strata import EVERYONE
from models.target import Target
from models.version import HorizonModel, StratumModel
from training.evaluation.assessment import horizon_name
from training.evaluation.metrics import log_loss
from training.fitting.blend import fit_blend, fit_blend_early_stopped
from training.fitting.calibrate import choose_calibration
from training.fitting.fit import TrainingTable
from training.fitting.parameters import Parameters
from training.labelling.dataset import Dataset
from training.labelling.periods import PeriodSplit
from training.settings import TrainingConfig

FEWEST_FOR_OWN_BOOSTER = 200
"""Positives that a stratum's fitting rows need for a booster of its own to be tried."""

FEWEST_FOR_OWN_CALIBRATION = 60
"""Positives that a stratum's calibration rows need for a calibration of its own."""


@dataclass
class FittingRecord:
    """What was tried when horizon models were fitted.

    Parameters
    ----------
    rounds : dict of str to int
        Trees by horizon, and by ``horizon/stratum`` where a stratum has a booster of its own.
    boosters : dict of str to dict
        By ``horizon/stratum``: log loss on the stratum's tuning rows of the shared booster and of
        its own, and whether its own won.
    calibrations : dict of str to dict
        By horizon, and ``horizon/stratum``: the kind chosen and the cross-validated log loss of
        every candidate.
    """

    rounds: dict[str, int] = field(default_factory=dict)
    boosters: dict[str, dict[str, Any]] = field(default_factory=dict)
    calibrations: dict[str, dict[str, Any]] = field(default_factory=dict)


def fit_horizon_models(
    dataset: Dataset,
    split: PeriodSplit,
    target: Target,
    parameter_sets: Sequence[Parameters],
    config: TrainingConfig,
) -> tuple[tuple[HorizonModel, ...], FittingRecord]:
    """Fit and calibrate a model for each horizon of a target.

    Parameters
    ----------
    dataset : Dataset
        Labelled rows.
    split : PeriodSplit
        Which of them are for what.
    target : Target
        Its horizons and strata.
    parameter_sets : sequence of mapping
        LightGBM parameters with constraints, best first. The boosters of several are averaged into
        one, as far as the gate allows its leaves.
    config : TrainingConfig
        Seed, most rounds and patience; the leaves that the gate allows; and the risk bands.
    """
    fitter = _Fitter(dataset, split, target, parameter_sets, config)
    with progress("Fitting boosters and calibrations", len(target.horizons_days)) as advance:
        horizon_models = []
        for days in target.horizons_days:
            horizon_models.append(fitter.fit(days))
            advance(1)
    return tuple(horizon_models), fitter.record


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
        weight=dataset.weight[labelled],
    )


def customer_codes(dataset: Dataset) -> NDArray[np.int64]:
    """A number for each row's customer, the same for rows of one customer."""
    return np.unique(dataset.customers, return_inverse=True)[1].astype(np.int64)


class _Fitter:
    def __init__(
        self,
        dataset: Dataset,
        split: PeriodSplit,
        target: Target,
        parameter_sets: Sequence[Parameters],
        config: TrainingConfig,
    ) -> None:
        self.dataset = dataset
        self.split = split
        self.strata = target.strata
        self.parameter_sets = parameter_sets
        self.settings = config.fitting
        self.most_leaves = config.gate.most_leaves
        self.bands = config.bands
        self.record = FittingRecord()
        self._stratum = (
            np.full(len(dataset.ids), EVERYONE)
            if target.strata is None
            else target.strata.of(dataset.matrix[:, dataset.features.index(target.strata.feature)])
        )

    def fit(self, horizon_days: int) -> HorizonModel:
        name = horizon_name(horizon_days)
        train, tune = (
            table_of(self.dataset, horizon_days, rows) for rows in (self.split.fit, self.split.tune)
        )
        stopped, members = fit_blend_early_stopped(
            train, tune, self.parameter_sets, self.settings, 0
        )
        together = table_of(
            self.dataset, horizon_days, np.sort(np.concatenate([self.split.fit, self.split.tune]))
        )
        shared = fit_blend(together, members, self.settings, 0, self.most_leaves)
        self.record.rounds[name] = shared.num_trees()
        boosters = {EVERYONE: shared}
        for stratum in self.strata.names if self.strata else ():
            boosters[stratum] = self._own(horizon_days, stratum, stopped) or shared
        return self._calibrated(horizon_days, boosters)

    def _own(self, horizon_days: int, stratum: str, shared: lgb.Booster) -> lgb.Booster | None:
        """A stratum's own booster, where it predicts the stratum's tuning rows better than the
        shared one.
        """
        train, tune = (
            table_of(self.dataset, horizon_days, rows[self._stratum[rows] == stratum])
            for rows in (self.split.fit, self.split.tune)
        )
        if train.label.sum() < FEWEST_FOR_OWN_BOOSTER or not 0 < tune.label.mean() < 1:
            return None
        own, members = fit_blend_early_stopped(train, tune, self.parameter_sets, self.settings, 0)
        losses = [
            log_loss(
                tune.label, np.asarray(booster.predict(tune.matrix, num_threads=0)), tune.weight
            )
            for booster in (shared, own)
        ]
        wins = losses[1] < losses[0]
        name = f"{horizon_name(horizon_days)}/{stratum}"
        self.record.boosters[name] = {
            "shared_log_loss": losses[0],
            "own_log_loss": losses[1],
            "own_wins": wins,
        }
        if not wins:
            return None
        rows = np.sort(np.concatenate([self.split.fit, self.split.tune]))
        together = table_of(self.dataset, horizon_days, rows[self._stratum[rows] == stratum])
        booster = fit_blend(together, members, self.settings, 0, self.most_leaves)
        self.record.rounds[name] = booster.num_trees()
        return booster

    def _calibrated(self, horizon_days: int, boosters: Mapping[str, lgb.Booster]) -> HorizonModel:
        rows = self.split.calibrate
        rows = rows[~np.isnan(self.dataset.labels[horizon_days][rows])]
        stratum_models: dict[str, StratumModel] = {}
        probability = np.empty(len(rows))
        for stratum, booster in boosters.items():
            margin = np.asarray(
                booster.predict(self.dataset.matrix[rows], raw_score=True, num_threads=0),
                dtype=np.float64,
            )
            chosen = (
                np.ones(len(rows), dtype=bool)
                if stratum == EVERYONE
                else self._stratum[rows] == stratum
            )
            enough = (
                self.dataset.labels[horizon_days][rows[chosen]].sum() >= FEWEST_FOR_OWN_CALIBRATION
            )
            if stratum != EVERYONE and not enough and booster is boosters[EVERYONE]:
                calibration = stratum_models[EVERYONE].calibration
            else:
                shared = (
                    stratum_models[EVERYONE].calibration
                    if stratum != EVERYONE and booster is boosters[EVERYONE]
                    else None
                )
                calibration = self._choose(
                    horizon_days, stratum, rows[chosen], margin[chosen], shared
                )
            stratum_models[stratum] = StratumModel(booster, calibration)
            probability[chosen] = calibration.probability(margin[chosen])
        bands = BandBounds.from_shares(probability, self.bands)
        return HorizonModel(horizon_days=horizon_days, stratum_models=stratum_models, bands=bands)

    def _choose(
        self,
        horizon_days: int,
        stratum: str,
        rows: Positions,
        margin: Floats,
        shared: Calibration | None,
    ) -> Calibration:
        choice = choose_calibration(
            margin,
            self.dataset.labels[horizon_days][rows],
            self.dataset.weight[rows],
            customer_codes(self.dataset)[rows],
            self.settings.seed,
            shared,
        )
        name = "/".join(filter(None, (horizon_name(horizon_days), stratum)))
        self.record.calibrations[name] = {"chosen": choice.kind, "log_loss": dict(choice.log_loss)}
        return choice.calibration
