"""Inactive periods of prepaid lines, which are lost by inactivity and may come back.

Usage is recorded per week: the last use of each week is known, the first is not. An inactive period
therefore begins at a last use, a recharge or the activation. It ends, at the earliest, at the start
of the next week with use, or at a recharge. A week without a row counts as a week without use.
"""

from datetime import datetime

import polars as pl

from features.contracts.tables import HAPPENED
from training.labelling.history import RawHistory

SHORTEST_DAYS = 7
"""Shorter inactive periods are left out."""


def usage_end(history: RawHistory) -> datetime:
    """End of the newest week of usage, or the data's end where that is earlier."""
    newest = history.rows("usage_weeks", []).select(pl.col(HAPPENED).max()).collect().item()
    return history.end if newest is None else min(newest, history.end)


def inactive_periods(history: RawHistory, lines: pl.LazyFrame) -> pl.DataFrame:
    """Inactive periods of lines, as known at the data's end.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    lines : LazyFrame
        ``subscription_id`` and ``activated_at`` of the lines.

    Returns
    -------
    DataFrame
        One row per period of `SHORTEST_DAYS` or more, and per last period of a line, however
        short: ``subscription_id``, ``inactive_from`` (last activity), ``inactive_to`` (earliest
        next activity; null while the period lasts). Ordered by line, then time.
    """
    wanted = lines.select("subscription_id")
    weeks = (
        history.as_known(
            "usage_weeks", ["minutes", "data_gb", "zero_use_days", "last_used_at"], only=wanted
        )
        .with_columns(
            # Without the time of the last use, a week with any use may have had it at its very end.
            last=pl.when(pl.col("last_used_at").is_not_null())
            .then(pl.min_horizontal("last_used_at", HAPPENED))
            .when((pl.col("minutes") > 0) | (pl.col("data_gb") > 0) | (pl.col("zero_use_days") < 7))
            .then(pl.col(HAPPENED))
        )
        .filter(pl.col("last").is_not_null())
        .select(
            "subscription_id", pl.min_horizontal("week_start_at", "last").alias("first"), "last"
        )
    )
    recharged = history.as_known("recharges", [], only=wanted)
    recharges = recharged.select(
        "subscription_id", pl.col(HAPPENED).alias("first"), pl.col(HAPPENED).alias("last")
    )
    starts = lines.select(
        "subscription_id",
        pl.col("activated_at").alias("first"),
        pl.col("activated_at").alias("last"),
    )
    line = pl.col("subscription_id")
    return (
        pl.concat([weeks, recharges, starts])
        .sort("subscription_id", "first", "last")
        .with_columns(
            inactive_from=pl.col("last").cum_max().over(line),
            inactive_to=pl.col("first").shift(-1).over(line),
        )
        .filter(
            pl.col("inactive_to").is_null()
            | (pl.col("inactive_to") - pl.col("inactive_from") >= pl.duration(days=SHORTEST_DAYS))
        )
        .select("subscription_id", "inactive_from", "inactive_to")
        .sort("subscription_id", "inactive_from")
        .collect()
    )
