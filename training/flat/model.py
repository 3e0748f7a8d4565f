"""The model of a flat table: from labelled rows to a calibrated model with unbiased figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from features.encoding.ranges import RANGES, ranges_of
from holdfast.logging import progress
from models.bands import BandBounds
from models.version import HorizonModel, ModelVersion
from training.evaluation.folds import Split, inner_folds
from training.evaluation.leaks import Flag, watch_model, watch_table
from training.fitting.blend import cross_fit_blend
from training.fitting.calibrate import CalibrationChoice, choose_calibration
from training.fitting.fit import TrainingTable
from training.fitting.parameters import DEFAULT_SETS
from training.flat.crossval import OutOfFold, cross_validate
from training.flat.evaluation import Evaluation, evaluate
from training.settings import TrainingConfig


@dataclass(frozen=True, kw_only=True)
class FlatModel:
    """A model, its out-of-fold predictions and their evaluation.

    Parameters
    ----------
    model : ModelVersion
        Boosters fitted on all labelled rows; calibration and bands from the out-of-fold
        predictions.
    calibration : CalibrationChoice
        The model's own calibration, and what was tried.
    out_of_fold : OutOfFold
        Predictions by models with the same settings, fitted on other rows.
    evaluation : Evaluation
        How good those predictions are.
    flags : tuple of Flag
        Flags raised by the leak watch.
    """

    model: ModelVersion
    calibration: CalibrationChoice
    out_of_fold: OutOfFold
    evaluation: Evaluation
    flags: tuple[Flag, ...]


def train(
    table: TrainingTable,
    splits: Sequence[Split],
    config: TrainingConfig,
    *,
    name: str,
    service: str,
    columns: Sequence[str],
    documents: Mapping[str, Any],
) -> FlatModel:
    """Evaluate on the splits, then fit on all rows.

    Parameters
    ----------
    table : TrainingTable
        Labelled rows.
    splits : sequence of Split
        What to evaluate on.
    config : TrainingConfig
        Its `fitting`, `leak_watch` and `bands`.
    name : str
        What is predicted.
    service : str
        Feature service behind the features.
    columns : sequence of str
        What a person calls the features, for the flags.
    documents : mapping of str to JSON
        What travels with the model.
    """
    settings, watch = config.fitting, config.leak_watch
    out_of_fold = cross_validate(table, splits, settings)
    evaluation = evaluate(table.label, out_of_fold, table.group)
    flags = watch_table(
        table.matrix, table.label, table.group, columns, table.categorical, watch, settings.seed
    )
    with progress("Fitting the model on all rows"):
        folds = list(inner_folds(table.label, table.group, settings))
        boosters = cross_fit_blend(table, DEFAULT_SETS, folds, settings, threads=0).boosters
    calibration = _calibration(table, out_of_fold, settings.seed)
    model = ModelVersion(
        name=name,
        service=service,
        features=table.features,
        horizon_models=(
            HorizonModel.plain(
                boosters,
                calibration.calibration,
                BandBounds.from_shares(
                    out_of_fold.probability[~np.isnan(out_of_fold.probability)], config.bands
                ),
            ),
        ),
        documents={**documents, RANGES: ranges_of(table.matrix, table.features)},
    )
    flags += watch_model(evaluation.auc, watch)
    return FlatModel(
        model=model,
        calibration=calibration,
        out_of_fold=out_of_fold,
        evaluation=evaluation,
        flags=tuple(flags),
    )


def _calibration(table: TrainingTable, out_of_fold: OutOfFold, seed: int) -> CalibrationChoice:
    """The calibration of the out-of-fold margins of all repeats."""
    evaluated = ~np.isnan(out_of_fold.margin)
    # Margins of one row, from several repeats, stay together as those of one group do.
    group = np.arange(len(table.label)) if table.group is None else table.group
    label = np.broadcast_to(table.label, evaluated.shape)[evaluated]
    codes = np.broadcast_to(group, evaluated.shape)[evaluated]
    return choose_calibration(out_of_fold.margin[evaluated], label, None, codes, seed)
