"""Evaluation: how good out-of-fold predictions are, in figures and in curves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_curve

from holdfast.arrays import Floats, Positions
from training.evaluation.assessment import CONFIDENCE, Estimate
from training.evaluation.metrics import expected_calibration_error
from training.evaluation.ranking import Codes
from training.evaluation.reliability import customer_correlation
from training.evaluation.signal import Signal, signal_of
from training.flat.crossval import OutOfFold
from training.flat.shares import effective_rows, wilson

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
        Share that left, with its 95 % Wilson interval; rows of one group count as their
        effective number.
    lift, lift_low, lift_high : float
        The same over the overall share.
    gain, gain_low, gain_high : float
        Share of all who left that this decile and those above it hold, with the same interval; those
        of one group who left are taken to be found together.
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
    gain_low: float
    gain_high: float


@dataclass(frozen=True, kw_only=True)
class ReliabilityBin:
    """A tenth of the evaluated customers by predicted probability, lowest first.

    Parameters
    ----------
    predicted : float
        Mean predicted probability.
    observed, low, high : float
        Share that left, with its 95 % Wilson interval; rows of one group count as their
        effective number.
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
    auc_low, auc_high : float
        95 % interval of `auc`, from how customers are ranked within their folds (LeDell, Petersen
        and van der Laan 2015); rows of one group count as one.
    average_precision, brier, log_loss : float
        Of the pooled out-of-fold probabilities (mean over repeats).
    lift_top_decile : float
        Share of positives in the riskiest tenth over the overall share: the lift of the first of
        `deciles`, which are whole rows, so that all figures of a page agree.
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
    auc_low: float
    auc_high: float
    average_precision: float
    brier: float
    log_loss: float
    lift_top_decile: float
    ece: float
    roc: tuple[Floats, Floats]
    deciles: tuple[GainDecile, ...]
    reliability: tuple[ReliabilityBin, ...]

    @property
    def signal(self) -> Signal:
        """Whether the table predicts the target at all."""
        top = self.deciles[0]
        return signal_of(
            [
                (
                    Estimate(self.auc, self.auc_low, self.auc_high),
                    Estimate(top.lift, top.lift_low, top.lift_high),
                )
            ]
        )

    @property
    def log_loss_of_constant(self) -> float:
        """Log loss of the same probability for everybody, the share of positives."""
        rate = self.positive_rate
        return float(-rate * np.log(rate) - (1 - rate) * np.log1p(-rate))

    def figures(self) -> dict[str, float | None]:
        """The figures of merit by name, in the order they are reported."""
        return {
            "auc": self.auc,
            "auc_sd": self.auc_sd,
            "auc_low": self.auc_low,
            "auc_high": self.auc_high,
            "average_precision": self.average_precision,
            "lift_top_decile": self.lift_top_decile,
            "lift_low": self.deciles[0].lift_low,
            "lift_high": self.deciles[0].lift_high,
            "brier": self.brier,
            "log_loss": self.log_loss,
            "ece": self.ece,
        }


def evaluate(
    label: Floats, out_of_fold: OutOfFold, group: NDArray[np.int64] | None = None
) -> Evaluation:
    """Evaluate out-of-fold predictions.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    out_of_fold : OutOfFold
        Predictions for some or all of the n rows.
    group : (n,) int64, optional
        Rows of one group depend on each other; by default each row is on its own.
    """
    aucs, auc_error = _cross_validated_auc(label, out_of_fold, group)
    auc = float(np.mean(aucs))
    reach = float(norm.ppf((1 + CONFIDENCE) / 2)) * auc_error
    evaluated = ~np.isnan(out_of_fold.probability)
    outcome, probability = label[evaluated], out_of_fold.probability[evaluated]
    false_positive, true_positive, _ = roc_curve(outcome, probability)
    alone = np.arange(len(outcome)) if group is None else group[evaluated]
    correlation = customer_correlation(outcome, probability, np.ones(len(outcome)), alone)
    deciles = _deciles(outcome, probability, alone, correlation)
    return Evaluation(
        rows=len(outcome),
        positive_rate=float(outcome.mean()),
        auc=auc,
        auc_sd=float(np.std(aucs, ddof=1)) if len(aucs) > 1 else None,
        auc_low=max(auc - reach, 0.0),
        auc_high=min(auc + reach, 1.0),
        average_precision=float(average_precision_score(outcome, probability)),
        brier=float(brier_score_loss(outcome, probability)),
        log_loss=float(log_loss(outcome, probability)),
        lift_top_decile=deciles[0].lift,
        ece=expected_calibration_error(outcome, probability),
        roc=(false_positive, true_positive),
        deciles=deciles,
        reliability=_reliability(outcome, probability, alone, correlation),
    )


