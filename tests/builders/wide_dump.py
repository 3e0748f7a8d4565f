"""A made-up monthly dump of one wide table, like IBM's telco table with its reasons, in SQLite."""

import sqlite3
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

DUMPS = tuple(datetime(2025, month, 28, tzinfo=UTC) for month in range(1, 7))
DUMPED = DUMPS[-1] + timedelta(days=2)
"""The midnight after the last dump."""

_SERVICES = ("DSL", "Fiber optic", "No")
_METHODS = (
    *("Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"),
)
_CATEGORIES = ("Competitor", "Dissatisfaction", "Attitude", "Price", "Other")
_ADD_ONS = ("OnlineSecurity", "TechSupport", "StreamingTV")

_TIMES = "dump AS happened_at, dump AS arrived_at"

VIEWS: Mapping[str, str] = {
    "customers": f"SELECT customerID AS customer_id, 'consumer' AS segment, {_TIMES} FROM telco",
    "subscriptions": f"""SELECT customerID AS subscription_id, customerID AS customer_id,
        CASE InternetService WHEN 'No' THEN 'mobile' ELSE 'broadband' END AS product_line,
        CASE InternetService WHEN 'No' THEN 'postpaid' ELSE 'fixed' END AS billing_type,
        begun AS activated_at, CASE Churn WHEN 'Yes' THEN 'ended' ELSE 'active' END AS status,
        ChurnCategory AS status_reason, InternetService AS access_technology,
        "PaymentMethod" LIKE '%automatic%' AS autopay, {_TIMES} FROM telco""",
    "bills": f"""SELECT customerID || '/' || dump AS bill_id, customerID AS account_id,
        MonthlyCharges AS amount, {_TIMES} FROM telco""",
    "payments": f"""SELECT customerID || '/' || dump AS payment_id, customerID AS account_id,
        MonthlyCharges AS amount, PaymentMethod AS method, 'paid' AS status, {_TIMES} FROM telco""",
    "churn_events": f"""SELECT customerID AS subscription_id, ChurnCategory AS churn, {_TIMES}
        FROM telco WHERE Churn = 'Yes'""",
    "products": " UNION ALL ".join(
        f"""SELECT customerID || '/{name}' AS product_id, customerID AS customer_id,
        customerID AS subscription_id, '{name}' AS kind, 'active' AS status, {_TIMES}
        FROM telco WHERE "{name}" = 'Yes'"""
        for name in _ADD_ONS
    ),
}
"""Views that rename, and translate what has an equal in the contracts."""


def write_wide_dump(folder: Path, customers: int = 500, seed: int = 5) -> str:
    """Write the dumps and their views as ``telco.sqlite``; returns its URL.

    Who has churned in one dump is not in the next.
    """
    rows = list(_rows(np.random.default_rng(seed), customers))
    path = folder / "telco.sqlite"
    with sqlite3.connect(path) as database:
        columns = ", ".join(f'"{name}"' for name in rows[0])
        database.execute(f"CREATE TABLE telco ({columns})")
        gaps = ", ".join("?" * len(rows[0]))
        database.executemany(
            f"INSERT INTO telco VALUES ({gaps})",  # our own names
            [list(row.values()) for row in rows],
        )
        for name, query in VIEWS.items():
            database.execute(f"CREATE VIEW {name} AS {query}")
    database.close()
    return f"sqlite:///{path}"


def _rows(random: Any, customers: int) -> Iterator[dict[str, Any]]:
    tenure = random.integers(1, 60, customers)
    left = np.zeros(customers, dtype=bool)
    for number, dump in enumerate(DUMPS):
        for k in np.flatnonzero(~left):
            churned = random.random() < 0.03
            left[k] = churned
            yield {
                "customerID": f"{k:04d}-TELCO",
                "gender": ("Female", "Male")[k % 2],
                "tenure": int(tenure[k]) + number,
                "begun": f"{DUMPS[0] - timedelta(days=30 * int(tenure[k])):%Y-%m-%dT%H:%M:%SZ}",
                "InternetService": _SERVICES[k % 3],
                "Contract": ("Month-to-month", "One year", "Two year")[k % 3],
                "PaymentMethod": _METHODS[k % 4],
                "MonthlyCharges": round(20 + float(k % 80), 2),
                **{name: ("Yes", "No")[(k + i) % 2] for i, name in enumerate(_ADD_ONS)},
                "Churn": "Yes" if churned else "No",
                "ChurnCategory": _CATEGORIES[k % 5] if churned else None,
                "dump": f"{dump:%Y-%m-%dT%H:%M:%SZ}",
            }
