"""The view `value`: what a subscription brings in, and the margin that is assumed on it."""

from collections.abc import Mapping

from features.contracts.vocabulary import BILLING_TYPES
from features.sql.expressions import known, text_sql, within
from features.sql.weeks import QUARTER_DAYS
from features.views.contract import plans_at
from features.views.declaration import NOT_KNOWN, Shared, View

_VALUE = Shared(
    driver="price",
    tables=("subscriptions", "plans", "usage_weeks", "recharges"),
    null=NOT_KNOWN,
)

# fmt: off
VIEW = View("value", "subscription", (
    _VALUE.field("monthly_revenue_91d", "currency per month", "value",
                 "Prepaid: recharges of 91 days per 30 days."
                 " Else: plan fee plus overage of 91 days per 30 days"),
    _VALUE.field("monthly_margin_91d", "currency per month", "value",
                 "That revenue times the margin that is assumed for the product line"),
))
# fmt: on


def query(asked: str, margin_shares: Mapping[str, float]) -> str:
    """SQL of the view's features.

    It reads the relation ``usage_summaries`` of the same cut-offs (see `features.views.usage`).

    Parameters
    ----------
    asked : str
        A relation with the columns subscription_id, cutoff, billing_type and plan_id.
    margin_shares : mapping of str to float
        Share of revenue that is assumed to be margin, for each billing type.

    Returns
    -------
    str
        One row for each row of `asked`: its subscription_id and cutoff, then the view's features,
        not rounded.
    """
    shares = " ".join(
        f"WHEN {text_sql(billing)} THEN {margin_shares[billing]!r}" for billing in BILLING_TYPES
    )
    return f"""
    WITH plan AS ({plans_at(asked)}),
    recharged AS (
        SELECT asked.subscription_id, asked.cutoff, sum(t.amount) AS amount
        FROM {asked} AS asked
        JOIN recharges AS t
          ON t.subscription_id = asked.subscription_id
         AND {within("t", "asked.cutoff", QUARTER_DAYS)}
         AND {known("t", "asked.cutoff")}
        GROUP BY asked.subscription_id, asked.cutoff
    ),
    revenue AS (
        SELECT
            asked.subscription_id,
            asked.cutoff,
            CASE
                WHEN asked.billing_type = 'prepaid' THEN coalesce(recharged.amount, 0) / {QUARTER_DAYS} * 30
                ELSE plan.monthly_fee + coalesce(own.overage_91d, 0) / {QUARTER_DAYS} * 30
            END AS monthly,
            CASE asked.billing_type {shares} END AS margin_share
        FROM {asked} AS asked
        LEFT JOIN plan ON plan.plan_id = asked.plan_id AND plan.cutoff = asked.cutoff
        LEFT JOIN recharged ON recharged.subscription_id = asked.subscription_id AND recharged.cutoff = asked.cutoff
        LEFT JOIN usage_summaries AS own ON own.subscription_id = asked.subscription_id AND own.cutoff = asked.cutoff
    )
    SELECT subscription_id, cutoff, monthly AS monthly_revenue_91d, monthly * margin_share AS monthly_margin_91d
    FROM revenue
    """
