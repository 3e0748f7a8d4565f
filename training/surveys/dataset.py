"""Labelled rows of the three dissatisfaction targets, weighted to represent all eligible customers.

A dataset's rows are the answered invitations. Its facts hold how many were invited and answered,
how unequal the weights are, how similar answers and invitations are, and how far satisfaction itself
could change the figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.operator.repository import OperatorRepository
from holdfast.arrays import Floats, Positions, Texts, Times
from holdfast.errors import InputError
from holdfast.home import Home
from holdfast.zone import day_of
from models.dissatisfaction import SurveyTarget, is_silent
from training.labelling.care.balance import balance
from training.labelling.care.exposure import CareExposure, care_exposure
from training.labelling.care.weights import GREATEST_WEIGHT, exposure_counts
from training.labelling.cutoffs import start_of_test
from training.labelling.dataset import Dataset, columns_of, features_for
from training.labelling.history import RawHistory, utc
from training.labelling.population import SLICES
from training.settings import TrainingConfig
from training.surveys.eligible import eligible_rows
from training.surveys.facts import SurveyFacts, survey_facts
from training.surveys.labels import SurveyRows, survey_rows
from training.surveys.reminder import Reminder, predicted_by_columns, reminder_evidence
from training.surveys.reminder_rows import ReminderRows, reminder_rows
from training.surveys.response_model import Response, fit_response
from training.surveys.sensitivity import SampledBand, sampled_calibration
from training.surveys.weights import SurveyWeights, survey_weights

SILENT = "silent"
"""Slice for whether the customer was silent at the cut-off: ``yes`` or ``no``."""

WEIGHTS = (
    "answers represent all eligible customers, by the probability of being invited and by the "
    "estimated probability of answering"
)
"""The meaning of the weights."""


@dataclass(frozen=True, kw_only=True)
class SurveyDataset:
    """Answers as labelled rows, and all invitations behind them.

    Parameters
    ----------
    dataset : Dataset
        Answered rows, with combined weights; its `facts` hold the rest.
    invited : SurveyRows
        All n invited rows, ordered by cut-off, then id.
    matrix : (n, k) float64
        Their features.
    silent : (n,) bool
        Whether the customer was silent at the cut-off.
    response : Response
        The probability that each was answered.
    weights : SurveyWeights
        Weights of the answered rows.
    reminder : Reminder
        What a reminder drawn at random tells of the sensitivity band.
    facts : SurveyFacts
        Facts about the survey rows.
    config : TrainingConfig
        The configuration it was made with.
    """

    dataset: Dataset
    invited: SurveyRows
    matrix: Floats
    silent: NDArray[np.bool_]
    response: Response
    weights: SurveyWeights
    reminder: Reminder
    facts: SurveyFacts
    config: TrainingConfig

    def document(self, test: Positions, probability: Floats) -> dict[str, Any]:
        """The facts, and what its test rows tell of a model's probabilities, as JSON."""
        odds_ratio = self.config.surveys.odds_ratio
        return replace(
            self.facts, calibration=self.calibration(test, probability, odds_ratio)
        ).to_json()

    def calibration(self, rows: Positions, probability: Floats, odds_ratio: float) -> SampledBand:
        """Observed over expected among all who were invited, with its sensitivity band.

        Parameters
        ----------
        rows : (m,) intp
            Rows of the dataset to estimate it from, such as its test rows.
        probability : (m,) float64
            Their predicted probabilities.
        odds_ratio : float
            The largest plausible odds ratio of answering; at least 1.
        """
        label = next(iter(self.dataset.labels.values()))[rows]
        design, response = self.weights.design[rows], self.weights.response[rows]
        customers = self.dataset.customers[rows]
        return sampled_calibration(
            label,
            probability,
            design,
            response,
            customers,
            odds_ratio,
            self.config.assessment,
            self.config.fitting.seed,
            self.reminder.odds_ratios,
        )