def _cross_validated_auc(
    label: Floats, out_of_fold: OutOfFold, group: NDArray[np.int64] | None
) -> tuple[list[float], float]:
    """AUC of each fold, and the standard error of their mean from each row's influence on it."""
    aucs, influence = [], np.zeros(len(label))
    for split in out_of_fold.splits:
        margin, positive = out_of_fold.margin[split.repeat, split.test], label[split.test] == 1
        beaten = np.empty(len(margin))
        beaten[positive] = _share_below(margin[positive], margin[~positive])
        beaten[~positive] = 1 - _share_below(margin[~positive], margin[positive])
        auc = float(beaten[positive].mean())
        aucs.append(auc)
        kind_rows = np.where(positive, positive.sum(), (~positive).sum())
        influence[split.test] += (beaten - auc) / kind_rows / len(out_of_fold.splits)
    alone = np.arange(len(label)) if group is None else group
    by_group = np.bincount(alone, weights=influence)
    return aucs, float(np.sqrt((by_group**2).sum()))


def _share_below(values: Floats, others: Floats) -> Floats:
    """Share of others below each value; ties count half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left")
    upto = np.searchsorted(ordered, values, side="right")
    share: Floats = (below + upto) / 2 / len(ordered)
    return share


def _shared_among_equals(label: Floats, probability: Floats) -> Floats:
    _, value, rows = np.unique(probability, return_inverse=True, return_counts=True)
    shared: Floats = (np.bincount(value, weights=label) / rows)[value]
    return shared


def _equal_mass(probability: Floats) -> list[Positions]:
    return [
        rows for rows in np.array_split(np.argsort(probability, kind="stable"), BINS) if len(rows)
    ]


def _rate(
    label: Floats, rows: Positions, group: Codes, correlation: float
) -> tuple[float, float, float]:
    """Share of positives among some rows, and the ends of its interval."""
    rate = float(label[rows].mean())
    independent = effective_rows(np.ones(len(rows)), group[rows], correlation)
    return rate, *wilson(rate, independent, CONFIDENCE)


def _deciles(
    label: Floats, probability: Floats, group: Codes, correlation: float
) -> tuple[GainDecile, ...]:
    label = _shared_among_equals(label, probability)
    overall, total, positives_so_far = float(label.mean()), float(label.sum()), 0.0
    leavers = effective_rows(label, group, 1.0)
    deciles = []
    for rows in reversed(_equal_mass(probability)):
        positives = float(label[rows].sum())
        positives_so_far += positives
        rate, low, high = _rate(label, rows, group, correlation)
        gain = positives_so_far / total
        gain_low, gain_high = wilson(min(gain, 1.0), leavers, CONFIDENCE)
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
                gain=gain,
                gain_low=gain_low,
                gain_high=gain_high,
            )
        )
    return tuple(deciles)


def _reliability(
    label: Floats, probability: Floats, group: Codes, correlation: float
) -> tuple[ReliabilityBin, ...]:
    label = _shared_among_equals(label, probability)
    bins = []
    for rows in _equal_mass(probability):
        observed, low, high = _rate(label, rows, group, correlation)
        bins.append(
            ReliabilityBin(
                predicted=float(probability[rows].mean()),
                observed=observed,
                low=low,
                high=high,
            )
        )
    return tuple(bins)
