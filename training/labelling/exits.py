"""Exits: how and when each line's service came to an end, put together in hindsight from what
several tables tell of it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from features.contracts.vocabulary import ARRIVED, HAPPENED, REPLACEMENTS, VOLUNTARY_CHURN
from training.labelling.history import UTC_TIME, RawHistory
from training.labelling.inactivity import inactive_periods, seen_until

PASSED_ON, UNKNOWN = "passed_on", "unknown"
"""Ends that are neither voluntary nor involuntary: handed to somebody else, and not told."""

CONTINUED = ("migration", "sim_swap")
"""Replacements after which the same person goes on with another line."""

_SAME_END = timedelta(days=31)
"""A loss that was told within these days of an end of service is why it ended."""

_SAME_REPLACEMENT = timedelta(days=1)
"""A loss that was told within a day of a replacement is that replacement, whatever it was booked
as.
"""

_LINKS_MOST = 50


@dataclass(frozen=True)
class LineRecords:
    """What is told of every line, before anything is made of it.

    Parameters
    ----------
    lines : DataFrame
        ``subscription_id``, ``billing_type`` and ``activated_at``, as last told.
    ends : DataFrame
        Each time that service ended: ``subscription_id``, ``ended_at``, ``status_reason``,
        ``replacement``, ``replaced_by``, and ``back_at``, when it was in service again; null if
        never.
    lineage : DataFrame
        Which lines continue which: ``subscription_id``, ``member`` (the line itself or one that
        continues it), ``since`` (null for the line itself) and ``until`` (null for the last).
    losses : DataFrame
        Losses as told, but for the silence of prepaid lines: ``subscription_id``, ``how``,
        ``lost_at`` (the notice, if there was one), ``told_at`` (when it happened) and ``back_at``.
    inactive_periods : DataFrame
        Silences of prepaid lines: ``subscription_id``, ``inactive_from``, ``inactive_to`` (next
        activity; null while it lasts) and ``stop``: that, or an earlier end of service for a reason
        other than silence.
    use_end : datetime
        Until when use is known.
    """

    lines: pl.DataFrame
    ends: pl.DataFrame
    lineage: pl.DataFrame
    losses: pl.DataFrame
    inactive_periods: pl.DataFrame
    use_end: datetime

    @classmethod
    def of(cls, history: RawHistory, only: pl.Series | None = None) -> "LineRecords":
        """Read what became of lines.

        Parameters
        ----------
        history : RawHistory
            The raw tables.
        only : Series of str, optional
            Lines that are asked about; those that continue them are read as well. Default: all.

        Raises
        ------
        InputError
            There is no table of losses.
        """
        history.require("churn_events", "it tells who was lost")
        rows = _line_rows(history)
        lines = rows.group_by("subscription_id", maintain_order=True).agg(
            pl.col("billing_type", "activated_at").last()
        )
        ends = _ends(rows)
        lineage = _lineage(ends, lines, lines["subscription_id"] if only is None else only)
        wanted = lineage.select(pl.col("member").alias("subscription_id")).unique()
        prepaid = lines.filter(pl.col("billing_type") == "prepaid").join(
            wanted, on="subscription_id", how="semi"
        )
        found = inactive_periods(history, prepaid.lazy().select("subscription_id", "activated_at"))
        return cls(
            lines=lines,
            ends=ends,
            lineage=lineage,
            losses=_losses(history, rows, ends, lines),
            inactive_periods=_stopped(found, ends),
            use_end=seen_until(history),
        )

    def exits(self, inactivity_days: int) -> pl.DataFrame:
        """Exits of each line asked about and of those that continue it, as its own.

        Parameters
        ----------
        inactivity_days : int
            Days of silence after which a prepaid line is lost.

        Returns
        -------
        DataFrame
            ``subscription_id``; ``how`` (a kind of churn, `PASSED_ON` or `UNKNOWN`); ``lost_at``;
            ``known_at``; ``back_at``, when it was in use again at the earliest, null if never;
            ``ended``, whether service ended rather than fell silent.
        """
        losses = self.losses.select(
            "subscription_id",
            "how",
            "lost_at",
            pl.col("lost_at").alias("known_at"),
            "back_at",
            pl.lit(True).alias("ended"),
        )
        exits = pl.concat([losses, self._fallen_silent(inactivity_days), self._other_ends()])
        return (
            self.lineage.join(exits.rename({"subscription_id": "member"}), on="member")
            .filter(
                pl.col("since").is_null() | (pl.col("lost_at") >= pl.col("since")),
                pl.col("until").is_null() | (pl.col("lost_at") <= pl.col("until")),
            )
            .select(exits.columns)
            .sort("subscription_id", "lost_at", "known_at", "how")
        )

    def _fallen_silent(self, inactivity_days: int) -> pl.DataFrame:
        """Silences that are complete, and those that may still become so when the data end."""
        known_at = pl.col("inactive_from") + timedelta(days=inactivity_days)
        complete = known_at <= pl.col("stop").fill_null(self.use_end)
        pending = pl.col("stop").is_null()
        return (
            self.inactive_periods.with_columns(
                how=pl.when(complete)
                .then(pl.lit("inactivity"))
                .when(pending)
                .then(pl.lit(UNKNOWN)),
                known_at=known_at,
            )
            .filter(pl.col("how").is_not_null())
            .select(
                "subscription_id",
                "how",
                pl.col("inactive_from").alias("lost_at"),
                "known_at",
                pl.col("inactive_to").alias("back_at"),
                pl.lit(False).alias("ended"),
            )
        )

    def _other_ends(self) -> pl.DataFrame:
        """Transfers, and ends of which nothing is told."""
        told = (
            self.ends.join(self.losses.select("subscription_id", "told_at"), on="subscription_id")
            .filter((pl.col("told_at") - pl.col("ended_at")).abs() <= _SAME_END)
            .select("subscription_id", "ended_at")
        )
        passed_on = pl.col("replacement").eq_missing("transfer")
        silent = pl.col("status_reason").eq_missing("inactivity") & (
            pl.col("billing_type") == "prepaid"
        )
        continued = pl.col("replacement").is_in(CONTINUED) & pl.col("replaced_by").is_in(
            self.lines["subscription_id"].implode()
        )
        return (
            self.ends.join(told, on=["subscription_id", "ended_at"], how="anti")
            .join(self.lines.select("subscription_id", "billing_type"), on="subscription_id")
            .filter(~silent, ~continued.fill_null(False))
            .select(
                "subscription_id",
                pl.when(passed_on).then(pl.lit(PASSED_ON)).otherwise(pl.lit(UNKNOWN)).alias("how"),
                pl.col("ended_at").alias("lost_at"),
                pl.col("ended_at").alias("known_at"),
                "back_at",
                pl.lit(True).alias("ended"),
            )
        )


def _line_rows(history: RawHistory) -> pl.DataFrame:
    """Every change of every line, oldest first; what is told twice of one moment counts as told
    last.
    """
    line = pl.col("subscription_id")
    return (
        history.rows(
            "subscriptions",
            [
                "billing_type",
                "activated_at",
                "status",
                "status_reason",
                "replaced_by",
                "replacement",
            ],
        )
        .sort("subscription_id", HAPPENED, ARRIVED)
        .unique(["subscription_id", HAPPENED], keep="last", maintain_order=True)
        .with_columns(ended=pl.col("status") == "ended")
        .with_columns(before=pl.col("ended").shift(1).over(line).fill_null(False))
        .with_columns(run=(pl.col("ended") != pl.col("before")).cum_sum().over(line))
        .collect()
    )


def _ends(rows: pl.DataFrame) -> pl.DataFrame:
    """When each line's service ended and, by the last word on that end, why."""
    replaced = pl.col("replacement").fill_null(
        pl.when(pl.col("status_reason").is_in(REPLACEMENTS)).then(pl.col("status_reason"))
    )
    return (
        rows.filter("ended")
        .group_by("subscription_id", "run", maintain_order=True)
        .agg(
            pl.col(HAPPENED).first().alias("ended_at"),
            pl.col("status_reason").last(),
            replaced.last().alias("replacement"),
            pl.col("replaced_by").last(),
        )
        .with_columns(pl.col("run") + 1)
        .join(_returns(rows), on=["subscription_id", "run"], how="left", maintain_order="left")
        .drop("run")
    )


