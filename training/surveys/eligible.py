"""Eligible rows: customers at cut-offs, or contacts at their close, who can be sent a survey."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import polars as pl

from features.contracts.tables import ARRIVED, HAPPENED
from features.fields import SERVICES
from features.operator.repository import OperatorRepository
from holdfast.arrays import Times
from holdfast.errors import InputError
from holdfast.logging import progress
from holdfast.zone import zone_name
from models.dissatisfaction import SurveyTarget
from training.labelling.cutoffs import check_requested, in_steps
from training.labelling.history import RawHistory, utc
from training.labelling.population import SLICES, customers_present
from training.settings import LabelSettings, SurveySettings
from training.surveys.labels import SurveyKeys

_UTC_TIME = pl.Datetime("us", "UTC")
_PERSON = ("customer_id", "household", *SLICES)


@dataclass(frozen=True)
class EligibleRows:
    """Rows for which a survey answer can be looked up.

    Parameters
    ----------
    people : DataFrame
        Ordered by cut-off, then id: ``id`` (of a customer or a contact), ``cutoff``,
        ``customer_id``, ``household``, and the slices.
    excluded : dict of str to int
        Rows left out, by reason.
    """

    people: pl.DataFrame
    excluded: dict[str, int]

    @property
    def keys(self) -> SurveyKeys:
        """Keys by which labels are looked up."""
        return SurveyKeys(
            ids=self.people["id"].to_numpy().astype(np.str_),
            customers=self.people["customer_id"].to_numpy().astype(np.str_),
            cutoffs=self.people["cutoff"]
            .dt.replace_time_zone(None)
            .to_numpy()
            .astype("datetime64[us]"),
        )


def eligible_rows(
    history: RawHistory,
    repository: OperatorRepository,
    target: SurveyTarget,
    settings: LabelSettings,
    surveys: SurveySettings,
    cutoffs: Sequence[datetime] | None = None,
) -> EligibleRows:
    """Find the eligible rows of a target.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    repository : OperatorRepository
        Names the customers and Mondays with stored features.
    target : SurveyTarget
        Whether rows are customers or contacts.
    settings, surveys
        How long a label takes, and the step between cut-offs.
    cutoffs : sequence of datetime, optional
        Mondays to take customers at; default: counted back from the newest whose answers have
        arrived.

    Raises
    ------
    InputError
        A table is absent, a cut-off has no stored features or its answers have not arrived, or
        cut-offs were given for contacts.
    """
    if target.entity == "contact":
        if cutoffs is not None:
            raise InputError(
                "cutoffs", f"must not be given for {target.name}: a contact's cut-off is its close"
            )
        return _contacts(history, repository, target)
    view = SERVICES[target.service][0]
    chosen = survey_cutoffs(
        repository.mondays_of(target.service),
        history.end,
        target,
        settings,
        surveys,
        cutoffs,
        repository.zone,
    )
    excluded: dict[str, int] = {}
    parts = []
    with progress("Finding eligible customers", len(chosen)) as advance:
        for at in chosen:
            present = pl.Series("customer_id", repository.ids_at(view, at))
            population = customers_present(history, at, present)
            for reason, rows in population.excluded.items():
                excluded[reason] = excluded.get(reason, 0) + rows
            parts.append(
                population.rows.select(_PERSON).with_columns(
                    cutoff=pl.lit(at, _UTC_TIME), id="customer_id"
                )
            )
            advance(1)
    return EligibleRows(pl.concat(parts).sort("cutoff", "id"), excluded)


def unanswered_contacts(
    history: RawHistory,
    target: SurveyTarget,
    since: datetime,
    at: datetime,
    present: Sequence[str] | None = None,
    zone: tzinfo = UTC,
) -> EligibleRows:
    """Contacts to score: closed after `since`, and without an answer by `at`.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    target : SurveyTarget
        A target of contacts, whose question was not answered.
    since, at : datetime
        Closes after the first count, as known at the second.
    present : sequence of str, optional
        Contacts with stored features; default: all.
    zone : tzinfo
        The operator's, whose weeks contacts lie in.

    Raises
    ------
    InputError
        A table is absent.
    """
    _require_contacts(history, target)
    question = (pl.col("instrument") == target.instrument) & (
        pl.col("dimension") == target.dimension
    )
    answers = (
        history.as_known("survey_answers", [], at).filter(question).select("invitation_id").unique()
    )
    answered = (
        history.as_known("survey_invitations", ["interaction_id", "survey"], at)
        .filter(pl.col("survey") == target.survey)
        .join(answers, on="invitation_id", how="semi")
        .select(id="interaction_id")
    )
    closed = _closes(history, at).filter(pl.col("cutoff") > since)
    if present is not None:
        closed = closed.filter(pl.col("id").is_in(pl.Series(present, dtype=pl.String).implode()))
    open_ = closed.join(answered.collect(), on="id", how="anti").sort("cutoff", "id")
    return _of_customers(history, open_, {"answered": len(closed) - len(open_)}, zone)


def _contacts(
    history: RawHistory, repository: OperatorRepository, target: SurveyTarget
) -> EligibleRows:
    """Contacts with stored features."""
    _require_contacts(history, target)
    view = SERVICES[target.service][0]
    stored = pl.Series(dtype=pl.String)
    for monday in repository.history_mondays(view):
        stored.append(pl.Series(repository.ids_at(view, utc(monday))))
    closes = _closes(history)
    contacts = closes.filter(pl.col("id").is_in(stored.implode()))
    return _of_customers(
        history, contacts, {"no_history": len(closes) - len(contacts)}, repository.zone
    )


def _require_contacts(history: RawHistory, target: SurveyTarget) -> None:
    history.require("interactions", f"{target.name} is about contacts")


def _closes(history: RawHistory, at: datetime | None = None) -> pl.DataFrame:
    """When contacts closed, by the first row to arrive, as features are computed then."""
    rows = history.rows("interactions", ["customer_id"])
    return (
        (rows if at is None else rows.filter(pl.col(ARRIVED) <= at))
        .sort(ARRIVED)
        .unique("interaction_id", keep="first", maintain_order=True)
        .select(
            pl.col("interaction_id").alias("id"), "customer_id", pl.col(HAPPENED).alias("cutoff")
        )
        .sort("cutoff", "id")
        .collect()
    )


def _of_customers(
    history: RawHistory, contacts: pl.DataFrame, excluded: dict[str, int], zone: tzinfo
) -> EligibleRows:
    """Contacts of customers who were present at the start of the contact's week."""
    parts = [
        contacts.clear().with_columns(
            pl.lit(None, pl.String).alias(name) for name in ("household", *SLICES)
        )
    ]
    week = pl.col("cutoff").dt.convert_time_zone(zone_name(zone)).dt.truncate("1w")
    weeks = contacts.with_columns(monday=week.dt.convert_time_zone("UTC")).partition_by(
        "monday", as_dict=True, maintain_order=True
    )
    with progress("Finding the customers of contacts", len(weeks)) as advance:
        for (monday,), of_week in weeks.items():
            people = customers_present(history, monday).rows.select(_PERSON)
            parts.append(
                of_week.drop("monday").join(
                    people, on="customer_id", how="inner", maintain_order="left"
                )
            )
            advance(1)
    people = pl.concat(parts)
    return EligibleRows(people, excluded | {"not_at_risk": len(contacts) - len(people)})


