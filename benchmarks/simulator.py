"""The simulated operator: speed and memory, magnitudes beside published ones, and how well its
losses can be predicted.

``python -m benchmarks.simulator --customers 40000`` simulates into a temporary folder; ``--folder``
measures an existing one.
"""

import argparse
import math
import resource
import tempfile
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

from benchmarks.report import show
from features.contracts.vocabulary import BILLING_TYPES
from simulator.engine.futures import Future, Futures
from simulator.engine.magnitudes import connect, magnitudes
from simulator.engine.simulator import DEFAULT_SEED, Simulator, simulate
from simulator.world.calendar import date_of
from simulator.world.care_actions import CARE_ACTIONS, CareAction
from simulator.world.draws import Array
from simulator.world.parameters import CampaignParameters

HORIZON_DAYS = 90
_FUTURE_DAYS, _FUTURES = 56, 5
_EFFECT_DAYS, _PAIRS = 91, 4

_POPULATION = """
create or replace temp table now as
select * exclude (arrived_at) from subscriptions
where arrived_at <= $at and happened_at <= $at
qualify row_number() over (partition by subscription_id order by happened_at desc, arrived_at desc) = 1;
create or replace temp table used as
select subscription_id, max(last_used_at) as last_used_at from usage_weeks
where arrived_at <= $at and happened_at > $at - interval 70 day group by 1;
create or replace temp table lines as
select n.*, u.last_used_at from now n left join used u using (subscription_id)
where status = 'active' and not is_test and not is_iot
and (billing_type <> 'prepaid' or date_diff('day', u.last_used_at, $at) <= 30)
and subscription_id not in (select subscription_id from port_requests where arrived_at <= $at)
"""

