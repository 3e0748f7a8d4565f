"""Who could be asked how satisfied they are: customers at cut-offs, or contacts at their close, and
whom they are about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from features.contracts.tables import ARRIVED, HAPPENED
from features.fields import SERVICES
from features.operator.repository import OperatorRepository
from holdfast.arrays import Times
from holdfast.errors import InputError
from holdfast.logging import progress
from models.dissatisfaction import SurveyTarget
from training.labelling.history import RawHistory, utc
from training.labelling.population import SLICES, customers_present
from training.settings import LabelSettings
from training.surveys.labels import SurveyKeys
from training.surveys.settings import SurveySettings

_UTC_TIME = pl.Datetime("us", "UTC")
_PERSON = ("customer_id", "household", *SLICES)


@dataclass(frozen=True)
class EligibleRows:
    """Rows that an answer can be looked for.

    Parameters
    ----------
    people : DataFrame
        Ordered by cut-off, then id: ``id`` (a customer or a contact), ``cutoff``, ``customer_id``,
        ``household``, and the slices.
    excluded : dict of str to int
        Rows left out, by reason.
    """

    people: pl.DataFrame
    excluded: dict[str, int]

    @property
    def asked(self) -> SurveyKeys:
        """The rows, as labels are looked for."""
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
    """Find the rows of a target.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    repository : OperatorRepository
        Says of whom, and when, features are kept.
    target : SurveyTarget
        Whether rows are customers or contacts.
    settings, surveys
        How long a label takes, and how far cut-offs lie apart.
    cutoffs : sequence of datetime, optional
        Mondays to take customers at; default: counted back from the newest whose answers are in.

    Raises
    ------
    InputError
        A table is absent, a cut-off has no history or its answers are not in, or contacts were to
        have cut-offs.
    """
    if target.entity == "contact":
        if cutoffs is not None:
            raise InputError(
                "cutoffs", f"must not be given for {target.name}: a contact's cut-off is its close"
            )
        return _contacts(history, repository, target)
    view = SERVICES[target.service][0]
    chosen = survey_cutoffs(
        repository.history_mondays(view), history.end, target, settings, surveys, cutoffs
    )
    excluded: dict[str, int] = {}
    parts = []
    with progress("Finding who could be asked", len(chosen)) as advance:
        for at in chosen:
            population = customers_present(history, at, repository.ids_at(view, at))
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
    history: RawHistory, target: SurveyTarget, since: datetime, at: datetime
) -> EligibleRows:
    """Contacts that a score is wanted for: closed after `since`, known at `at`, and not answered by
    then.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    target : SurveyTarget
        A target of contacts, whose question nobody answered yet.
    since, at : datetime
        The closes looked at, and as of when.

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
    open_ = closed.join(answered.collect(), on="id", how="anti").sort("cutoff", "id")
    return _of_customers(history, open_, {"answered": len(closed) - len(open_)})


def _contacts(
    history: RawHistory, repository: OperatorRepository, target: SurveyTarget
) -> EligibleRows:
    """Contacts that features are kept of."""
    _require_contacts(history, target)
    view = SERVICES[target.service][0]
    kept = pl.Series(
        [
            id_
            for monday in repository.history_mondays(view)
            for id_ in repository.ids_at(view, utc(monday))
        ]
    )
    closes = _closes(history)
    contacts = closes.filter(pl.col("id").is_in(kept.cast(pl.String).implode()))
    return _of_customers(history, contacts, {"no_history": len(closes) - len(contacts)})


def _require_contacts(history: RawHistory, target: SurveyTarget) -> None:
    history.require("interactions", f"{target.name} is about contacts")


def _closes(history: RawHistory, at: datetime | None = None) -> pl.DataFrame:
    """When contacts closed, as the first version to arrive told it: that is when features know
    them.
    """
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
    history: RawHistory, contacts: pl.DataFrame, excluded: dict[str, int]
) -> EligibleRows:
    """Contacts of customers who were present at the start of the contact's week."""
    parts = [
        contacts.clear().with_columns(
            pl.lit(None, pl.String).alias(name) for name in ("household", *SLICES)
        )
    ]
    weeks = contacts.with_columns(monday=pl.col("cutoff").dt.truncate("1w")).partition_by(
        "monday", as_dict=True, maintain_order=True
    )
    with progress("Finding whose contacts they were", len(weeks)) as advance:
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
    asked: Sequence[datetime] | None = None,
) -> list[datetime]:
    """Cut-offs to take customers at, oldest first: counted back from the newest Monday whose
    answers are in.

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
        No Monday's answers are in, or one that was asked for has no history or its answers are not
        in.
    """
    known = [utc(monday) for monday in np.sort(mondays)]
    span = timedelta(
        days=(settings.gap_days if target.has_gap else 0)
        + target.horizon_days
        + surveys.answer_days
    )
    usable = [monday for monday in known if monday + span <= end]
    if asked is not None:
        for at in asked:
            if at not in known:
                between = (
                    f", {known[0]:%Y-%m-%d} to {known[-1]:%Y-%m-%d}"
                    if known
                    else "; there are none yet"
                )
                raise InputError(
                    "cutoffs", f"must be Mondays that history is kept of{between}", at.isoformat()
                )
            if at not in usable:
                raise InputError(
                    "cutoffs",
                    f"must not lie after {end - span:%Y-%m-%d}, for answers to be in",
                    at.isoformat(),
                )
        return sorted(set(asked))
    if not usable:
        reach = f"{max(0, (end - known[0]).days)} days" if known else "no history"
        raise InputError(
            "raw tables",
            f"must reach {span.days} days beyond the first Monday that history is kept of",
            reach,
        )
    step = timedelta(weeks=settings.cutoff_every_weeks)
    return [monday for monday in usable if (usable[-1] - monday) % step == timedelta(0)]
