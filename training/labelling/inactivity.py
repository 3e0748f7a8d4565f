"""Silences of prepaid lines: a prepaid line is lost when nothing is heard of it for long enough,
and may come back.

Use is told by the week: the last use of each week, but not the first. A silence therefore begins at
a last use, a recharge or the activation, and ends, at the earliest, with the start of the next week
that has use, or with a recharge. A week without a row counts as one without use.
"""

from datetime import datetime

import polars as pl

from features.contracts.tables import HAPPENED
from training.labelling.history import RawHistory

SHORTEST_DAYS = 7
"""Silences that were shorter are not told of."""


def seen_until(history: RawHistory) -> datetime:
    """Up to when use is known: the end of the newest week told of; the data's end where that is
    earlier.
    """
    newest = history.rows("usage_weeks", []).select(pl.col(HAPPENED).max()).collect().item()
    return history.end if newest is None else min(newest, history.end)


def inactive_periods(history: RawHistory, lines: pl.LazyFrame) -> pl.DataFrame:
    """Silences of lines, in hindsight.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    lines : LazyFrame
        ``subscription_id`` and ``activated_at`` of the lines wanted.

    Returns
    -------
    DataFrame
        One row a silence of `SHORTEST_DAYS` or more, and the last one of each line however short:
        ``subscription_id``, ``inactive_from`` (last activity), ``inactive_to`` (earliest next activity;
        null while it lasts), in order of both.
    """
    wanted = lines.select("subscription_id")
    weeks = (
        history.as_known(
            "usage_weeks", ["minutes", "data_gb", "zero_use_days", "last_used_at"], only=wanted
        )
        .with_columns(
            # Where the last use is not told, a week with any use may have had it in its last
            # moment.
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
