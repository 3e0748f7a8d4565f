"""Whether the simulated operator is in equilibrium: lines, joiners, losses and risk, month by month.

``python -m benchmarks.equilibrium [--customers N] [--months N] [--seeds N [N ...]]`` simulates in memory,
without raw tables, one operator per seed, and adds them up. Printed is first a line for each kind: lines in
service in the last year over those in the first, all that began over all that ended, and the hazard of each
year over that of the first. Then for every four weeks: how many are in service, how many began and ended,
their mean weekly hazard of deciding to leave in the truth, per 10,000, and what raises it: the share out of
commitment, mean satisfaction. A month differs from the next by season and price rises: compare the same
months of two years. Lines that another one continues, by migration, transfer or SIM swap, count as ended,
and the others as begun.
"""

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.report import show
from simulator.engine.block import Block, Operator
from simulator.engine.simulator import DEFAULT_SEED
from simulator.weekly.churn import drivers, hazard
from simulator.weekly.state import ACTIVE, ENDED, PLANNED
from simulator.world.calendar import date_of, weeks_in
from simulator.world.draws import Array
from simulator.world.parameters import LINES, Parameters

_WEEKS = 4
_A_YEAR = 52 // _WEEKS


def started(customers: int, seed: int) -> list[Block]:
    """Blocks of an operator at the start of the period, after the burn-in, to go on without raw
    tables.
    """
    operator = Operator(customers, seed, Parameters())
    network = operator.network()
    blocks = [Block(operator, number, network) for number in range(operator.blocks)]
    for block in blocks:
        block.burn_in()
    return [block.future(0) for block in blocks]


def monthly(blocks: list[Block], months: int) -> list[Mapping[str, Any]]:
    """A row for every four weeks of some months.

    Parameters
    ----------
    blocks : list of Block
        As `started` gives them. They go on by as many months.
    months : int
        How long, in months of 52/12 weeks.
    """
    kind = np.concatenate([block.population.lines.kind for block in blocks])
    rows: list[Mapping[str, Any]] = []
    before = np.concatenate([block.state.status for block in blocks])
    for first in range(0, weeks_in(months), _WEEKS):
        for block in blocks:
            for week in range(first, first + _WEEKS):
                block.step(week, None)
        status = np.concatenate([block.state.status for block in blocks])
        begun = (before == PLANNED) & (status != PLANNED)
        over = (status == ENDED) & (before != ENDED)
        row: dict[str, Any] = {"to": f"{date_of(first + _WEEKS):%Y-%m-%d}"}
        row |= _by_kind("lines", status == ACTIVE, kind)
        row |= _by_kind("begun", begun, kind) | _by_kind("over", over, kind)
        rows.append(row | _risk(blocks, first + _WEEKS, status == ACTIVE, kind))
        before = status
    return rows


def _by_kind(name: str, chosen: Array, kind: Array) -> dict[str, Any]:
    counts = np.bincount(kind[chosen], minlength=len(LINES))
    return {f"{name} {line}": int(count) for line, count in zip(LINES, counts, strict=True)}


def _risk(blocks: list[Block], week: int, active: Array, kind: Array) -> dict[str, Any]:
    chance, free, mood = [], [], []
    for block in blocks:
        now = block.week(week)
        chance.append(hazard(now, drivers(now)))
        free.append(block.state.commit_end < week)
        mood.append(block.state.c_satisfaction[block.population.lines.customer])
    figures = {
        "hazard": (np.concatenate(chance), 1e4),
        "free": (np.concatenate(free), 100),
        "mood": (np.concatenate(mood), 1),
    }
    return {
        f"{name} {line}": round(scale * float(values[active & (kind == place)].mean()), 2)
        for name, (values, scale) in figures.items()
        for place, line in enumerate(LINES)
    }


def by_year(rows: list[Mapping[str, Any]], name: str) -> list[float]:
    """Mean of a figure in each whole year of some months."""
    years = len(rows) // _A_YEAR
    values = np.array([row[name] for row in rows[: years * _A_YEAR]], dtype=np.float64)
    return [float(mean) for mean in values.reshape(years, _A_YEAR).mean(axis=1)]


def summary(rows: list[Mapping[str, Any]]) -> list[Mapping[str, object]]:
    """What is to be about 1 in equilibrium, one row per kind of line.

    Parameters
    ----------
    rows : list of mapping
        Result of `monthly`, of a year or more.
    """
    table: list[Mapping[str, object]] = []
    for line in LINES:
        held, risk = by_year(rows, f"lines {line}"), by_year(rows, f"hazard {line}")
        begun, over = (sum(row[f"{name} {line}"] for row in rows) for name in ("begun", "over"))
        table.append(
            {"": line, "lines, last year / first": round(held[-1] / held[0], 3)}
            | {"begun / over": round(begun / over, 3)}
            | {
                f"hazard, year {year + 1} / 1": round(value / risk[0], 3)
                for year, value in enumerate(risk)
                if year
            }
        )
    return table


def main() -> None:
    """Simulate, and print the years and the months."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--customers", type=int, default=20_000)
    options.add_argument("--months", type=int, default=36)
    options.add_argument("--seeds", type=int, nargs="+", default=[DEFAULT_SEED])
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    blocks = [block for seed in chosen.seeds for block in started(chosen.customers, seed)]
    rows = monthly(blocks, chosen.months)
    if chosen.months >= 12:
        show(f"{chosen.months} months, seeds {chosen.seeds}", summary(rows))
    for line in LINES:
        about = [name for name in rows[0] if name.endswith(f" {line}")]
        show(
            line,
            [{"to": row["to"]} | {name.split()[0]: row[name] for name in about} for row in rows],
        )


if __name__ == "__main__":
    main()
