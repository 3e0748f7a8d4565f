"""Tables that no block owns: the plan catalogue and network incidents."""

from pathlib import Path

import numpy as np

from simulator.engine.block import Operator
from simulator.engine.checkpoint import read_arrays, save_arrays
from simulator.engine.writer import Parts, shared_names, to_arrow
from simulator.weekly.lifecycle import BILLING, PRODUCT
from simulator.world.calendar import DAY, start_of
from simulator.world.draws import Draws
from simulator.world.population import PREPAID
from simulator.world.rows import Rows


def run_shared(
    operator: Operator, first: int, last: int, checkpoint: Path | None, raw: Parts
) -> Rows:
    """Take the shared tables through weeks and write what arrives by their end.

    Parameters
    ----------
    operator : Operator
        Whose tables.
    first, last : int
        First week, and the week after the last.
    checkpoint : Path or None
        Where `save_shared` put what was on its way; None at the start.
    raw : Parts
        Where raw tables go.

    Returns
    -------
    Rows
        What is still on its way.
    """
    rows = Rows(Draws(operator.seed), operator.parameters.arrivals)
    if checkpoint is not None:
        rows.restore(read_arrays(checkpoint))
    network, plans = operator.network(), operator.plans()
    for week in range(first, last):
        changed = np.arange(len(plans.line)) if week == 0 else np.flatnonzero(plans.rising(week))
        line = plans.line[changed]
        since = np.full(len(changed), int(start_of(week)) - (400 * DAY if week == 0 else 0))
        rows.add(
            "plans",
            changed,
            since,
            plan_id=changed,
            product_line=PRODUCT[line],
            billing_type=BILLING[line],
            monthly_fee=plans.fee(week)[changed],
            minutes_allowance=plans.minutes[changed],
            data_allowance_gb=plans.data_gb[changed],
            overage_per_minute=np.where(line == PREPAID, np.nan, plans.over_minute[changed]),
            overage_per_gb=np.where(line == PREPAID, np.nan, plans.over_gb[changed]),
            commitment_months=plans.commitment_months[changed],
            is_offered=np.ones(len(changed), dtype=bool),
        )
        network.emit(rows, week)
    names = shared_names(plans)
    for table, columns in rows.take(int(start_of(last))).items():
        raw.write(table, to_arrow(table, columns, names))
    raw.close()
    return rows


def save_shared(rows: Rows, path: Path) -> None:
    """Write what is still on its way."""
    save_arrays(path, rows.waiting())
