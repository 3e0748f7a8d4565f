"""What a training costs: the default training of churn, three horizons, from built features to a version.

``python -m benchmarks.training.cost [CUSTOMERS...] [--months N] [--stretch K]`` simulates an operator of each
size and builds its features, which is not counted, and then trains in a process of its own. Of past
features those are built that a training reads: at every fourth Monday, as cut-offs are, of as many customers as
holdfast keeps history of by default. It prints processor time and memory by step, the figures of the version, and how
time grows with the number of customers. With ``--stretch K`` the last operator is measured a second time, with K times
the customers: its raw tables get copies of all customers and lines under other ids. History is kept of no more
customers for that, as at an operator of that size. On a machine that is busy with other work, processor time is up to
twice as long, because caches are shared.
"""

import argparse
import math
import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from unittest.mock import patch

import duckdb

from benchmarks.memory import peak_mib
from benchmarks.report import show
from features.compute import whole
from features.compute.snapshots import Span, history_mondays
from features.settings import FeatureSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from holdfast.logging import progress
from models.churn import CHURN
from pipeline.features import build_features
from simulator.engine.simulator import simulate
from training.operator.dataset import newest_snapshot, target_dataset
from training.operator.model import train_operator_model
from training.settings import LabelSettings, TrainingConfig

CUSTOMERS, MONTHS, SEED = 12_000, 26, 12

STRETCHED = (
    *("subscriptions", "customers", "churn_events", "port_requests", "care_contacts"),
    *("recharges", "usage_weeks"),
)
"""Raw tables that labels are made of."""

OF_A_COPY = frozenset(
    (
        *("subscription_id", "customer_id", "household_id", "account_id", "replaced_by"),
        *("request_id", "contact_id"),
    )
)
"""Ids that a copy of a customer has of its own."""

MOST_CPU_SECONDS = 120
"""For `CUSTOMERS` and `MONTHS`."""


@dataclass(frozen=True)
class Cost:
    """What a step took, and the most memory until its end."""

    step: str
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float


@dataclass(frozen=True)
class TrainingCost:
    """What a training took, and the figures of the test period by horizon."""

    rows: int
    steps: list[Cost]
    figures: list[dict[str, object]]


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("customers", type=int, nargs="*", default=[CUSTOMERS])
    options.add_argument("--months", type=int, default=MONTHS)
    options.add_argument("--stretch", type=int, help="times the customers of the last operator")
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    sizes: list[dict[str, object]] = []
    for simulated in chosen.customers:
        times = chosen.stretch if chosen.stretch and simulated == chosen.customers[-1] else 1
        for customers, cost in _measured(simulated, chosen.months, times):
            show(
                f"Training of churn: {customers:,} customers, {chosen.months} months, {cost.rows:,} labelled rows",
                [vars(step) for step in cost.steps],
            )
            show("Figures of the test period", cost.figures)
            sizes.append(
                {
                    "customers": customers,
                    "rows": cost.rows,
                    "cpu_seconds": sum(step.cpu_seconds for step in cost.steps),
                    "wall_seconds": sum(step.wall_seconds for step in cost.steps),
                    "peak_mib": max(step.peak_mib for step in cost.steps),
                }
            )
            sizes[-1]["exponent"] = _exponent(sizes)
    show(
        f"By size; at most {MOST_CPU_SECONDS} s of CPU are aimed at for {CUSTOMERS:,} customers and {MONTHS} months",
        sizes,
    )


def _measured(customers: int, months: int, times: int) -> Iterator[tuple[int, TrainingCost]]:
    """Train on a simulated operator, and again with so many times its customers."""
    with tempfile.TemporaryDirectory() as directory:
        home = built(Path(directory), customers, months, SEED)
        yield customers, _in_a_process(home)
        if times > 1:
            _stretch(home, times)
            yield times * customers, _in_a_process(home)


def _in_a_process(home: Home) -> TrainingCost:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_train, (home,))


def _stretch(home: Home, times: int) -> None:
    """Add copies of all customers and lines to the raw tables that labels are made of."""
    with duckdb.connect() as connection, progress("Stretching", len(STRETCHED)) as advance:
        for table in STRETCHED:
            files = sorted((home.raw / table).glob("*.parquet"))
            rows = connection.read_parquet([str(path) for path in files])
            own = [name for name in rows.columns if name in OF_A_COPY]
            for copy in range(1, times):
                changed = ", ".join(f"{name} || '-{copy}' AS {name}" for name in own)
                rows.project(f"* REPLACE ({changed})").write_parquet(
                    str(home.raw / table / f"stretched-{copy}.parquet")
                )
            advance(1)


def _exponent(sizes: list[dict[str, object]]) -> float | None:
    """Of processor time in customers, from the smallest operator on."""
    first, last = sizes[0], sizes[-1]
    if first is last:
        return None
    ratios = [
        float(str(last[name])) / float(str(first[name])) for name in ("cpu_seconds", "customers")
    ]
    return math.log(ratios[0]) / math.log(ratios[1])


def built(
    folder: Path, customers: int, months: int, seed: int, history_customers: int | None = None
) -> Home:
    """A home with the features of a simulated operator that a training reads, at its cut-offs.

    Parameters
    ----------
    folder : Path
        Where raw tables and home go.
    customers, months, seed : int
        Of the operator.
    history_customers : int, optional
        Customers that past features are kept of; by default as many as holdfast does.
    """

    def those_of_cutoffs(
        tables: Mapping[str, Span], at: datetime, zone: tzinfo
    ) -> tuple[datetime, ...]:
        return history_mondays(tables, at, zone)[:: -LabelSettings().cutoff_every_weeks][::-1]

    simulate(folder / "operator", customers, months, seed)
    home = Home(folder / "home")
    settings = FeatureSettings.read()
    if history_customers is not None:
        settings = settings.model_copy(update={"history_customers": history_customers})
    with patch.object(whole, "history_mondays", those_of_cutoffs):
        build_features(home, settings, now=system_clock(), source=str(folder / "operator" / "raw"))
    return home


def _train(home: Home) -> TrainingCost:
    config = TrainingConfig.read()
    steps = []
    cpu, wall = time.process_time(), time.perf_counter()
    labelled = target_dataset(home, CHURN, config, until=system_clock())
    snapshot = newest_snapshot(home, CHURN, config.labels)
    steps.append(_since("labels and features", cpu, wall))
    cpu, wall = time.process_time(), time.perf_counter()
    model = train_operator_model(
        labelled.dataset, CHURN, config, made_at=system_clock(), snapshot=snapshot
    )
    steps.append(_since("training", cpu, wall))
    figures: list[dict[str, object]] = [
        {
            "days": horizon,
            **{name: one.metrics[name].value for name in ("auc", "log_loss", "slope")},
            "trees": model.facts.rounds[horizon],
            "leaves": model.facts.explanation_cost[horizon],
        }
        for horizon, one in model.assessments.items()
    ]
    return TrainingCost(len(labelled.dataset.ids), steps, figures)


def _since(step: str, cpu: float, wall: float) -> Cost:
    return Cost(step, time.process_time() - cpu, time.perf_counter() - wall, peak_mib())


if __name__ == "__main__":
    main()
