"""Lines at risk at a cut-off, with their labels within every horizon that is complete."""

from collections.abc import Collection
from datetime import datetime, timedelta

import polars as pl

from features.contracts.vocabulary import HORIZON_DAYS
from training.labelling.cutoffs import LabelEnd, complete_within
from training.labelling.history import UTC_TIME, RawHistory
from training.labelling.labels import LineOutcomes
from training.labelling.population import lines_at_risk
from training.settings import LabelSettings


def label_ends() -> dict[int, pl.Expr]:
    """When the label of a row of `labelled_lines` ends, by horizon in days, shortest first; null where
    it is not complete yet.
    """
    return {days: pl.col(f"label_end_{days}") for days in HORIZON_DAYS}


def labelled_lines(
    history: RawHistory,
    outcomes: LineOutcomes,
    ends: LabelEnd,
    at: datetime,
    settings: LabelSettings,
    present: pl.Series,
    positive: Collection[str],
    strata: Collection[str] | None = None,
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Lines at risk at a cut-off, with their labels.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    outcomes : LineOutcomes
        What became of the lines.
    ends : LabelEnd
        Until when labels are complete.
    at : datetime
        The cut-off, UTC.
    settings : LabelSettings
        Who is at risk and what counts as lost.
    present : Series of str
        Named ``subscription_id``: lines with stored features at the cut-off.
    positive : collection of str
        Kinds of churn that count.
    strata : collection of str, optional
        Billing types to keep; default: all.

    Returns
    -------
    rows : DataFrame
        In order of the id: ``subscription_id``, ``customer_id``, ``household`` and the slices;
        ``cutoff``, ``horizon_end``, ``label_end`` and ``at_risk_until``; ``how``, ``lost_at`` and
        ``ended`` of the first outcome; by horizon ``label_<days>``, null where unknown, and
        ``label_end_<days>``, null where the label is not complete yet. It is within the shortest.
    excluded : dict of str to int
        Lines left out, by reason.
    """
    population = lines_at_risk(history, outcomes, at, settings, present)
    excluded = dict(population.excluded)
    lines = population.rows
    if strata is not None:
        excluded["other_billing_type"] = lines.filter(
            ~pl.col("billing_type").is_in(list(strata))
        ).height
        lines = lines.filter(pl.col("billing_type").is_in(list(strata)))
    end = at + timedelta(days=settings.gap_days + HORIZON_DAYS[-1])
    prepaid = pl.col("subscription_id").is_in(outcomes.ever_prepaid["subscription_id"].implode())
    label_end = pl.when(prepaid).then(end + timedelta(days=settings.inactivity_days)).otherwise(end)
    ended = (
        outcomes.service_ends.filter(pl.col("ended_at") > at)
        .group_by("subscription_id")
        .agg(pl.col("ended_at").min())
    )
    rows = lines.with_columns(
        cutoff=pl.lit(at, UTC_TIME), horizon_end=pl.lit(end, UTC_TIME), label_end=label_end
    ).join(ended, on="subscription_id", how="left", maintain_order="left")
    labels = outcomes.label(rows, at, settings.gap_days, positive).drop("subscription_id")
    # What comes after a notice that led to a loss changes nothing: the line was lost by then. A line
    # that is inactive may still come back.
    lost_at = pl.when(pl.col("ended")).then(pl.col("lost_at"))
    rows = (
        pl.concat([rows, labels], how="horizontal")
        .with_columns(at_risk_until=pl.min_horizontal("ended_at", lost_at, "label_end"))
        .drop("ended_at")
        .with_columns(
            _complete_end(days, at, ends, settings).alias(f"label_end_{days}")
            for days in HORIZON_DAYS
        )
    )
    rows = rows.with_columns(
        pl.when(end.is_not_null()).then(pl.col(f"label_{days}")).alias(f"label_{days}")
        for days, end in label_ends().items()
    )
    incomplete = pl.col(f"label_end_{HORIZON_DAYS[0]}").is_null()
    unknown = pl.all_horizontal(pl.col(f"label_{days}").is_null() for days in HORIZON_DAYS)
    excluded |= {"in_gap": 0, "incomplete": 0, "censored": 0}
    for reason, holds in (
        ("incomplete", incomplete),
        ("in_gap", pl.col("in_gap")),
        ("censored", unknown),
    ):
        excluded[reason] = rows.filter(holds).height
        rows = rows.filter(~holds)
    return rows, excluded


def _complete_end(days: int, at: datetime, ends: LabelEnd, settings: LabelSettings) -> pl.Expr:
    """When the label within a horizon ends, where it is complete; else null."""
    end = pl.col("label_end") - timedelta(days=HORIZON_DAYS[-1] - days)
    told = bool(complete_within(days, [at], ends, settings))
    return pl.when(told & ((pl.col("billing_type") != "prepaid") | (end <= ends.use))).then(end)