_FEATURES = """
select l.subscription_id, l.customer_id, l.product_line, l.billing_type,
  date_diff('day', l.activated_at, $at) as tenure,
  date_diff('day', l.plan_since_at, $at) as plan_age,
  date_diff('day', $at, l.commitment_end_at) as commitment_left,
  date_diff('day', $at, l.promotion_end_at) as promotion_left,
  date_diff('day', $at, l.instalment_end_at) as instalments_left,
  l.termination_fee, l.autopay::int as autopay,
  p.monthly_fee, p.data_allowance_gb, count(*) over (partition by l.customer_id) as lines_held,
  c.segment, c.region, c.language, c.age_band, d.device_age, d.is_5g, d.is_dual, y.points, y.tier,
  use.* exclude (subscription_id), net.* exclude (subscription_id),
  app.* exclude (customer_id), top.* exclude (subscription_id),
  bill.* exclude (account_id), late.overdue,
  rise.* exclude (subscription_id), con.* exclude (customer_id),
  tick.* exclude (customer_id), feel.* exclude (customer_id),
  home.left_home, care.contacted, no.refuses_offers
from lines l
left join (select plan_id, arg_max(monthly_fee, happened_at) as monthly_fee,
  any_value(data_allowance_gb) as data_allowance_gb
  from plans where arrived_at <= $at group by 1) p using (plan_id)
left join (select * from customers) c using (customer_id)
left join (select subscription_id, date_diff('day', max(released_at), $at) as device_age,
  bool_or(is_5g_capable)::int as is_5g,
  bool_or(is_dual_sim)::int as is_dual from devices where arrived_at <= $at group by 1) d
  using (subscription_id)
left join (select customer_id, arg_max(points, happened_at) as points,
  arg_max(tier, happened_at) as tier
  from loyalty where arrived_at <= $at group by 1) y using (customer_id)
left join (select subscription_id,
  sum(data_gb) filter (age <= 28) as data_4w, sum(data_gb) as data_13w,
  sum(minutes) filter (age <= 28) as minutes_4w,
  sum(minutes) as minutes_13w,
  (sum(data_gb) filter (age <= 28) / 4 + 0.01) / (sum(data_gb) filter (age > 28) / 9 + 0.01) as data_trend,
  (sum(minutes) filter (age <= 28) / 4 + 0.5) / (sum(minutes) filter (age > 28) / 9 + 0.5) as minutes_trend,
  (sum(data_gb) filter (age <= 14) / 2 + 0.01) / (sum(data_gb) filter (age > 14) / 11 + 0.01) as data_trend_2w,
  sum(zero_use_days) filter (age <= 28) as zero_days_4w, sum(zero_use_days) as zero_days_13w,
  avg(unused_allowance) as unused, sum(overage) as overage, sum(roaming_days) as roaming,
  date_diff('hour', max(last_used_at), $at) as hours_since_use
  from (select *, date_diff('day', happened_at, $at) as age from usage_weeks
    where arrived_at <= $at and happened_at > $at - interval 91 day)
    group by 1) use using (subscription_id)
left join (select subscription_id, avg(drop_days) filter (age <= 28) as drop_days_4w,
  avg(drop_days) as drop_days_13w,
  sum(drops) filter (age <= 28) as drops_4w,
  sum(failed_setups) filter (age <= 28) as failed_4w, avg(voice_quality_mos) as mos,
  avg(throughput_peak_mbps) filter (age <= 28) as speed_4w, avg(throughput_peak_mbps) as speed_13w,
  avg(latency_ms) filter (age <= 28) as latency_4w,
  sum(outage_minutes) filter (age <= 28) as outage_4w,
  sum(outage_minutes) as outage_13w, avg(home_congestion) filter (age <= 28) as congestion_4w,
  avg(home_congestion) as congestion
  from (select *, date_diff('day', happened_at, $at) as age from network_weeks
    where arrived_at <= $at and happened_at > $at - interval 91 day)
    group by 1) net using (subscription_id)
left join (select customer_id, count(*) filter (event = 'login') as logins,
  count(*) filter (event = 'plan_page') as plan_pages,
  count(*) filter (event = 'cancel_page') as cancel_pages,
  count(*) filter (event = 'bill_page') as bill_pages,
  count(*) filter (event = 'cancel_page' and happened_at > $at - interval 28 day) as cancel_pages_4w,
  avg(rating) as rating from app_events
  where arrived_at <= $at and happened_at > $at - interval 91 day
  group by 1) app using (customer_id)
left join (select subscription_id, count(*) as recharges, sum(amount) as recharged,
  date_diff('hour', max(happened_at), $at) as hours_since_recharge,
  arg_max(balance_before, happened_at) as last_balance
  from recharges where arrived_at <= $at and happened_at > $at - interval 91 day group by 1) top
  using (subscription_id)
left join (select account_id, arg_max(amount, happened_at) as last_bill, avg(amount) as mean_bill,
  arg_max(amount, happened_at) / nullif(avg(amount), 0) as bill_ratio,
  sum(out_of_bundle) as out_of_bundle,
  max(out_of_bundle) as most_out_of_bundle,
  sum(discount) as discount, bool_or(disputed)::int as disputed
  from bills where arrived_at <= $at and happened_at > $at - interval 125 day group by 1) bill
  on bill.account_id = c.account_id
left join (select account_id, sum(days_late) as overdue from payments
  where arrived_at <= $at and happened_at > $at - interval 125 day
  group by 1) late on late.account_id = c.account_id
left join (select subscription_id, date_diff('day', max(happened_at), $at) as days_since_rise,
  arg_max(new_fee / nullif(old_fee, 0), happened_at) as rise from price_changes
  where arrived_at <= $at group by 1) rise using (subscription_id)
left join (select customer_id, count(*) as contacts, count(*) filter (not resolved) as unresolved,
  max(wait_seconds) as longest_wait, count(*) filter (issue = 'network') as network_contacts,
  count(*) filter (issue = 'billing') as billing_contacts,
  count(*) filter (issue = 'cancellation') as cancellation_contacts, sum(transfers) as transfers,
  date_diff('day', max(happened_at), $at) as days_since_contact from interactions
  where arrived_at <= $at and happened_at > $at - interval 125 day
  group by 1) con using (customer_id)
left join (select customer_id, count(distinct ticket_id) as tickets,
  count(*) filter (status = 'reopened') as reopened,
  count(*) filter (ticket_kind = 'complaint' and status = 'opened') as complaints from tickets
  where arrived_at <= $at and happened_at > $at - interval 125 day
  group by 1) tick using (customer_id)
left join (select customer_id, arg_max(score, happened_at) filter (instrument = 'nps') as last_nps,
  arg_max(score, happened_at) filter (instrument = 'csat' and survey = 'relationship' and dimension = 'overall') as last_csat,
  avg(score) filter (survey = 'transactional' and instrument = 'csat') as contact_csat
  from survey_answers
  where arrived_at <= $at group by 1) feel using (customer_id)
left join (select household_id, count(*) as left_home from subscriptions s
  join (select customer_id, household_id from customers) using (customer_id)
  where arrived_at <= $at and status = 'ended'
  and status_reason in ('customer_request', 'inactivity')
  and happened_at > $at - interval 91 day and household_id is not null
  group by 1) home on home.household_id = c.household_id
left join (select customer_id, count(*) filter (arm = 'treatment') as contacted from care_contacts
  where arrived_at <= $at and happened_at > $at - interval 91 day
  group by 1) care using (customer_id)
left join (select customer_id, bool_or(state = 'withdrawn')::int as refuses_offers from consents
  where arrived_at <= $at and purpose = 'offers' group by 1) no using (customer_id)
"""

