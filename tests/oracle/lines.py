"""Features of subscriptions that do not come from weekly rows."""

from collections.abc import Mapping

import pandas as pd

from features.contracts.vocabulary import BILLING_TYPES, HAPPENED, PRODUCT_LINES, SEGMENTS
from tests.oracle.known import Columns, Moment, codes, count, days, last, ratio, total, within
from tests.oracle.weeks import use as weeks_of_use


def contract(moment: Moment) -> Columns:
    """Features of the view `contract`."""
    lines, cutoff = moment.lines, moment.cutoff
    to_commitment_end = days(lines["commitment_end_at"] - cutoff)
    to_instalment_end = days(lines["instalment_end_at"] - cutoff)
    plans = moment.state("plans").set_index("plan_id")
    saving, share = _plan_fit(moment)
    devices = moment.state("devices").set_index("subscription_id")
    return {
        "billing_type_code": codes(lines["billing_type"], BILLING_TYPES),
        "product_line_code": codes(lines["product_line"], PRODUCT_LINES),
        "segment_code": codes(lines["segment"], SEGMENTS),
        "tenure_days": days(cutoff - lines["activated_at"]),
        "customer_tenure_days": days(cutoff - lines["first_seen_at"]),
        "plan_age_days": days(cutoff - lines["plan_since_at"]),
        "days_to_commitment_end": to_commitment_end.where(to_commitment_end > 0),
        "days_out_of_commitment": -to_commitment_end.where(to_commitment_end <= 0),
        "days_to_promotion_end": days(lines["promotion_end_at"] - cutoff),
        "days_to_instalment_end": to_instalment_end.where(to_instalment_end > 0),
        "termination_fee": lines["termination_fee"],
        "autopay": lines["autopay"],
        "monthly_fee": lines["plan_id"].map(plans["monthly_fee"]),
        "saving_on_best_plan": saving,
        "saving_share": share,
        "device_age_days": days(cutoff - devices["released_at"]),
        "device_is_5g": devices["is_5g_capable"],
        "device_is_dual_sim": devices["is_dual_sim"],
    }


def _price_change(moment: Moment) -> Columns:
    everyone = moment.everyone("subscription")
    changes = everyone.known("price_changes", "subscription_id", 182)
    change = last(changes, HAPPENED)
    return {
        "price_changes_182d": count(changes, everyone.ids),
        "price_change_share": (change["new_fee"] - change["old_fee"])
        / change["old_fee"].where(change["old_fee"] > 0),
        "days_to_price_change": days(change["effective_at"] - moment.cutoff),
    }


def _plan_fit(moment: Moment) -> tuple[pd.Series, pd.Series]:
    # Half a year of days decides which weeks count, and a quarter of those is asked for.
    weeks = within(weeks_of_use(moment.everyone("subscription"), 182), 91).fillna(
        {"minutes": 0.0, "data_gb": 0.0}
    )
    use = weeks.groupby("asked").agg(
        weeks=("minutes", "size"), minutes=("minutes", "mean"), data_gb=("data_gb", "mean")
    )
    use[["minutes", "data_gb"]] *= 30 / 7
    use = use[use["weeks"] >= 4].reset_index()
    use = use.join(
        moment.lines[["plan_id", "product_line", "billing_type"]], on="asked", how="inner"
    )
    plans = moment.state("plans")
    present = _cost(use.merge(plans.drop(columns=["product_line", "billing_type"]), on="plan_id"))
    candidates = use.drop(columns="plan_id").merge(
        plans[(plans["is_offered"] != 0) & plans["kind"].fillna("plan").eq("plan")],
        on=["product_line", "billing_type"],
    )
    best = _cost(candidates).groupby(level=0).min()
    saving = (present - best.reindex(present.index)).clip(lower=0)
    return saving, saving / present.where(present > 0)


def _cost(use: pd.DataFrame) -> pd.Series:
    """Monthly cost of a use on a plan."""
    minutes = (use["minutes"] - use["minutes_allowance"]).clip(lower=0) * use[
        "overage_per_minute"
    ].fillna(0)
    data = (use["data_gb"] - use["data_allowance_gb"]).clip(lower=0) * use["overage_per_gb"].fillna(
        0
    )
    # Without an allowance the use is unlimited.
    return (use["monthly_fee"] + minutes.fillna(0) + data.fillna(0)).set_axis(use["asked"])


def value(moment: Moment, margin_shares: Mapping[str, float]) -> Columns:
    """Features of the view `value`."""
    everyone, lines = moment.everyone("subscription"), moment.lines
    recharged = total(everyone.known("recharges", "subscription_id", 91), "amount", lines.index)
    overage = total(within(weeks_of_use(everyone, 182), 91), "overage", lines.index)
    fee = lines["plan_id"].map(moment.state("plans").set_index("plan_id")["monthly_fee"])
    prepaid = lines["billing_type"] == "prepaid"
    revenue = (recharged / 91 * 30).where(prepaid, fee + overage / 91 * 30)
    return {
        "monthly_revenue_91d": revenue,
        "monthly_margin_91d": revenue * lines["billing_type"].map(margin_shares),
    }


def subscription_live(moment: Moment) -> Columns:
    """Features of the view `subscription_live`."""
    everyone = moment.everyone("subscription")
    ids = everyone.ids
    recharges = everyone.known("recharges", "subscription_id", 182).sort_values(["asked", HAPPENED])
    newest = last(recharges, HAPPENED, "arrived_at")
    gaps = recharges.groupby("asked")[HAPPENED].diff()
    median_gap = days(gaps).groupby(recharges["asked"]).median()
    enough = count(recharges, ids) >= 3
    since = days(newest["age"])
    return {
        "recharges_28d": count(within(recharges, 28), ids),
        "recharges_91d": count(within(recharges, 91), ids),
        "recharge_amount_91d": total(within(recharges, 91), "amount", ids),
        "days_since_recharge": since,
        "recharge_gap_vs_median": ratio(since, median_gap).reindex(ids).where(enough),
        "last_balance_before": newest["balance_before"],
        "days_to_validity_end": days(newest["valid_until_at"] - moment.cutoff),
        "plan_changes_182d": _plan_changes(moment),
        **_price_change(moment),
    }


def _plan_changes(moment: Moment) -> pd.Series:
    states = moment.rows("subscriptions").rename(columns={"subscription_id": "asked"})
    states = states.drop_duplicates(["asked", HAPPENED], keep="last")
    before = states.groupby("asked")["plan_id"].shift()
    changed = before.notna() & states["plan_id"].notna() & (before != states["plan_id"])
    return count(within(states[changed], 182), moment.lines.index)
