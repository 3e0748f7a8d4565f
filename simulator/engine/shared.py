"""Tables that all blocks share: the plan catalogue and network incidents."""

from pathlib import Path

import numpy as np

from simulator.engine.block import Operator, Period
from simulator.engine.checkpoint import read_arrays, save_arrays
from simulator.engine.writer import Parts, shared_names, to_arrow
from simulator.weekly.lifecycle import BILLING, PRODUCT
from simulator.world.calendar import DAY, start_of
from simulator.world.draws import Draws
from simulator.world.parameters import PREPAID
from simulator.world.rows import Rows


def run_shared(
    operator: Operator, period: Period, source: Path | None, raw: Parts, checkpoint: Path
) -> None:
    """Simulate a period of the shared tables, write the rows that arrive by its end, and those that
    have not arrived by the end of its last whole week.

    Parameters
    ----------
    operator : Operator
        The operator.
    period : Period
        What to simulate.
    source : Path or None
        Checkpoint to start from; None at the start.
    raw : Parts
        Raw tables to write to.
    checkpoint : Path
        File to write.
    """
    rows = Rows(Draws(operator.seed), operator.parameters.arrivals)
    if source is not None:
        rows.restore(read_arrays(source))
    network, plans = operator.network(), operator.plans()
    names = shared_names(plans)

    def write(until: int) -> None:
        for table, columns in rows.take(until).items():
            raw.write(table, to_arrow(table, columns, names))

    for week in period.weeks:
        if week == period.last:
            # Of days that are not written yet, which the checkpoint is not to hold.
            write(int(start_of(week)))
            save_arrays(checkpoint, rows.waiting())
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
        if week == period.first and period.written_days:
            rows.take(period.written)
    write(period.end)
    raw.close()
    if period.days == 0:
        save_arrays(checkpoint, rows.waiting())
