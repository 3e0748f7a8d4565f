"""Populations: who is at risk at a cut-off, and why the others are left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from features.contracts.tables import ARRIVED
from features.contracts.vocabulary import OTHER, PORT_STEPS_OVER
from training.labelling.history import RawHistory
from training.labelling.labels import LineOutcomes
from training.settings import LabelSettings

SLICES = ("billing_type", "segment", "region", "tenure", "language", "age_band")
"""Columns by which figures are broken down. Age is used for evaluation only."""

LINE_EXCLUSIONS = (
    *("no_history", "iot", "test", "employee", "suspended", "status_unknown", "enterprise"),
    *("new", "cancelling", "ended", "porting", "use_unknown", "inactive"),
)
"""Reasons why a line in service is not at risk, in the order in which they apply."""

_BILLING_TYPES = {"non_payment": ("postpaid", "fixed")}
"""Targets of some billing types only: a prepaid line is never lost by non-payment."""

_YEAR_DAYS = 365


@dataclass(frozen=True)
class CutoffPopulation:
    """Lines or customers at risk at a cut-off.

    Parameters
    ----------
    rows : DataFrame
        Ordered by id: ``subscription_id`` (lines only), ``customer_id``, ``household`` (the
        customer alone where it is unknown), and the `SLICES`.
    excluded : dict of str to int
        How many others were in service, by the first reason that applies.
    """

    rows: pl.DataFrame
    excluded: dict[str, int]


def billing_types_of(target: str) -> tuple[str, ...] | None:
    """Billing types of the lines that a target is about; None for all."""
    return _BILLING_TYPES.get(target)


def lines_at_risk(
    history: RawHistory,
    outcomes: LineOutcomes,
    at: datetime,
    settings: LabelSettings,
    present: pl.Series | None = None,
) -> CutoffPopulation:
    """Lines at risk at a cut-off.

    A line is at risk if it is active, has been known for `known_days`, is no machine's, test or
    employee's line, belongs to no enterprise, is not cancelling or porting, and, if it is prepaid,
    has not been inactive for `inactivity_days`.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    outcomes : LineOutcomes
        Outcomes of the lines: those already lost are left out, even if that became known later.
    at : datetime
        The cut-off.
    settings : LabelSettings
        `known_days` and `inactivity_days`.
    present : Series of str, optional
        Lines with stored features, named ``subscription_id``. Of the others nothing is read but
        whether they are in service, so that memory grows with these. Default: all.
    """
    first = (
        history.rows("subscriptions", [], present)
        .group_by("subscription_id")
        .agg(pl.col(ARRIVED).min().alias("first_arrived_at"))
    )
    known_since = pl.max_horizontal("activated_at", "first_arrived_at")
    reasons = {
        "iot": pl.col("is_iot"),
        "test": pl.col("is_test"),
        "employee": pl.col("is_employee"),
        "suspended": pl.col("status") == "suspended",
        "status_unknown": pl.col("status") == OTHER,
        "enterprise": pl.col("segment") == "enterprise",
        "new": known_since > at - timedelta(days=settings.known_days),
        "cancelling": (pl.col("already_lost") == "cancelling") | pl.col("noticed"),
        "ended": pl.col("already_lost") == "ended",
        "porting": pl.col("porting"),
        "use_unknown": (pl.col("billing_type") == "prepaid") & (not outcomes.has_usage),
        "inactive": pl.col("already_lost") == "inactive",
    }
    in_service = _lines(history, at, present).collect()
    lines = (
        in_service.lazy()
        .join(first, on="subscription_id", how="left")
        .join(_people(history, at, in_service["customer_id"]), on="customer_id", how="left")
        .join(outcomes.already_lost(at).lazy(), on="subscription_id", how="left")
        .join(outcomes.noticed(at).lazy(), on="subscription_id", how="left")
        .join(lines_porting(history, at), on="subscription_id", how="left")
        .with_columns(_first_reason(reasons), tenure=_tenure(pl.col("activated_at"), at))
        .sort("subscription_id")
        .collect()
    )
    ids = ["subscription_id", "customer_id", "household"]
    population = _population(lines, ids, LINE_EXCLUSIONS)
    if present is not None:
        population.excluded["no_history"] = _count_in_service(history, at) - in_service.height
    return population


def customers_present(
    history: RawHistory, at: datetime, present: pl.Series | None = None
) -> CutoffPopulation:
    """Customers at a cut-off who can be asked how satisfied they are.

    Left out are enterprises, and customers who have only machines', test or employees' lines, or no
    active line.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    at : datetime
        The cut-off.
    present : Series of str, optional
        Customers with stored features; default: all.
    """
    odd = pl.any_horizontal(
        pl.col(name).fill_null(False) for name in ("is_iot", "is_test", "is_employee")
    )
    reasons = {
        "iot_test_employee": ~pl.col("personal"),
        "suspended": ~pl.col("active"),
        "enterprise": pl.col("segment") == "enterprise",
        "no_history": pl.lit(False)
        if present is None
        else ~pl.col("customer_id").is_in(present.implode()),
    }
    kinds = pl.col("billing_type").unique().sort()
    customers = (
        _lines(history, at)
        .group_by("customer_id")
        .agg(
            (~odd).any().alias("personal"),
            (~odd & pl.col("status").is_in(["active", "pending_terminate"])).any().alias("active"),
            pl.when(kinds.len() == 1)
            .then(kinds.first())
            .otherwise(pl.lit("mixed"))
            .alias("billing_type"),
            pl.col("activated_at").min(),
        )
        .join(_people(history, at), on="customer_id", how="left")
        .with_columns(
            _first_reason(reasons),
            tenure=_tenure(pl.min_horizontal("first_seen_at", "activated_at"), at),
        )
        .sort("customer_id")
        .collect()
    )
    return _population(customers, ["customer_id", "household"], tuple(reasons))


def _lines(history: RawHistory, at: datetime, among: pl.Series | None = None) -> pl.LazyFrame:
    """Lines in service."""
    columns = [
        "customer_id",
        "billing_type",
        "activated_at",
        "status",
        "is_iot",
        "is_test",
        "is_employee",
    ]
    return (
        history.as_known("subscriptions", columns, at, among)
        .filter(pl.col("status") != "ended")
        .drop("happened_at", ARRIVED)
    )


def _count_in_service(history: RawHistory, at: datetime) -> int:
    known = history.as_known("subscriptions", ["status"], at)
    count: int = known.filter(pl.col("status") != "ended").select(pl.len()).collect().item()
    return count


def _people(history: RawHistory, at: datetime, among: pl.Series | None = None) -> pl.LazyFrame:
    columns = ["household_id", "segment", "region", "language", "age_band", "first_seen_at"]
    return history.as_known("customers", columns, at, among).drop("happened_at", ARRIVED)


def lines_porting(history: RawHistory, at: datetime) -> pl.LazyFrame:
    """Lines with an open request to port out, from its first step on.

    A step that is in no list leaves it open.
    """
    steps = history.as_known("port_requests", ["subscription_id"], at)
    over = steps.filter(pl.col("status").is_in(PORT_STEPS_OVER)).select("request_id")
    return (
        steps.join(over, on="request_id", how="anti")
        .select("subscription_id", pl.lit(True).alias("porting"))
        .unique()
    )


def _first_reason(reasons: dict[str, pl.Expr]) -> pl.Expr:
    chosen = [
        pl.when(holds.fill_null(False)).then(pl.lit(reason)) for reason, holds in reasons.items()
    ]
    return pl.coalesce(chosen).alias("excluded")


def _tenure(since: pl.Expr, at: datetime) -> pl.Expr:
    days = (pl.lit(at) - since).dt.total_days()
    return (
        pl.when(days < _YEAR_DAYS)
        .then(pl.lit("under 1 year"))
        .when(days < 3 * _YEAR_DAYS)
        .then(pl.lit("1 to 3 years"))
        .when(days.is_not_null())
        .then(pl.lit("over 3 years"))
    )


def _population(people: pl.DataFrame, ids: list[str], reasons: Sequence[str]) -> CutoffPopulation:
    counts = dict(
        people.filter(pl.col("excluded").is_not_null())["excluded"].value_counts().iter_rows()
    )
    household = pl.coalesce("of " + pl.col("household_id"), "alone " + pl.col("customer_id")).alias(
        "household"
    )
    rows = (
        people.filter(pl.col("excluded").is_null())
        .with_columns(household, *(pl.col(name).fill_null("unknown") for name in SLICES))
        .select(*ids, *SLICES)
    )
    return CutoffPopulation(rows, {reason: counts.get(reason, 0) for reason in reasons})
