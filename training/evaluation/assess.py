"""Assess: all figures of one horizon's predictions on its test period, computed on the same
resampled customers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats, Texts, Times
from holdfast.errors import InputError
from training.counting import customers_with, fewest_of_a_class
from training.evaluation.assessment import (
    ANSWER_RANKINGS,
    ANSWERED,
    INVITED,
    AnswerRanking,
    Assessment,
    BaselineComparison,
    CalibrationFigures,
    Decile,
    Estimate,
    Month,
    Slice,
)
from training.evaluation.bootstrap import Figures, estimate, resample
from training.evaluation.metrics import METRICS, Evaluator
from training.evaluation.ranking import Codes, Ranking, auc
from training.evaluation.reliability import Deciles, Slope, customer_correlation
from training.evaluation.slices import SliceColumn
from training.settings import AssessmentSettings

EVERYBODY = "all"
"""Name of the calibration of all rows, beside those of the strata."""

SLICE_METRICS = ("auc", "log_loss", "observed_over_expected")
"""Figures of a slice and of a month."""

MONTH = np.timedelta64(28, "D")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Predictions of one horizon model for the test rows, the outcomes, and the columns by which
    figures are shown.

    Parameters
    ----------
    horizon_days : int or None
        Horizon of the model.
    label : (n,) float64
        0 or 1, both present.
    probability : (n,) float64
        0 to 1, no NaN.
    weight : (n,) float64
        Positive.
    customer : (n,) int64
        Codes; rows of one customer are resampled together.
    strata : (n,) str
        Stratum of each row; all the same where there are none.
    slices : dict of str to (n,) str
        Values by column.
    cutoffs : (n,) datetime64
        Cut-off of each prediction.
    trained_until : datetime64 or None
        Last cut-off of the training rows; None where figures by month are not wanted.
    holdout : (n,) bool
        Rows of households that are never sent an offer.
    baselines : dict of str to (n,) float64
        Probabilities of the baselines: ``constant``, ``logistic``, ``champion``.
    capacity : float or None
        Share of the rows that care can look after; the setting where None.
    are_answers : bool
        The rows are survey answers, weighted to represent all who were invited: how well they are
        ranked without weights is evaluated, too.
    """

    horizon_days: int | None
    label: Floats
    probability: Floats
    weight: Floats
    customer: Codes
    strata: Texts
    slices: dict[str, Texts]
    cutoffs: Times
    trained_until: np.datetime64 | None
    holdout: NDArray[np.bool_]
    baselines: dict[str, Floats] = field(default_factory=dict)
    capacity: float | None = None
    are_answers: bool = False


def assess(predictions: Predictions, settings: AssessmentSettings, seed: int) -> Assessment:
    """Evaluate predictions, with intervals that resample customers.

    A figure that these rows do not determine (an AUC without positives, the slope of a constant) is
    left out of its dictionary, and so is a stratum whose calibration they do not determine.

    Parameters
    ----------
    predictions : Predictions
        Predictions and outcomes.
    settings : AssessmentSettings
        Draws, care's capacity and tolerances.
    seed : int
        Of the draws.

    Raises
    ------
    InputError
        Rows lack a class, a probability or weight is out of range, or an array is of another
        length.
    """
    _check(predictions)
    if predictions.capacity is not None:
        settings = settings.model_copy(update={"care_capacity_share": predictions.capacity})
    prepared = _PreparedRows(predictions, settings)
    figures = resample(
        prepared.customers,
        settings.draws,
        seed,
        prepared.figures,
        prepared.size,
        "Resampling customers",
    )
    return prepared.assessment(figures)


def has_strata(assessment: Assessment) -> bool:
    """Whether rows were evaluated by stratum too, as those of a model with strata are."""
    return bool(assessment.strata.keys() - {EVERYBODY})


