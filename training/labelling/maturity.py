# ruff: noqa: S608  # names in queries come from contracts
"""Maturity: how long labels are waited for, by how late the rows that they read came in the past.

A loss is dated at its notice, and often told only when the line ends. A label that is asked for too
early therefore misses losses, those of short horizons most. So labels count as complete only after
the 99 % quantile of the days from what happened until it was told.

Only what happened at least `LONGEST_SETTLE_DAYS` before the data's end (or `LabelSettings.settle_days`,
if that is more) is observed: of what happened later, only what was told quickly is there, and the
quantile would be too short.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from features.contracts.tables import ARRIVED, HAPPENED
from features.contracts.vocabulary import VOLUNTARY_CHURN
from training.labelling.exits import recorded_losses
from training.labelling.history import RawHistory
from training.labelling.inactivity import use_table
from training.settings import LONGEST_SETTLE_DAYS, MOST_SETTLE_DAYS, LabelSettings

_log = logging.getLogger(__name__)

QUANTILE = 0.99
"""Share of rows that are waited for."""

FEWEST_ROWS = 300
"""With fewer rows, all of them may well lie below the quantile: of 299, with a chance of 5 %. Then the
latest of them is waited for.
"""

MOST_LATER = 0.02
"""Share of rows told later than they are waited for, above which it is said."""

_NAMES = {"losses": "records of losses", "use": "usage"}

OBSERVED_DAYS = 364
"""Days over which rows are observed: a year of whole weeks."""


@dataclass(frozen=True)
class Wait:
    """How many days rows of a kind are waited for.

    Parameters
    ----------
    days : int
        `observed_days`, but at most `LONGEST_SETTLE_DAYS`, and at least `LabelSettings.settle_days`.
    observed_days : int or None
        Whole days within which the share `QUANTILE` of the rows was told, or all of them where `rows`
        is less than `FEWEST_ROWS`; None where there are none.
    rows : int
        Rows that were observed.
    later_share : float
        Share of them that was told later than `days`; 0 where there are none.
    """

    days: int
    observed_days: int | None
    rows: int
    later_share: float = 0.0

    @classmethod
    def of(cls, counts: pl.DataFrame, settings: LabelSettings) -> "Wait":
        """Derive the wait from ``rows`` by ``days`` until they were told."""
        ordered = counts.sort("days")
        rows = int(ordered["rows"].sum())
        if rows == 0:
            return cls(settings.settle_days, None, rows)
        share = QUANTILE if rows >= FEWEST_ROWS else 1.0
        told = ordered["rows"].cum_sum() >= share * rows
        observed = int(ordered["days"].filter(told)[0])
        days = max(min(observed, LONGEST_SETTLE_DAYS), settings.settle_days)
        later = int(ordered["rows"].filter(ordered["days"] > days).sum())
        return cls(days, observed, rows, later / rows)


@dataclass(frozen=True)
class LabelMaturity:
    """How many days labels are waited for after what they are about.

    Parameters
    ----------
    losses : Wait
        For records of losses, from the notice or, without one, the loss.
    use : Wait
        For usage, from the end of its week or day.
    """

    losses: Wait
    use: Wait

    @classmethod
    def of(
        cls,
        history: RawHistory,
        settings: LabelSettings,
        positive: Collection[str] = VOLUNTARY_CHURN,
    ) -> "LabelMaturity":
        """Observe how late rows came.

        Parameters
        ----------
        history : RawHistory
            The raw tables; of what counts, the time at which a loss was first told, whatever was
            corrected later.
        settings : LabelSettings
            The least wait.
        positive : collection of str
            Kinds of churn that the label is about.

        Raises
        ------
        InputError
            There is no table of losses, or there are no rows at all.
        """
        newest = history.end - timedelta(days=observed_until_days(settings))
        return cls(
            losses=Wait.of(_days_of_losses(history, positive, newest), settings),
            use=Wait.of(_days_of_use(history, newest), settings),
        )

    def warn(self) -> None:
        """Log what is told so late that labels count as complete without it."""
        for name, wait in self.document().items():
            if later := _later_words(wait):
                _log.warning("%s: %s", _NAMES[name], later)

    def of_all_lines(self, inactivity_days: int) -> timedelta:
        """Until labels of all lines are complete, prepaid ones included: an inactive line is known to
        be lost only `inactivity_days` later.
        """
        return timedelta(days=max(self.losses.days, inactivity_days + self.use.days))

    def document(self) -> dict[str, Any]:
        """As a run records it: `losses` and `use`, each with the fields of `Wait`."""
        return asdict(self)


def maturity_lines(document: Mapping[str, Any] | None) -> list[str]:
    """How long labels were waited for, as a line of a list in Markdown; none for models of surveys,
    and for versions that were made before it was kept.
    """
    if document is None:
        return []
    return [
        "- labels count as complete when late rows have come: "
        + "; ".join(f"{_NAMES[name]} after {_words_of(one)}" for name, one in document.items()),
        *(
            f"- **{_NAMES[name]}**: {later}"
            for name, one in document.items()
            if (later := _later_words(one))
        ),
    ]


def _words_of(wait: Mapping[str, Any]) -> str:
    rows, observed = wait["rows"], wait["observed_days"]
    if observed is None:
        return f"{wait['days']} days (the setting; {rows} rows are too few to observe it)"
    if rows < FEWEST_ROWS:
        return (
            f"{wait['days']} days (all of {rows} rows came within {observed};"
            f" too few to tell within how many {QUANTILE:.0%} of all do)"
        )
    return f"{wait['days']} days ({QUANTILE:.0%} of {rows:,} rows came within {observed})"


def _later_words(wait: Mapping[str, Any]) -> str:
    """What it means that rows come later than they are waited for; empty where hardly any do."""
    if wait.get("later_share", 0.0) <= MOST_LATER:
        return ""
    setting = LabelSettings.variable("settle_days")
    return (
        f"{wait['later_share']:.0%} of {wait['rows']:,} rows came later than the {wait['days']} days that"
        f" are waited, so that the newest outcomes may look as if nothing had happened. Set {setting} to"
        f" {min(wait['observed_days'], MOST_SETTLE_DAYS)}, unless the past of this table was loaded in one"
        " go: then its times of arrival say nothing of delays"
    )


def observed_until_days(settings: LabelSettings) -> int:
    """How many days before the data's end the last rows lie that are observed."""
    return max(LONGEST_SETTLE_DAYS, settings.settle_days)


