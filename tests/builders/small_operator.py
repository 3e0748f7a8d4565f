"""Small simulated operators, of two blocks."""

from pathlib import Path
from typing import Any

import pandas as pd

from simulator.engine.simulator import Simulator, simulate
from simulator.world.calendar import date_of
from simulator.world.parameters import Parameters

SMALL = Parameters(customers_per_block=250, weeks_per_part=5)


def small_operator(folder: Path, months: int = 2, **settings: Any) -> Simulator:
    """Simulate 500 customers."""
    return simulate(
        folder, customers=500, months=months, seed=5, workers=1, parameters=SMALL, **settings
    )


def decisions(
    simulator: Simulator, arm: str, action: str, lines: list[str], hours: int = 30
) -> pd.DataFrame:
    """Care of some lines, so many hours after the simulated period."""
    return pd.DataFrame(
        {
            "subscription_id": lines,
            "action": action,
            "channel": "phone",
            "at": date_of(simulator.simulation.week) + pd.Timedelta(hours=hours),
            "arm": arm,
            "propensity": 0.5,
        }
    )
