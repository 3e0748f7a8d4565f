"""How often the interval of a campaign contains the true effect, and how often nothing is said to work.

``nice python -m benchmarks.care.coverage [CAMPAIGNS] [CUSTOMERS]`` simulates an operator for half a year, and from
its state as many futures as campaigns, each with random numbers of its own. In each, one action is drawn
by household among those whom it helps by the simulator's truth, or among those whom it harms, or does
nothing at all: a future in which all of them are treated and one in which nobody is hold the outcome of
every household in either arm (common random numbers). Arms, outcome and interval are the product's own,
and the campaign is read once, when all households have matured.

The true effect is taken in two ways:

- of the *population*: the mean over all futures, the effect on households like these. It is what the
  interval is for;
- of the *households drawn*: the mean over the very households in the very future of the campaign. For it
  the interval is a little too wide, since each household is seen in one arm only.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.report import show
from care.arms import Holdout, draw_arms
from care.looks import Matured, read_looks
from care.measure import Effect
from care.model import Arm
from holdfast.arrays import Floats
from holdfast.logging import progress
from simulator.engine.futures import Future, Futures
from simulator.engine.simulator import simulate
from simulator.world.calendar import date_of

CAMPAIGNS, CUSTOMERS, MONTHS, SEED = 200, 20_000, 6, 11
DAYS = 56
"""Whole weeks of a simulation next to a campaign's 60 days."""

ACTION, CHANNEL = "courtesy_call", "phone"
CONTROL_SHARE = 0.4


@dataclass(frozen=True)
class Target:
    """Whom a campaign is for.

    Parameters
    ----------
    name : str
        What the action does to them.
    households : sequence of str, n
        Their ids.
    treated : sequence of str, n
        The line of each that is treated: its first in service.
    place : (lines,) int64
        Household of each line of `Futures.lines`; -1 for others.
    """

    name: str
    households: Sequence[str]
    treated: Sequence[str]
    place: NDArray[np.int64]

    def stayed(self, future: Future) -> Floats:
        """Share of each household's lines that stayed in a future."""
        stayed = future.lines["stayed"].to_numpy().astype(np.float64)
        is_in = self.place >= 0
        counts = np.bincount(self.place[is_in], minlength=len(self.households))
        shares: Floats = np.bincount(self.place[is_in], stayed[is_in], len(counts)) / counts
        return shares


@dataclass(frozen=True)
class Outcome:
    """A campaign read once, and the effect on the households drawn."""

    effect: Effect | None
    true: float


def targets(futures: Futures) -> list[Target]:
    """Households whom the action helps, and those whom it harms."""
    lines = futures.lines.to_pandas()
    truth = futures.truth().to_pandas()[["subscription_id", f"stay_effect_{ACTION}"]]
    lines["household"] = lines["household_id"].fillna(lines["customer_id"])
    first = lines.drop_duplicates("household").merge(truth, on="subscription_id", how="left")
    gain = first[f"stay_effect_{ACTION}"].fillna(0.0)
    found = []
    for name, chosen in (("helps", gain > 0.001), ("harms", gain < -0.001)):
        households = first.loc[chosen, "household"].tolist()
        codes = {household: code for code, household in enumerate(households)}
        found.append(
            Target(
                name=name,
                households=households,
                treated=first.loc[chosen, "subscription_id"].tolist(),
                place=lines["household"].map(codes).fillna(-1).astype(int).to_numpy(),
            )
        )
    return found


def campaigns(
    futures: Futures, chosen: Sequence[Target], count: int, days: int = DAYS
) -> dict[str, list[Outcome]]:
    """Run campaigns of the action by what it does to their target, and as many that do nothing.

    Households do not affect each other, so that one future has all targets treated.
    """
    calls = pd.DataFrame(
        {
            "subscription_id": [line for target in chosen for line in target.treated],
            "action": ACTION,
            "channel": CHANNEL,
            "at": date_of(futures.simulation.week),
            "arm": "treatment",
        }
    )
    nothing = max(chosen, key=lambda target: len(target.households))
    outcomes: dict[str, list[Outcome]] = {}
    with progress("Campaigns", count) as advance:
        for number in range(count):
            with_calls, without = futures.run(days, calls, number), futures.run(days, None, number)
            for target in chosen:
                pair = target.stayed(with_calls), target.stayed(without)
                outcomes.setdefault(target.name, []).append(_read(target, *pair, number))
            same = nothing.stayed(without)
            outcomes.setdefault("does nothing", []).append(_read(nothing, same, same, number))
            advance(1)
    return outcomes


def _read(target: Target, treated: Floats, without: Floats, number: int) -> Outcome:
    """Draw the arms of a campaign, and read it."""
    holdout = Holdout(salt=f"campaign {number} of the benchmark", share=0.0)
    arm = draw_arms(target.households, f"c{number}", CONTROL_SHARE, holdout, 2026).arm
    seen = np.where(arm == Arm.TREATMENT, treated, without)
    (look,) = read_looks("once", [Matured(_READ_AT, seen, arm, 1.0)], 0)
    return Outcome(look.effect, float((treated - without).mean()))


_READ_AT = datetime(2026, 1, 1, tzinfo=UTC)


def summary(name: str, outcomes: Sequence[Outcome]) -> Mapping[str, object]:
    """A row of the table."""
    told = [one for one in outcomes if one.effect is not None]
    effects = [one.effect for one in told if one.effect is not None]
    population = float(np.mean([one.true for one in outcomes]))
    values = np.array([effect.value for effect in effects])

    def covered(true: Sequence[float]) -> int:
        return sum(
            effect.low <= one <= effect.high for effect, one in zip(effects, true, strict=True)
        )

    findings = [effect.finding for effect in effects]
    return {
        "the action": name,
        "campaigns": len(outcomes),
        "households": effects[0].treatment + effects[0].control if effects else 0,
        "true effect, points": 100 * population,
        "cover that of the population": covered([population] * len(told)),
        "cover that of the households": covered([one.true for one in told]),
        "works": findings.count("works"),
        "harms": findings.count("harms"),
        "mean standard error, points": 100
        * float(np.mean([effect.standard_error for effect in effects])),
        "spread of estimates, points": 100 * float(values.std(ddof=1)),
    }


def main(count: int = CAMPAIGNS, customers: int = CUSTOMERS) -> None:
    """Simulate an operator, run campaigns, and print what their intervals cover."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "operator"
        simulate(folder, customers, MONTHS, SEED)
        futures = Futures.open(folder)
        outcomes = campaigns(futures, targets(futures), count)
        show(
            f"{count} campaigns with the action {ACTION}, {customers:,} customers, {DAYS} days",
            [summary(name, of) for name, of in outcomes.items()],
        )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:] if argument.isdigit()))