_LOST = """
select distinct subscription_id from churn_events
where churn in ('cancellation', 'port_out', 'product_drop', 'inactivity')
and happened_at > $at and happened_at <= $at + to_days($days)
"""

_LOW = """
select customer_id, (arg_min(score, happened_at) <= 2)::int as low from survey_answers
where survey = 'relationship' and instrument = 'csat' and dimension = 'overall'
and happened_at > $at and happened_at <= $at + to_days($days) group by 1
"""

_ORACLE = """
select subscription_id, hazard_a_week + leaving::int as hazard, -satisfaction as dissatisfaction
from true_states where happened_at = $at
"""


def flat_table(folder: Path, week: int) -> pd.DataFrame:
    """One row per line in service at a cut-off, from rows that had arrived by then, with ``lost``,
    ``low`` and the truth.

    Parameters
    ----------
    folder : Path
        A simulated operator.
    week : int
        The cut-off is this week's start.
    """
    at = {"at": date_of(week)}
    ahead = at | {"days": HORIZON_DAYS}
    with connect(folder) as connection:
        for statement in _POPULATION.split(";"):
            connection.execute(statement, at)
        table = connection.execute(_FEATURES, at).df()
        lost = connection.execute(_LOST, ahead).df()
        low = connection.execute(_LOW, ahead).df()
        oracle = connection.execute(_ORACLE, at).df()
    table["lost"] = table["subscription_id"].isin(lost["subscription_id"]).astype(int)
    table = table.merge(low, on="customer_id", how="left").merge(
        oracle, on="subscription_id", how="left"
    )
    return table.sort_values("subscription_id", ignore_index=True)


def ranking_figures(table: pd.DataFrame, label: str, oracle: str) -> dict[str, object]:
    """AUC of the truth, of a plain model by 5-fold cross-validation, and of the best single column.

    Parameters
    ----------
    table : pandas.DataFrame
        The result of `flat_table`, or some of its rows.
    label : str
        Column of 0 and 1.
    oracle : str
        Column of the truth.
    """
    target = table[label].to_numpy(dtype=int)
    features = table.drop(
        columns=["subscription_id", "customer_id", "lost", "low", "hazard", "dissatisfaction"]
    )
    for name in features.select_dtypes(exclude="number"):
        features[name] = features[name].astype("category").cat.codes
    columns = features.to_numpy(dtype=float)
    predicted = np.zeros(len(target))
    settings = {
        "objective": "binary",
        "learning_rate": 0.04,
        "num_leaves": 15,
        "min_data_in_leaf": 60,
        "verbose": -1,
        "seed": 1,
    }
    settings |= {
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "num_threads": 1,
    }
    for train, test in StratifiedKFold(5, shuffle=True, random_state=1).split(columns, target):
        model = lgb.train(settings, lgb.Dataset(columns[train], target[train]), num_boost_round=120)
        predicted[test] = model.predict(columns[test])
    alone = {
        name: abs(roc_auc_score(target, np.nan_to_num(columns[:, place], nan=-1e9)) - 0.5) + 0.5
        for place, name in enumerate(features)
    }
    best = sorted(alone, key=alone.__getitem__)[-3:][::-1]
    return {
        "rows": len(target),
        "positive": float(target.mean()),
        "truth AUC": float(roc_auc_score(target, table[oracle].fillna(0))),
        "plain model AUC": float(roc_auc_score(target, predicted)),
        "best single columns": ", ".join(f"{name} {alone[name]:.3f}" for name in best),
    }