def survey_dataset(
    home: Home,
    target: SurveyTarget,
    config: TrainingConfig,
    *,
    until: datetime,
    cutoffs: Sequence[datetime] | None = None,
    test_from: datetime | None = None,
) -> SurveyDataset:
    """Rows that were invited to a survey; answered ones are labelled and weighted.

    Rows that care touched between the cut-off and the invitation are left out, see
    `training.labelling.care.exposure`.

    Parameters
    ----------
    home : Home
        Holds raw tables and features.
    target : SurveyTarget
        What counts as dissatisfied.
    config : TrainingConfig
        Its `labels` give gap, cut-offs and test period; its `surveys` say how long answers are
        waited for, and how they are weighted; its `assessment` and seed, how customers are resampled.
    until : datetime
        Leave out rows that arrived later: usually the time now.
    cutoffs : sequence of datetime, optional
        Mondays with stored features; default: by the settings, counted back from the newest whose
        answers have arrived. Not for contacts: their cut-off is their close.
    test_from : datetime, optional
        Start of the test period: the response model is fitted on what was known before. Default: as
        `training.labelling.periods.period_split`.

    Raises
    ------
    InputError
        A table is absent, a cut-off has no stored features or its answers have not arrived, or no
        invitation was answered.
    """
    settings, surveys = config.labels, config.surveys
    history, repository = RawHistory(home.raw, until), OperatorRepository(home)
    eligible = eligible_rows(history, repository, target, settings, surveys, cutoffs)
    everybody = survey_rows(history, target, eligible.keys, settings.gap_days, surveys)
    start_of_test(everybody.cutoffs, settings, test_from, repository.zone)
    people = _of_rows(eligible.people, everybody)
    # Care after the invitation is not counted: the answer was prompted by then.
    exposure = care_exposure(
        history,
        people.with_columns(label_end=_times(everybody.invited_at)),
        {target.horizon_days: pl.col("label_end")},
    )
    columns = columns_of(target.service, repository.catalogue)
    matrix = features_for(repository, target.service, everybody.ids.tolist(), everybody.cutoffs)
    has_features = ~np.isnan(matrix).all(axis=1)
    kept = np.flatnonzero(~exposure.touched & has_features)
    invited, people, matrix = everybody.rows(kept), people[kept], matrix[kept]
    excluded = eligible.excluded | everybody.excluded
    excluded |= {
        "care": int(exposure.touched.sum()),
        "no_history": int((~exposure.touched & ~has_features).sum()),
    }
    if not invited.answered.any():
        raise InputError(
            "raw tables", f"must have answers for {target.name}; there are none", excluded
        )
    return _weighted(
        target,
        _Rows(
            history,
            repository.zone,
            invited,
            people,
            matrix,
            columns,
            exposure,
            kept,
            excluded,
        ),
        config,
        test_from,
    )


@dataclass(frozen=True)
class _Rows:
    """Invited rows, their customers, features and care exposure."""

    history: RawHistory
    zone: tzinfo
    invited: SurveyRows
    people: pl.DataFrame
    matrix: Floats
    columns: tuple[str, ...]
    exposure: CareExposure
    kept: Positions
    excluded: dict[str, int]


