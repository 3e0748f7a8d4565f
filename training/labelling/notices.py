"""Notices: since when each line is known to be about to end, because its customer said so."""

import polars as pl

from features.contracts.vocabulary import HAPPENED
from training.labelling.history import UTC_TIME, RawHistory

NOTICES = pl.Schema(
    {"subscription_id": pl.String(), "noticed_at": UTC_TIME, "over_at": UTC_TIME},
)
"""One row per notice: when it was given, and when it was taken back or the line was in service
again; null while it stands.
"""


def notices_of(history: RawHistory, rows: pl.DataFrame, returns: pl.DataFrame) -> pl.DataFrame:
    """Notices of all lines, from the table of notices and from lines that are to be ended.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    rows : DataFrame
        Changes of lines, oldest first: ``subscription_id``, ``status`` and ``happened_at``.
    returns : DataFrame
        ``subscription_id`` and ``back_at``: when lines whose service had ended were in service
        again.

    Returns
    -------
    DataFrame
        As `NOTICES`, by line and time.
    """
    both = pl.concat([_told(history, returns), _pending(rows)])
    return both.unique().sort("subscription_id", "noticed_at", "over_at")


def stands_at(time: pl.Expr) -> pl.Expr:
    """Whether a notice stands at a time."""
    return (pl.col("noticed_at") <= time) & (
        pl.col("over_at").is_null() | (pl.col("over_at") > time)
    )


def _told(history: RawHistory, returns: pl.DataFrame) -> pl.DataFrame:
    steps = history.as_known("notices", ["subscription_id"]).collect()
    taken_back = steps.filter(pl.col("status") == "withdrawn").select(
        "notice_id", pl.col(HAPPENED).alias("withdrawn_at")
    )
    return (
        steps.filter(pl.col("status") == "given")
        .select("notice_id", "subscription_id", pl.col(HAPPENED).alias("noticed_at"))
        .join(taken_back, on="notice_id", how="left")
        .pipe(_next, returns.select("subscription_id", "back_at"), "back_at")
        .with_columns(over_at=pl.min_horizontal("withdrawn_at", "back_at"))
        .select(NOTICES.names())
    )


def _pending(rows: pl.DataFrame) -> pl.DataFrame:
    """Lines that are to be ended, from the first such row until they are active again."""
    pending = pl.col("status") == "pending_terminate"
    before = pending.shift(1).over("subscription_id").fill_null(False)
    active = rows.filter(pl.col("status") == "active")
    return (
        rows.filter(pending & ~before)
        .select("subscription_id", pl.col(HAPPENED).alias("noticed_at"))
        .pipe(_next, active.select("subscription_id", pl.col(HAPPENED).alias("over_at")), "over_at")
        .select(NOTICES.names())
    )


def _next(notices: pl.DataFrame, times: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add the first of a line's times after each notice."""
    return notices.sort("noticed_at").join_asof(
        times.sort(name),
        left_on="noticed_at",
        right_on=name,
        by="subscription_id",
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,
    )
