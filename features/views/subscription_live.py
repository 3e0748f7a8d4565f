"""The view `subscription_live`: recharges, changes of plan, and changes of price."""

from features.sql.expressions import days_between, within
from features.sql.known_rows import MOMENTS, moments, rows_within
from features.views.declaration import ALL_LINES, NEVER, PREPAID, Shared, View

_RECHARGE = Shared(driver="usage", tables=("recharges",), null=NEVER, live=True, lines=PREPAID)
_PRICE_CHANGE = _RECHARGE.but(driver="price", tables=("price_changes",), lines=ALL_LINES)

# fmt: off
VIEW = View("subscription_live", "subscription", (
    *_RECHARGE.family("recharges_{days}d", (28, 91), "recharges", "recharge",
                      "Recharges in {days} days"),
    _RECHARGE.field("recharge_amount_91d", "currency", "recharge", "Recharged in 91 days"),
    _RECHARGE.field("days_since_recharge", "days", "recharge_gap",
                    "Since the last recharge of 182 days", null="no recharge in 182 days"),
    _RECHARGE.field("recharge_gap_vs_median", "ratio", "recharge_gap",
                    "Days since the last recharge over the median gap between recharges of 182"
                    " days (three or more)", null="fewer than three recharges in 182 days"),
    _RECHARGE.field("last_balance_before", "currency", "balance",
                    "Balance just before the last recharge of 182 days", driver="price",
                    null="no recharge in 182 days, or no balance stated with it"),
    _RECHARGE.field("days_to_validity_end", "days", "validity",
                    "Until the balance expires, negative after",
                    null="no recharge in 182 days, or a balance that does not expire"),
    _RECHARGE.field("plan_changes_182d", "changes", "plan_change", "Changes of plan in 182 days",
                    driver="contract", tables=("subscriptions",), lines=ALL_LINES),
    _PRICE_CHANGE.field("price_changes_182d", "price changes", "price_change",
                        "Price changes announced in 182 days", actionable=True),
    _PRICE_CHANGE.field("price_change_share", "share", "price_change",
                        "Last announced price change in 182 days, as a share of the old fee",
                        actionable=True,
                        null="no price change announced in 182 days, or no old fee with it"),
    _PRICE_CHANGE.field("days_to_price_change", "days", "price_change",
                        "Until that change takes effect, negative after",
                        null="no price change announced in 182 days"),
))
# fmt: on


def query(asked: str) -> str:
    """SQL of the view's features.

    Parameters
    ----------
    asked : str
        A relation with the columns subscription_id and cutoff.

    Returns
    -------
    str
        One row for each row of `asked`: its columns, then the view's, not rounded.
    """
    recharge = "t.happened_at, t.amount, t.balance_before, t.valid_until_at"
    change = "t.happened_at, t.old_fee, t.new_fee, t.effective_at"
    return f"""
    WITH {MOMENTS} AS ({moments("subscription_id", asked)}),
    recharged AS ({rows_within("recharges", "subscription_id", recharge, 182)}),
    gaps AS (
        SELECT *, {days_between("lag(happened_at) OVER bearer", "happened_at")} AS gap
        FROM recharged
        WINDOW bearer AS (PARTITION BY subscription_id, cutoff ORDER BY happened_at)
    ),
    recharge AS (
        SELECT
            subscription_id,
            cutoff,
            count(*) FILTER ({within("gaps", "cutoff", 28)}) AS recharges_28d,
            count(*) FILTER ({within("gaps", "cutoff", 91)}) AS recharges_91d,
            sum(amount) FILTER ({within("gaps", "cutoff", 91)}) AS amount_91d,
            max(happened_at) AS last_at,
            arg_max({{'balance': balance_before, 'until': valid_until_at}}, happened_at) AS last,
            CASE WHEN count(*) >= 3 THEN nullif(median(gap), 0) END AS median_gap
        FROM gaps
        GROUP BY subscription_id, cutoff
    ),
    held AS (
        SELECT m.subscription_id, m.cutoff, t.happened_at, arg_max({{'id': t.plan_id}}, t.arrived_at).id AS plan_id
        FROM {MOMENTS} AS m
        JOIN subscriptions AS t ON t.subscription_id = m.subscription_id AND t.arrived_at <= m.cutoff
        GROUP BY m.subscription_id, m.cutoff, t.happened_at
    ),
    steps AS (
        SELECT *, lag(plan_id) OVER (PARTITION BY subscription_id, cutoff ORDER BY happened_at) AS plan_before
        FROM held
    ),
    plan AS (
        SELECT subscription_id, cutoff, count(*) FILTER (plan_id <> plan_before) AS changes
        FROM steps
        WHERE {within("steps", "cutoff", 182)}
        GROUP BY subscription_id, cutoff
    ),
    price AS (
        SELECT
            subscription_id,
            cutoff,
            count(*) AS changes,
            unnest(arg_max({{'old_fee': old_fee, 'new_fee': new_fee, 'effective_at': effective_at}}, happened_at))
        FROM ({rows_within("price_changes", "subscription_id", change, 182)})
        GROUP BY subscription_id, cutoff
    )
    SELECT
        a.subscription_id,
        a.cutoff,
        coalesce(recharge.recharges_28d, 0) AS recharges_28d,
        coalesce(recharge.recharges_91d, 0) AS recharges_91d,
        coalesce(recharge.amount_91d, 0) AS recharge_amount_91d,
        {days_between("recharge.last_at", "a.cutoff")} AS days_since_recharge,
        {days_between("recharge.last_at", "a.cutoff")} / recharge.median_gap AS recharge_gap_vs_median,
        recharge.last.balance AS last_balance_before,
        {days_between("a.cutoff", "recharge.last.until")} AS days_to_validity_end,
        coalesce(plan.changes, 0) AS plan_changes_182d,
        coalesce(price.changes, 0) AS price_changes_182d,
        CASE WHEN price.old_fee > 0 THEN (price.new_fee - price.old_fee) / price.old_fee END AS price_change_share,
        {days_between("a.cutoff", "price.effective_at")} AS days_to_price_change
    FROM {asked} AS a
    LEFT JOIN recharge ON recharge.subscription_id = a.subscription_id AND recharge.cutoff = a.cutoff
    LEFT JOIN plan ON plan.subscription_id = a.subscription_id AND plan.cutoff = a.cutoff
    LEFT JOIN price ON price.subscription_id = a.subscription_id AND price.cutoff = a.cutoff
    """
