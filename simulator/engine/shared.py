"""Tables that all blocks share: the plan catalogue and network incidents."""

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
    """Simulate weeks of the shared tables and write the rows that arrive by their end.

    Parameters
    ----------
    operator : Operator
        The operator.
    first, last : int
        First week, and the week after the last.
    checkpoint : Path or None
        File of `save_shared`; None at the start.
    raw : Parts
        Raw tables to write to.

    Returns
    -------
    Rows
        Rows that have not arrived yet.
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
    """Write the rows that have not arrived yet."""
    save_arrays(path, rows.waiting())