def _weighted(
    target: SurveyTarget,
    rows: _Rows,
    config: TrainingConfig,
    test_from: datetime | None,
) -> SurveyDataset:
    settings, surveys = config.labels, config.surveys
    invited, matrix, answered = rows.invited, rows.matrix, rows.invited.answered
    features = rows.columns
    silent = is_silent(matrix[:, features.index("days_since_answer")])
    slices = {name: rows.people[name].to_numpy().astype(np.str_) for name in SLICES}
    slices[SILENT] = np.where(silent, "yes", "no")
    observed, names = _observed(matrix, features, invited, slices)
    response = fit_response(
        observed,
        names,
        answered,
        invited.customers,
        invited.invitation_ids,
        invited.label_ends,
        fitted_until=utc(start_of_test(invited.cutoffs[answered], settings, test_from)),
        settings=surveys,
        seed=config.fitting.seed,
    )
    # Randomised care is corrected for like the sampling of invitations: both probabilities are
    # known by design.
    (exposed,) = rows.exposure.horizons.values()
    drawn = exposed.control_weight[rows.kept]
    design = np.minimum(drawn, GREATEST_WEIGHT) / invited.sampling_probability
    answer = np.unique(invited.invitation_ids[answered], return_inverse=True)[1].astype(np.int64)
    weights = survey_weights(design[answered], response.probability[answered], surveys, answer)
    balances = balance(observed, names, answered, design, weights.combined)
    reminders = reminder_rows(rows.history, target, invited.customers, surveys)
    reminder = reminder_evidence(
        reminders,
        _before_the_draw(reminders, invited, observed, names),
        predicted_by_columns(reminders, invited, weights),
        config,
    )
    facts = survey_facts(target, invited, silent, weights, response, balances, reminder, config)
    chosen = np.flatnonzero(answered)
    dataset = Dataset(
        target=target.name,
        service=target.service,
        features=features,
        ids=invited.ids[chosen],
        customers=invited.customers[chosen],
        cutoffs=invited.cutoffs[chosen],
        label_ends=invited.label_ends[chosen],
        complete=np.ones(len(chosen), dtype=np.bool_),
        matrix=matrix[chosen],
        labels={target.horizon_days: invited.label[chosen]},
        weight=weights.combined,
        slices={name: values[chosen] for name, values in slices.items()},
        holdout=rows.exposure.holdout[rows.kept][chosen],
        excluded={reason: count for reason, count in rows.excluded.items() if count},
        zone=rows.zone,
        facts={
            "gap_days": facts.gap_days,
            "weights": WEIGHTS,
            "settings": settings.model_dump() | surveys.model_dump(),
            "cutoffs": _days(target, invited.cutoffs, rows.zone),
            "data_end": rows.history.end.isoformat(),
            "care": {str(target.horizon_days): exposure_counts(exposed, drawn)}
            if rows.exposure.is_any
            else {},
            "survey": facts.to_json(),
        },
    )
    return SurveyDataset(
        dataset=dataset,
        invited=invited,
        matrix=matrix,
        silent=silent,
        response=response,
        weights=weights,
        reminder=reminder,
        facts=facts,
        config=config,
    )


def _before_the_draw(
    reminders: ReminderRows, invited: SurveyRows, observed: Floats, names: tuple[str, ...]
) -> dict[str, Floats]:
    """Columns observed of invitations for which a reminder was drawn or not; NaN where they are no
    row of the dataset.
    """
    columns = np.full((len(reminders), len(names)), np.nan)
    ids, first = np.unique(invited.invitation_ids, return_index=True)
    _, here, there = np.intersect1d(reminders.invitation_ids, ids, return_indices=True)
    columns[here] = observed[first[there]]
    return dict(zip(names, columns.T, strict=True))


def _of_rows(people: pl.DataFrame, rows: SurveyRows) -> pl.DataFrame:
    keys = pl.DataFrame(
        {"id": pl.Series(rows.ids, dtype=pl.String), "cutoff": _times(rows.cutoffs)}
    )
    return keys.join(people, on=["id", "cutoff"], how="left", maintain_order="left")


def _times(times: Times) -> pl.Series:
    return pl.Series(times).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _observed(
    matrix: Floats, features: tuple[str, ...], invited: SurveyRows, slices: dict[str, Texts]
) -> tuple[Floats, tuple[str, ...]]:
    """Columns observed of invited rows: features, slices and how the invitation was sent."""
    texts = {name: values for name, values in slices.items() if name != SILENT}
    texts |= {"invitation_channel": invited.channel, "invitation_touchpoint": invited.touchpoint}
    codes = [
        np.unique(values, return_inverse=True)[1].astype(np.float64) for values in texts.values()
    ]
    observed = np.column_stack([matrix, *codes, invited.sampling_probability])
    return observed, (*features, *texts, "sampling_probability")


def _days(target: SurveyTarget, cutoffs: Times, zone: tzinfo) -> list[str]:
    days = sorted({str(day_of(utc(at), zone)) for at in np.unique(cutoffs)})
    return days if target.entity == "customer" else [days[0], days[-1]]
