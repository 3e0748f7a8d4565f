"""What came of households, by one rule from the operator's own tables, withheld ones too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from care.campaign import Campaign
from features.contracts.vocabulary import VOLUNTARY_CHURN
from holdfast.arrays import Floats
from pipeline.care.drawn import Drawn
from pipeline.care.household_money import margins, no_repeat_contacts
from training.labelling.history import RawHistory
from training.labelling.labels import LineOutcomes
from training.labelling.population import lines_at_risk
from training.settings import LabelSettings

GROUPED_BY = ("billing_type", "tenure")
"""Traits of a household's line, known before the draw, that effects are told apart by."""


_TIME = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class HouseholdOutcomes:
    """Outcomes of n drawn households, as they were known at a time.

    Parameters
    ----------
    value : (n,) float64
        NaN where it cannot be known.
    groups : dict of str to (n,) list of str or None
        Traits of the line that was decided about, by `GROUPED_BY`; None where not known.
    left : DataFrame
        ``place`` of the household, ``day`` after the draw, and the ``share`` of its lines that left on
        that day; empty where lines that stay are not the outcome.
    """

    value: Floats
    groups: dict[str, list[str | None]]
    left: pl.DataFrame


@dataclass(frozen=True, kw_only=True)
class OutcomeRule:
    """How outcomes are counted.

    Parameters
    ----------
    campaign : Campaign
        Its outcome and days.
    labels : LabelSettings
        What counts as lost: the rule of training.
    margin_shares : mapping of str to float
        Share of revenue that is assumed to be margin, by billing type.
    cost : float
        Of one contact.
    """

    campaign: Campaign
    labels: LabelSettings
    margin_shares: Mapping[str, float]
    cost: float


def outcomes_of(raw: RawHistory, rule: OutcomeRule, drawn: Sequence[Drawn]) -> HouseholdOutcomes:
    """Outcomes of households.

    Parameters
    ----------
    raw : RawHistory
        The raw tables as they were known when the campaign is read.
    rule : OutcomeRule
        What counts.
    drawn : sequence of Drawn, n
        Households whose outcomes have matured.

    Raises
    ------
    InputError
        There is no table that the outcome is counted from.
    """
    campaign = rule.campaign
    asked = _asked(drawn)
    if not drawn:
        return HouseholdOutcomes(
            np.empty(0), {}, pl.DataFrame({"place": [], "day": [], "share": []})
        )
    lines = _lines(raw, rule, asked)
    left = lines.clear().select("place", "day", pl.lit(0.0).alias("share"))
    if campaign.outcome == "margin":
        values = margins(raw, asked, campaign.outcome_days, rule.margin_shares, rule.cost)
    elif campaign.outcome == "no_repeat_contact":
        values = no_repeat_contacts(raw, asked, campaign.outcome_days)
    else:
        known = lines.filter(pl.col("lost").is_not_null()).with_columns(
            (1 / pl.len().over("place")).alias("share")
        )
        values = known.group_by("place").agg((1 - pl.col("lost")).mean().alias("value"))
        left = known.filter(pl.col("lost") == 1).select("place", "day", "share")
    value = asked.join(values, on="place", how="left", maintain_order="left")["value"]
    decided = lines.filter(pl.col("subscription_id") == pl.col("line"))
    traits = asked.join(decided, on="place", how="left", maintain_order="left")
    return HouseholdOutcomes(
        value=value.fill_null(np.nan).to_numpy(),
        groups={name: traits[name].to_list() for name in GROUPED_BY},
        left=left,
    )


def _asked(drawn: Sequence[Drawn]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "place": np.arange(len(drawn)),
            "at": pl.Series([one.at for one in drawn], dtype=_TIME),
            "household": [one.household for one in drawn],
            "line": [one.decision.subscription_id for one in drawn],
            "is_sent": [one.is_sent for one in drawn],
        },
        schema_overrides={"household": pl.String, "line": pl.String, "is_sent": pl.Boolean},
    )


def _lines(raw: RawHistory, rule: OutcomeRule, asked: pl.DataFrame) -> pl.DataFrame:
    """Lines at risk of the households when they were drawn: ``place`` and ``line`` of the household,
    ``subscription_id``, traits, ``lost``, null where it is not recorded why it ended or a notice still stands, and
    ``day``.
    """
    outcomes = LineOutcomes.of(raw, rule.labels)
    parts = []
    for at in asked["at"].unique().sort().to_list():
        households = asked.filter(pl.col("at") == at).select("place", "household", "line")
        lines = (
            lines_at_risk(raw, outcomes, at, rule.labels)
            # Training tells households from customers who are alone by a word before the id.
            .rows.with_columns(pl.col("household").str.replace(r"^(of|alone) ", ""))
            .join(households, on="household", maintain_order="left")
        )
        lost = outcomes.label(lines, at, 0, VOLUNTARY_CHURN)
        parts.append(
            lines.join(lost, on="subscription_id", how="left", maintain_order="left").select(
                *("place", "line", "subscription_id", *GROUPED_BY),
                pl.col(f"label_{rule.campaign.outcome_days}").alias("lost"),
                _day(pl.col("lost_at"), at).alias("day"),
            )
        )
    return pl.concat(parts)


def _day(lost_at: pl.Expr, at: datetime) -> pl.Expr:
    """Day after the draw on which a line was lost, from 1."""
    return (lost_at - pl.lit(at)).dt.total_days() + 1
