"""Simulate an operator into a folder, and continue it from there.

A folder holds ``raw/<table>/*.parquet`` (rows that have arrived by the end, under
`features.contracts.tables`), ``truth/<table>/*.parquet`` (which no feature may read),
``checkpoint/`` (the state of the simulation) and ``simulation.json`` (settings and calendar). A
note among the raw tables says what time it is for the operator: the end of the simulated period.
"""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Self

import pandas as pd
import pyarrow as pa

from holdfast.clock import CLOCK_NOTE, write_clock
from holdfast.cores import core_count
from holdfast.errors import InputError
from holdfast.logging import Advance, progress
from simulator.engine.actions import (
    ByBlock,
    read_pending,
    sort_actions,
    with_pending,
    write_pending,
)
from simulator.engine.block import Block, Operator, Period, run_period
from simulator.engine.checkpoint import checkpoint_of
from simulator.engine.shared import run_shared
from simulator.engine.simulation import FORMAT, SETTINGS, Simulation, check_days, check_request
from simulator.engine.writer import Parts, write_missing
from simulator.weekly.campaign import Actions
from simulator.weekly.daily_usage import TABLE as DAILY_USAGE
from simulator.world.calendar import START_DATE, date_of, start_of, weeks_in
from simulator.world.care_actions import CARE_ACTIONS
from simulator.world.parameters import Parameters

DEFAULT_SEED = 1
DEFAULT_MONTHS = 24
_STAGED = ".advance"
_PENDING = Path("checkpoint", "actions.parquet")
"""Decisions of a week that is not over."""


def simulate(
    out: Path,
    customers: int,
    months: int = DEFAULT_MONTHS,
    seed: int = DEFAULT_SEED,
    workers: int | None = None,
    parameters: Parameters | None = None,
    daily_usage: bool = False,
) -> "Simulator":
    """Simulate an operator from its first week.

    An interrupted run continues with the blocks that are missing.

    Parameters
    ----------
    out : Path
        Folder to create. An earlier simulation in it is replaced when the new one is complete; a
        folder with anything else is refused.
    customers : int
        About how many customers a period of two years tells of, 1 to 20 million: three quarters of
        them are there at any time. More are planned; of those who have left before the period, or
        join after it, no table tells.
    months : int
        Length of the period, 1 to 60, in months of 52/12 weeks.
    seed : int
        Seed, 0 or more. The same seed gives the same bytes.
    workers : int, optional
        Processes, 1 or more; by default one per processor, at most as many as blocks. The bytes do
        not depend on it.
    parameters : Parameters, optional
        Other magnitudes than the default.
    daily_usage : bool
        Whether use is also written by day, as the table `usage_days`. All other tables are the same.

    Returns
    -------
    Simulator
        The simulation, ready to be continued.

    Raises
    ------
    InputError
        A setting is out of range, or the folder holds something else.
    """
    out, partial = check_request(out, customers, months, seed)
    parameters = parameters or Parameters()
    weeks = weeks_in(months)
    operator = Operator(customers, seed, parameters, daily_usage)
    wanted = Simulation(
        customers,
        months,
        seed,
        0,
        START_DATE.isoformat(),
        date_of(weeks).isoformat(),
        (),
        _digest(parameters),
        daily_usage=daily_usage,
    )
    if Simulation.read(partial) != wanted:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        wanted.write(partial)
    lines = _run(operator, partial, partial, Period(0, weeks), {}, workers)
    write_missing(partial, () if daily_usage else (DAILY_USAGE,))
    write_clock(partial / "raw" / CLOCK_NOTE, date_of(weeks))
    replace(wanted, week=weeks, lines=lines).write(partial)
    if out.exists():
        old = out.with_name(f"{out.name}.replaced")
        shutil.rmtree(old, ignore_errors=True)
        out.rename(old)
        partial.rename(out)
        shutil.rmtree(old)
    else:
        partial.rename(out)
    return Simulator.open(out, parameters)