class _PreparedRows:
    """The rows of all figures, sorted and grouped once for all weightings of the customers."""

    def __init__(self, predictions: Predictions, settings: AssessmentSettings) -> None:
        self.predictions, self.settings = predictions, settings
        names, self.customer = np.unique(predictions.customer, return_inverse=True)
        self.customers = len(names)
        everyone = np.ones(len(predictions.label), dtype=bool)
        self.evaluator = self._evaluator(predictions.probability, everyone)
        self.answers = (
            Ranking(
                predictions.label,
                predictions.probability,
                np.ones(len(predictions.label)),
                self.customer,
                self.customers,
            )
            if predictions.are_answers
            else None
        )
        self.baselines = {
            name: self._evaluator(probability, everyone)
            for name, probability in predictions.baselines.items()
        }
        enough = self._fewest_of_a_class(predictions.holdout) >= settings.fewest_positives
        self.holdout = (
            self._evaluator(predictions.probability, predictions.holdout) if enough else None
        )
        named = {str(name): predictions.strata == name for name in np.unique(predictions.strata)}
        self.strata = {
            name: _Stratum(self, rows)
            for name, rows in ({**named, EVERYBODY: everyone}).items()
            if self._fewest_of_a_class(rows)
        }
        self.slices = {
            name: self._column(values, predictions.baselines)
            for name, values in predictions.slices.items()
        }
        self.decay = None
        if predictions.trained_until is not None:
            months = np.floor((predictions.cutoffs - predictions.trained_until) / MONTH).astype(
                np.int64
            )
            self.decay = self._column(months.astype(np.str_))
        self.size = max(evaluator.size for evaluator in (self.evaluator, *self.baselines.values()))

    def rows(
        self, probability: Floats, chosen: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, Floats, Codes, int]:
        """Arguments with which figures of some of the rows are prepared."""
        p = self.predictions
        return (
            p.label[chosen],
            probability[chosen],
            p.weight[chosen],
            self.customer[chosen],
            self.customers,
        )

    def figures(self, counts: Floats) -> Figures:
        """All figures of some weightings, by their place in the assessment."""
        figures = _within("all", self.evaluator.figures(counts, self.settings))
        for name, evaluator in self.baselines.items():
            figures |= _within(f"baselines/{name}", evaluator.figures(counts, self.settings))
        if self.answers is not None:
            figures[f"answers/{ANSWERED}"] = auc(self.answers.masses(counts))
            figures[f"answers/{INVITED}"] = figures["all/auc"]
        if self.holdout is not None:
            figures |= _within("holdout", self.holdout.figures(counts, self.settings))
        for name, stratum in self.strata.items():
            figures |= _within(f"strata/{name}", stratum.figures(counts))
        masses = self.evaluator.ranking.masses(counts)
        for name, column in self.slices.items():
            figures |= _within(f"slices/{name}", column.figures(counts, masses))
        if self.decay is not None:
            figures |= _within("decay", self.decay.figures(counts, masses))
        return figures

    def assessment(self, figures: Figures) -> Assessment:
        """The assessment that the figures of all weightings make."""
        predictions = self.predictions
        return Assessment(
            horizon_days=predictions.horizon_days,
            rows=len(predictions.label),
            customers=self.customers,
            positives=int(predictions.label.sum()),
            positive_customers=customers_with(predictions.label > 0, self.customer),
            metrics=self._estimates(figures, "all", METRICS),
            baselines={
                name: self._baseline(figures, f"baselines/{name}") for name in self.baselines
            },
            strata={
                name: calibration
                for name, stratum in self.strata.items()
                if (calibration := stratum.calibration(figures, f"strata/{name}")) is not None
            },
            slices={
                name: self._slices(figures, f"slices/{name}", column)
                for name, column in self.slices.items()
            },
            decay=() if self.decay is None else self._months(figures, self.decay),
            holdout=None if self.holdout is None else self._estimates(figures, "holdout", METRICS),
            answers=None if self.answers is None else self._answer_rankings(figures),
        )

    def _evaluator(self, probability: Floats, chosen: NDArray[np.bool_]) -> Evaluator:
        return Evaluator(*self.rows(probability, chosen))

    def _column(self, values: Texts, baselines: Mapping[str, Floats] | None = None) -> SliceColumn:
        every = np.ones(len(values), dtype=bool)
        return SliceColumn(
            values,
            *self.rows(self.predictions.probability, every),
            self.evaluator.ranking,
            baselines or {},
        )

    def _fewest_of_a_class(self, chosen: NDArray[np.bool_]) -> int:
        """Customers with a positive among some rows, or with a negative, whichever are fewer."""
        return fewest_of_a_class(self.predictions.label[chosen], self.customer[chosen])

    def _estimates(
        self, figures: Figures, place: str, names: Iterable[str], number: int | None = None
    ) -> dict[str, Estimate]:
        estimates = {}
        for name in names:
            values = figures[f"{place}/{name}"]
            distance = place != "difference" and name in METRICS and METRICS[name].distance
            figure = estimate(values if number is None else values[:, number], distance=distance)
            if figure is not None:
                estimates[name] = figure
        return estimates

    def _baseline(self, figures: Figures, place: str) -> BaselineComparison:
        differences = {
            f"difference/{name}": figures[f"all/{name}"] - figures[f"{place}/{name}"]
            for name in METRICS
        }
        return BaselineComparison(
            metrics=self._estimates(figures, place, METRICS),
            difference=self._estimates(differences, "difference", METRICS),
        )

    def _answer_rankings(self, figures: Figures) -> dict[str, AnswerRanking]:
        aucs = self._estimates(figures, "answers", ANSWER_RANKINGS)
        return {
            name: AnswerRanking(auc=figure, about=ANSWER_RANKINGS[name])
            for name, figure in aucs.items()
        }

    def _slices(self, figures: Figures, place: str, column: SliceColumn) -> dict[str, Slice]:
        slices = {}
        for number, name in enumerate(column.names):
            gap = None
            if column.comparable(number, self.settings.fewest_positives):
                gap = self._estimates(figures, place, ["gap"], number).get("gap")
            slices[name] = Slice(
                rows=int(column.rows[number]),
                positives=int(column.positives[number]),
                positive_customers=column.positive_customers[number],
                metrics=self._estimates(figures, place, SLICE_METRICS, number),
                gap=gap,
                flagged=gap is not None and gap.high < -self.settings.slice_tolerance,
                difference=self._estimates(figures, f"{place}/difference", self.baselines, number),
            )
        return slices

    def _months(self, figures: Figures, column: SliceColumn) -> tuple[Month, ...]:
        months = (
            Month(
                months_after=int(name),
                rows=int(column.rows[number]),
                positives=int(column.positives[number]),
                metrics=self._estimates(figures, "decay", SLICE_METRICS, number),
            )
            for number, name in enumerate(column.names)
        )
        return tuple(sorted(months, key=lambda month: month.months_after))


