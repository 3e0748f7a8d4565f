"""What a training costs: the default training of churn, three horizons, from built features to a version.

``python -m benchmarks.models.training [CUSTOMERS] [MONTHS] [--all-rows]`` simulates an operator and
builds its features, which is not counted, and then trains once in a process of its own, on a sample
of the rows or on all of them. Of past features those are built that a training reads: of all
customers, at every fourth Monday, as cut-offs are. It prints processor time and memory by step, and
the figures of the version. On a machine that is busy with other work, processor time is up to twice
as long, because caches are shared.
"""

import multiprocessing
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from unittest.mock import patch

from benchmarks.memory import peak_mib
from benchmarks.report import show
from features.compute import whole
from features.compute.snapshots import Span, history_mondays
from features.settings import FeatureSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from models.churn import CHURN
from pipeline.features import build_features
from simulator.engine.simulator import simulate
from training.fitting import sampling
from training.operator.dataset import newest_snapshot, target_dataset
from training.operator.model import train_operator_model
from training.settings import LabelSettings, TrainingConfig

CUSTOMERS, MONTHS, SEED = 12_000, 26, 12

MOST_CPU_SECONDS = 120
"""For `CUSTOMERS` and `MONTHS`."""


@dataclass(frozen=True)
class Cost:
    """What a step took, and the most memory until its end."""

    step: str
    cpu_seconds: float
    peak_mib: float


def main() -> None:
    """Measure and print."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdecimal()]
    customers, months = (*numbers, *(CUSTOMERS, MONTHS)[len(numbers) :])
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        simulate(folder / "operator", customers, months, SEED)
        home = Home(folder / "home")
        _build(home, folder / "operator" / "raw", customers)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows, costs, figures = pool.apply(_train, (home, "--all-rows" in sys.argv))
    total = sum(cost.cpu_seconds for cost in costs)
    show(
        f"Training of churn: {customers:,} customers, {months} months, {rows:,} labelled rows;"
        f" at most {MOST_CPU_SECONDS} s of CPU are aimed at for {CUSTOMERS:,} and {MONTHS}",
        [*(vars(cost) for cost in costs), {"step": "all", "cpu_seconds": total, "peak_mib": ""}],
    )
    show("Figures of the test period", figures)


def _build(home: Home, raw: Path, customers: int) -> None:
    def those_of_cutoffs(
        tables: Mapping[str, Span], at: datetime, zone: tzinfo
    ) -> tuple[datetime, ...]:
        return history_mondays(tables, at, zone)[:: -LabelSettings().cutoff_every_weeks][::-1]

    settings = FeatureSettings.read().model_copy(update={"history_customers": customers})
    with patch.object(whole, "history_mondays", those_of_cutoffs):
        build_features(home, settings, now=system_clock(), source=str(raw))


def _train(home: Home, all_rows: bool) -> tuple[int, list[Cost], list[dict[str, object]]]:
    if all_rows:
        sampling.FEWEST_NEGATIVES = sampling.MOST_ROWS
    config = TrainingConfig.read()
    costs = []
    started = time.process_time()
    labelled = target_dataset(home, CHURN, config, until=system_clock())
    snapshot = newest_snapshot(home, CHURN)
    costs.append(Cost("labels and features", time.process_time() - started, peak_mib()))
    started = time.process_time()
    model = train_operator_model(
        labelled.dataset, CHURN, config, made_at=system_clock(), snapshot=snapshot
    )
    costs.append(Cost("training", time.process_time() - started, peak_mib()))
    figures: list[dict[str, object]] = [
        {
            "days": horizon,
            **{name: one.metrics[name].value for name in ("auc", "log_loss", "slope")},
            "trees": model.facts.rounds[horizon],
            "leaves": model.facts.explanation_cost[horizon],
        }
        for horizon, one in model.assessments.items()
    ]
    return len(labelled.dataset.ids), costs, figures


if __name__ == "__main__":
    main()
