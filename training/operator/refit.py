"""The refit of an operator's model: fitted on all labelled rows by the procedure that was evaluated,
and compared with what was evaluated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from holdfast.arrays import Floats, Texts
from models.scorer import Scorer
from models.strata import EVERYONE
from models.target import Target
from models.version import HorizonModel, ModelVersion
from training.counting import customers_with
from training.evaluation.assessment import horizon_name
from training.evaluation.metrics import log_loss
from training.fitting.binned import BinnedRows
from training.fitting.horizon_models import FittedModels, OutOfFold, fit_horizon_models
from training.fitting.parameters import Parameters
from training.labelling.dataset import Dataset
from training.labelling.history import utc
from training.operator.fitted import fitted_facts
from training.release.facts import EVALUATED, REFITTED, SERVED, FittedFacts
from training.release.refit import HorizonRefit, PairFigures, RefitFacts, unlike
from training.settings import TrainingConfig


@dataclass(frozen=True)
class NewestSnapshot:
    """The newest snapshot, whose labels nobody knows.

    Parameters
    ----------
    at : datetime
        Its time, UTC.
    matrix : (n, k) float64
        Features of its entities, in the order of the target's service; NaN for missing.
    """

    at: datetime
    matrix: Floats


@dataclass(frozen=True)
class Scoring:
    """What of a training scores.

    Parameters
    ----------
    version : ModelVersion
        What scores: what was fitted again, or what was evaluated.
    fitted : FittedModels
        How it came about.
    refit : RefitFacts or None
        How what was fitted again compares with what was evaluated; None where nothing was.
    facts : dict of str to FittedFacts
        As `training.release.facts.TrainingFacts.fitted`.
    """

    version: ModelVersion
    fitted: FittedModels
    refit: RefitFacts | None
    facts: dict[str, FittedFacts]

    @property
    def is_refit(self) -> bool:
        """Whether what was fitted again scores."""
        return self.refit is not None and self.refit.used


def not_fitted_again(
    evaluated: tuple[ModelVersion, FittedModels], parameter_sets: Sequence[Parameters]
) -> Scoring:
    """What was evaluated, where it predicts nothing, so that no version scores and nothing need learn
    from newer rows.
    """
    version, fitted = evaluated
    return Scoring(version, fitted, None, {EVALUATED: fitted_facts(fitted, parameter_sets)})


def fitted_again(
    dataset: Dataset,
    target: Target,
    parameter_sets: Sequence[Parameters],
    config: TrainingConfig,
    evaluated: tuple[ModelVersion, FittedModels],
    bins: BinnedRows,
    snapshot: NewestSnapshot | None,
) -> Scoring:
    """Fit on all rows what was evaluated, and choose what scores: that, unless it is unlike what was
    evaluated.

    Parameters
    ----------
    dataset, target, parameter_sets, config, bins
        As in `training.fitting.horizon_models.fit_horizon_models`.
    evaluated : (ModelVersion, FittedModels)
        What was evaluated.
    snapshot : NewestSnapshot or None
        Rows that neither has learnt from.
    """
    version, fitted = evaluated
    everything = np.arange(len(dataset.ids))
    refitted = fit_horizon_models(
        dataset, everything, target, parameter_sets, config, fitted.plan, bins
    )
    again = replace(version, horizon_models=refitted.models)
    fewest = config.assessment.fewest_positives
    refit = refit_facts(dataset, evaluated, (again, refitted), snapshot, fewest)
    ours, theirs = (fitted_facts(one, parameter_sets) for one in (fitted, refitted))
    if any(unlike(refit, tuple(map(horizon_name, target.horizons_days)))):
        facts = {EVALUATED: ours, SERVED: ours, REFITTED: theirs}
        return Scoring(version, fitted, refit.not_used(), facts)
    return Scoring(again, refitted, refit, {EVALUATED: ours, SERVED: theirs})


def refit_facts(
    dataset: Dataset,
    evaluated: tuple[ModelVersion, FittedModels],
    served: tuple[ModelVersion, FittedModels],
    snapshot: NewestSnapshot | None,
    fewest: int,
) -> RefitFacts:
    """Compare what was fitted again with what was evaluated.

    Parameters
    ----------
    dataset : Dataset
        The labelled rows that both were fitted on.
    evaluated, served : (ModelVersion, FittedModels)
        Both, of the same horizons; what was fitted again is taken to score.
    snapshot : NewestSnapshot or None
        Rows that neither has learnt from.
    fewest : int
        Customers with the outcome that a slice needs to be compared. On the snapshot, where nobody
        knows it yet, that many lines or customers must be expected to have it: each is there once.
    """
    new = {} if snapshot is None else _on_snapshot(evaluated[0], served[0], snapshot, fewest)
    horizons = {}
    models = zip(evaluated[0].horizon_models, served[0].horizon_models, strict=True)
    for (days, ours), pair in zip(evaluated[1].out_of_fold.items(), models, strict=True):
        name, theirs = horizon_name(days), served[1].out_of_fold[days]
        compared = _compared(dataset, days, ours, theirs, new.get(name), fewest)
        trees = dict(zip(("evaluated", "served"), map(_trees, pair), strict=True))
        horizons[name] = replace(compared, trees=trees)
    *_, longest = horizons.values()
    return RefitFacts(
        until=longest.until,
        snapshot_at=None
        if snapshot is None
        else snapshot.at.astimezone(UTC).isoformat(timespec="seconds"),
        horizons=horizons,
    )


def _compared(
    dataset: Dataset,
    days: int,
    ours: OutOfFold,
    theirs: OutOfFold,
    snapshot: PairFigures | None,
    fewest: int,
) -> HorizonRefit:
    rows, here, there = np.intersect1d(ours.rows, theirs.rows, return_indices=True)
    label, weight = dataset.labels[days][rows], ours.weight[here]
    before, after = ours.probability[here], theirs.probability[there]
    slices = {name: values[rows] for name, values in dataset.slices.items()}
    customers = dataset.customers[rows]

    def is_shown(chosen: NDArray[np.bool_]) -> bool:
        return customers_with(chosen & (label == 1), customers) >= fewest

    return HorizonRefit(
        until={"evaluated": _last(dataset, ours), "served": _last(dataset, theirs)},
        rows={"evaluated": len(ours.rows), "served": len(theirs.rows)},
        cross_fitted=pair_figures(before, after, weight, slices, is_shown),
        log_loss={
            "evaluated": log_loss(label, before, weight),
            "served": log_loss(label, after, weight),
        },
        snapshot=snapshot,
    )


def _trees(model: HorizonModel) -> int:
    """Trees of all boosters within a horizon."""
    strata = model.stratum_models.values()
    return sum(booster.num_trees() for one in strata for booster in one.boosters)


def _on_snapshot(
    evaluated: ModelVersion, served: ModelVersion, snapshot: NewestSnapshot, fewest: int
) -> dict[str, PairFigures]:
    """Figures on the newest snapshot by horizon; its slices are the strata."""
    slices: dict[str, Texts] = {}
    strata = served.strata
    if strata is not None:
        names = strata.of(snapshot.matrix[:, served.features.index(strata.feature)])
        slices["billing_type"] = np.where(names == EVERYONE, "other", names)
    before, after = (
        Scorer(version, threads=0).score_all(snapshot.matrix) for version in (evaluated, served)
    )
    alike = np.ones(len(snapshot.matrix))

    def compared(before: Floats, after: Floats) -> PairFigures:
        return pair_figures(
            before, after, alike, slices, lambda chosen: bool(before[chosen].sum() >= fewest)
        )

    return {
        horizon_name(days): compared(one.probability, other.probability)
        for days, one, other in zip(served.horizons, before, after, strict=True)
    }


def pair_figures(
    before: Floats,
    after: Floats,
    weight: Floats,
    slices: Mapping[str, Texts],
    is_shown: Callable[[NDArray[np.bool_]], bool],
) -> PairFigures:
    """Compare two probabilities of each of some rows.

    Parameters
    ----------
    before, after : (n,) float64
        Of what was evaluated, and of what scores; above 0.
    weight : (n,) float64
        How much each row counts in means.
    slices : mapping of str to (n,) str
        Values by column.
    is_shown : callable
        Whether some of the rows, (n,) bool, show enough outcomes for their slice to be compared.
    """
    level = float((weight @ after) / (weight @ before))
    shifts = {}
    for column, values in slices.items():
        for value in np.unique(values).tolist():
            chosen = values == value
            if is_shown(chosen):
                ratio = (weight[chosen] @ after[chosen]) / (weight[chosen] @ before[chosen])
                shifts[f"{column}/{value}"] = float(ratio / level)
    # Probabilities that are all alike put no row before another, so nothing has moved.
    alike = np.ptp(before) == 0 or np.ptp(after) == 0
    correlation = 1.0 if alike else float(spearmanr(before, after).statistic)
    return PairFigures(rows=len(before), rank_correlation=correlation, level=level, shifts=shifts)


def _last(dataset: Dataset, learnt: OutOfFold) -> str:
    return utc(dataset.cutoffs[learnt.rows].max()).isoformat(timespec="seconds")
