"""Small made-up tables to try commands with; every value is drawn at random."""

from typing import Literal

import numpy as np
import pyarrow as pa

from holdfast.arrays import Floats

Sample = Literal["churn", "campaign"]
_ROWS = {"churn": 2_000, "campaign": 6_000}
_SEED = 20260101


def sample_table(sample: Sample) -> pa.Table:
    """A made-up table.

    Parameters
    ----------
    sample : {"churn", "campaign"}
        Customers of whom some left, target ``left``; or a randomised campaign, treatment ``arm``
        and outcome ``stayed``.

    Examples
    --------
    >>> sample_table("churn").num_rows
    2000
    >>> sample_table("campaign")["arm"].unique().to_pylist()
    ['control', 'call']
    """
    rows = _ROWS[sample]
    random = np.random.default_rng(_SEED)
    months = random.integers(1, 73, rows)
    monthly = random.random(rows) < np.where(months < 24, 0.7, 0.35)
    fee = np.round(random.gamma(6.0, 6.0, rows) + 10, 2)
    calls = random.poisson(0.8 + 0.5 * monthly, rows)
    risk = -2.6 + 1.1 * monthly - 0.02 * months + 0.012 * fee + 0.45 * calls
    columns = {
        "customer": pa.array([f"C{row:05d}" for row in range(rows)]),
        "months": pa.array(months),
        "contract": pa.array(np.where(monthly, "monthly", "yearly").tolist()),
        "monthly_fee": pa.array(fee),
        "service_calls": pa.array(calls),
    }
    if sample == "churn":
        left = random.random(rows) < _probability(risk)
        columns["left"] = pa.array(np.where(left, "yes", "no").tolist())
        return pa.table(columns)
    called = random.random(rows) < 0.5
    called[0] = False
    lost = random.random(rows) < _probability(risk - 0.5 * called * (calls > 0))
    columns["arm"] = pa.array(np.where(called, "call", "control").tolist())
    columns["stayed"] = pa.array(np.where(lost, "no", "yes").tolist())
    return pa.table(columns)


def _probability(risk: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-risk)), dtype=np.float64)
