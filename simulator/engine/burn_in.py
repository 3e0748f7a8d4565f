"""The weeks before the period: what the operator's tables hold of them.

No event of these weeks is told, and no case that began in them: neither its later rows nor a
reference to it. The tables of states hold what was so when the period starts.
"""

from typing import Any

import numpy as np

from features.contracts.tables import ARRIVED, HAPPENED, TABLES
from simulator.weekly.state import ACTIVE, SUSPENDED, SimulationState
from simulator.world.calendar import START
from simulator.world.draws import Array
from simulator.world.population import Population
from simulator.world.rows import Columns, Rows

_STATES = frozenset(name for name, table in TABLES.items() if table.kind == "state")


class StateRows(Rows):
    """Keeps the rows of tables that hold states, and drops those of events."""

    def add(self, table: str, key: Array, happened: Array, **columns: Any) -> None:
        """Keep rows of a state."""
        if table in _STATES:
            super().add(table, key, happened, **columns)

    def correct(self, table: str, happened: Array, arrived: Array, **columns: Any) -> None:
        """Drop corrections, which only events have."""


def held_at_start(rows: Rows, population: Population, state: SimulationState) -> Columns:
    """Rows of states that the operator's tables hold when the period starts.

    Of what had arrived by then, that is the last row of each customer, line or account that is
    still there, and besides what arrives later.

    Parameters
    ----------
    rows : Rows
        Those of the burn-in.
    population : Population
        The block's.
    state : SimulationState
        At the start of the period.

    Returns
    -------
    dict of str to array
        As `Rows.restore` takes them.
    """
    lines = population.lines
    in_service = (state.status == ACTIVE) | (state.status == SUSPENDED)
    people = len(population.customers.number)
    there = {
        "subscription_id": in_service,
        "customer_id": np.bincount(lines.customer[in_service], minlength=people) > 0,
        "account_id": np.bincount(lines.account[in_service], minlength=people) > 0,
    }
    held: Columns = {}
    parts = rows.waiting()
    for table in {name.split("/")[0]: None for name in parts}:
        columns = {
            name.split("/")[1]: values
            for name, values in parts.items()
            if name.startswith(f"{table}/")
        }
        owner, *_ = key = TABLES[table].key
        kept = there[owner][columns[owner]] & (
            (columns[ARRIVED] > START) | _is_last([columns[name] for name in key], columns)
        )
        held |= {f"{table}/{name}": values[kept] for name, values in columns.items()}
    return held


def _is_last(key: list[Array], columns: Columns) -> Array:
    """Whether each row is the last of its key among those that have arrived at the start."""
    arrived = np.flatnonzero(columns[ARRIVED] <= START)
    order = arrived[np.lexsort((columns[HAPPENED][arrived], *(part[arrived] for part in key)))]
    differs = np.any([part[order][1:] != part[order][:-1] for part in key], axis=0)
    is_last = np.zeros(len(columns[ARRIVED]), dtype=bool)
    is_last[order[:-1][differs]] = True
    is_last[order[-1:]] = True
    return is_last