class Simulator:
    """A simulation in a folder, to be continued under different care policies.

    Use `open`. The same steps from the same folder give the same rows. Two policies that continue
    copies of one folder use the same random numbers (common random numbers).
    """

    def __init__(self, folder: Path, simulation: Simulation, parameters: Parameters) -> None:
        self.folder = folder
        self.simulation = simulation
        self._parameters = parameters

    @classmethod
    def open(cls, folder: Path, parameters: Parameters | None = None) -> Self:
        """Open a simulated folder.

        Parameters
        ----------
        folder : Path
            A folder made by `simulate`.
        parameters : Parameters, optional
            The magnitudes it was made with, if not the default.

        Raises
        ------
        InputError
            The folder holds no complete simulation, or one with other magnitudes.
        """
        folder = folder.expanduser().absolute()
        staged = folder / _STAGED
        if staged.is_dir():
            if Simulation.read(staged) is not None:
                _commit(staged, folder)
            else:
                shutil.rmtree(staged)
        simulation = Simulation.read(folder)
        if simulation is not None and simulation.format != FORMAT:
            raise InputError(
                "--out", "must have been simulated by this version; simulate it anew", str(folder)
            )
        if simulation is None or simulation.week == 0:
            raise InputError(
                "--out", "must be a folder that holds a complete simulation", str(folder)
            )
        parameters = parameters or Parameters()
        if simulation.parameters != _digest(parameters):
            raise InputError(
                "--out", "must have been simulated with the same magnitudes", str(folder)
            )
        return cls(folder, simulation, parameters)

    def branch(self, folder: Path) -> "Simulator":
        """Copy the simulation, so that another policy can start from here.

        Files are shared where the file system supports hard links.

        Parameters
        ----------
        folder : Path
            A folder that does not exist yet.
        """
        folder = folder.expanduser().absolute()
        if folder.exists():
            raise InputError("folder", "must not exist yet", str(folder))
        shutil.copytree(self.folder, folder, copy_function=_link)
        return Simulator(folder, self.simulation, self._parameters)

    def advance(
        self, days: int, actions: pa.Table | pd.DataFrame | None = None, workers: int | None = None
    ) -> Simulation:
        """Continue for some days with given care actions, beside the operator's own campaigns.

        Parameters
        ----------
        days : int
            1 to 3650. Days that do not end a week cost as much as the week: it is simulated again
            with the days after them.
        actions : pyarrow.Table or pandas.DataFrame, optional
            Decisions in these days: ``subscription_id`` or ``customer_id``, ``action``,
            ``channel``, ``at``, ``arm``, and ``propensity`` if the arm was drawn. Decisions in
            other arms than ``treatment`` are recorded and have no effect. With ``contact_id`` and
            ``campaign_id``, contacts and their outcomes have these names.
        workers : int, optional
            As in `simulate`.

        Returns
        -------
        Simulation
            The new state. Further part files are added beside the earlier ones.

        Raises
        ------
        InputError
            A value is out of range; nothing was changed.
        """
        check_days(days)
        now = self.simulation
        last, rest = divmod(now.week * 7 + now.days + days, 7)
        period = Period(now.week, last, now.days, rest)
        decisions, given = self._decisions(period, actions)
        staged = self.folder / _STAGED
        shutil.rmtree(staged, ignore_errors=True)
        staged.mkdir()
        operator = self._operator
        _run(operator, staged, self.folder, period, given, workers)
        if rest or (self.folder / _PENDING).exists():
            write_pending(staged / _PENDING, decisions, int(start_of(last)))
        end = date_of(last) + timedelta(days=rest)
        write_clock(staged / "raw" / CLOCK_NOTE, end)
        replace(now, week=last, days=rest, end=end.isoformat()).write(staged)
        _commit(staged, self.folder)
        self.simulation = Simulation.read(self.folder) or now
        return self.simulation

    @property
    def _operator(self) -> Operator:
        now = self.simulation
        return Operator(now.customers, now.seed, self._parameters, now.daily_usage)

    def _decisions(
        self, period: Period, actions: pa.Table | pd.DataFrame | None
    ) -> tuple[pa.Table, ByBlock]:
        """Decisions of a period and of the days of its first week that are written already."""
        planned, per_block = self._operator.planned, self._operator.planned_per_block
        lines = list(self.simulation.lines)
        if actions is not None:
            sort_actions(actions, lines, planned, per_block, period.written, period.end)
        decisions = with_pending(read_pending(self.folder / _PENDING), actions)
        start = int(start_of(period.first))
        return decisions, sort_actions(decisions, lines, planned, per_block, start, period.end)


