"""Evaluation: how good out-of-fold predictions are, in figures and in curves."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score, roc_curve

from holdfast.arrays import Floats
from training.evaluation.assessment import CONFIDENCE
from training.evaluation.metrics import expected_calibration_error, top_decile_lift
from training.flat.crossval import OutOfFold

BINS = 10


@dataclass(frozen=True, kw_only=True)
class GainDecile:
    """A tenth of the evaluated customers, riskiest first.

    Parameters
    ----------
    rows : int
        Customers.
    positives : float
        How many of them left; a share of those tied at a border.
    rate, low, high : float
        Share that left, with its 95 % Wilson interval.
    lift, lift_low, lift_high : float
        The same over the overall share.
    gain : float
        Share of all who left that this decile and those above it hold.
    """

    rows: int
    positives: float
    rate: float
    low: float
    high: float
    lift: float
    lift_low: float
    lift_high: float
    gain: float


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """A tenth of the evaluated customers by predicted probability, lowest first.

    Parameters
    ----------
    predicted : float
        Mean predicted probability.
    observed, low, high : float
        Share that left, with its 95 % Wilson interval.
    """

    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How good the predictions are.

    Parameters
    ----------
    rows : int
        Evaluated rows.
    positive_rate : float
        Share of positives among them.
    auc : float
        Mean over the folds.
    auc_sd : float or None
        Standard deviation over the folds; None where there is only one.
    average_precision, brier : float
        Of the pooled out-of-fold probabilities (mean over repeats).
    lift_top_decile : float
        Share of positives in the riskiest tenth over the overall share.
    ece : float
        Expected calibration error, 10 bins of equal mass.
    roc : tuple of two (m,) float64
        False and true positive rates.
    deciles : tuple of GainDecile
        Riskiest first.
    reliability : tuple of ReliabilityBin
        Lowest probability first.
    """

    rows: int
    positive_rate: float
    auc: float
    auc_sd: float | None
    average_precision: float
    brier: float
    lift_top_decile: float
    ece: float
    roc: tuple[Floats, Floats]
    deciles: tuple[GainDecile, ...]
    reliability: tuple[ReliabilityBin, ...]

    def figures(self) -> dict[str, float | None]:
        """The figures of merit by name, in the order they are reported."""
        return {
            "auc": self.auc,
            "auc_sd": self.auc_sd,
            "average_precision": self.average_precision,
            "lift_top_decile": self.lift_top_decile,
            "brier": self.brier,
            "ece": self.ece,
        }


def evaluate(label: Floats, out_of_fold: OutOfFold) -> Evaluation:
    """Evaluate out-of-fold predictions.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    out_of_fold : OutOfFold
        Predictions for some or all of the n rows.
    """
    aucs = [
        roc_auc_score(label[split.test], out_of_fold.margin[split.repeat, split.test])
        for split in out_of_fold.splits
    ]
    evaluated = ~np.isnan(out_of_fold.probability)
    outcome, probability = label[evaluated], out_of_fold.probability[evaluated]
    false_positive, true_positive, _ = roc_curve(outcome, probability)
    return Evaluation(
        rows=len(outcome),
        positive_rate=float(outcome.mean()),
        auc=float(np.mean(aucs)),
        auc_sd=float(np.std(aucs, ddof=1)) if len(aucs) > 1 else None,
        average_precision=float(average_precision_score(outcome, probability)),
        brier=float(brier_score_loss(outcome, probability)),
        lift_top_decile=top_decile_lift(outcome, probability),
        ece=expected_calibration_error(outcome, probability),
        roc=(false_positive, true_positive),
        deciles=_deciles(outcome, probability),
        reliability=_reliability(outcome, probability),
    )


def _shared_among_equals(label: Floats, probability: Floats) -> Floats:
    _, value, rows = np.unique(probability, return_inverse=True, return_counts=True)
    shared: Floats = (np.bincount(value, weights=label) / rows)[value]
    return shared


def _equal_mass(probability: Floats) -> list[np.ndarray]:
    return [
        rows for rows in np.array_split(np.argsort(probability, kind="stable"), BINS) if len(rows)
    ]


def _interval(positives: float, rows: int) -> tuple[float, float]:
    interval = binomtest(round(positives), rows).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def _deciles(label: Floats, probability: Floats) -> tuple[GainDecile, ...]:
    label = _shared_among_equals(label, probability)
    overall, total, positives_so_far = float(label.mean()), float(label.sum()), 0.0
    deciles = []
    for rows in reversed(_equal_mass(probability)):
        positives = float(label[rows].sum())
        positives_so_far += positives
        rate = positives / len(rows)
        low, high = _interval(positives, len(rows))
        deciles.append(
            GainDecile(
                rows=len(rows),
                positives=positives,
                rate=rate,
                low=low,
                high=high,
                lift=rate / overall,
                lift_low=low / overall,
                lift_high=high / overall,
                gain=positives_so_far / total,
            )
        )
    return tuple(deciles)


def _reliability(label: Floats, probability: Floats) -> tuple[ReliabilityBin, ...]:
    label = _shared_among_equals(label, probability)
    bins = []
    for rows in _equal_mass(probability):
        low, high = _interval(float(label[rows].sum()), len(rows))
        bins.append(
            ReliabilityBin(
                predicted=float(probability[rows].mean()),
                observed=float(label[rows].mean()),
                low=low,
                high=high,
            )
        )
    return tuple(bins)
