"""Rows before they are written: all columns are numbers or codes, so that a checkpoint can hold them.

A row is emitted in the week it is decided, possibly for a later time, and is written once it has
*arrived*. Arrival times and lost rows depend on each row's identity alone, so that another policy
loses the same rows.
"""

from typing import Any

import numpy as np

from features.contracts.tables import ARRIVED, HAPPENED
from simulator.world.calendar import DAY, HOUR, MINUTE, SECOND
from simulator.world.draws import Array, Draws
from simulator.world.parameters import ArrivalParameters

Columns = dict[str, Array]


class Rows:
    """Emitted rows by table, each column as numbers or codes (see `simulator.engine.writer`).

    Parameters
    ----------
    draws : Draws
        Random numbers for arrival times and lost rows.
    arrivals : mapping of table to ArrivalParameters
        How rows of each table arrive; rows of other tables (of the truth) arrive at once.
    """

    def __init__(self, draws: Draws, arrivals: dict[str, ArrivalParameters]) -> None:
        self._draws = draws
        self._arrivals = arrivals
        self._parts: dict[str, list[Columns]] = {}

    def add(self, table: str, key: Array, happened: Array, **columns: Any) -> None:
        """Emit rows.

        Parameters
        ----------
        table : str
            Name of the raw table, or of a table of the truth.
        key : array of int
            Global number of what the row is about, which with the time decides the arrival.
        happened : array of int
            When it happened, in microseconds.
        **columns : array or scalar
            Other columns; scalars apply to all rows.
        """
        if len(key) == 0:
            return
        arrival = self._arrivals.get(table)
        happened = np.asarray(happened, dtype=np.int64)
        if arrival is None:
            self._append(table, {**columns, HAPPENED: happened, ARRIVED: happened}, len(key))
            return
        second = happened // SECOND
        if arrival.lost_share:
            kept = self._draws.at(f"lost {table}", key, second) >= arrival.lost_share
            if not kept.all():
                key, happened, second = key[kept], happened[kept], second[kept]
                columns = {name: _of(value, kept) for name, value in columns.items()}
        draw = self._draws.at(f"arrival {table}", key, second)
        self._append(
            table,
            {**columns, HAPPENED: happened, ARRIVED: happened + _delay(draw, arrival)},
            len(key),
        )

    def correct(self, table: str, happened: Array, arrived: Array, **columns: Any) -> None:
        """Emit corrections of rows, with the same key and time and a later arrival."""
        if len(happened):
            self._append(table, {**columns, HAPPENED: happened, ARRIVED: arrived}, len(happened))

    def _append(self, table: str, columns: dict[str, Any], count: int) -> None:
        wide = {
            name: value if np.ndim(value) else np.full(count, value)
            for name, value in columns.items()
        }
        self._parts.setdefault(table, []).append(wide)

    def take(self, until: int) -> dict[str, Columns]:
        """Remove and return the rows that have arrived by a time.

        Parameters
        ----------
        until : int
            The time, in microseconds.

        Returns
        -------
        dict of str to dict of str to array
            Columns by table, rows in the order they were emitted.
        """
        arrived = {}
        for table, parts in list(self._parts.items()):
            whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
            has_arrived = whole[ARRIVED] <= until
            if has_arrived.any():
                arrived[table] = {name: value[has_arrived] for name, value in whole.items()}
            if has_arrived.all():
                del self._parts[table]
            else:
                self._parts[table] = [{name: value[~has_arrived] for name, value in whole.items()}]
        return arrived

    def waiting(self) -> Columns:
        """Rows that have not arrived yet, as flat arrays named ``table/column``."""
        return {
            f"{table}/{name}": np.concatenate([part[name] for part in parts])
            for table, parts in self._parts.items()
            for name in parts[0]
        }

    def restore(self, waiting: Columns) -> None:
        """Restore rows from `waiting`."""
        for name, value in waiting.items():
            table, column = name.split("/")
            self._parts.setdefault(table, [{}])[0][column] = value


class NoRows(Rows):
    """Drops all rows, where only the state that follows is asked for."""

    def __init__(self, draws: Draws) -> None:
        super().__init__(draws, {})

    def add(self, table: str, key: Array, happened: Array, **columns: Any) -> None:
        """Drop rows."""

    def correct(self, table: str, happened: Array, arrived: Array, **columns: Any) -> None:
        """Drop corrections."""


def _of(value: Any, kept: Array) -> Any:
    return value[kept] if np.ndim(value) else value


def _delay(draw: Array, arrival: ArrivalParameters) -> Array:
    """Delays: mostly minutes to a day, skewed towards minutes; days for the late share."""
    spread = draw / max(1 - arrival.late_share, 1e-9)
    usual = MINUTE + (np.minimum(spread, 1.0) ** 3 * arrival.usual_hours * HOUR).astype(np.int64)
    late_draw = np.clip((draw - (1 - arrival.late_share)) / max(arrival.late_share, 1e-9), 0, 1)
    late = DAY + (late_draw**2 * arrival.late_days * DAY).astype(np.int64)
    delay: Array = (
        np.where(draw < 1 - arrival.late_share, usual, late) // (5 * MINUTE) * (5 * MINUTE)
        + 5 * MINUTE
    )
    return delay