def _digest(parameters: Parameters) -> str:
    return sha256(repr((parameters, CARE_ACTIONS)).encode()).hexdigest()[:16]


def _link(source: str, target: str) -> None:
    """Hard-link a file: files are only ever replaced, never changed, so that no copy is needed."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _commit(staged: Path, folder: Path) -> None:
    """Move staged files to their places, the settings last. It can be repeated if interrupted."""
    for path in sorted(staged.rglob("*")):
        if path.is_file() and path != staged / SETTINGS:
            target = folder / path.relative_to(staged)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    (staged / SETTINGS).replace(folder / SETTINGS)
    shutil.rmtree(staged)


def _run(
    operator: Operator,
    target: Path,
    source: Path,
    period: Period,
    actions: ByBlock,
    workers: int | None,
) -> tuple[int, ...]:
    """Simulate a period of all blocks, from checkpoints in `source` to files in `target`."""
    shared = Path("checkpoint", "shared.npz")
    run_shared(
        operator,
        period,
        source / shared if period.first else None,
        Parts(target / "raw", f"shared-{period.part}.parquet"),
        target / shared,
    )
    tasks = [
        _Task(operator, target, source, block, period, actions.get(block, {}))
        for block in range(operator.blocks)
    ]
    processes = min(workers or core_count(), len(tasks))
    with progress("Simulating", len(tasks) * len(period.weeks)) as advance:
        if processes == 1:
            return tuple(_run_block(task, advance) for task in tasks)
        return tuple(_run_in_processes(tasks, processes, advance))


@dataclass(frozen=True)
class _Task:
    """Weeks of a block to simulate."""

    operator: Operator
    target: Path
    source: Path
    block: int
    period: Period
    actions: dict[int, Actions]


def _run_in_processes(tasks: list[_Task], processes: int, advance: Advance) -> Iterator[int]:
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        running = {pool.submit(_run_block, task, None): task for task in tasks}
        for done in as_completed(running):
            done.result()
            advance(len(running[done].period.weeks))
        yield from (done.result() for done in running)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _run_block(task: _Task, advance: Advance | None) -> int:
    """Simulate weeks of one block, unless that was done before; return its number of lines."""
    checkpoint = checkpoint_of(task.target, task.block)
    step: Callable[[int], None] = advance or _ignore
    with _one_thread():
        block = Block(task.operator, task.block, task.operator.network())
        lines = len(block.population.lines.number)
        if checkpoint.exists():
            step(len(task.period.weeks))
            return lines
        if task.period.first:
            block.load(checkpoint_of(task.source, task.block))
        file = f"block-{task.block:05d}-{task.period.part}.parquet"
        raw, truth = Parts(task.target / "raw", file), Parts(task.target / "truth", file)
        run_period(block, task.period, task.actions, raw, truth, checkpoint, step)
    return lines


def _ignore(steps: int) -> None:
    """Report no progress."""


@contextmanager
def _one_thread() -> Iterator[None]:
    """Restrict Arrow to one thread, because the processes share the processors."""
    before = pa.cpu_count()
    pa.set_cpu_count(1)
    try:
        yield
    finally:
        pa.set_cpu_count(before)
