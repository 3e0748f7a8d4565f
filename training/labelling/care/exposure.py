"""Care exposure: which rows the operator's own care may have changed, horizon by horizon.

Models predict the risk without care. A row is *touched* within a horizon when care for it, or for
its whole customer, was decided after its cut-off and by the end of that horizon's label, while the
line was at risk, whether the contact took place or not. The gap counts, because care in it
changes what comes after it; so does the time in which a prepaid line may still prove not to be
inactive. Care after a line's end, after the notice that led to it, or after the horizon's own label,
changes nothing. Touched
rows are left out of that horizon.

Where arms were drawn at random, rows in control also represent the treated ones. Their weight is
``(1 - h) / p``, where ``p`` is the probability of control and ``h`` the campaign's share of
holdout; rows of the holdout represent themselves. The weights of several decisions multiply, but
for those of one campaign that draws each household once: the later ones were no further draws.
`training.labelling.care.weights` does the same for care that followed a rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.contracts.tables import ARRIVED, HAPPENED
from features.contracts.vocabulary import OTHER
from holdfast.arrays import Floats, Times
from training.labelling.draws import HOUSEHOLD, campaigns_drawn_once, with_households
from training.labelling.history import RawHistory

_SAME = 0.001
"""Recorded propensities are rounded."""

_AFFECTING = ["row", "arm", "propensity", "campaign_id", "contact_id", "decided_at"]


@dataclass(frozen=True)
class HorizonExposure:
    """What care did to n rows within one horizon.

    Parameters
    ----------
    touched : (n,) bool
        Treated before the label's end.
    by_rule : (n,) bool
        Of these, the rows whose first treatment followed a rule.
    control_weight : (n,) float64
        How many rows an untouched one represents by the draws that put it into control; at least 0.
    complete : (n,) bool
        The label is complete. The other arrays tell of rows where it is not as within the longest
        horizon in which it is.
    end : (n,) datetime64[us]
        End of the label, UTC.
    until : (n,) datetime64[us]
        End of the label, of the time at risk or of that without treatment, whichever came first; UTC.
    """

    touched: NDArray[np.bool_]
    by_rule: NDArray[np.bool_]
    control_weight: Floats
    complete: NDArray[np.bool_]
    end: Times
    until: Times


@dataclass(frozen=True)
class CareExposure:
    """What care did to n rows.

    Parameters
    ----------
    horizons : dict of int to HorizonExposure
        By horizon in days, shortest first. Rows that are touched within one are touched within all
        longer ones.
    holdout : (n,) bool
        The household, or the customer, was in the holdout of some campaign by the label's end.
    """

    horizons: dict[int, HorizonExposure]
    holdout: NDArray[np.bool_]

    @property
    def touched(self) -> NDArray[np.bool_]:
        """(n,) bool: touched within every horizon."""
        return next(iter(self.horizons.values())).touched

    @property
    def end(self) -> Times:
        """(n, w) datetime64[us]: ends of the labels of w horizons."""
        return np.column_stack([one.end for one in self.horizons.values()])

    @property
    def until(self) -> Times:
        """(n, w) datetime64[us]: `HorizonExposure.until` of w horizons."""
        return np.column_stack([one.until for one in self.horizons.values()])

    @property
    def is_any(self) -> bool:
        """Whether any row was touched, or put into control, within some horizon."""
        return any(
            bool(one.touched.any() or (one.control_weight != 1).any())
            for one in self.horizons.values()
        )


def care_exposure(
    history: RawHistory, rows: pl.DataFrame, ends: Mapping[int, pl.Expr]
) -> CareExposure:
    """Find the rows that care touched, and those that represent others by a draw.

    Parameters
    ----------
    history : RawHistory
        The raw tables; without care contacts no row is touched.
    rows : DataFrame
        n rows: ``customer_id``, ``household``, ``cutoff``, ``label_end``, and ``subscription_id``
        where a row is a line. A row of a whole customer is touched by decisions about any of its
        lines; a line by those about itself and about its customer. Where rows can come to an end,
        ``at_risk_until``.
    ends : mapping of int to Expr
        By horizon in days, shortest first: when its label ends; not before that of a shorter one. Null
        where it is not complete yet, which it is within the shortest.
    """
    decisions = (
        history.as_known(
            "care_contacts", ["customer_id", "subscription_id", "campaign_id", "arm", "propensity"]
        )
        .rename({HAPPENED: "decided_at"})
        .sort("contact_id")
        .collect()
    )
    decisions = with_households(history, decisions)
    at_risk = [pl.col("at_risk_until")] if "at_risk_until" in rows.columns else []
    complete = {days: rows.select(end.is_not_null()).to_series() for days, end in ends.items()}
    followed = {
        days: pl.coalesce(
            *(ends[shorter] for shorter in sorted(ends, reverse=True) if shorter <= days)
        )
        for days in ends
    }
    numbered = (
        rows.with_row_index("row")
        .with_columns(end.alias(f"followed_{days}") for days, end in followed.items())
        .with_columns(
            pl.min_horizontal(f"followed_{days}", *at_risk).alias(f"end_{days}") for days in ends
        )
    )
    affecting = _affecting(numbered, decisions, f"end_{max(ends)}")
    # An arm that nobody understands may have been treated.
    treated = pl.col("arm").is_in(["treatment", OTHER])
    # Where nobody but the holdout went without, care was no draw.
    of_arms = pl.col("propensity") / (1 - pl.col("holdout_share").fill_null(0.0))
    first = (
        affecting.filter(treated)
        .join(_holdout_shares(decisions), on="campaign_id", how="left")
        .with_columns(by_rule=~_is_drawn() | (of_arms > 1 - _SAME).fill_null(False))
        .sort("row", "decided_at", ~pl.col("by_rule"))
        .unique("row", keep="first", maintain_order=True)
        .select("row", pl.col("decided_at").alias("treated_at"), "by_rule")
    )
    exposed = numbered.join(first, on="row", how="left", maintain_order="left")
    drawn = _drawn_into_control(affecting, decisions)
    horizons = {}
    for days in ends:
        end = pl.col(f"end_{days}")
        touched = (pl.col("treated_at") <= end).fill_null(False)
        weights = (
            drawn.join(numbered.select("row", end.alias("end")), on="row")
            .filter(pl.col("decided_at") <= pl.col("end"))
            .group_by("row")
            .agg(pl.col("weight").product())
        )
        told = exposed.join(weights, on="row", how="left", maintain_order="left").select(
            touched.alias("touched"),
            (touched & pl.col("by_rule").fill_null(False)).alias("by_rule"),
            pl.col("weight").fill_null(1.0),
            pl.col(f"followed_{days}").dt.replace_time_zone(None).alias("end"),
            pl.min_horizontal(end, "treated_at").dt.replace_time_zone(None).alias("until"),
        )
        horizons[days] = HorizonExposure(
            touched=told["touched"].to_numpy(),
            by_rule=told["by_rule"].to_numpy(),
            control_weight=told["weight"].to_numpy(),
            complete=complete[days].to_numpy(),
            end=told["end"].to_numpy().astype("datetime64[us]"),
            until=told["until"].to_numpy().astype("datetime64[us]"),
        )
    return CareExposure(horizons, _held_out(history, decisions, numbered))


def _is_drawn() -> pl.Expr:
    return pl.col("propensity").is_not_null() & (pl.col("arm") != OTHER)


def _drawn_into_control(affecting: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Draws that put rows into control: ``row``, ``decided_at`` and ``weight``."""
    control_weight = (1 - pl.col("holdout_share").fill_null(0.0)) / pl.col("propensity")
    is_first = pl.struct("row", "campaign_id").is_first_distinct()
    # Without a campaign nothing says which decisions belong together.
    is_draw = is_first | ~pl.col("campaign_id").is_in(campaigns_drawn_once(decisions).implode())
    return (
        affecting.filter(pl.col("arm") == "control", _is_drawn())
        .sort("row", "decided_at", "contact_id")
        .filter(is_draw.fill_null(True))
        .join(_holdout_shares(decisions), on="campaign_id", how="left")
        .select("row", "decided_at", control_weight.alias("weight"))
    )