def observed_before_days(settings: LabelSettings) -> int:
    """How many days before the data's end the first rows lie that are observed."""
    return observed_until_days(settings) + OBSERVED_DAYS


def _days_of_losses(
    history: RawHistory, positive: Collection[str], newest: datetime
) -> pl.DataFrame:
    lag = pl.col("told_at") - pl.col("lost_at")
    return (
        recorded_losses(history)
        .filter(
            pl.col("how").is_in(list(positive)),
            pl.col("lost_at") <= newest,
            pl.col("lost_at") > newest - timedelta(days=OBSERVED_DAYS),
        )
        .group_by((lag / timedelta(days=1)).ceil().cast(pl.Int64).alias("days"))
        .agg(pl.len().alias("rows"))
    )


def _days_of_use(history: RawHistory, newest: datetime) -> pl.DataFrame:
    """Rows of usage, corrections included, by days until they arrived."""
    table = use_table(history)
    if table is None:
        return pl.DataFrame(schema={"days": pl.Int64, "rows": pl.Int64})
    with history.database() as database:
        database.execute("SET VARIABLE newest = ?::TIMESTAMPTZ", [newest])
        return database.sql(f"""
            SELECT
                ceil((epoch_us({ARRIVED}) - epoch_us({HAPPENED})) / 86400e6)::BIGINT AS days,
                count(*) AS rows
            FROM ({history.rows_sql(table.name)})
            WHERE {HAPPENED} <= getvariable('newest')
                AND {HAPPENED} > getvariable('newest') - to_days({OBSERVED_DAYS})
            GROUP BY days
        """).pl()
