"""The view `contract`: what was agreed, what it costs, and the device."""

from collections.abc import Sequence

from features.contracts.vocabulary import BILLING_TYPES, PRODUCT_LINES, SEGMENTS
from features.sql.expressions import days_between, known, text_sql
from features.views.declaration import (
    MOBILE,
    NEVER,
    NOT_KNOWN,
    UNDER_CONTRACT,
    Shared,
    View,
)

_AGREED = Shared(driver="contract", tables=("subscriptions", "customers"), null=NOT_KNOWN)
_TERM = _AGREED.but(lines=UNDER_CONTRACT)
_PLAN = _AGREED.but(driver="price", tables=("subscriptions", "plans"))
_PLAN_FIT = _PLAN.but(tables=("subscriptions", "plans", "usage_weeks"), actionable=True)
_DEVICE = _AGREED.but(tables=("devices",), lines=MOBILE)

# fmt: off
VIEW = View("contract", "subscription", (
    _AGREED.field("billing_type_code", "code", "billing_type",
                  "Position in BILLING_TYPES: postpaid 0, prepaid 1, fixed 2", null=NOT_KNOWN),
    _AGREED.field("product_line_code", "code", "product_line",
                  "Position in PRODUCT_LINES: mobile 0, broadband 1, tv 2", null=NOT_KNOWN),
    _AGREED.field("segment_code", "code", "segment",
                  "Position in SEGMENTS: consumer 0, sole trader 1, sme 2, enterprise 3"),
    _AGREED.field("tenure_days", "days", "tenure", "Since the subscription was activated",
                  driver="relationship", null=NEVER),
    _AGREED.field("customer_tenure_days", "days", "tenure",
                  "Since the customer's first subscription ever", driver="relationship"),
    _AGREED.field("plan_age_days", "days", "plan_age", "Since the present plan began"),
    _TERM.field("days_to_commitment_end", "days", "commitment",
                  "Until the minimum term ends",
                  null="no minimum term, or one that has ended"),
    _TERM.field("days_out_of_commitment", "days", "commitment",
                  "Since the minimum term ended", actionable=True,
                  null="no minimum term, or one that lasts"),
    _TERM.field("days_to_promotion_end", "days", "promotion_end",
                  "Until the promotional price ends, negative after",
                  actionable=True, null="no promotional price"),
    _TERM.field("days_to_instalment_end", "days", "instalments",
                  "Until the device is paid for",
                  null="no device instalments, or all paid"),
    _TERM.field("termination_fee", "currency", "commitment", "What leaving would cost",
                  null="no termination fee"),
    _TERM.field("autopay", "yes or no", "autopay", "1 when paid automatically", driver="price"),
    _PLAN.field("monthly_fee", "currency per month", "fee", "Fee of the present plan"),
    _PLAN_FIT.field("saving_on_best_plan", "currency per month", "plan_fit",
                    "Cost of the last 91 days' use on the present plan minus on the cheapest"
                    " offered one of its kind, at least 0"),
    _PLAN_FIT.field("saving_share", "share", "plan_fit",
                    "That saving as a share of the cost on the present plan"),
    _DEVICE.field("device_age_days", "days", "device",
                  "Since the device's model came to market", actionable=True),
    _DEVICE.field("device_is_5g", "yes or no", "device", "1 when the device can use 5G",
                  actionable=True),
    _DEVICE.field("device_is_dual_sim", "yes or no", "dual_sim",
                  "1 when the device takes a second SIM"),
))
# fmt: on