def _holdout_shares(decisions: pl.DataFrame) -> pl.DataFrame:
    held = decisions.filter(
        pl.col("arm") == "holdout",
        pl.col("propensity").is_not_null(),
        pl.col("campaign_id").is_not_null(),
    )
    return held.group_by("campaign_id").agg(pl.col("propensity").mean().alias("holdout_share"))


def _affecting(rows: pl.DataFrame, decisions: pl.DataFrame, end: str) -> pl.DataFrame:
    """Decisions between the cut-off and the last end of each row that they are about."""
    decided = decisions.drop(ARRIVED)
    within = (pl.col("decided_at") > pl.col("cutoff")) & (pl.col("decided_at") <= pl.col(end))
    spans = rows.select("row", "customer_id", "cutoff", end)
    if "subscription_id" not in rows.columns:
        return spans.join(decided, on="customer_id").filter(within).select(_AFFECTING)
    lines = rows.select("row", "subscription_id", "cutoff", end)
    about_lines = lines.join(decided.drop("customer_id"), on="subscription_id").filter(within)
    about_all = spans.join(
        decided.filter(pl.col("subscription_id").is_null()), on="customer_id"
    ).filter(within)
    return pl.concat([about_lines.select(_AFFECTING), about_all.select(_AFFECTING)])


def _held_out(
    history: RawHistory, decisions: pl.DataFrame, rows: pl.DataFrame
) -> NDArray[np.bool_]:
    held = (
        decisions.filter(pl.col("arm") == "holdout")
        .group_by("customer_id")
        .agg(pl.col(ARRIVED).min())
    )
    at_home = with_households(history, held).rename({HOUSEHOLD: "household"})
    since = at_home.group_by("household").agg(pl.col(ARRIVED).min())
    held_since = rows.select("row", "household", "label_end").join(
        since, on="household", how="left", maintain_order="left"
    )
    return np.asarray(
        held_since.select((pl.col(ARRIVED) <= pl.col("label_end")).fill_null(False))
        .to_series()
        .to_numpy()
    )
