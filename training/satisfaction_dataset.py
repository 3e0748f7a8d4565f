"""Labelled rows of the three dissatisfaction targets, weighted so that those who answered stand for all who could be asked.

A dataset's rows are the invitations that were answered. Beside them stand the facts: how many were asked and answered, how
unequal the weights are, how alike answers and invitations look, and how far satisfaction itself could move the figures.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.contracts import ARRIVED, HAPPENED
from features.fields import SERVICES
from features.operator_repository import OperatorRepository
from holdfast.errors import InputError
from holdfast.logging import progress
from holdfast.settings import Home
from models.dissatisfaction import TARGETS, SensitivityBand, SurveyTarget, prevalence_band, silent
from training.care_marks import care_marks
from training.dataset import Dataset, Texts, Times, columns_of, features_for
from training.known import RawHistory, utc
from training.population import SLICES, customers_present
from training.response import Response, fit_response
from training.settings import LabelSettings, TrainingSettings
from training.split import Floats
from training.survey_labels import Asked, SurveyRows, survey_rows
from training.survey_settings import SurveySettings
from training.survey_weights import BALANCED, Balance, SurveyWeights, WeightDiagnostics, balance, survey_weights

SILENT = "silent"
"""Slice that tells whether the customer was silent at the cut-off: ``yes`` or ``no``."""

WORST_COLUMNS = 10
"""Columns of the balance that the facts tell of."""

_WEEK = timedelta(weeks=1)
_UTC_TIME = pl.Datetime("us", "UTC")
_PLACED = ("customer_id", "household", *SLICES)


@dataclass(frozen=True, kw_only=True)
class GroupFacts:
    """Surveys of some of those who were invited.

    Parameters
    ----------
    invited, answered, dissatisfied : int
        Rows.
    prevalence_of_answers : float or None
        Share of dissatisfied among the answers; None where there are none.
    prevalence : SensitivityBand or None
        Estimated share among all who were invited, and its band.
    """

    invited: int
    answered: int
    dissatisfied: int
    prevalence_of_answers: float | None
    prevalence: SensitivityBand | None


@dataclass(frozen=True, kw_only=True)
class SurveyFacts:
    """What is to be known of the answers that a model is made of.

    Parameters
    ----------
    target : str
        What is predicted.
    gap_days, horizon_days, answer_days : int
        Days left out, days in which the survey is sent, and days that answers are waited for.
    groups : dict of str to GroupFacts
        Of ``all``, and of the ``silent`` and those ``heard`` in the 182 days before.
    prevalence_by_design : float
        Share of dissatisfied among the answers by design weights alone.
    delivered_share : float
        Of the invitations.
    weights : WeightDiagnostics
        How unequal the combined weights are.
    response : dict of str to JSON
        How the probability of answering was learned.
    unbalanced_before, unbalanced_after : int
        Columns in which answers and invitations differ by more than `BALANCED` standard deviations, by design weights alone and
        by combined weights.
    balance : tuple of Balance
        The columns farthest apart before weighting.
    """

    target: str
    gap_days: int
    horizon_days: int
    answer_days: int
    groups: dict[str, GroupFacts]
    prevalence_by_design: float
    delivered_share: float
    weights: WeightDiagnostics
    response: dict[str, Any]
    unbalanced_before: int
    unbalanced_after: int
    balance: tuple[Balance, ...]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class SurveyDataset:
    """Answers as labelled rows, and all invitations behind them.

    Parameters
    ----------
    dataset : Dataset
        Rows that answered, with combined weights; its `facts` hold the rest.
    invited : SurveyRows
        All n invited rows, in order of cut-off and id.
    matrix : (n, k) float64
        Their features.
    silent : (n,) bool
        Who was silent at the cut-off.
    response : Response
        How likely each was to answer.
    weights : SurveyWeights
        Weights of the rows that answered.
    facts : SurveyFacts
        What is to be known of it.
    """

    dataset: Dataset
    invited: SurveyRows
    matrix: Floats
    silent: NDArray[np.bool_]
    response: Response
    weights: SurveyWeights
    facts: SurveyFacts


def csat_low_dataset(
    home: Home,
    settings: LabelSettings | None = None,
    *,
    surveys: SurveySettings | None = None,
    cutoffs: Sequence[datetime] | None = None,
    until: datetime | None = None,
) -> Dataset:
    """Customers and whether they answered the next relationship survey with 2 or less of 5; see `survey_dataset`."""
    return survey_dataset(home, TARGETS["csat_low"], settings, surveys=surveys, cutoffs=cutoffs, until=until).dataset


def nps_detractor_dataset(
    home: Home,
    settings: LabelSettings | None = None,
    *,
    surveys: SurveySettings | None = None,
    cutoffs: Sequence[datetime] | None = None,
    until: datetime | None = None,
) -> Dataset:
    """Customers and whether they said 0 to 6 of 10 when asked to recommend us; see `survey_dataset`."""
    return survey_dataset(home, TARGETS["nps_detractor"], settings, surveys=surveys, cutoffs=cutoffs, until=until).dataset


def contact_csat_low_dataset(
    home: Home,
    settings: LabelSettings | None = None,
    *,
    surveys: SurveySettings | None = None,
    until: datetime | None = None,
) -> Dataset:
    """Contacts and whether a survey about them was answered with 2 or less of 5; see `survey_dataset`."""
    return survey_dataset(home, TARGETS["contact_csat_low"], settings, surveys=surveys, until=until).dataset


def survey_dataset(
    home: Home,
    target: SurveyTarget,
    settings: LabelSettings | None = None,
    *,
    surveys: SurveySettings | None = None,
    cutoffs: Sequence[datetime] | None = None,
    until: datetime | None = None,
    test_from: datetime | None = None,
) -> SurveyDataset:
    """Rows that were asked how satisfied they are, those that answered labelled and weighted.

    Parameters
    ----------
    home : Home
        Where raw tables and features lie.
    target : SurveyTarget
        What counts as dissatisfied.
    settings : LabelSettings, optional
        Gap, cut-offs and test period; default: the ones in force.
    surveys : SurveySettings, optional
        How answers are waited for and weighted; default: the ones in force.
    cutoffs : sequence of datetime, optional
        Mondays that history is kept of; default: as the settings say, counted back from the newest whose answers are in. Not for
        contacts: their cut-off is their close.
    until : datetime, optional
        Look no further than this, as if it were now.
    test_from : datetime, optional
        When the test period begins: who answers is learned from what was known before. Default: as `training.split.period_split`.

    Raises
    ------
    InputError
        A table is absent, a cut-off has no history or its answers are not in, or nobody answered.
    """
    settings = settings or LabelSettings.read()
    surveys = surveys or SurveySettings.read()
    history = RawHistory(home.raw, until)
    repository = OperatorRepository(home)
    if target.entity == "customer":
        found = _customers_asked(history, repository, target, settings, surveys, cutoffs)
    elif cutoffs is None:
        found = _contacts_asked(history, target, settings, surveys)
    else:
        raise InputError("cutoffs", f"must not be given for {target.name}: a contact's cut-off is its close")
    return _assemble(history, repository, target, found, settings, surveys, test_from)


@dataclass(frozen=True)
class _Found:
    """Invited rows and whom they are about, row by row."""

    invited: SurveyRows
    people: pl.DataFrame
    excluded: dict[str, int]


def _customers_asked(
    history: RawHistory,
    repository: OperatorRepository,
    target: SurveyTarget,
    settings: LabelSettings,
    surveys: SurveySettings,
    asked: Sequence[datetime] | None,
) -> _Found:
    view = SERVICES[target.service][0]
    chosen = survey_cutoffs(repository.history_mondays(view), history.end, target, settings, surveys, asked)
    excluded: dict[str, int] = {}
    parts = []
    with progress("Finding who could be asked", len(chosen)) as advance:
        for at in chosen:
            population = customers_present(history, at, repository.ids_at(view, at))
            _add(excluded, population.excluded)
            parts.append(population.rows.select(_PLACED).with_columns(cutoff=pl.lit(at, _UTC_TIME)))
            advance(1)
    people = pl.concat(parts)
    return _invited(history, target, people.with_columns(id="customer_id"), settings, surveys, excluded)


def _contacts_asked(history: RawHistory, target: SurveyTarget, settings: LabelSettings, surveys: SurveySettings) -> _Found:
    """Contacts at their close, as the first version to arrive told it: so features know them."""
    history.require("interactions", f"{target.name} is about contacts")
    contacts = (
        history.rows("interactions", ["customer_id"])
        .sort(ARRIVED)
        .unique("interaction_id", keep="first", maintain_order=True)
        .select(pl.col("interaction_id").alias("id"), "customer_id", pl.col(HAPPENED).alias("cutoff"))
        .with_columns(monday=pl.col("cutoff").dt.truncate("1w"))
        .sort("cutoff", "id")
        .collect()
    )
    parts = []
    weeks = contacts.partition_by("monday", as_dict=True, maintain_order=True)
    with progress("Finding whose contacts they were", len(weeks)) as advance:
        for (monday,), of_week in weeks.items():
            people = customers_present(history, monday).rows.select(_PLACED)
            parts.append(of_week.drop("monday").join(people, on="customer_id", how="inner", maintain_order="left"))
            advance(1)
    people = pl.concat(parts) if parts else contacts.drop("monday").clear()
    return _invited(history, target, people, settings, surveys, {"not_at_risk": len(contacts) - len(people)})


def _invited(
    history: RawHistory,
    target: SurveyTarget,
    people: pl.DataFrame,
    settings: LabelSettings,
    surveys: SurveySettings,
    excluded: dict[str, int],
) -> _Found:
    people = people.sort("cutoff", "id")
    asked = Asked(ids=_texts(people, "id"), customers=_texts(people, "customer_id"), cutoffs=_times(people, "cutoff"))
    invited = survey_rows(history, target, asked, settings.gap_days, surveys)
    if not invited.answered.any():
        counts = {**excluded, **invited.excluded, "invited": len(invited)}
        raise InputError("raw tables", f"must have answers that tell {target.name}; there are none", counts)
    keys = pl.DataFrame({"id": invited.ids, "cutoff": invited.cutoffs}).with_columns(
        pl.col("cutoff").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )
    _add(excluded, invited.excluded)
    return _Found(invited, keys.join(people, on=["id", "cutoff"], how="left", maintain_order="left"), excluded)


def survey_cutoffs(
    mondays: Times,
    end: datetime,
    target: SurveyTarget,
    settings: LabelSettings,
    surveys: SurveySettings,
    asked: Sequence[datetime] | None = None,
) -> list[datetime]:
    """Cut-offs to take customers at, oldest first: counted back from the newest Monday whose answers are in.

    Parameters
    ----------
    mondays : (m,) datetime64[us]
        Mondays that history is kept of, UTC.
    end : datetime
        The data's end.
    target, settings, surveys
        How long a label takes.
    asked : sequence of datetime, optional
        Take these instead.

    Raises
    ------
    InputError
        No Monday's answers are in, or one that was asked for has no history or its answers are not in.
    """
    known = [utc(monday) for monday in np.sort(mondays)]
    span = timedelta(days=(settings.gap_days if target.has_gap else 0) + target.horizon_days + surveys.answer_days)
    usable = [monday for monday in known if monday + span <= end]
    if asked is not None:
        for at in asked:
            if at not in known:
                raise InputError("cutoffs", "must be Mondays that history is kept of", at.isoformat())
            if at not in usable:
                raise InputError("cutoffs", f"must not lie after {end - span:%Y-%m-%d}, for answers to be in", at.isoformat())
        return sorted(asked)
    if not usable:
        has = max(0, (end - known[0]).days) if known else 0
        raise InputError(
            "raw tables", f"must reach {span.days} days beyond the first Monday that history is kept of", f"{has} days"
        )
    step = timedelta(weeks=settings.cutoff_every_weeks)
    return [monday for monday in usable if (usable[-1] - monday) % step == timedelta(0)]


def _assemble(
    history: RawHistory,
    repository: OperatorRepository,
    target: SurveyTarget,
    found: _Found,
    settings: LabelSettings,
    surveys: SurveySettings,
    test_from: datetime | None,
) -> SurveyDataset:
    invited, people = found.invited, found.people
    # What was done after the invitation cannot have moved the answer.
    marks = care_marks(
        history, people.with_columns(label_end=pl.Series(invited.invited_at).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    )
    matrix = features_for(repository, target.service, invited.ids.tolist(), invited.cutoffs)
    told = ~np.isnan(matrix).all(axis=1)
    kept = np.flatnonzero(~marks.touched & told)
    excluded = found.excluded | {"care": int(marks.touched.sum()), "no_history": int((~marks.touched & ~told).sum())}
    excluded = {reason: count for reason, count in excluded.items() if count}
    invited, people, matrix = invited.rows(kept), people[kept], matrix[kept]
    care, holdout = marks.weight[kept], marks.holdout[kept]
    answered = invited.answered
    if not answered.any():
        raise InputError("raw tables", f"must have answers that tell {target.name}; all are left out", excluded)
    features = columns_of(target.service)
    quiet = silent(matrix[:, features.index("days_since_answer")])
    slices = {name: _texts(people, name) for name in SLICES} | {SILENT: np.where(quiet, "yes", "no")}
    unweighted = _dataset(target, features, invited, matrix, slices, holdout, excluded).rows(np.flatnonzero(answered))
    seen, seen_names = _seen(matrix, features, invited, slices)
    response = fit_response(
        seen,
        seen_names,
        answered,
        invited.customers,
        invited.label_ends,
        fitted_until=test_from or _test_start(unweighted.cutoffs, settings),
        settings=surveys,
        seed=TrainingSettings.read().seed,
    )
    # Care that was drawn at random is undone like the drawing of invitations: both are known by design.
    drawn = invited.sampling_probability / care
    weights = survey_weights(drawn[answered], response.probability[answered], surveys)
    balances = balance(seen, seen_names, answered, drawn, weights)
    facts = _facts(target, invited, quiet, weights, response, balances, settings, surveys)
    dataset = replace(
        unweighted,
        weight=weights.combined,
        facts={
            "settings": settings.model_dump() | surveys.model_dump(),
            "cutoffs": _cutoff_names(target, invited),
            "data_end": history.end.isoformat(),
            "care": marks.counts,
            "survey": facts.to_json(),
        },
    )
    return SurveyDataset(
        dataset=dataset, invited=invited, matrix=matrix, silent=quiet, response=response, weights=weights, facts=facts
    )


def _dataset(
    target: SurveyTarget,
    features: tuple[str, ...],
    invited: SurveyRows,
    matrix: Floats,
    slices: dict[str, Texts],
    holdout: NDArray[np.bool_],
    excluded: dict[str, int],
) -> Dataset:
    return Dataset(
        target=target.name,
        service=target.service,
        features=features,
        ids=invited.ids,
        customers=invited.customers,
        cutoffs=invited.cutoffs,
        label_ends=invited.label_ends,
        matrix=matrix,
        labels={target.horizon_days: invited.label},
        weight=np.ones(len(invited)),
        slices=slices,
        holdout=holdout,
        excluded=excluded,
    )


def _seen(
    matrix: Floats, features: tuple[str, ...], invited: SurveyRows, slices: dict[str, Texts]
) -> tuple[Floats, tuple[str, ...]]:
    """What could be seen of an invited customer: the features, what figures are sliced by, and how the invitation was sent."""
    texts = {name: values for name, values in slices.items() if name != SILENT}
    texts |= {"invitation_channel": invited.channel, "invitation_touchpoint": invited.touchpoint}
    columns = [np.unique(values, return_inverse=True)[1].astype(np.float64) for values in texts.values()]
    seen = np.column_stack([matrix, *columns, invited.sampling_probability])
    return seen, (*features, *texts, "sampling_probability")


def _test_start(cutoffs: Times, settings: LabelSettings) -> datetime:
    """When the test period begins, as `training.split.period_split` has it, though there be too few rows to split."""
    different = np.unique(cutoffs)
    return utc(different[-max(1, int(settings.test_share * len(different)))])


def _facts(
    target: SurveyTarget,
    invited: SurveyRows,
    quiet: NDArray[np.bool_],
    weights: SurveyWeights,
    response: Response,
    balances: Sequence[Balance],
    settings: LabelSettings,
    surveys: SurveySettings,
) -> SurveyFacts:
    answered = invited.answered
    label = invited.label[answered]
    groups = {"all": np.ones(len(invited), dtype=np.bool_), "silent": quiet, "heard": ~quiet}
    return SurveyFacts(
        target=target.name,
        gap_days=settings.gap_days if target.has_gap else 0,
        horizon_days=target.horizon_days,
        answer_days=surveys.answer_days,
        groups={name: _group(int(members.sum()), label, weights, members[answered], surveys) for name, members in groups.items()},
        prevalence_by_design=float(np.average(label, weights=weights.design)),
        delivered_share=float(invited.delivered.mean()),
        weights=weights.diagnostics(),
        response=response.to_json(),
        unbalanced_before=sum(abs(one.before) > BALANCED for one in balances),
        unbalanced_after=sum(abs(one.after) > BALANCED for one in balances),
        balance=tuple(balances[:WORST_COLUMNS]),
    )


def _group(
    invited: int, label: Floats, weights: SurveyWeights, members: NDArray[np.bool_], surveys: SurveySettings
) -> GroupFacts:
    mine = label[members]
    band = prevalence_band(mine, weights.design[members], weights.response[members], surveys.odds_ratio) if len(mine) else None
    return GroupFacts(
        invited=invited,
        answered=len(mine),
        dissatisfied=int(mine.sum()),
        prevalence_of_answers=float(mine.mean()) if len(mine) else None,
        prevalence=band,
    )


def _cutoff_names(target: SurveyTarget, invited: SurveyRows) -> list[str]:
    days = np.unique(invited.cutoffs.astype("datetime64[D]")).astype(str).tolist()
    return days if target.entity == "customer" else [days[0], days[-1]]


def _add(total: dict[str, int], more: dict[str, int]) -> None:
    for reason, rows in more.items():
        total[reason] = total.get(reason, 0) + rows


def _texts(frame: pl.DataFrame, column: str) -> Texts:
    return frame[column].to_numpy().astype(np.str_)


def _times(frame: pl.DataFrame, column: str) -> Times:
    return frame[column].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
