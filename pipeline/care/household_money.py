"""What households brought in after they were drawn, and whether they got in touch again."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import polars as pl

from features.contracts.vocabulary import ARRIVED, HAPPENED
from training.labelling.history import RawHistory


def margins(
    raw: RawHistory, asked: pl.DataFrame, days: int, shares: Mapping[str, float], cost: float
) -> pl.DataFrame:
    """Margin of households over the days after the draw.

    Recharges of their prepaid lines, and bills less refunds of their accounts, each times the margin
    that is assumed for such lines, less the cost of the contact where one was handed over. A bill
    counts when it is written, so that the first one is mostly of use before the draw, in all arms
    alike.

    Parameters
    ----------
    raw : RawHistory
        The raw tables as they were known when the campaign is read.
    asked : DataFrame
        ``place``, ``at``, ``household`` and ``is_sent`` of each household.
    days : int
        Days after the draw.
    shares : mapping of str to float
        Share of revenue that is assumed to be margin, by billing type.
    cost : float
        Of one contact.

    Returns
    -------
    DataFrame
        ``place`` and ``value``, in the operator's currency, of every household that had a line when
        it was drawn.

    Raises
    ------
    InputError
        There is no table of bills.
    """
    raw.require("bills", "the margin of a household is counted from them")
    lines = (
        _lines(raw, asked)
        .filter(pl.col("status") != "ended")
        .with_columns(
            pl.coalesce("account_id", "customers_account", "customer_id").alias("account_id"),
            pl.col("billing_type").replace_strict(dict(shares), default=None).alias("margin"),
        )
    )
    is_prepaid = pl.col("billing_type") == "prepaid"
    accounts = (
        lines.filter(~is_prepaid)
        .group_by("account_id", "place", "at")
        .agg(pl.col("margin").mean())
        # An account that pays for two households belongs to one of them.
        .sort("place")
        .unique("account_id", keep="first", maintain_order=True)
    )
    incomes = [
        _summed(raw, "recharges", "subscription_id", lines.filter(is_prepaid), days, 1),
        _summed(raw, "bills", "account_id", accounts, days, 1),
        _summed(raw, "refunds", "account_id", accounts, days, -1),
    ]
    earned = pl.concat(incomes).group_by("place").agg(pl.col("value").sum())
    return (
        lines.select("place")
        .unique()
        .join(earned, on="place", how="left")
        .join(asked.select("place", "is_sent"), on="place")
        .select("place", pl.col("value").fill_null(0.0) - cost * pl.col("is_sent").cast(pl.Float64))
    )


def no_repeat_contacts(raw: RawHistory, asked: pl.DataFrame, days: int) -> pl.DataFrame:
    """Whether households did not get in touch in the days after the draw, in any channel.

    Whoever leaves does not get in touch either: read it beside who stayed.

    Returns
    -------
    DataFrame
        ``place`` and ``value``, 1 without a contact and 0 with one, of every household of which a
        customer is known.

    Raises
    ------
    InputError
        There is no table of contacts.
    """
    raw.require("interactions", "repeat contacts are counted from them")
    people = _people(raw, asked)
    contacts = raw.as_known("interactions", ["customer_id", "started_at"]).collect()
    touched = (
        contacts.join(people, on="customer_id")
        .filter(_within(pl.col("started_at"), days))
        .select("place", pl.lit(0.0).alias("value"))
        .unique()
    )
    return (
        people.select("place")
        .unique()
        .join(touched, on="place", how="left")
        .with_columns(pl.col("value").fill_null(1.0))
    )


def _people(raw: RawHistory, asked: pl.DataFrame) -> pl.DataFrame:
    """Customers of the households as they were known at the draw: ``place``, ``at``, ``customer_id``
    and ``customers_account``.
    """
    parts = []
    for at in _times(asked):
        customers = raw.as_known("customers", ["household_id", "account_id"], at).select(
            "customer_id",
            pl.coalesce("household_id", "customer_id").alias("household"),
            pl.col("account_id").alias("customers_account"),
        )
        parts.append(
            asked.lazy()
            .filter(pl.col("at") == at)
            .join(customers, on="household")
            .select("place", "at", "customer_id", "customers_account")
            .collect()
        )
    return pl.concat(parts)


def _lines(raw: RawHistory, asked: pl.DataFrame) -> pl.DataFrame:
    """Lines of the households as they were known at the draw, with the household's place."""
    columns = ["customer_id", "account_id", "billing_type", "status"]
    people = _people(raw, asked)
    parts = [
        raw.as_known("subscriptions", columns, at)
        .drop(HAPPENED, ARRIVED)
        .collect()
        .join(people.filter(pl.col("at") == at), on="customer_id")
        for at in _times(asked)
    ]
    return pl.concat(parts)


def _summed(
    raw: RawHistory, table: str, key: str, owners: pl.DataFrame, days: int, sign: int
) -> pl.DataFrame:
    """Amounts in the days after the draw times the owners' margin: ``place`` and ``value``."""
    amounts = raw.as_known(table, [key, "amount"]).select(key, "amount", HAPPENED).collect()
    return (
        amounts.join(owners.select(key, "place", "at", "margin"), on=key)
        .filter(_within(pl.col(HAPPENED), days))
        .select("place", (sign * pl.col("amount") * pl.col("margin")).alias("value"))
    )


def _within(time: pl.Expr, days: int) -> pl.Expr:
    return (time > pl.col("at")) & (time <= pl.col("at") + timedelta(days=days))


def _times(asked: pl.DataFrame) -> list[datetime]:
    times: list[datetime] = asked["at"].unique().sort().to_list()
    return times