def query(asked: str) -> str:
    """SQL of the view's features.

    It reads ``usage_summaries`` (see `features.views.usage`), ``subscription_states`` and
    ``customer_states`` (see `features.compute.population`) of the same cut-offs.

    Parameters
    ----------
    asked : str
        A relation with the columns of `asked_subscriptions` (see `features.compute.population`).

    Returns
    -------
    str
        One row for each row of `asked`: its subscription_id and cutoff, then the view's features,
        not rounded.
    """
    to_commitment_end = days_between("asked.cutoff", "line.commitment_end_at")
    to_instalment_end = days_between("asked.cutoff", "line.instalment_end_at")
    return f"""
    WITH plan AS ({plans_at(asked)}),
    best AS (
        SELECT asked.subscription_id, asked.cutoff, min({_cost("plan", "pace")}) AS cost
        FROM {asked} AS asked
        JOIN usage_summaries AS pace ON pace.subscription_id = asked.subscription_id AND pace.cutoff = asked.cutoff
        JOIN plan
          ON plan.product_line = asked.product_line AND plan.billing_type = asked.billing_type AND plan.cutoff = asked.cutoff
        WHERE plan.is_offered IS NOT FALSE AND coalesce(plan.kind, 'plan') = 'plan' AND pace.monthly_minutes IS NOT NULL
        GROUP BY asked.subscription_id, asked.cutoff
    ),
    fit AS (
        SELECT
            asked.subscription_id,
            asked.cutoff,
            {_cost("plan", "pace")} AS cost,
            CASE WHEN best.cost IS NOT NULL THEN greatest(0, {_cost("plan", "pace")} - best.cost) END AS saving
        FROM {asked} AS asked
        JOIN usage_summaries AS pace ON pace.subscription_id = asked.subscription_id AND pace.cutoff = asked.cutoff
        JOIN plan ON plan.plan_id = asked.plan_id AND plan.cutoff = asked.cutoff
        LEFT JOIN best ON best.subscription_id = asked.subscription_id AND best.cutoff = asked.cutoff
        WHERE pace.monthly_minutes IS NOT NULL
    ),
    device AS (
        SELECT asked.cutoff, t.*
        FROM {asked} AS asked
        JOIN devices AS t
          ON t.subscription_id = asked.subscription_id AND {known("t", "asked.cutoff")}
    )
    SELECT
        asked.subscription_id,
        asked.cutoff,
        {_code("asked.billing_type", BILLING_TYPES)} AS billing_type_code,
        {_code("asked.product_line", PRODUCT_LINES)} AS product_line_code,
        {_code("customer.segment", SEGMENTS)} AS segment_code,
        {days_between("line.activated_at", "asked.cutoff")} AS tenure_days,
        {days_between("customer.first_seen_at", "asked.cutoff")} AS customer_tenure_days,
        {days_between("line.plan_since_at", "asked.cutoff")} AS plan_age_days,
        CASE WHEN {to_commitment_end} > 0 THEN {to_commitment_end} END AS days_to_commitment_end,
        CASE WHEN {to_commitment_end} <= 0 THEN -{to_commitment_end} END AS days_out_of_commitment,
        {days_between("asked.cutoff", "line.promotion_end_at")} AS days_to_promotion_end,
        CASE WHEN {to_instalment_end} > 0 THEN {to_instalment_end} END AS days_to_instalment_end,
        line.termination_fee,
        line.autopay,
        plan.monthly_fee,
        fit.saving AS saving_on_best_plan,
        CASE WHEN fit.cost > 0 THEN fit.saving / fit.cost END AS saving_share,
        {days_between("device.released_at", "asked.cutoff")} AS device_age_days,
        device.is_5g_capable AS device_is_5g,
        device.is_dual_sim AS device_is_dual_sim
    FROM {asked} AS asked
    JOIN subscription_states AS line ON line.subscription_id = asked.subscription_id AND line.cutoff = asked.cutoff
    LEFT JOIN customer_states AS customer ON customer.customer_id = asked.customer_id AND customer.cutoff = asked.cutoff
    LEFT JOIN plan ON plan.plan_id = asked.plan_id AND plan.cutoff = asked.cutoff
    LEFT JOIN fit ON fit.subscription_id = asked.subscription_id AND fit.cutoff = asked.cutoff
    LEFT JOIN device ON device.subscription_id = asked.subscription_id AND device.cutoff = asked.cutoff
    """


def plans_at(asked: str) -> str:
    """SQL: the state of every plan at every cut-off of a relation."""
    return f"""
        SELECT moments.cutoff, plans.*
        FROM (SELECT DISTINCT cutoff FROM {asked}) AS moments
        JOIN plans ON {known("plans", "moments.cutoff")}
    """


def _cost(plan: str, pace: str) -> str:
    """SQL: what a month of use costs on a plan; without an allowance the use is unlimited."""
    minutes = f"greatest(0, {pace}.monthly_minutes - {plan}.minutes_allowance) * coalesce({plan}.overage_per_minute, 0)"
    data = f"greatest(0, {pace}.monthly_data_gb - {plan}.data_allowance_gb) * coalesce({plan}.overage_per_gb, 0)"
    return (
        f"({plan}.monthly_fee"
        f" + CASE WHEN {plan}.minutes_allowance IS NULL THEN 0 ELSE {minutes} END"
        f" + CASE WHEN {plan}.data_allowance_gb IS NULL THEN 0 ELSE {data} END)"
    )


def _code(column: str, names: Sequence[str]) -> str:
    """SQL: position of a name among those it can be."""
    return f"list_position([{', '.join(text_sql(name) for name in names)}], {column}) - 1"
