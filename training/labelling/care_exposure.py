"""Care exposure: rows that the operator's own care may have changed, and weights that replace them.

Models predict the risk without care. A row is *touched* when care for it, or for its whole
customer, was decided between its cut-off and the end of its label, whether the contact took place
or not. Touched rows are left out.

Where arms were drawn at random, rows in control also represent the treated ones. Their weight is
``(1 - h) / p``, where ``p`` is the probability of control and ``h`` the campaign's share of
holdout; rows of the holdout represent themselves. The weights of several decisions multiply, but
for those of one campaign that draws each household once: the later ones were no further draws.

Where care followed a rule, no row surely represents the treated ones. Leaving them out alone would
keep the lines that were lost before care could reach them, and give them too much weight, more so
for short horizons. So rows that stayed in service without care have the weight ``1 / G``, where
``G`` is the share of rows of the same cut-off and billing type that such care had not reached by
then (the Kaplan-Meier estimate, with care as the censoring event). It is *assumed* that they are
otherwise alike.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.contracts.tables import ARRIVED, HAPPENED
from features.contracts.vocabulary import OTHER
from holdfast.arrays import Floats
from training.labelling.draws import HOUSEHOLD, campaigns_drawn_once, with_households
from training.labelling.history import RawHistory

GREATEST_WEIGHT = 20.0
"""Larger weights are clipped, so that a few rows do not dominate the others."""

_DIGITS = 9
"""Weights are rounded to these decimals: sums and products over several threads differ in the last
bits, which must not decide what is clipped.
"""


@dataclass(frozen=True)
class CareExposure:
    """Which rows care touched, and how much the others count.

    Parameters
    ----------
    touched : (n,) bool
        Treated before the label's end.
    weight : (n,) float64
        Weight of the row, above 0 and at most `GREATEST_WEIGHT`.
    holdout : (n,) bool
        The household, or the customer, was in the holdout of some campaign by the label's end.
    counts : dict of str to int
        ``touched_randomised`` and ``touched_otherwise`` (left out); ``weighted`` and ``clipped``
        (of those that stay).
    """

    touched: NDArray[np.bool_]
    weight: Floats
    holdout: NDArray[np.bool_]
    counts: dict[str, int]


def care_exposure(history: RawHistory, rows: pl.DataFrame) -> CareExposure:
    """Find the rows that care touched, and weight the others.

    Parameters
    ----------
    history : RawHistory
        The raw tables; without care contacts no row is touched.
    rows : DataFrame
        n rows: ``customer_id``, ``household``, ``cutoff``, ``label_end``, and ``subscription_id``
        where a row is a line. A row of a whole customer is touched by decisions about any of its
        lines; a line by those about itself and about its customer. Where rows can come to an end,
        ``in_service_until`` (at most the label's end) and ``billing_type``.
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
    numbered = rows.with_row_index("row")
    # An arm that nobody understands may have been treated.
    treated = pl.col("arm").is_in(["treatment", OTHER])
    drawn = pl.col("propensity").is_not_null() & (pl.col("arm") != OTHER)
    affecting = _affecting(numbered, decisions).join(
        _holdout_shares(decisions), on="campaign_id", how="left"
    )
    control_weight = (1 - pl.col("holdout_share").fill_null(0.0)) / pl.col("propensity")
    is_first = pl.struct("row", "campaign_id", "arm").is_first_distinct()
    is_draw = is_first | ~pl.col("campaign_id").is_in(campaigns_drawn_once(decisions).implode())
    # Without a campaign nothing says which decisions belong together.
    by_row = (
        affecting.with_columns(is_draw.fill_null(True).alias("is_draw"))
        .group_by("row")
        .agg(
            treated.any().alias("touched"),
            pl.col("decided_at").filter(treated & ~drawn).min().alias("cared_at"),
            pl.when((pl.col("arm") == "control") & drawn & pl.col("is_draw"))
            .then(control_weight)
            .otherwise(1.0)
            .product()
            .alias("weight"),
        )
    )
    exposed = numbered.join(by_row, on="row", how="left", maintain_order="left").with_columns(
        pl.col("touched").fill_null(False), pl.col("weight").fill_null(1.0)
    )
    unclipped = exposed["weight"].to_numpy()
    if "in_service_until" in rows.columns:
        unclipped = unclipped / _share_without_care(exposed)
    unclipped = np.round(unclipped, _DIGITS)
    touched, otherwise = exposed["touched"].to_numpy(), exposed["cared_at"].is_not_null().to_numpy()
    return CareExposure(
        touched=touched,
        weight=np.minimum(unclipped, GREATEST_WEIGHT),
        holdout=_held_out(history, decisions, numbered),
        counts={
            "touched_randomised": int((touched & ~otherwise).sum()),
            "touched_otherwise": int(otherwise.sum()),
            "weighted": int((~touched & (unclipped != 1)).sum()),
            "clipped": int((~touched & (unclipped > GREATEST_WEIGHT)).sum()),
        },
    )


def _holdout_shares(decisions: pl.DataFrame) -> pl.DataFrame:
    held = decisions.filter(
        pl.col("arm") == "holdout",
        pl.col("propensity").is_not_null(),
        pl.col("campaign_id").is_not_null(),
    )
    return held.group_by("campaign_id").agg(pl.col("propensity").mean().alias("holdout_share"))


def _share_without_care(rows: pl.DataFrame) -> Floats:
    """Share of similar rows without care by rule by the end of each row's service or label."""
    share = np.ones(len(rows))
    for (_, _), group in rows.select(
        "row", "cutoff", "billing_type", "in_service_until", "cared_at"
    ).group_by("cutoff", "billing_type"):
        cared_at = _microseconds(group["cared_at"].drop_nulls())
        if len(cared_at) == 0:
            continue
        until = _microseconds(group["in_service_until"])
        left = np.sort(
            _microseconds(
                group.select(pl.min_horizontal("in_service_until", "cared_at")).to_series()
            )
        )
        times, reached = np.unique(cared_at, return_counts=True)
        at_risk = len(left) - np.searchsorted(left, times, "left")
        kept = np.cumprod(1 - reached / at_risk)
        passed = np.searchsorted(times, until, "right")
        share[group["row"].to_numpy()] = np.concatenate([[1.0], kept])[passed]
    # Where care reached every row, no row is left that would need a weight.
    return np.where(share > 0, share, 1.0)


def _microseconds(times: pl.Series) -> NDArray[np.int64]:
    return times.dt.timestamp("us").to_numpy()


def _affecting(rows: pl.DataFrame, decisions: pl.DataFrame) -> pl.DataFrame:
    """Decisions between the cut-off and the label's end of each row that they are about."""
    decided = decisions.drop("contact_id", ARRIVED)
    within = (pl.col("decided_at") > pl.col("cutoff")) & (
        pl.col("decided_at") <= pl.col("label_end")
    )
    wanted = ["row", "arm", "propensity", "campaign_id", "decided_at"]
    spans = rows.select("row", "customer_id", "cutoff", "label_end")
    if "subscription_id" not in rows.columns:
        return spans.join(decided, on="customer_id").filter(within).select(wanted)
    lines = rows.select("row", "subscription_id", "cutoff", "label_end")
    about_lines = lines.join(decided.drop("customer_id"), on="subscription_id").filter(within)
    about_all = spans.join(
        decided.filter(pl.col("subscription_id").is_null()), on="customer_id"
    ).filter(within)
    return pl.concat([about_lines.select(wanted), about_all.select(wanted)])


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
