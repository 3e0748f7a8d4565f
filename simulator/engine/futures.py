"""Futures of one state of a simulation under different care: in memory, without raw tables.

Where only losses are asked for, this costs less than `Simulator.branch` and `advance`, and gives the
same losses.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.contracts.vocabulary import HAPPENED, VOLUNTARY_CHURN
from holdfast.errors import InputError
from holdfast.logging import progress
from simulator.engine.actions import ByBlock, sort_actions
from simulator.engine.block import Block, Operator
from simulator.engine.checkpoint import checkpoint_of
from simulator.engine.simulation import Simulation, check_days
from simulator.engine.simulator import Simulator
from simulator.engine.writer import TRUTH_TABLES, UTC, to_arrow, truth_column
from simulator.weekly.state import ACTIVE
from simulator.world.calendar import NEVER, start_of
from simulator.world.draws import Array
from simulator.world.parameters import Parameters
from simulator.world.rows import Columns

_REPLICAS_MOST = 2**31


@dataclass(frozen=True)
class Future:
    """What became of the lines that were in service.

    Parameters
    ----------
    lines : pyarrow.Table
        One row per line in service at the start, in the order of `Futures.lines`:
        ``subscription_id``, ``customer_id``, ``household_id`` (null for firms), ``churn`` (kind of
        loss; null if it was not lost), ``lost_at`` (UTC; null if it was not lost), ``stayed``
        (whether the customer did not choose to leave: involuntary losses count as stayed, as they
        do in campaigns' outcomes) and ``margin`` (earned in these days, in currency).
    contacts : pyarrow.Table
        Care of these days, by the operator's own campaigns and by the given actions, as
        ``truth/contacts`` has it, with what each contact cost.
    """

    lines: pa.Table
    contacts: pa.Table

    @property
    def profit(self) -> float:
        """Margin of the lines minus the cost of care, in currency."""
        margin, cost = pc.sum(self.lines["margin"]), pc.sum(self.contacts["cost"])
        return float(margin.as_py() or 0.0) - float(cost.as_py() or 0.0)


class Futures:
    """Futures of one state.

    All futures of one replica have the same random numbers (*common random numbers*): two of them
    differ only by their care, and only for the households that it treats. Households do not affect
    each other. Two futures, one in which everybody is treated and one in which nobody is, therefore
    hold each household's outcome under either arm: the outcomes of any draw of arms by household can
    be read from these two.

    Use `open`.
    """

    def __init__(self, simulation: Simulation, blocks: list[Block], parameters: Parameters) -> None:
        self.simulation = simulation
        self._blocks = blocks
        self._operator = Operator(simulation.customers, simulation.seed, parameters)
        self._in_service = [np.flatnonzero(block.state.status == ACTIVE) for block in blocks]
        self.lines: pa.Table = pa.concat_tables(
            [_ids(*pair) for pair in zip(blocks, self._in_service, strict=True)]
        )
        """Lines in service: ``subscription_id``, ``customer_id``, ``household_id``."""

    @classmethod
    def open(cls, folder: Path, parameters: Parameters | None = None) -> Self:
        """Load the state at the end of a simulated folder. The folder is not changed.

        Parameters
        ----------
        folder : Path
            A folder made by `simulator.engine.simulator.simulate`.
        parameters : Parameters, optional
            The magnitudes it was made with, if not the default.

        Raises
        ------
        InputError
            The folder holds no complete simulation, or one with other magnitudes or one that ends
            within a week.
        """
        parameters = parameters or Parameters()
        simulator = Simulator.open(folder, parameters)
        simulation = simulator.simulation
        if simulation.days:
            raise InputError("folder", "must be simulated to the end of a week", simulation.end)
        operator = Operator(simulation.customers, simulation.seed, parameters)
        network = operator.network()
        blocks = []
        for number in range(operator.blocks):
            block = Block(operator, number, network)
            block.load(checkpoint_of(simulator.folder, number))
            blocks.append(block)
        return cls(simulation, blocks, parameters)

    def truth(self) -> pa.Table:
        """The true states now, in whatever week the simulation is.

        Returns
        -------
        pyarrow.Table
            As ``truth/states``: one row per line in service once those of the coming week have
            started or been replaced, with its hazard, its margin a week and what each action would
            change in its probability of staying 90 days, if it reaches the customer.
        """
        week = self.simulation.week
        return pa.concat_tables([block.true_states(week) for block in self._blocks])

    def run(
        self, days: int, actions: pa.Table | pd.DataFrame | None = None, replica: int = 0
    ) -> Future:
        """Simulate some days with given care actions, beside the operator's own campaigns.

        Parameters
        ----------
        days : int
            A multiple of 7, at most 3650.
        actions : pyarrow.Table or pandas.DataFrame, optional
            Decisions in these days, as in `Simulator.advance`.
        replica : int
            Which random numbers these days have. 0: those that `Simulator.advance` has. Others
            differ by week: in who wavers and when, in use, in contacts with service. Network,
            competitors and prices are the same in all of them, and so is how each line takes to
            each action.

        Raises
        ------
        InputError
            A value is out of range.
        """
        check_days(days, step=7)
        if not 0 <= replica < _REPLICAS_MOST:
            raise InputError("replica", f"must lie between 0 and {_REPLICAS_MOST - 1}", replica)
        first = self.simulation.week
        last = first + days // 7
        given: ByBlock = {}
        if actions is not None:
            given = sort_actions(
                actions,
                list(self.simulation.lines),
                self._operator.planned,
                self._operator.planned_per_block,
                int(start_of(first)),
                int(start_of(last)),
            )
        schema = pa.schema(list(TRUTH_TABLES["contacts"].items()))
        lost, contacts = [], []
        for block, lines in zip(self._blocks, self._in_service, strict=True):
            future = block.future(replica)
            for week in range(first, last):
                future.step(week, given.get(block.number, {}).get(week))
            truth = future.truth.take(np.iinfo(np.int64).max)
            lost.append(pa.table(_losses(future, lines, truth.get("losses", {}), last)))
            if "contacts" in truth:
                made = to_arrow("contacts", truth["contacts"], future.names)
                contacts.append(made.cast(schema))
        outcomes = pa.concat_tables(lost)
        table = self.lines
        for name in outcomes.column_names:
            table = table.append_column(name, outcomes[name])
        return Future(table, pa.concat_tables([schema.empty_table(), *contacts]))

    def effects(self, days: int, actions: pa.Table | pd.DataFrame, replicas: int = 20) -> pa.Table:
        """What actions do to each line, by going on with them and without them.

        The mean over some lines, such as those of the households that a campaign meant to treat, is
        the true average effect that their randomised experiment estimates. Its standard error is
        that of the simulated lines alone, and falls with the number of replicas; a single line's
        effect needs many.

        Parameters
        ----------
        days : int
            A multiple of 7, at most 3650.
        actions : pyarrow.Table or pandas.DataFrame
            As in `run`; treat all of whom the effect is asked for.
        replicas : int
            Pairs of futures, 1 or more.

        Returns
        -------
        pyarrow.Table
            One row per line in service, as `lines`, with ``stays``, the share of replicas in which
            the line stays without the actions, and ``effect``, by how much it grows with them
            (positive is good).
        """
        if replicas < 1:
            raise InputError("replicas", "must be 1 or more", replicas)
        without, change = np.zeros(len(self.lines)), np.zeros(len(self.lines))
        with progress("Comparing futures", replicas) as advance:
            for replica in range(replicas):
                untreated = self._stayed(days, None, replica)
                without += untreated
                change += self._stayed(days, actions, replica) - untreated
                advance(1)
        return self.lines.append_column("stays", pa.array(without / replicas)).append_column(
            "effect", pa.array(change / replicas)
        )

    def _stayed(self, days: int, actions: pa.Table | pd.DataFrame | None, replica: int) -> Array:
        stayed = self.run(days, actions, replica).lines["stayed"].to_numpy()
        return np.asarray(stayed, dtype=np.float64)


def _ids(block: Block, lines: Array) -> pa.Table:
    """Ids of some lines."""
    about = block.population
    owner = about.lines.customer[lines]
    ids = {
        "subscription_id": lines,
        "customer_id": owner,
        "household_id": about.customers.household[owner],
    }
    return pa.table(
        {name: truth_column(name, pa.string(), codes, block.names) for name, codes in ids.items()}
    )


def _losses(block: Block, lines: Array, losses: Columns, last: int) -> dict[str, pa.Array]:
    """Losses and margins of some lines before a week's start, as columns of `Future.lines`."""
    kind = np.full(len(block.population.lines.number), -1)
    at = np.full(len(kind), NEVER)
    if losses:
        in_time = losses[HAPPENED] < start_of(last)
        lost = losses["subscription_id"][in_time]
        kind[lost], at[lost] = losses["churn"][in_time], losses[HAPPENED][in_time]
    return {
        "churn": truth_column("churn", pa.string(), kind[lines], block.names),
        "lost_at": truth_column(HAPPENED, UTC, at[lines], block.names),
        "stayed": pa.array((kind[lines] < 0) | (kind[lines] >= len(VOLUNTARY_CHURN))),
        "margin": pa.array(block.earned[lines]),
    }
