"""One block of customers, simulated week by week."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa

from holdfast.logging import Advance
from simulator.engine import truth
from simulator.engine.burn_in import StateRows, held_at_start
from simulator.engine.checkpoint import read_arrays, save_arrays
from simulator.engine.writer import TRUTH_TABLES, Names, Parts, names, to_arrow
from simulator.weekly import (
    billing,
    campaign,
    churn,
    lifecycle,
    recharge,
    satisfaction,
    service,
    survey,
    usage,
)
from simulator.weekly.campaign import Actions
from simulator.weekly.daily_usage import ARRIVAL, TABLE
from simulator.weekly.economics import margin_a_week
from simulator.weekly.state import SimulationState, initial
from simulator.weekly.week import Week
from simulator.world.calendar import DAY, FIRST_WEEK, start_of
from simulator.world.draws import Array, Draws
from simulator.world.network import Network
from simulator.world.parameters import Parameters
from simulator.world.plans import PlanCatalogue, catalogue
from simulator.world.population import populate
from simulator.world.rows import Columns, NoRows, Rows


@dataclass(frozen=True)
class Period:
    """Weeks to simulate, and days to write.

    Parameters
    ----------
    first, last : int
        First week, and the week after the last whole one.
    written_days : int
        Days of the first week that are written already, 0 to 6.
    days : int
        Days to write of the week after the last whole one, 0 to 6.
    """

    first: int
    last: int
    written_days: int = 0
    days: int = 0

    @property
    def weeks(self) -> range:
        """All weeks to simulate."""
        return range(self.first, self.last + (self.days > 0))

    @property
    def written(self) -> int:
        """Time up to which rows are written already, in microseconds."""
        return int(start_of(self.first)) + self.written_days * DAY

    @property
    def end(self) -> int:
        """Time up to which rows are to be written, in microseconds."""
        return int(start_of(self.last)) + self.days * DAY

    @property
    def part(self) -> str:
        """What files of its rows are called by."""
        return f"w{self.first:04d}" + (f"d{self.written_days}" if self.written_days else "")


@dataclass(frozen=True)
class Operator:
    """What all blocks of an operator have in common.

    Parameters
    ----------
    customers : int
        Customers that are asked for.
    seed : int
        Seed of all random numbers.
    parameters : Parameters
        Magnitudes.
    daily_usage : bool
        Whether use is also written by day.
    """

    customers: int
    seed: int
    parameters: Parameters
    daily_usage: bool = False

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.planned // self.planned_per_block)

    @property
    def planned(self) -> int:
        """Customers who are planned: all who are ever there, burn-in and later joiners included."""
        return self.parameters.planned(self.customers)

    @property
    def planned_per_block(self) -> int:
        """Customers who are planned in a full block."""
        return self.parameters.planned(self.parameters.customers_per_block)

    def network(self) -> Network:
        """Create its network."""
        return Network(Draws(self.seed), self.parameters.network, self.customers)

    def plans(self) -> PlanCatalogue:
        """Create its plan catalogue."""
        return catalogue(Draws(self.seed), self.parameters.plans)


class Block:
    """A block of customers and its state.

    Parameters
    ----------
    operator : Operator
        The operator that it belongs to.
    number : int
        Number of the block.
    network : Network
        The operator's.
    """

    def __init__(self, operator: Operator, number: int, network: Network) -> None:
        parameters = operator.parameters
        first = number * operator.planned_per_block
        count = min(operator.planned_per_block, operator.planned - first)
        self.number = number
        self.draws = Draws(operator.seed, number)
        self.plans = operator.plans()
        self.network = network
        self.parameters = parameters
        self.population = populate(self.draws, first, count, network, self.plans, parameters)
        self.state: SimulationState = initial(self.population, self.plans)
        self.daily_usage = operator.daily_usage
        self.has_tables = True
        self.earned = np.zeros(len(self.population.lines.number))
        """Margin of each line so far, in a future without tables."""
        self.rows = Rows(self.draws, {**parameters.arrivals, TABLE: ARRIVAL})
        self.truth = Rows(self.draws, {})
        self.names: Names = names(self.population, self.plans)

    def burn_in(self) -> None:
        """Simulate the weeks before the period, so that it starts in equilibrium.

        Nothing of them is told but what holds when the period starts.
        """
        tables, rows, truth = self.has_tables, self.rows, self.truth
        states = StateRows(self.draws, self.parameters.arrivals)
        self.has_tables, self.rows, self.truth = False, states, NoRows(self.draws)
        for number in range(FIRST_WEEK, 0):
            self.step(number, None)
        self.has_tables, self.rows, self.truth = tables, rows, truth
        self.rows.restore(held_at_start(states, self.population, self.state))
        self.state.forget_cases()
        self.earned = np.zeros(len(self.population.lines.number))

    def future(self, replica: int) -> Self:
        """Copy the block, to go on from its state without raw tables.

        Parameters
        ----------
        replica : int
            Which random numbers the weeks to come have, as in `simulator.world.draws.Draws`.

        Returns
        -------
        Block
            It shares what no event changes. Only losses and care are recorded.
        """
        future = copy.copy(self)
        future.draws = Draws(self.draws.seed, self.number, replica)
        future.state = copy.deepcopy(self.state)
        future.has_tables = False
        future.earned = np.zeros(len(self.population.lines.number))
        future.rows, future.truth = NoRows(future.draws), Rows(future.draws, {})
        future.names = replace(self.names, given=dict(self.names.given))
        return future

    def step(self, number: int, actions: Actions | None) -> None:
        """Simulate one week.

        Parameters
        ----------
        number : int
            The week; weeks must be simulated in order.
        actions : Actions, optional
            Care decided outside the simulation in this week.
        """
        week = self.week(number)
        # Steps on which no loss depends are only for the tables.
        lifecycle.begin(week)
        if self.has_tables:
            truth.record(week)
        else:
            self.earned += margin_a_week(week)
        quality = usage.experience(week)
        if self.has_tables:
            usage.probe(week, quality)
        usage.use(week)
        if self.has_tables:
            usage.visit(week)
        billing.bill(week)
        if self.has_tables or number < 0:
            recharge.recharge(week)
        contacts = service.serve(week)
        satisfaction.settle(week)
        if self.has_tables:
            survey.ask(week, contacts)
        campaign.care(week, actions)
        churn.leave(week)
        churn.decide(week)

    def true_states(self, number: int) -> pa.Table:
        """The true states at the start of the coming week, as ``truth/states`` has them.

        Parameters
        ----------
        number : int
            The week.
        """
        future = self.future(0)
        week = future.week(number)
        lifecycle.begin(week)
        truth.record_states(week)
        states = future.truth.take(np.iinfo(np.int64).max).get("states")
        schema = pa.schema(list(TRUTH_TABLES["states"].items()))
        if states is None:
            return schema.empty_table()
        return to_arrow("states", states, self.names).cast(schema)

    def week(self, number: int) -> Week:
        """A week that is about to begin."""
        return Week(
            number=number,
            draws=self.draws,
            population=self.population,
            state=self.state,
            rows=self.rows,
            truth=self.truth,
            plans=self.plans,
            network=self.network,
            parameters=self.parameters,
            daily_usage=self.daily_usage,
            given=self.names.given,
        )

    def flush(self, raw: Parts, truth_parts: Parts, until: int) -> None:
        """Write the rows that have arrived by a time, in microseconds, and the truth up to it."""
        for table, columns in self.rows.take(until).items():
            raw.write(table, to_arrow(table, columns, self.names))
        for table, columns in self.truth.take(until).items():
            truth_parts.write(table, to_arrow(table, columns, self.names))

    def drop(self, until: int) -> None:
        """Drop the rows that have arrived by a time, in microseconds, which were written before."""
        self.rows.take(until)
        self.truth.take(until)

    def save(self, path: Path) -> None:
        """Write the block's checkpoint: its state, and the rows that have not arrived yet."""
        waiting = {f"waiting/{name}": value for name, value in self.rows.waiting().items()}
        state = {f"state/{name}": value for name, value in self.state.arrays().items()}
        save_arrays(path, {**state, **waiting, **_given_arrays(self.names.given)})

    def load(self, path: Path) -> None:
        """Restore a checkpoint."""
        waiting: Columns = {}
        given: dict[str, Array] = {}
        for name, values in read_arrays(path).items():
            kind, rest = name.split("/", 1)
            if kind == "state":
                setattr(self.state, rest, values)
            elif kind == "waiting":
                waiting[rest] = values
            else:
                given[rest] = values
        self.rows.restore(waiting)
        if given:
            pairs = zip(given["contact_id"].tolist(), given["campaign_id"].tolist(), strict=True)
            self.names.given.update(zip(given["number"].tolist(), pairs, strict=True))


