"""What became of lines, in hindsight, and the labels that follow from it.

A loss has two dates: when the line was lost, and when that could be known. A loss with notice is dated and known at the notice;
without notice, when it happened. A prepaid line is lost by `inactivity_days` of silence: dated at its last activity, known when
the silence is complete. The other ends of a line are no churn: involuntary exits compete with it, a migration or SIM swap goes on
with the successor, a transfer ends what can be asked, and a record that ends without a word leaves the outcome unknown.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from features.contracts import ARRIVED, HAPPENED, INVOLUNTARY_CHURN, REPLACEMENTS, VOLUNTARY_CHURN
from training.known import RawHistory
from training.settings import LabelSettings
from training.silence import seen_until, silences

HORIZON_DAYS = (30, 60, 90)
"""Horizons of churn and non-payment, shortest first."""

SILENCE_DAYS = (15, 30, 60, 90)
"""Lengths of silence that the sensitivity of prepaid churn is shown for."""

PASSED_ON, UNKNOWN = "passed_on", "unknown"
"""Ends that are neither voluntary nor involuntary: handed to somebody else, and not told."""

_SAME_EXIT = timedelta(days=31)
_STEPS = 50


@dataclass(frozen=True)
class Fates:
    """What became of every line, and of those that continue it.

    Parameters
    ----------
    exits : DataFrame
        One row for each end: ``subscription_id``; ``how`` (a kind of churn, `PASSED_ON` or `UNKNOWN`); ``lost_at`` and
        ``known_at``; ``back_at``, when the line was in use again at the earliest, null if never; ``ended``, whether service ended
        rather than fell silent.
    late : DataFrame
        ``subscription_id`` of lines that are, or become, prepaid: their labels are known `inactivity_days` later.
    end : datetime
        Until when labels are complete, late rows waited for.
    prepaid_end : datetime
        The same of silences: until when use is known.
    """

    exits: pl.DataFrame
    late: pl.DataFrame
    end: datetime
    prepaid_end: datetime

    @classmethod
    def of(cls, history: RawHistory, settings: LabelSettings) -> "Fates":
        """Look back on every line.

        Raises
        ------
        InputError
            There is no table of losses.
        """
        history.require("churn_events", "it says who was lost")
        rows = _line_rows(history)
        ends = _ends(rows)
        lines = rows.group_by("subscription_id", maintain_order=True).agg(pl.col("billing_type", "activated_at").last())
        churn = _churn(history, rows, ends, lines)
        use_end = seen_until(history)
        exits = pl.concat(
            [
                churn.drop("happened_at"),
                _silent(history, ends, churn, lines, settings.inactivity_days, use_end),
                _other_ends(ends, churn, lines),
            ]
        )
        lineage = _lineage(ends, lines)
        return cls(
            exits=_of_the_first(exits, lineage),
            late=lineage.join(
                lines.filter(pl.col("billing_type") == "prepaid"), left_on="member", right_on="subscription_id", how="semi"
            )
            .select("subscription_id")
            .unique()
            .sort("subscription_id"),
            end=history.end - timedelta(days=settings.settle_days),
            prepaid_end=min(history.end - timedelta(days=settings.settle_days), use_end),
        )

    def gone(self, at: datetime) -> pl.DataFrame:
        """Lines that were lost already at a cut-off, known or not.

        Returns
        -------
        DataFrame
            ``subscription_id`` and ``gone``: ``cancelling``, ``silent`` or ``ended``.
        """
        voluntary, silent = pl.col("how").is_in(VOLUNTARY_CHURN), ~pl.col("ended")
        return (
            _still(self.exits, at)
            .filter(pl.col("known_at") <= at, ~(silent & (pl.col("how") == UNKNOWN)))
            .with_columns(
                gone=pl.when(silent).then(pl.lit("silent")).when(voluntary).then(pl.lit("cancelling")).otherwise(pl.lit("ended"))
            )
            .sort("subscription_id", "lost_at")
            .unique("subscription_id", keep="first", maintain_order=True)
            .select("subscription_id", "gone")
        )

    def label(self, ids: pl.DataFrame, at: datetime, gap_days: int, positive: Collection[str]) -> pl.DataFrame:
        """Label lines at a cut-off.

        Parameters
        ----------
        ids : DataFrame
            ``subscription_id`` of lines that were not gone.
        at : datetime
            The cut-off.
        gap_days : int
            Days between it and the start of the horizon.
        positive : collection of str
            Kinds of churn that count; whatever else comes first makes the label 0.

        Returns
        -------
        DataFrame
            In the order of `ids`: ``subscription_id``; ``in_gap``, lost inside the gap; ``how`` and ``lost_at`` of what came
            first, null where nothing did; ``label_<days>`` by horizon, null where unknown.
        """
        gap_end = at + timedelta(days=gap_days)
        coming = _still(self.exits, at).join(ids, on="subscription_id", how="semi")
        known_in_gap = (pl.col("known_at") > at) & (pl.col("known_at") <= gap_end)
        is_loss = pl.col("how").is_in((*VOLUNTARY_CHURN, *INVOLUNTARY_CHURN))
        gap = coming.filter(known_in_gap & is_loss).select("subscription_id").unique().with_columns(in_gap=pl.lit(True))
        first = (
            coming.filter((pl.col("known_at") > at) | (pl.col("how") == UNKNOWN))
            .sort("subscription_id", "lost_at", "known_at")
            .unique("subscription_id", keep="first", maintain_order=True)
            .select("subscription_id", "how", "lost_at")
        )
        found = (
            ids.select("subscription_id")
            .join(gap, on="subscription_id", how="left", maintain_order="left")
            .join(first, on="subscription_id", how="left", maintain_order="left")
            .with_columns(pl.col("in_gap").fill_null(False))
        )
        return found.with_columns(
            pl.when(pl.col("lost_at").is_null() | (pl.col("lost_at") > gap_end + timedelta(days=days)))
            .then(0.0)
            .when(pl.col("how") != UNKNOWN)
            .then(pl.col("how").is_in(list(positive)).cast(pl.Float64))
            .alias(f"label_{days}")
            for days in HORIZON_DAYS
        )


def _still(exits: pl.DataFrame, at: datetime) -> pl.DataFrame:
    return exits.filter(pl.col("back_at").is_null() | (pl.col("back_at") > at))


def _line_rows(history: RawHistory) -> pl.DataFrame:
    """Every change of every line, oldest first; what is told twice of one moment counts as told last."""
    columns = ["customer_id", "billing_type", "activated_at", "status", "status_reason", "replaced_by", "replacement"]
    line = pl.col("subscription_id")
    return (
        history.rows("subscriptions", columns)
        .sort("subscription_id", HAPPENED, ARRIVED)
        .unique(["subscription_id", HAPPENED], keep="last", maintain_order=True)
        .with_columns(ended=pl.col("status") == "ended")
        .with_columns(before=pl.col("ended").shift(1).over(line).fill_null(False))
        .collect()
    )


def _ends(rows: pl.DataFrame) -> pl.DataFrame:
    """When each line's service ended, as its last word on that end says why; and when it was back, if ever."""
    line = pl.col("subscription_id")
    runs = rows.with_columns(run=(pl.col("ended") != pl.col("before")).cum_sum().over(line))
    again = runs.filter(~pl.col("ended") & pl.col("before")).select("subscription_id", "run", pl.col(HAPPENED).alias("back_at"))
    replaced = pl.col("replacement").fill_null(pl.when(pl.col("status_reason").is_in(REPLACEMENTS)).then(pl.col("status_reason")))
    return (
        runs.filter("ended")
        .group_by("subscription_id", "run", maintain_order=True)
        .agg(
            pl.col(HAPPENED).first().alias("ended_at"),
            pl.col("status_reason", "replaced_by").last(),
            replaced.last().alias("replacement"),
        )
        .with_columns(next=pl.col("run") + 1)
        .join(again, left_on=["subscription_id", "next"], right_on=["subscription_id", "run"], how="left", maintain_order="left")
        .select("subscription_id", "ended_at", "status_reason", "replaced_by", "replacement", "back_at")
    )