def _returns(rows: pl.DataFrame) -> pl.DataFrame:
    """When lines that had ended were in service again."""
    again = rows.filter(~pl.col("ended") & pl.col("before"))
    return again.select("subscription_id", "run", pl.col(HAPPENED).alias("back_at"))


def _losses(
    history: RawHistory, rows: pl.DataFrame, ends: pl.DataFrame, lines: pl.DataFrame
) -> pl.DataFrame:
    voluntary = pl.col("how").is_in(VOLUNTARY_CHURN)
    silent = (pl.col("how") == "inactivity") & pl.col("billing_type").eq_missing("prepaid")
    dated = (
        history.as_known("churn_events", ["churn", "notice_at"])
        .rename({"churn": "how", HAPPENED: "told_at"})
        .collect()
        .join(lines.select("subscription_id", "billing_type"), on="subscription_id", how="left")
        .filter(~silent)
        .with_columns(
            lost_at=pl.when(voluntary).then(pl.col("notice_at")).fill_null(pl.col("told_at"))
        )
        .sort("told_at")
        .join_asof(
            _returns(rows).sort("back_at"),
            left_on="told_at",
            right_on="back_at",
            by="subscription_id",
            strategy="forward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
    )
    booked = (
        dated.join(
            ends.filter(pl.col("replacement").is_not_null()).select("subscription_id", "ended_at"),
            on="subscription_id",
        )
        .filter((pl.col("told_at") - pl.col("ended_at")).abs() <= _SAME_REPLACEMENT)
        .select("subscription_id", "told_at")
    )
    return dated.join(booked, on=["subscription_id", "told_at"], how="anti").select(
        "subscription_id", "how", "lost_at", "told_at", "back_at"
    )


def _stopped(found: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    # An end because of silence leaves the silence as long as it is; any other breaks it off.
    cuts = ends.filter(pl.col("status_reason").ne_missing("inactivity")).select(
        "subscription_id", pl.col("ended_at").alias("cut_at")
    )
    return (
        found.sort("inactive_from")
        .join_asof(
            cuts.sort("cut_at"),
            left_on="inactive_from",
            right_on="cut_at",
            by="subscription_id",
            strategy="forward",
            check_sortedness=False,
        )
        .select(
            "subscription_id",
            "inactive_from",
            "inactive_to",
            pl.min_horizontal("inactive_to", "cut_at").alias("stop"),
        )
    )


def _lineage(ends: pl.DataFrame, lines: pl.DataFrame, only: pl.Series) -> pl.DataFrame:
    steps = (
        ends.filter(pl.col("replacement").is_in(CONTINUED), pl.col("replaced_by").is_not_null())
        .join(
            lines.select(pl.col("subscription_id").alias("replaced_by")),
            on="replaced_by",
            how="semi",
        )
        .unique("subscription_id", keep="last", maintain_order=True)
        .select(
            pl.col("subscription_id").alias("member"),
            pl.col("replaced_by").alias("next"),
            pl.col("ended_at").alias("until"),
        )
    )
    asked = pl.DataFrame({"subscription_id": only.cast(pl.String)}).unique(maintain_order=True)
    reached = asked.select(
        "subscription_id",
        pl.col("subscription_id").alias("member"),
        pl.lit(None, UTC_TIME).alias("since"),
    )
    seen = reached.select("subscription_id", "member")
    found = []
    for _ in range(_LINKS_MOST):
        here = reached.join(steps, on="member", how="left")
        found.append(here.select("subscription_id", "member", "since", "until"))
        reached = (
            here.filter(pl.col("next").is_not_null())
            .select(
                "subscription_id", pl.col("next").alias("member"), pl.col("until").alias("since")
            )
            # Lines that replace each other in a ring would go round for ever.
            .join(seen, on=["subscription_id", "member"], how="anti")
        )
        if reached.is_empty():
            break
        seen = pl.concat([seen, reached.select("subscription_id", "member")])
    return pl.concat(found)
