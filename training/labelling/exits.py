"""Exits: how and when each line's service ended, combined from several tables.

All rows up to the data's end are used.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from features.contracts.vocabulary import ARRIVED, HAPPENED, OTHER, REPLACEMENTS, VOLUNTARY_CHURN
from training.labelling.history import UTC_TIME, RawHistory
from training.labelling.inactivity import inactive_periods, usage_end
from training.labelling.notices import notices_of, stands_at

PASSED_ON, UNKNOWN = "passed_on", "unknown"
"""Ends that are neither voluntary nor involuntary: a transfer to another customer, and an end
whose reason is not recorded, or a status that is in no list.
"""

CONTINUED = ("migration", "sim_swap")
"""Replacements after which the same person goes on with another line."""

_SAME_END = timedelta(days=31)
"""A loss recorded within these days of an end of service is the reason for that end."""

_SAME_REPLACEMENT = timedelta(days=1)
"""A loss recorded within a day of a replacement is that replacement, however it was booked."""

_OPEN_NOTICE = timedelta(days=180)
"""A notice without a loss leaves the outcome unknown for so long, twice a notice period of three months.
After that the line counts as one that goes on.
"""

_LINKS_MOST = 50


@dataclass(frozen=True)
class LineRecords:
    """What the raw tables record of lines, from which exits are derived.

    Parameters
    ----------
    lines : DataFrame
        ``subscription_id``, ``billing_type`` and ``activated_at``, by the newest row.
    ends : DataFrame
        One row per end of service: ``subscription_id``, ``ended_at``, ``status_reason``,
        ``replacement``, ``replaced_by``, and ``back_at``, when it was in service again; null if
        never.
    lineage : DataFrame
        Which lines continue which: ``subscription_id``, ``member`` (the line itself or one that
        continues it), ``since`` (null for the line itself) and ``until`` (null for the last).
    losses : DataFrame
        Recorded losses, except of prepaid lines by inactivity: ``subscription_id``, ``how``,
        ``lost_at`` (the notice, if there was one), ``recorded_at`` (when it happened), ``told_at``
        (since when the tables tell it, whatever was corrected later) and ``back_at``.
    inactive_periods : DataFrame
        Inactive periods of prepaid lines: ``subscription_id``, ``inactive_from``, ``inactive_to``
        (next activity; null while it lasts) and ``stop``: that, or an earlier end of service for a
        reason other than inactivity.
    notices : DataFrame
        As `training.labelling.notices.NOTICES`.
    use_end : datetime
        Until when usage is known.
    end : datetime
        The data's end.
    """

    lines: pl.DataFrame
    ends: pl.DataFrame
    lineage: pl.DataFrame
    losses: pl.DataFrame
    inactive_periods: pl.DataFrame
    notices: pl.DataFrame
    use_end: datetime
    end: datetime

    @classmethod
    def of(cls, history: RawHistory, only: pl.Series | None = None) -> "LineRecords":
        """Read the records of lines.

        Parameters
        ----------
        history : RawHistory
            The raw tables.
        only : Series of str, optional
            Lines to read; those that continue them are read as well, and no others. Default: all.

        Raises
        ------
        InputError
            There is no table of losses.
        """
        history.require("churn_events", "it records losses")
        among = None if only is None else _with_followers(history, only)
        rows = _line_rows(history, among)
        lines = _newest_lines(rows)
        ends = _ends(rows)
        lineage = _lineage(ends, lines, lines["subscription_id"] if only is None else only)
        wanted = lineage.select(pl.col("member").alias("subscription_id")).unique()
        prepaid = lines.filter(pl.col("billing_type") == "prepaid").join(
            wanted, on="subscription_id", how="semi"
        )
        notices = notices_of(history, rows, _returns(rows))
        periods = inactive_periods(history, prepaid.select("subscription_id", "activated_at"))
        return cls(
            lines=lines,
            ends=ends,
            lineage=lineage,
            losses=_losses(history, rows, ends, lines, notices, among),
            inactive_periods=_stopped(periods, ends),
            notices=notices,
            use_end=usage_end(history),
            end=history.end,
        )

    def exits(self, inactivity_days: int) -> pl.DataFrame:
        """Exits of each line; those of lines that continue it count as its own.

        Parameters
        ----------
        inactivity_days : int
            Days of inactivity after which a prepaid line is lost.

        Returns
        -------
        DataFrame
            ``subscription_id``; ``how`` (a kind of churn, `PASSED_ON` or `UNKNOWN`); ``lost_at``;
            ``known_at``; ``back_at``, when it was in use again at the earliest, null if never;
            ``ended``, whether service ended, rather than the line being inactive.
        """
        losses = self.losses.select(
            "subscription_id",
            "how",
            "lost_at",
            pl.col("lost_at").alias("known_at"),
            "back_at",
            pl.lit(True).alias("ended"),
        )
        exits = pl.concat(
            [
                losses,
                self._lost_by_inactivity(inactivity_days),
                self._other_ends(),
                self._with_open_notice(),
            ]
        )
        return (
            self.lineage.join(exits.rename({"subscription_id": "member"}), on="member")
            .filter(
                pl.col("since").is_null() | (pl.col("lost_at") >= pl.col("since")),
                pl.col("until").is_null() | (pl.col("lost_at") <= pl.col("until")),
            )
            .select(exits.columns)
            .sort("subscription_id", "lost_at", "known_at", "how")
        )

    def _lost_by_inactivity(self, inactivity_days: int) -> pl.DataFrame:
        """Inactive periods that are long enough, and those that may still become so."""
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

    def _with_open_notice(self) -> pl.DataFrame:
        """Lines with a notice that stands at the data's end, and neither a loss nor an end of service
        since: whether it will be withdrawn is not known yet.
        """
        recent = pl.col("noticed_at") > self.end - _OPEN_NOTICE
        came = pl.concat(
            [
                self.losses.select("subscription_id", came_at="recorded_at"),
                self.ends.select("subscription_id", came_at="ended_at"),
            ]
        )
        followed = (
            self.notices.join(came, on="subscription_id")
            .filter(pl.col("came_at") >= pl.col("noticed_at"))
            .select("subscription_id", "noticed_at")
        )
        return (
            self.notices.filter(pl.col("over_at").is_null() & recent)
            .join(followed, on=["subscription_id", "noticed_at"], how="anti")
            .select(
                "subscription_id",
                pl.lit(UNKNOWN).alias("how"),
                pl.col("noticed_at").alias("lost_at"),
                pl.col("noticed_at").alias("known_at"),
                pl.lit(None, UTC_TIME).alias("back_at"),
                pl.lit(False).alias("ended"),
            )
        )

    def _other_ends(self) -> pl.DataFrame:
        """Transfers, and ends without a recorded reason."""
        explained = (
            self.ends.join(
                self.losses.select("subscription_id", "recorded_at"), on="subscription_id"
            )
            .filter((pl.col("recorded_at") - pl.col("ended_at")).abs() <= _SAME_END)
            .select("subscription_id", "ended_at")
        )
        transferred = pl.col("replacement").eq_missing("transfer")
        inactive = pl.col("status_reason").eq_missing("inactivity") & (
            pl.col("billing_type") == "prepaid"
        )
        continued = pl.col("replacement").is_in(CONTINUED) & pl.col("replaced_by").is_in(
            self.lines["subscription_id"].implode()
        )
        return (
            self.ends.join(explained, on=["subscription_id", "ended_at"], how="anti")
            .join(self.lines.select("subscription_id", "billing_type"), on="subscription_id")
            .filter(~inactive, ~continued.fill_null(False))
            .select(
                "subscription_id",
                pl.when(transferred)
                .then(pl.lit(PASSED_ON))
                .otherwise(pl.lit(UNKNOWN))
                .alias("how"),
                pl.col("ended_at").alias("lost_at"),
                pl.col("ended_at").alias("known_at"),
                "back_at",
                pl.lit(True).alias("ended"),
            )
        )


def recorded_losses(history: RawHistory) -> pl.DataFrame:
    """Losses of all lines, as `LineRecords.losses`.

    Raises
    ------
    InputError
        There is no table of losses.
    """
    history.require("churn_events", "it records losses")
    lost = history.rows("churn_events", []).select("subscription_id").unique().collect()
    rows = _line_rows(history, lost["subscription_id"])
    notices = notices_of(history, rows, _returns(rows))
    return _losses(history, rows, _ends(rows), _newest_lines(rows), notices)


def lines_with_notice(history: RawHistory, at: datetime) -> frozenset[str]:
    """Lines whose customer had given notice by a time, as `LineRecords.notices` knows it."""
    pending = history.rows("subscriptions", ["status"]).filter(
        pl.col("status") == "pending_terminate"
    )
    told = history.rows("notices", ["subscription_id"])
    lines = [one.select("subscription_id").unique() for one in (pending, told)]
    rows = _line_rows(history, pl.concat(lines).collect()["subscription_id"])
    notices = notices_of(history, rows, _returns(rows))
    return frozenset(notices.filter(stands_at(pl.lit(at)))["subscription_id"].to_list())


def _newest_lines(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("subscription_id", maintain_order=True).agg(
        pl.col("billing_type", "activated_at").last()
    )


def _with_followers(history: RawHistory, lines: pl.Series) -> pl.Series:
    """Lines, and all that may continue them."""
    steps = (
        history.rows("subscriptions", ["replaced_by"])
        .filter(pl.col("replaced_by").is_not_null())
        .select("subscription_id", "replaced_by")
        .unique()
        .collect()
    )
    found = newest = lines.cast(pl.String).unique().alias("subscription_id")
    while len(newest):
        followers = steps.join(newest.to_frame(), on="subscription_id", how="semi")["replaced_by"]
        newest = (
            followers.unique()
            .alias("subscription_id")
            .to_frame()
            .join(found.to_frame(), on="subscription_id", how="anti")["subscription_id"]
        )
        found = pl.concat([found, newest])
    return found


def _line_rows(history: RawHistory, among: pl.Series | None = None) -> pl.DataFrame:
    """Every change of lines, oldest first; of two rows for one time the later one counts."""
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
            among,
        )
        .sort("subscription_id", HAPPENED, ARRIVED)
        .unique(["subscription_id", HAPPENED], keep="last", maintain_order=True)
        # Where nobody knows whether a line is in service, nobody knows whether it was lost.
        .with_columns(ended=pl.col("status").is_in(["ended", OTHER]))
        .with_columns(before=pl.col("ended").shift(1).over(line).fill_null(False))
        .with_columns(run=(pl.col("ended") != pl.col("before")).cum_sum().over(line))
        .collect()
    )


def _ends(rows: pl.DataFrame) -> pl.DataFrame:
    """When each line's service ended and, by the newest row about that end, why."""
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
    """When lines whose service had ended were in service again."""
    again = rows.filter(~pl.col("ended") & pl.col("before"))
    return again.select("subscription_id", "run", pl.col(HAPPENED).alias("back_at"))


