"""How campaigns draw their arms: anew at each decision, or once for each household.

Raw tables do not say it, but show it: where an arm is drawn anew, some household that is decided about
again comes into the other arm. Holdfast's own campaigns draw each household once.
"""

import polars as pl

from training.labelling.history import RawHistory

HOUSEHOLD = "home"


def with_households(history: RawHistory, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `HOUSEHOLD`: that of the customer, or the customer alone.

    Parameters
    ----------
    history : RawHistory
        The raw tables.
    rows : DataFrame
        With ``customer_id``; the order stays.
    """
    homes = (
        history.as_known("customers", ["household_id"])
        .select("customer_id", "household_id")
        .collect()
    )
    name = pl.coalesce("of " + pl.col("household_id"), "alone " + pl.col("customer_id"))
    return (
        rows.join(homes, on="customer_id", how="left", maintain_order="left")
        .with_columns(name.alias(HOUSEHOLD))
        .drop("household_id")
    )


def campaigns_drawn_once(decisions: pl.DataFrame) -> pl.Series:
    """Campaigns in which no household was ever in both treatment and control.

    Parameters
    ----------
    decisions : DataFrame
        ``campaign_id``, ``arm``, ``propensity`` and `HOUSEHOLD` of all decisions.

    Returns
    -------
    Series
        Ids of campaigns.
    """
    drawn = decisions.filter(
        pl.col("campaign_id").is_not_null(),
        pl.col("propensity").is_not_null(),
        pl.col("arm").is_in(["treatment", "control"]),
    )
    arms = drawn.group_by("campaign_id", HOUSEHOLD).agg(pl.col("arm").n_unique())
    most = arms.group_by("campaign_id").agg(pl.col("arm").max())
    return most.filter(pl.col("arm") == 1)["campaign_id"]
