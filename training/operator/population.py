"""Whom a model may speak of now: the rules that its training rows were chosen by, at the newest
snapshot.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import polars as pl
from pydantic import ValidationError

from features.contracts.vocabulary import ANY_CHANNEL, ARRIVED, CONTACT_CHANNELS, HAPPENED, OTHER
from features.fields import FeatureCatalogue
from holdfast.errors import ModelError
from models.dissatisfaction import SurveyTarget
from models.target import Target
from training.labelling.history import RawHistory
from training.labelling.labels import LineOutcomes
from training.labelling.population import (
    CutoffPopulation,
    billing_types_of,
    customers_present,
    lines_at_risk,
)
from training.settings import LabelSettings
from training.surveys.eligible import unanswered_contacts

IDS = ("subscription_id", "customer_id", "interaction_id")
"""Columns that say whom a row is about."""

LABELS = "labels.json"
"""Name of a version's document with the label settings that its training rows were chosen by."""

_CONTACTS_DAYS = 90
"""Contacts of the newest snapshot closed within these days: they arrived within its week."""


@dataclass(frozen=True)
class ScoredPopulation:
    """Whom a model speaks of.

    Parameters
    ----------
    rows : DataFrame
        In order of the entity's id: `IDS`, null where they do not apply.
    excluded : dict of str to int
        How many others were left out, by the first reason that applies.
    """

    rows: pl.DataFrame
    excluded: dict[str, int]


class Populations:
    """The populations of targets at one snapshot; what several need is worked out once.

    Parameters
    ----------
    history : RawHistory
        The raw tables, as known at the snapshot.
    at : datetime
        The snapshot's time, with a time zone.
    zone : tzinfo
        The operator's.
    """

    def __init__(self, history: RawHistory, at: datetime, zone: tzinfo = UTC) -> None:
        self._history = history
        self._at, self._zone = at, zone
        self._lines: tuple[LabelSettings, CutoffPopulation] | None = None
        self._customers: CutoffPopulation | None = None

    def of(
        self, target: Target, present: Sequence[str], settings: LabelSettings
    ) -> ScoredPopulation:
        """Whom a model of a target may speak of.

        Parameters
        ----------
        target : Target
            What is predicted.
        present : sequence of str
            Entities with features in the snapshot.
        settings : LabelSettings
            Who is at risk, as in the model's training.

        Raises
        ------
        InputError
            A table is absent without which nobody can say who is at risk.
        """
        if target.entity == "subscription":
            rows, excluded = self._of_lines(target, present, settings)
        elif target.entity == "customer":
            rows, excluded = self._of_customers(present)
        else:
            rows, excluded = self._of_contacts(target, present)
        missing = [pl.lit(None, pl.String).alias(name) for name in IDS if name not in rows.columns]
        return ScoredPopulation(
            rows.with_columns(missing).select(IDS),
            {reason: count for reason, count in excluded.items() if count},
        )

    def _of_lines(
        self, target: Target, present: Sequence[str], settings: LabelSettings
    ) -> tuple[pl.DataFrame, dict[str, int]]:
        if self._lines is None or self._lines[0] != settings:
            lines = pl.Series("subscription_id", present, pl.String)
            outcomes = LineOutcomes.of(self._history, settings, lines)
            at_risk = lines_at_risk(self._history, outcomes, self._at, settings, lines)
            self._lines = settings, at_risk
        rows, excluded = self._lines[1].rows, dict(self._lines[1].excluded)
        billing_types = billing_types_of(target.name)
        if billing_types is not None:
            meant = pl.col("billing_type").is_in(list(billing_types))
            excluded["other_billing_type"] = rows.filter(~meant).height
            rows = rows.filter(meant)
        return rows, excluded

    def _of_customers(self, present: Sequence[str]) -> tuple[pl.DataFrame, dict[str, int]]:
        if self._customers is None:
            self._customers = customers_present(
                self._history, self._at, pl.Series("customer_id", present, pl.String)
            )
        return self._customers.rows, dict(self._customers.excluded)

    def _of_contacts(
        self, target: Target, present: Sequence[str]
    ) -> tuple[pl.DataFrame, dict[str, int]]:
        if not isinstance(target, SurveyTarget):
            raise TypeError(target.name)
        since = self._at - timedelta(days=_CONTACTS_DAYS)
        contacts = unanswered_contacts(self._history, target, since, self._at, present, self._zone)
        rows = contacts.people.sort("id").select(
            pl.col("id").alias("interaction_id"), "customer_id"
        )
        return rows, dict(contacts.excluded)


def label_settings_of(documents: Mapping[str, Any], otherwise: LabelSettings) -> LabelSettings:
    """The label settings that a version's training rows were chosen by.

    Parameters
    ----------
    documents : mapping of str to JSON
        The version's, by file name.
    otherwise : LabelSettings
        For a version of a release that did not keep them.

    Raises
    ------
    ModelError
        The document holds something else.
    """
    if LABELS not in documents:
        return otherwise
    try:
        return LabelSettings.model_validate(documents[LABELS])
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise ModelError(LABELS, f"must hold label settings: {field} {first['msg']}") from None


def uses_traffic(features: Iterable[str], catalogue: FeatureCatalogue) -> bool:
    """Whether any of the features is made of traffic or location data."""
    known = catalogue.by_name
    return any(
        known[name].data_class in ("traffic", "location") for name in features if name in known
    )


def traffic_consents(history: RawHistory, at: datetime) -> frozenset[str]:
    """Customers who consent to the use of their traffic and location data in marketing.

    The consent is granted in some channel and withdrawn in none, as known at a time; see
    `features.views.consent_live` for what counts of a channel. Where the table of consents is
    absent, nobody consented.
    """
    channels = pl.LazyFrame({"meant": [*CONTACT_CHANNELS, OTHER, ANY_CHANNEL]})
    said = (
        history.rows("consents", ["state"])
        .filter(
            pl.col(ARRIVED) <= at,
            pl.col(HAPPENED) <= at,
            pl.col("purpose") == "traffic_marketing",
        )
        .join(channels, how="cross")
        .filter((pl.col("channel") == ANY_CHANNEL) | (pl.col("channel") == pl.col("meant")))
        .sort(HAPPENED, pl.col("state") != "granted")
        .group_by("customer_id", "meant", maintain_order=True)
        .agg(pl.col("state").last())
        .group_by("customer_id")
        .agg((pl.col("state") == "granted").all().alias("granted"))
        .filter("granted")
        .select("customer_id")
        .collect()
    )
    return frozenset(said["customer_id"].to_list())