_LEVEL = """
with lines as (
  select subscription_id, any_value(billing_type) as line, min(activated_at) as began,
    coalesce(min(happened_at) filter (status = 'ended'), timestamptz '2200-01-01') as ended
  from subscriptions group by 1
), periods as (
  select unnest(generate_series($first::timestamptz, $last::timestamptz - interval 182 day, interval 182 day)) as first
), served as (
  select first, line, sum(date_diff('day', greatest(began, first), least(ended, first + interval 182 day))) as days,
    count(*) filter (began >= first) as begun,
    count(*) filter (ended < first + interval 182 day) as over
  from lines, periods where ended > first and began < first + interval 182 day group by all
), losses as (
  select first, line, count(*) as lost from churn_events join lines using (subscription_id), periods
  where churn in ('cancellation', 'port_out', 'product_drop', 'inactivity')
  and happened_at >= first and happened_at < first + interval 182 day group by all
)
select first::date::text as half_year_from,
  sum(days) / 182 as lines_in_service, sum(begun) / 26 as begun_a_week, sum(over) / 26 as over_a_week,
  any_value(100 * lost / days * 30.4375) filter (line = 'postpaid') as postpaid,
  any_value(100 * lost / days * 30.4375) filter (line = 'prepaid') as prepaid,
  any_value(100 * lost / days * 30.4375) filter (line = 'fixed') as fixed
from served join losses using (first, line) group by first order by first
"""


def churn_level(folder: Path) -> list[dict[str, object]]:
    """Voluntary churn by half-year, percent per month, with the lines that begin and end.

    Parameters
    ----------
    folder : Path
        A simulated operator.
    """
    simulation = Simulator.open(folder).simulation
    with connect(folder) as connection:
        table = connection.execute(_LEVEL, {"first": simulation.start, "last": simulation.end}).df()
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def futures_speed(folder: Path) -> dict[str, object]:
    """CPU seconds of futures in memory and of one that is written.

    Parameters
    ----------
    folder : Path
        A simulated operator.
    """
    weeks = _FUTURE_DAYS // 7
    start = time.process_time()
    futures = Futures.open(folder)
    opened = time.process_time() - start
    (call,) = (action for action in CARE_ACTIONS if action.name == "courtesy_call")
    everybody = _care(futures, futures.lines["subscription_id"].to_pylist(), call)
    row: dict[str, object] = {"lines in service": len(everybody), "CPU s to open": opened}
    for name, care in (("nobody", None), ("everybody", everybody)):
        start = time.process_time()
        for replica in range(_FUTURES):
            futures.run(_FUTURE_DAYS, care, replica)
        seconds = (time.process_time() - start) / _FUTURES
        row[f"CPU s of {weeks} weeks, {name} treated"] = seconds
    with tempfile.TemporaryDirectory() as temporary:
        start = time.process_time()
        branch = Simulator.open(folder).branch(Path(temporary) / "branch")
        branch.advance(_FUTURE_DAYS, workers=1)
        row[f"CPU s of {weeks} weeks written"] = time.process_time() - start
    return row


