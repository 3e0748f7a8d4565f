"""A made-up monthly dump of one wide table, as many operators hand over, and its mapping."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

MONTHS = tuple(date(2024, month, 28) for month in range(4, 7))

MAPPING = """\
source = "dump"
time_zone = "America/Los_Angeles"
arrival_lag_days = 1

[tables.customers]
relation = "telco"
columns = { customer_id = "customerID", happened_at = "dump" }
defaults.segment = "consumer"

[tables.subscriptions]
sql = '''
SELECT *, CAST("dump" AS DATE) - to_months(CAST(tenure AS INTEGER)) AS begun FROM telco
'''
columns = { subscription_id = "customerID", customer_id = "customerID", product_line = "InternetService", \
billing_type = "InternetService", activated_at = "begun", autopay = "PaymentMethod", status = "Churn", \
happened_at = "dump" }
values.product_line = { DSL = "broadband", "Fiber optic" = "broadband", No = "mobile" }
values.billing_type = { DSL = "fixed", "Fiber optic" = "fixed", No = "postpaid" }
values.status = { Yes = "ended", No = "active" }

[tables.subscriptions.values.autopay]
"Bank transfer (automatic)" = true
"Credit card (automatic)" = true
"Electronic check" = false
"Mailed check" = false

[tables.bills]
sql = "SELECT *, customerID || '/' || \\"dump\\" AS number FROM telco"
columns = { bill_id = "number", account_id = "customerID", amount = "MonthlyCharges", happened_at = "dump" }

[tables.churn_events]
relation = "telco"
where = "Churn = 'Yes'"
columns = { subscription_id = "customerID", churn = "Churn", happened_at = "dump" }
values.churn = { Yes = "cancellation" }
"""


def write_telco_dump(folder: Path, customers: int = 40, seed: int = 5) -> Path:
    """Write the dumps as ``dump/telco/dump=2024-04-28/part.csv``; returns the mapping file beside.

    Who has churned in one dump is not in the next.
    """
    random = np.random.default_rng(seed)
    tenure = random.integers(1, 60, customers)
    left = np.zeros(customers, dtype=bool)
    service = random.choice(["DSL", "Fiber optic", "No"], customers)
    methods = [
        "Bank transfer (automatic)",
        "Credit card (automatic)",
        "Electronic check",
        "Mailed check",
    ]
    method = random.choice(methods, customers)
    charges = random.gamma(8, 8, customers).round(2)
    for number, day in enumerate(MONTHS):
        here = np.flatnonzero(~left)
        churned = random.random(len(here)) < 0.05
        table = pa.table(
            {
                "customerID": [f"{one:04d}-TELCO" for one in here],
                "gender": random.choice(["Female", "Male"], len(here)),
                "tenure": tenure[here] + number,
                "InternetService": service[here],
                "Contract": ["Month-to-month"] * len(here),
                "PaymentMethod": method[here],
                "MonthlyCharges": charges[here],
                "Churn": np.where(churned, "Yes", "No"),
            }
        )
        place = folder / "dump" / "telco" / f"dump={day:%Y-%m-%d}"
        place.mkdir(parents=True)
        pa_csv.write_csv(table, place / "part.csv")
        left[here[churned]] = True
    path = folder / "mapping.toml"
    path.write_text(MAPPING, encoding="utf-8")
    return path