def survey_cutoffs(
    mondays: Times,
    end: datetime,
    target: SurveyTarget,
    settings: LabelSettings,
    surveys: SurveySettings,
    requested: Sequence[datetime] | None = None,
    zone: tzinfo = UTC,
) -> list[datetime]:
    """Cut-offs of customers, oldest first, counted back from the newest whose answers have arrived.

    Parameters
    ----------
    mondays : (m,) datetime64[us]
        Mondays with stored features, UTC.
    end : datetime
        The data's end.
    target, settings, surveys
        How long a label takes.
    requested : sequence of datetime, optional
        Take these instead.
    zone : tzinfo
        The operator's, whose weeks the steps are.

    Raises
    ------
    InputError
        No Monday's answers have arrived, or a requested one has no stored features or its answers
        have not arrived.
    """
    stored = [utc(monday) for monday in np.sort(mondays)]
    span = timedelta(
        days=(settings.gap_days if target.has_gap else 0)
        + target.horizon_days
        + surveys.answer_days
    )
    usable = [monday for monday in stored if monday + span <= end]
    if requested is not None:
        return check_requested(requested, stored, end - span, "answers to arrive", zone)
    if not usable:
        reach = f"{max(0, (end - stored[0]).days)} days" if stored else "no stored features"
        raise InputError(
            "raw tables",
            f"must reach {span.days} days beyond the first Monday with stored features",
            reach,
        )
    return in_steps(usable, usable[-1], settings.cutoff_every_weeks, zone)
