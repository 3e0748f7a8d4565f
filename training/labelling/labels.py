"""Outcomes of lines, as known at the data's end, and the labels that follow from them.

A loss has two dates: when the line was lost, and when that could be known. A loss with notice has
both dates at the notice; without notice, when it happened. A prepaid line is lost by
`inactivity_days` of inactivity: at its last activity, known once it has been inactive that long.
Other ends of a line are no churn. Involuntary exits compete with it, a migration or SIM swap
continues with the new line, a transfer makes the label 0 from then on, and an end without a
recorded reason leaves the outcome unknown. So does a recent notice that stands at the data's end.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from features.contracts.vocabulary import HORIZON_DAYS, INVOLUNTARY_CHURN, VOLUNTARY_CHURN
from holdfast.errors import InputError
from training.labelling.exits import UNKNOWN, LineRecords
from training.labelling.history import RawHistory
from training.labelling.inactivity import usage_begin, use_table
from training.labelling.notices import stands_at
from training.settings import LabelSettings

INACTIVITY_LENGTHS_DAYS = (15, 30, 60, 90)
"""Lengths of inactivity for which the sensitivity of prepaid churn is shown."""

SENSITIVITY_LINES = 100_000
"""Prepaid lines that it is told of, at most: a share of them is known to a third of a point."""


@dataclass(frozen=True)
class LineOutcomes:
    """Outcomes of lines, and of those that continue them.

    Parameters
    ----------
    exits : DataFrame
        See `training.labelling.exits.LineRecords.exits`.
    ever_prepaid : DataFrame
        ``subscription_id`` of lines that are, or become, prepaid: their labels are known
        `inactivity_days` later.
    has_usage : bool
        Whether there is a table of usage, without which inactivity is unknown.
    records : LineRecords
        The records behind the exits.
    """

    exits: pl.DataFrame
    ever_prepaid: pl.DataFrame
    has_usage: bool
    records: LineRecords

    @classmethod
    def of(
        cls, history: RawHistory, settings: LabelSettings, only: pl.Series | None = None
    ) -> "LineOutcomes":
        """Derive outcomes from the raw tables.

        Parameters
        ----------
        history : RawHistory
            The raw tables.
        settings : LabelSettings
            When an inactive line is lost.
        only : Series of str, optional
            Lines to derive outcomes of; default: all.

        Raises
        ------
        InputError
            There is no table of losses.
        """
        records = LineRecords.of(history, only)
        prepaid = records.lines.filter(pl.col("billing_type") == "prepaid").select(
            pl.col("subscription_id").alias("member")
        )
        ever_prepaid = (
            records.lineage.join(prepaid, on="member", how="semi")
            .select("subscription_id")
            .unique()
            .sort("subscription_id")
        )
        return cls(
            exits=records.exits(settings.inactivity_days),
            ever_prepaid=ever_prepaid,
            has_usage=use_table(history) is not None,
            records=records,
        )

    @property
    def service_ends(self) -> pl.DataFrame:
        """``subscription_id`` and ``ended_at``: one row per end of service."""
        return self.records.ends.select("subscription_id", "ended_at")

    def already_lost(self, at: datetime) -> pl.DataFrame:
        """Lines that were lost before a cut-off, whether that was known then or not.

        Returns
        -------
        DataFrame
            ``subscription_id`` and ``already_lost``: ``cancelling``, ``ended`` or ``inactive``.
        """
        inactive, voluntary = ~pl.col("ended"), pl.col("how").is_in(VOLUNTARY_CHURN)
        why = (
            pl.when(inactive)
            .then(pl.lit("inactive"))
            .when(voluntary)
            .then(pl.lit("cancelling"))
            .otherwise(pl.lit("ended"))
        )
        return (
            _not_yet_back(self.exits, at)
            .filter(pl.col("known_at") <= at, ~(inactive & (pl.col("how") == UNKNOWN)))
            .with_columns(already_lost=why)
            .sort("subscription_id", "lost_at", "already_lost")
            .unique("subscription_id", keep="first", maintain_order=True)
            .select("subscription_id", "already_lost")
        )

    def noticed(self, at: datetime) -> pl.DataFrame:
        """Lines whose customer had given notice by a cut-off, whether that was known then or not.

        Returns
        -------
        DataFrame
            ``subscription_id`` and ``noticed``, true.
        """
        standing = self.records.notices.filter(stands_at(pl.lit(at)))
        return standing.select("subscription_id", pl.lit(True).alias("noticed")).unique()

    def label(
        self, lines: pl.DataFrame, at: datetime, gap_days: int, positive: Collection[str]
    ) -> pl.DataFrame:
        """Label lines at a cut-off.

        Parameters
        ----------
        lines : DataFrame
            ``subscription_id`` of lines that were not lost already.
        at : datetime
            The cut-off.
        gap_days : int
            Days between it and the start of the horizon.
        positive : collection of str
            Kinds of churn that count; whatever else comes first makes the label 0.

        Returns
        -------
        DataFrame
            In the order of `lines`: ``subscription_id``; ``in_gap``, whether the loss became known
            within the gap; ``how``, ``lost_at`` and ``ended`` of the first exit, null where there is
            none; ``label_<days>`` by horizon, null where unknown.
        """
        gap_end = at + timedelta(days=gap_days)
        coming = _not_yet_back(self.exits, at).join(lines, on="subscription_id", how="semi")
        within_gap = (pl.col("known_at") > at) & (pl.col("known_at") <= gap_end)
        is_loss = pl.col("how").is_in((*VOLUNTARY_CHURN, *INVOLUNTARY_CHURN))
        in_gap = (
            coming.filter(within_gap & is_loss)
            .select("subscription_id", pl.lit(True).alias("in_gap"))
            .unique()
        )
        first = (
            coming.sort("subscription_id", "lost_at", "known_at")
            .unique("subscription_id", keep="first", maintain_order=True)
            .select("subscription_id", "how", "lost_at", "ended")
        )
        labelled = (
            lines.select("subscription_id")
            .join(in_gap, on="subscription_id", how="left", maintain_order="left")
            .join(first, on="subscription_id", how="left", maintain_order="left")
            .with_columns(pl.col("in_gap").fill_null(False))
        )
        return labelled.with_columns(
            pl.when(
                pl.col("lost_at").is_null() | (pl.col("lost_at") > gap_end + timedelta(days=days))
            )
            .then(0.0)
            .when(pl.col("how") != UNKNOWN)
            .then(pl.col("how").is_in(list(positive)).cast(pl.Float64))
            .alias(f"label_{days}")
            for days in HORIZON_DAYS
        )


@dataclass(frozen=True)
class InactivityShare:
    """Prepaid churn if a line counted as lost after a given number of days of inactivity.

    Parameters
    ----------
    days : int
        Days of inactivity.
    lines : int
        Prepaid lines in service.
    lost : float or None
        Share of them that were inactive for so long; None where there are no lines.
    back : float or None
        Share of those inactive periods after which the line was used again within the data; None
        where there are none.
    """

    days: int
    lines: int
    lost: float | None
    back: float | None


def inactivity_sensitivity(history: RawHistory) -> tuple[InactivityShare, ...]:
    """Prepaid churn for each of `INACTIVITY_LENGTHS_DAYS`, to show how much depends on it.

    Of a large operator it is told of every second prepaid line by id, or every third and so on, no
    more than `SENSITIVITY_LINES`. All lengths are compared on the same inactive periods: those that
    began after the first week of usage, and early enough for the longest length to be complete. A
    line that the operator itself ended because of inactivity cannot come back.

    Raises
    ------
    InputError
        There is no table of losses, or of use.
    """
    use = use_table(history)
    if use is None:
        raise InputError(
            "raw tables",
            "must hold the table usage_weeks or usage_days: inactivity is derived from it",
            str(history.directory),
        )
    told_of = _thinned(_ever_prepaid(history))
    records = LineRecords.of(history, told_of["subscription_id"])
    first = usage_begin(history, use)
    last = records.use_end - timedelta(days=max(INACTIVITY_LENGTHS_DAYS))
    periods = records.inactive_periods.join(told_of, on="subscription_id", how="semi").filter(
        pl.col("inactive_from") > first, pl.col("inactive_from") <= last
    )
    length = pl.col("stop").fill_null(records.use_end) - pl.col("inactive_from")
    ended = records.ends.filter(pl.col("ended_at") <= first, pl.col("back_at").is_null())
    lines = (
        records.lines.filter(pl.col("billing_type") == "prepaid", pl.col("activated_at") <= last)
        .join(ended, on="subscription_id", how="anti")
        .join(told_of, on="subscription_id", how="semi")
        .height
    )
    shares = []
    for days in INACTIVITY_LENGTHS_DAYS:
        complete = periods.filter(length >= timedelta(days=days))
        lost = complete["subscription_id"].n_unique()
        back = int(complete["inactive_to"].is_not_null().sum())
        shares.append(
            InactivityShare(days, lines, _share(lost, lines), _share(back, len(complete)))
        )
    return tuple(shares)


def _ever_prepaid(history: RawHistory) -> pl.DataFrame:
    rows = history.rows("subscriptions", ["billing_type"])
    prepaid = rows.filter(pl.col("billing_type") == "prepaid").select("subscription_id")
    return prepaid.unique().sort("subscription_id").collect()


def _thinned(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.gather_every(max(1, -(-lines.height // SENSITIVITY_LINES)))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _not_yet_back(exits: pl.DataFrame, at: datetime) -> pl.DataFrame:
    return exits.filter(pl.col("back_at").is_null() | (pl.col("back_at") > at))
