"""One week of one block: what the steps of the simulation read, and what they pass on."""

from dataclasses import dataclass, field

import numpy as np

from simulator.weekly.state import ACTIVE, SimulationState
from simulator.world.calendar import DAY, WEEK, local_time, start_of
from simulator.world.draws import Array, Draws
from simulator.world.network import Network
from simulator.world.parameters import Parameters
from simulator.world.plans import PlanCatalogue
from simulator.world.population import Population
from simulator.world.rows import Rows


@dataclass
class Week:
    """A week that is being simulated.

    Parameters
    ----------
    number : int
        Week number, from 0.
    draws, population, state, rows
        The block's.
    truth : Rows
        Rows of the truth.
    plans, network, parameters
        The operator's.
    daily_usage : bool
        Whether use is also emitted by day.
    given : dict of int to (str, str)
        Names of contacts that were decided outside the simulation, and of their campaigns, by the
        contact's number.
    """

    number: int
    draws: Draws
    population: Population
    state: SimulationState
    rows: Rows
    truth: Rows
    plans: PlanCatalogue
    network: Network
    parameters: Parameters
    daily_usage: bool = False
    given: dict[int, tuple[str, str]] = field(default_factory=dict)
    shock: Array = field(init=False)
    """Change of each customer's satisfaction so far this week."""
    contact_rate: Array = field(init=False)
    """Expected contacts of each customer, by issue."""

    def __post_init__(self) -> None:
        self.shock = np.zeros(self.people)
        self.contact_rate = np.zeros((self.people, len(self.parameters.service.base_rate_a_week)))

    @property
    def start(self) -> int:
        """Start of the week, in microseconds."""
        return int(start_of(self.number))

    @property
    def end(self) -> int:
        """Start of the next week."""
        return self.start + WEEK

    @property
    def people(self) -> int:
        """Customers of the block."""
        return len(self.population.customers.number)

    @property
    def size(self) -> int:
        """Lines of the block."""
        return len(self.population.lines.number)

    def active(self) -> Array:
        """Whether each line is in service."""
        active: Array = self.state.status == ACTIVE
        return active

    def uniform(self, purpose: str) -> Array:
        """One number in [0, 1) for each line."""
        return self.draws.uniform(purpose, self.number, self.size)

    def normal(self, purpose: str) -> Array:
        """One standard normal number for each line."""
        return self.draws.normal(purpose, self.number, self.size)

    def uniform_by_customer(self, purpose: str) -> Array:
        """One number in [0, 1) for each customer."""
        return self.draws.uniform(f"{purpose} by customer", self.number, self.people)

    def by_customer(self, values: Array) -> Array:
        """Sum over each customer's lines."""
        return np.bincount(self.population.lines.customer, weights=values, minlength=self.people)

    def by_account(self, values: Array) -> Array:
        """Sum over each account's lines; 0 for customers who are not the first of their account."""
        return np.bincount(self.population.lines.account, weights=values, minlength=self.people)

    def most_by_customer(self, values: Array) -> Array:
        """Maximum over each customer's lines, at least 0."""
        order, starts = self.population.by_customer
        most: Array = np.maximum(
            np.maximum.reduceat(np.asarray(values, dtype=np.float64)[order], starts), 0
        )
        return most

    def main_line(self) -> Array:
        """Each customer's first line in service, or -1."""
        main = np.full(self.people, -1)
        lines = np.flatnonzero(self.active())[::-1]
        main[self.population.lines.customer[lines]] = lines
        return main

    def random_time(self, purpose: str, key: Array, days: int = 7) -> Array:
        """A time between 8:00 and 22:00 local on one of the week's first days, for each event.

        Parameters
        ----------
        purpose : str
            What happens.
        key : array of int
            Global numbers.
        days : int
            1 to 7.
        """
        draw = self.draws.at(f"moment of {purpose}", key, self.number)
        day = np.floor(draw * days)
        return local_time(day, draw * days - day, self.start)

    def later(self, purpose: str, key: Array, at: Array, days: float) -> Array:
        """A time within so many days after another time, to the second."""
        draw = self.draws.at(f"later {purpose}", key, self.number)
        later: Array = at + (draw * days * DAY).astype(np.int64) // 1_000_000 * 1_000_000
        return later
