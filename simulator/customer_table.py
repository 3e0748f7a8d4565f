"""A made-up customer table whose structure is known, for trying holdfast out with nothing to download.

Churn follows a logistic model of contract, tenure, service trouble, price and satisfaction, of which a model sees only the few
ratings that were asked for. Nothing in it comes from a real operator.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

ID, TARGET, VALUE = "customer_id", "churned", "monthly_margin_eur"

_CONTRACTS = np.array(["monthly", "12 months", "24 months"])
_REGIONS = np.array(["North", "East", "South", "West", "Islands"])
_PAYMENTS = np.array(["direct debit", "card", "invoice"])


def customer_table(rows: int, seed: int) -> pa.Table:
    """Make a customer table.

    Parameters
    ----------
    rows : int
        Customers.
    seed : int
        Same seed, same table.

    Returns
    -------
    pyarrow.Table
        One row a customer: ``customer_id`` (text with leading zeros), 16 features with missing values where an operator has
        them, the monthly margin, and ``churned`` (yes, no, or blank for the 2 % whose outcome is not known yet).
    """
    random = np.random.default_rng(seed)
    tenure = np.minimum(random.gamma(1.4, 22.0, rows), 180).round()
    contract = random.choice(3, rows, p=[0.42, 0.33, 0.25])
    months_to_end = np.where(contract == 0, np.nan, random.integers(0, 25, rows) % np.where(contract == 1, 13, 25))
    fee = np.round(random.lognormal(3.35, 0.35, rows), 2)
    price_rise = np.where(random.random(rows) < 0.18, np.round(random.uniform(1, 6, rows), 2), 0.0)
    data_gb = np.round(random.lognormal(2.2, 0.9, rows), 1)
    trend = np.round(random.normal(0, 0.25, rows), 2)
    drop_days = random.poisson(random.gamma(0.7, 1.6, rows))
    outages = random.poisson(0.25, rows)
    tickets = random.poisson(0.25 + 0.12 * drop_days + 0.4 * outages)
    unresolved = random.binomial(tickets, 0.22)
    late = random.poisson(0.22, rows)
    payment = random.choice(3, rows, p=[0.6, 0.25, 0.15])
    satisfaction = 7.6 - 0.28 * drop_days - 0.8 * unresolved - 0.5 * (price_rise > 0) + random.normal(0, 1.5, rows)
    rating = np.clip(satisfaction.round(), 0, 10)
    asked = random.random(rows) < 0.35
    log_odds = (
        -3.4
        + np.where(contract == 0, 1.5, 0.0)
        + np.where(months_to_end <= 2, 1.8, 0.0)
        - 0.03 * np.minimum(tenure, 72)
        + 0.26 * drop_days
        + 1.2 * unresolved
        + 0.22 * price_rise
        + 0.4 * late
        - 2.0 * trend
        - 0.35 * (satisfaction - 7)
        + np.where((fee > 40) & (data_gb < 5), 1.3, 0.0)
    )
    churned = np.where(random.random(rows) < expit(log_odds), "yes", "no")
    churned[random.random(rows) < 0.02] = ""
    return pa.table(
        {
            ID: [f"{number:07d}" for number in random.permutation(rows) + 1],
            "region": _REGIONS[random.choice(5, rows, p=[0.3, 0.25, 0.22, 0.18, 0.05])],
            "tenure_months": tenure.astype(np.int64),
            "contract": _CONTRACTS[contract],
            "months_to_contract_end": pa.array(months_to_end, from_pandas=True),
            "monthly_fee_eur": fee,
            "price_rise_eur": price_rise,
            "payment_method": _PAYMENTS[payment],
            "late_payments_12m": late,
            "data_used_gb": pa.array(np.where(random.random(rows) < 0.03, np.nan, data_gb), from_pandas=True),
            "data_trend": trend,
            "days_with_dropped_calls_28d": drop_days,
            "outages_91d": outages,
            "tickets_91d": tickets,
            "unresolved_tickets": unresolved,
            "last_rating_0_to_10": pa.array(np.where(asked, rating, np.nan), from_pandas=True),
            VALUE: np.round(fee * random.uniform(0.25, 0.5, rows), 2),
            TARGET: churned,
        }
    )