def _given_arrays(given: Mapping[int, tuple[str, str]]) -> dict[str, Array]:
    """Names of contacts as arrays of a checkpoint; none where there are none."""
    if not given:
        return {}
    return {
        "given/number": np.array(list(given), dtype=np.int64),
        "given/contact_id": np.array([contact for contact, _ in given.values()]),
        "given/campaign_id": np.array([campaign for _, campaign in given.values()]),
    }


def run_period(
    block: Block,
    period: Period,
    actions: dict[int, Actions],
    raw: Parts,
    truth_parts: Parts,
    checkpoint: Path,
    advance: Advance,
) -> None:
    """Simulate a period of a block, write the rows that arrive by its end, and its checkpoint.

    Of a week that is not over, some days are written; the checkpoint is that of its start, from
    which it is simulated again when the period after this one is.

    Parameters
    ----------
    block : Block
        Its state at the start of the period's first week.
    period : Period
        What to simulate.
    actions : dict of int to Actions
        Care decided outside the simulation, by week: also that of the first week's days that are
        written already.
    raw, truth_parts : Parts
        Raw tables and tables of the truth to write to.
    checkpoint : Path
        File to write when all is done.
    advance : callable
        Called with 1 after each week.
    """
    every = block.parameters.weeks_per_part
    saved = checkpoint.with_name(f"{checkpoint.name}.week")
    if period.first == 0:
        block.burn_in()
    for week in period.weeks:
        if week == period.last:
            block.flush(raw, truth_parts, int(start_of(week)))
            block.save(saved)
        block.step(week, actions.get(week))
        if week == period.first and period.written_days:
            block.drop(period.written)
        if (week - period.first) % every == every - 1 or week == period.weeks[-1]:
            block.flush(raw, truth_parts, period.end)
        advance(1)
    raw.close()
    truth_parts.close()
    if period.days == 0:
        block.save(saved)
    saved.replace(checkpoint)