def care_effects(folder: Path) -> list[dict[str, object]]:
    """What each action does to customers who refuse no contact, of whom one line each is treated:
    from the truth, and from pairs of futures.

    Parameters
    ----------
    folder : Path
        A simulated operator.
    """
    futures = Futures.open(folder)
    lines, first = _willing(futures)
    truth = futures.truth().to_pandas().set_index("subscription_id").reindex(lines)
    delivered = CampaignParameters().delivered_share
    nothing = [futures.run(_EFFECT_DAYS, replica=replica) for replica in range(_PAIRS)]
    rows: list[dict[str, object]] = []
    for action in CARE_ACTIONS:
        care = _care(futures, lines, action)
        treated = [futures.run(_EFFECT_DAYS, care, replica) for replica in range(_PAIRS)]
        change = np.array(
            [
                (_stayed(one) - _stayed(other))[first].mean()
                for one, other in zip(treated, nothing, strict=True)
            ]
        )
        profit = [one.profit - other.profit for one, other in zip(treated, nothing, strict=True)]
        effect = truth[f"stay_effect_{action.name}"].to_numpy()
        rows.append(
            {
                "action": action.name,
                "class": action.action_class,
                "cost": action.cost,
                "helps, % of them": 100 * float((effect > 0.001).mean()),
                "harms, % of them": 100 * float((effect < -0.001).mean()),
                "truth, points": 100 * delivered * float(np.nanmean(effect)),
                "futures, points": 100 * float(change.mean()),
                "standard error": 100 * float(change.std(ddof=1)) / math.sqrt(_PAIRS),
                "profit per customer": float(np.mean(profit)) / len(lines),
            }
        )
    return rows


def _willing(futures: Futures) -> tuple[list[str], Array]:
    """One line of each customer who refuses neither contact nor offers, and their places."""
    first = futures.lines.to_pandas().drop_duplicates("customer_id")["subscription_id"]
    (gift,) = (action for action in CARE_ACTIONS if action.name == "data_gift")
    contacts = futures.run(7, _care(futures, first.tolist(), gift)).contacts.to_pandas()
    refused = contacts.loc[contacts["breach"].notna(), "subscription_id"]
    willing = first[~first.isin(refused)]
    return willing.tolist(), willing.index.to_numpy()


def _care(futures: Futures, lines: list[str], action: CareAction) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subscription_id": lines,
            "action": action.name,
            "channel": action.channel,
            "at": date_of(futures.simulation.week),
            "arm": "treatment",
        }
    )


def _stayed(future: Future) -> Array:
    return np.asarray(future.lines["stayed"].to_numpy(), dtype=float)


def _alone(target: Array, column: Array) -> float:
    """AUC of one column in its better direction, missing values lowest."""
    return abs(float(roc_auc_score(target, np.nan_to_num(column, nan=-1e9))) - 0.5) + 0.5


def main() -> None:
    """Simulate, or read a folder, and print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--customers", type=int, default=40_000)
    options.add_argument("--months", type=int, default=12)
    options.add_argument("--seed", type=int, default=DEFAULT_SEED)
    options.add_argument("--folder", type=Path, help="measure this simulated operator instead")
    options.add_argument("--only-speed", action="store_true", help="measure speed and memory only")
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if chosen.folder is None:
            start = time.perf_counter()
            folder = simulate(
                Path(temporary) / "operator", chosen.customers, chosen.months, chosen.seed
            ).folder
            seconds = time.perf_counter() - start
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            most = [
                resource.getrusage(who).ru_maxrss / 2**20
                for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            ]
            row = {
                "customers": chosen.customers,
                "months": chosen.months,
                "seconds": seconds,
                "GB on disk": size / 1e9,
            }
            show(
                "Speed",
                [row | {"GB of memory, main": most[0], "GB of memory, largest worker": most[1]}],
            )
        else:
            folder = chosen.folder
        show(f"Futures of {_FUTURE_DAYS} days", [futures_speed(folder)])
        if chosen.only_speed:
            return
        show(f"One line of each customer treated once: {_EFFECT_DAYS} days", care_effects(folder))
        show("Churn over time, % per month", churn_level(folder))
        show("Magnitudes", [vars(magnitude) for magnitude in magnitudes(folder)])
        weeks = Simulator.open(folder).simulation.week
        week = (weeks - HORIZON_DAYS // 7 - 1) // 4 * 4
        table = flat_table(folder, week)
        rows = []
        for name in BILLING_TYPES:
            part = table[table["billing_type"] == name].reset_index(drop=True)
            rows.append(
                {"target": f"voluntary churn, {name}"} | ranking_figures(part, "lost", "hazard")
            )
        surveyed = table[table["low"].notna()].drop_duplicates("customer_id").reset_index(drop=True)
        rows.append({"target": "csat_low"} | ranking_figures(surveyed, "low", "dissatisfaction"))
        show(f"Predicting the {HORIZON_DAYS} days after {date_of(week):%Y-%m-%d}", rows)


if __name__ == "__main__":
    main()