class _Stratum:
    """Calibration of the rows of one stratum."""

    def __init__(self, prepared: _PreparedRows, chosen: NDArray[np.bool_]) -> None:
        rows = prepared.rows(prepared.predictions.probability, chosen)
        self.count, self.positives = int(chosen.sum()), int(rows[0].sum())
        self.positive_customers = customers_with(rows[0] > 0, rows[3])
        self.slope, self.deciles = Slope(*rows), Deciles(*rows)
        correlation = customer_correlation(*rows[:4])
        self.predicted = self.deciles.predicted(np.ones((prepared.customers, 1)))[:, 0]
        self.bounds = self.deciles.joint_bounds(correlation)
        self.effective_rows = self.deciles.effective_rows(correlation)

    def figures(self, counts: Floats) -> Figures:
        return {
            "slope": self.slope.of(counts),
            "observed_over_expected": self.deciles.observed_over_expected(counts),
            "observed": self.deciles.observed(counts),
        }

    def calibration(self, figures: Figures, place: str) -> CalibrationFigures | None:
        slope, ratio = (
            estimate(figures[f"{place}/{name}"]) for name in ("slope", "observed_over_expected")
        )
        observed = [estimate(values) for values in figures[f"{place}/observed"].T]
        if slope is None or ratio is None or None in observed:
            return None
        return CalibrationFigures(
            rows=self.count,
            positives=self.positives,
            positive_customers=self.positive_customers,
            slope=slope,
            observed_over_expected=ratio,
            deciles=tuple(
                Decile(
                    rows=round(float(self.deciles.rows[number])),
                    predicted=float(self.predicted[number]),
                    observed=share.value,
                    low=share.low,
                    high=share.high,
                    joint_low=float(self.bounds[0][number]),
                    joint_high=float(self.bounds[1][number]),
                    effective_rows=float(self.effective_rows[number]),
                )
                for number, share in enumerate(observed)
                if share is not None
            ),
        )


def _within(place: str, figures: Figures) -> Figures:
    return {f"{place}/{name}": values for name, values in figures.items()}


def _check(predictions: Predictions) -> None:
    rows = len(predictions.label)
    probabilities = {
        "probability": predictions.probability,
        **{f"baselines.{name}": p for name, p in predictions.baselines.items()},
    }
    others = {
        "weight": len(predictions.weight),
        "customer": len(predictions.customer),
        "strata": len(predictions.strata),
        "cutoffs": len(predictions.cutoffs),
        "holdout": len(predictions.holdout),
        **{f"slices.{name}": len(values) for name, values in predictions.slices.items()},
    }
    for name, length in (
        {name: len(values) for name, values in probabilities.items()} | others
    ).items():
        if length != rows:
            raise InputError(name, f"must be as long as label, {rows}", length)
    for name, values in probabilities.items():
        if wrong := values[~((values >= 0) & (values <= 1))].tolist():
            raise InputError(name, "must be in 0 to 1", wrong[0])
    weight, label = predictions.weight, predictions.label
    if wrong := weight[~(np.isfinite(weight) & (weight > 0))].tolist():
        raise InputError("weight", "must be finite and above 0", wrong[0])
    if wrong := label[(label != 0) & (label != 1)].tolist():
        raise InputError("label", "must be 0 or 1", wrong[0])
    if not 0 < label.sum() < rows:
        raise InputError(
            "label",
            "both classes are needed to evaluate predictions",
            f"{int(label.sum())} of {rows}",
        )
    if predictions.capacity is not None and not 0 < predictions.capacity < 1:
        raise InputError("capacity", "must be a share between 0 and 1", predictions.capacity)
