"""A courtesy call in the simulated operator, with both outcomes of every line: called, and not.

The call is for customers who contacted the operator in the weeks before. The simulator continues
twice from the same folder: once all of them are called, once none. Both continuations use the same
random numbers, so that the difference between them is the true effect of the call on each line. An
experiment draws arms by household, and shows one of the two outcomes of each line.
"""

import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.simulator import flat_table
from holdfast.arrays import Floats
from simulator.engine.magnitudes import connect
from simulator.engine.simulator import Simulator, simulate
from simulator.world.calendar import date_of
from simulator.world.parameters import Parameters
from training.uplift.experiment import Experiment

ACTION = "courtesy_call"
CONTACT_DAYS = 28
"""The call is for customers whose last contact was at most this many days ago."""

HELPS = -2.75
"""Largest effect of the call on the log hazard, for customers whom it suits. The average effect
is then about 1.5 points.
"""

_MONTHS = 4
_DAYS = 98  # fourteen weeks, so that every outcome of 90 days is complete
_KEYS = ("subscription_id", "customer_id", "lost", "low", "hazard", "dissatisfaction")

_LOST = """
select subscription_id, value from care_contacts join care_outcomes using (contact_id)
where outcome = 'churned' and care_contacts.happened_at >= $at and campaign_id is null
"""

_HOME = """
select customer_id, arg_max(household_id, happened_at) as household_id
  from customers where arrived_at <= $at group by 1
"""


@dataclass(frozen=True)
class PairedOutcomes:
    """n lines that may be called, and both of their outcomes.

    Parameters
    ----------
    matrix : (n, k) float64
        Their features before the call.
    features : tuple of str
        Names of the k columns.
    household : (n,) int64
        Household of each line; its lines are called together or not at all.
    untreated, treated : (n,) float64
        1 where the line is in service after 90 days, without and with the call.
    """

    matrix: Floats
    features: tuple[str, ...]
    household: NDArray[np.int64]
    untreated: Floats
    treated: Floats

    @property
    def effect(self) -> float:
        """True average effect of the call on staying."""
        return float((self.treated - self.untreated).mean())

    def draw(self, seed: int, rows: int | None = None, shuffled: bool = False) -> Experiment:
        """Draw an experiment.

        Parameters
        ----------
        seed : int
            Seed of the draw.
        rows : int, optional
            Approximate number of lines in it; all by default.
        shuffled : bool
            Draw the arms again after the outcomes, so that there is no effect.
        """
        random = np.random.default_rng(seed)
        count = int(self.household.max()) + 1
        arm = random.integers(0, 2, count)[self.household]
        outcome = np.where(arm == 1, self.treated, self.untreated)
        if shuffled:
            arm = random.integers(0, 2, count)[self.household]
        share = 1.0 if rows is None else rows / len(arm)
        chosen = np.flatnonzero(random.permutation(count)[self.household] < share * count)
        return Experiment(
            name="courtesy call, simulated",
            arms=("control", ACTION),
            arm=arm,
            outcome=outcome,
            outcome_name="retained",
            propensity=np.full(len(arm), 0.5),
            source="stored",
            cluster=self.household,
            matrix=self.matrix,
            features=self.features,
            labels=self.features,
            drawn_at_random="caller",
        ).rows(chosen)


def simulate_pairs(customers: int, seed: int) -> PairedOutcomes:
    """Simulate an operator, and the outcomes of its customers with and without a courtesy call.

    Parameters
    ----------
    customers : int
        Customers of the whole simulation. About a quarter as many lines may be called.
    seed : int
        The same seed gives the same outcomes.
    """
    with tempfile.TemporaryDirectory() as directory:
        parameters = Parameters()
        parameters = replace(parameters, campaign=replace(parameters.campaign, helps=HELPS))
        start = simulate(Path(directory) / "start", customers, _MONTHS, seed, parameters=parameters)
        week = start.simulation.week
        table = flat_table(start.folder, week)
        table = table[table["days_since_contact"] <= CONTACT_DAYS].reset_index(drop=True)
        lost = {
            arm: _go_on(start, table["subscription_id"], arm) for arm in ("control", "treatment")
        }
        with connect(start.folder) as connection:
            homes = (
                connection.execute(_HOME, {"at": date_of(week)})
                .df()
                .set_index("customer_id")["household_id"]
            )
    known = table["subscription_id"].isin(lost["control"].index).to_numpy()
    table = table[known].reset_index(drop=True)
    home = homes.reindex(table["customer_id"]).fillna(
        pd.Series(table["customer_id"].to_numpy(), index=table["customer_id"])
    )
    features = table.drop(columns=list(_KEYS))
    for name in features.select_dtypes(exclude="number"):
        features[name] = features[name].astype("category").cat.codes
    stays: dict[str, Floats] = {
        arm: np.subtract(1.0, losses.reindex(table["subscription_id"]).to_numpy(), dtype=np.float64)
        for arm, losses in lost.items()
    }
    return PairedOutcomes(
        matrix=features.to_numpy(dtype=np.float64),
        features=tuple(features.columns),
        household=np.unique(home.to_numpy(dtype=str), return_inverse=True)[1].astype(np.int64),
        untreated=stays["control"],
        treated=stays["treatment"],
    )


def _go_on(start: Simulator, lines: "pd.Series[str]", arm: str) -> "pd.Series[float]":
    """Whether each line is lost in the 90 days after all were called, or none: 1 or 0."""
    branch = start.branch(start.folder.with_name(arm))
    at = pd.Timestamp(date_of(start.simulation.week)) + timedelta(hours=10)
    branch.advance(
        _DAYS,
        pd.DataFrame(
            {
                "subscription_id": lines,
                "action": ACTION,
                "channel": "phone",
                "at": at,
                "arm": arm,
                "propensity": 0.5,
            }
        ),
    )
    with connect(branch.folder) as connection:
        lost_lines = connection.execute(_LOST, {"at": date_of(start.simulation.week)}).df()
    return lost_lines.set_index("subscription_id")["value"]