def _losses(
    history: RawHistory,
    rows: pl.DataFrame,
    ends: pl.DataFrame,
    lines: pl.DataFrame,
    notices: pl.DataFrame,
    among: pl.Series | None = None,
) -> pl.DataFrame:
    voluntary = pl.col("how").is_in(VOLUNTARY_CHURN)
    inactive = (pl.col("how") == "inactivity") & pl.col("billing_type").eq_missing("prepaid")
    dated = (
        history.as_known("churn_events", ["churn", "notice_at"], among=among)
        .rename({"churn": "how", HAPPENED: "recorded_at"})
        .collect()
        .join(lines.select("subscription_id", "billing_type"), on="subscription_id", how="left")
        .filter(~inactive)
        .with_columns(how=pl.when(pl.col("how") == OTHER).then(pl.lit(UNKNOWN)).otherwise("how"))
        .pipe(_with_notice, notices)
        .join(_first_told(history), on=["subscription_id", "recorded_at"], how="left")
        .with_columns(
            lost_at=pl.when(voluntary).then(pl.col("notice_at")).fill_null(pl.col("recorded_at"))
        )
        .sort("recorded_at")
        .join_asof(
            _returns(rows).sort("back_at"),
            left_on="recorded_at",
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
        .filter((pl.col("recorded_at") - pl.col("ended_at")).abs() <= _SAME_REPLACEMENT)
        .select("subscription_id", "recorded_at")
    )
    return dated.join(booked, on=["subscription_id", "recorded_at"], how="anti").select(
        "subscription_id", "how", "lost_at", "recorded_at", "told_at", "back_at"
    )


def _first_told(history: RawHistory) -> pl.DataFrame:
    """Since when each loss counts: it has arrived, and happened."""
    return (
        history.rows("churn_events", [])
        .group_by("subscription_id", pl.col(HAPPENED).alias("recorded_at"))
        .agg(pl.max_horizontal(pl.col(ARRIVED).min(), pl.col(HAPPENED).first()).alias("told_at"))
        .collect()
    )


def _with_notice(losses: pl.DataFrame, notices: pl.DataFrame) -> pl.DataFrame:
    """Date losses that say nothing of a notice by the first that stood when they happened."""
    stood = (
        losses.filter(pl.col("notice_at").is_null())
        .select("subscription_id", "recorded_at")
        .join(notices, on="subscription_id")
        .filter(stands_at(pl.col("recorded_at")))
        .group_by("subscription_id", "recorded_at")
        .agg(pl.col("noticed_at").min())
    )
    return losses.join(
        stood, on=["subscription_id", "recorded_at"], how="left", maintain_order="left"
    ).with_columns(notice_at=pl.coalesce("notice_at", "noticed_at"))


def _stopped(periods: pl.DataFrame, ends: pl.DataFrame) -> pl.DataFrame:
    # An end of service because of inactivity does not shorten the period; any other end does.
    cuts = ends.filter(pl.col("status_reason").ne_missing("inactivity")).select(
        "subscription_id", pl.col("ended_at").alias("cut_at")
    )
    return (
        periods.sort("inactive_from")
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
    lines_wanted = pl.DataFrame({"subscription_id": only.cast(pl.String)})
    reached = lines_wanted.unique(maintain_order=True).select(
        "subscription_id",
        pl.col("subscription_id").alias("member"),
        pl.lit(None, UTC_TIME).alias("since"),
    )
    visited = reached.select("subscription_id", "member")
    links = []
    for _ in range(_LINKS_MOST):
        linked = reached.join(steps, on="member", how="left")
        links.append(linked.select("subscription_id", "member", "since", "until"))
        reached = (
            linked.filter(pl.col("next").is_not_null())
            .select(
                "subscription_id", pl.col("next").alias("member"), pl.col("until").alias("since")
            )
            # Lines that replace each other in a circle would never come to an end.
            .join(visited, on=["subscription_id", "member"], how="anti")
        )
        if reached.is_empty():
            break
        visited = pl.concat([visited, reached.select("subscription_id", "member")])
    return pl.concat(links)