def _churn(history: RawHistory, rows: pl.DataFrame, ends: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Losses that were told as such, but for the silence of prepaid lines, which is told by their use."""
    back = rows.filter(~pl.col("ended") & pl.col("before")).select("subscription_id", pl.col(HAPPENED).alias("back_at"))
    voluntary = pl.col("churn").is_in(VOLUNTARY_CHURN)
    told = history.known("churn_events", ["churn", "notice_at"]).collect()
    dated = (
        told.join(lines.select("subscription_id", "billing_type"), on="subscription_id", how="left")
        .filter(~((pl.col("churn") == "inactivity") & pl.col("billing_type").eq_missing("prepaid")))
        .with_columns(lost_at=pl.when(voluntary).then(pl.col("notice_at")).fill_null(pl.col(HAPPENED)))
        .sort(HAPPENED)
        .join_asof(
            back.sort("back_at"),
            left_on=HAPPENED,
            right_on="back_at",
            by="subscription_id",
            strategy="forward",
            allow_exact_matches=False,
        )
    )
    replaced = ends.filter(pl.col("replacement").is_not_null()).select("subscription_id", "ended_at")
    told_of_replacement = (
        dated.join(replaced, on="subscription_id")
        .filter((pl.col(HAPPENED) - pl.col("ended_at")).abs() <= timedelta(days=1))
        .select("subscription_id", HAPPENED)
    )
    return (
        dated.join(told_of_replacement, on=["subscription_id", HAPPENED], how="anti")
        .with_columns(how=pl.col("churn"), known_at=pl.col("lost_at"), ended=pl.lit(True), happened_at=pl.col(HAPPENED))
        .select("subscription_id", "how", "lost_at", "known_at", "back_at", "ended", "happened_at")
    )


def _silent(
    history: RawHistory, ends: pl.DataFrame, churn: pl.DataFrame, lines: pl.DataFrame, inactivity_days: int, use_end: datetime
) -> pl.DataFrame:
    """Silences of prepaid lines that are complete, or that may still become so when the data end."""
    prepaid = lines.filter(pl.col("billing_type") == "prepaid")
    found = silences(history, prepaid.lazy().select("subscription_id", "activated_at"))
    # An end for another reason than silence breaks a silence off; an end because of it leaves it as long as it is.
    cuts = ends.filter(pl.col("status_reason").ne_missing("inactivity")).select(
        "subscription_id", pl.col("ended_at").alias("cut_at")
    )
    needed = pl.duration(days=inactivity_days)
    bounded = (
        found.sort("silent_from")
        .join_asof(cuts.sort("cut_at"), left_on="silent_from", right_on="cut_at", by="subscription_id", strategy="forward")
        .with_columns(
            known_at=pl.col("silent_from") + needed,
            stop=pl.min_horizontal("silent_to", "cut_at"),
            cut=pl.col("cut_at").is_not_null() & (pl.col("silent_to").is_null() | (pl.col("cut_at") < pl.col("silent_to"))),
        )
    )
    complete = (
        pl.when(pl.col("stop").is_not_null()).then(pl.col("known_at") <= pl.col("stop")).otherwise(pl.col("known_at") <= use_end)
    )
    pending = pl.col("stop").is_null() & (pl.col("known_at") > use_end)
    return (
        bounded.with_columns(how=pl.when(complete).then(pl.lit("inactivity")).when(pending).then(pl.lit(UNKNOWN)))
        .filter(pl.col("how").is_not_null())
        .select(
            "subscription_id",
            "how",
            pl.col("silent_from").alias("lost_at"),
            "known_at",
            pl.col("silent_to").alias("back_at"),
            pl.lit(False).alias("ended"),
        )
    )


def _other_ends(ends: pl.DataFrame, churn: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Transfers, and ends of which nothing is told."""
    known = lines.select(pl.col("subscription_id").alias("replaced_by"), pl.lit(True).alias("continued"))
    told = (
        ends.join(churn.select("subscription_id", "happened_at"), on="subscription_id")
        .filter((pl.col("happened_at") - pl.col("ended_at")).abs() <= _SAME_EXIT)
        .select("subscription_id", "ended_at")
    )
    fallen_silent = pl.col("status_reason").eq_missing("inactivity") & (pl.col("billing_type") == "prepaid")
    follows = pl.col("replacement").is_not_null() & (pl.col("replacement") != "transfer") & pl.col("continued").eq_missing(True)
    return (
        ends.join(told, on=["subscription_id", "ended_at"], how="anti")
        .join(known, on="replaced_by", how="left")
        .join(lines.select("subscription_id", "billing_type"), on="subscription_id")
        .filter(~fallen_silent, ~follows)
        .select(
            "subscription_id",
            pl.when(pl.col("replacement") == "transfer").then(pl.lit(PASSED_ON)).otherwise(pl.lit(UNKNOWN)).alias("how"),
            pl.col("ended_at").alias("lost_at"),
            pl.col("ended_at").alias("known_at"),
            "back_at",
            pl.lit(True).alias("ended"),
        )
    )


def _lineage(ends: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Which lines continue which: ``subscription_id``, ``member``, ``since`` (null for the line itself) and ``until``."""
    steps = (
        ends.filter(pl.col("replacement").is_in(["migration", "sim_swap"]), pl.col("replaced_by").is_not_null())
        .join(lines.select(pl.col("subscription_id").alias("replaced_by")), on="replaced_by", how="semi")
        .unique("subscription_id", keep="last", maintain_order=True)
        .select(pl.col("subscription_id").alias("member"), pl.col("replaced_by").alias("next"), pl.col("ended_at").alias("until"))
    )
    now = lines.select(
        "subscription_id", pl.col("subscription_id").alias("member"), pl.lit(None, pl.Datetime("us", "UTC")).alias("since")
    )
    found: list[pl.DataFrame] = []
    seen = now.select("subscription_id", "member")
    for _ in range(_STEPS):
        reached = now.join(steps, on="member", how="left")
        found.append(reached.select("subscription_id", "member", "since", "until"))
        now = (
            reached.filter(pl.col("next").is_not_null())
            .select("subscription_id", pl.col("next").alias("member"), pl.col("until").alias("since"))
            # Lines that replace each other in a ring would go round for ever.
            .join(seen, on=["subscription_id", "member"], how="anti")
        )
        if now.is_empty():
            break
        seen = pl.concat([seen, now.select("subscription_id", "member")])
    return pl.concat(found)


def _of_the_first(exits: pl.DataFrame, lineage: pl.DataFrame) -> pl.DataFrame:
    """Exits of each line and of those that continue it, as its own."""
    return (
        lineage.join(exits.rename({"subscription_id": "member"}), on="member")
        .filter(
            pl.col("since").is_null() | (pl.col("lost_at") >= pl.col("since")),
            pl.col("until").is_null() | (pl.col("lost_at") <= pl.col("until")),
        )
        .select("subscription_id", "how", "lost_at", "known_at", "back_at", "ended")
        .sort("subscription_id", "lost_at", "known_at", "how")
    )
