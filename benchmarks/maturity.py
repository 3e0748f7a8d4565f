"""How many losses are still untold when their labels count as complete, on the simulated operator.

``python -m benchmarks.maturity [CUSTOMERS] [MONTHS] [SEED ...]`` looks at the tables as they
stood at past times. For each, it takes the newest cut-off whose labels of a horizon count as complete,
and counts the voluntary losses within the horizon, of lines that are not prepaid, that were told only
later: with the least wait (`HOLDFAST_LABEL_SETTLE_DAYS`) alone, and with the wait that training
observes in the tables of that time. Training takes cut-offs of the longest horizon.
"""

import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl

from benchmarks.report import show
from features.contracts.vocabulary import HORIZON_DAYS, VOLUNTARY_CHURN
from holdfast.clock import system_clock
from simulator.engine.simulator import simulate
from training.labelling.exits import recorded_losses
from training.labelling.history import RawHistory
from training.labelling.maturity import LabelMaturity
from training.settings import LONGEST_SETTLE_DAYS, LabelSettings

CUSTOMERS, MONTHS, SEEDS = 6_000, 30, (1, 2)
TIMES = 13
"""Times, four weeks apart, at which the tables are looked at."""


def main() -> None:
    """Simulate operators, and print the shares."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    customers, months = (*numbers, *(CUSTOMERS, MONTHS)[len(numbers) :])[:2]
    rows = [
        {"seed": seed, **row}
        for seed in numbers[2:] or SEEDS
        for row in _untold(customers, months, seed)
    ]
    show(f"Losses still untold, {customers:,} customers, {months} months", rows)


def _untold(customers: int, months: int, seed: int) -> Iterator[dict[str, object]]:
    settings = LabelSettings.read()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        simulate(folder, customers, months, seed)
        whole = RawHistory(folder / "raw", system_clock())
        prepaid = (
            whole.as_known("subscriptions", ["billing_type"])
            .filter(pl.col("billing_type") == "prepaid")
            .select("subscription_id")
            .collect()
        )
        losses = (
            recorded_losses(whole)
            .filter(pl.col("how").is_in(VOLUNTARY_CHURN))
            .join(prepaid, on="subscription_id", how="anti")
            .select("lost_at", "told_at")
        )
        # Afterwards all losses have time to be told.
        last = whole.end - timedelta(days=LONGEST_SETTLE_DAYS)
        pasts = [
            RawHistory(folder / "raw", last - timedelta(weeks=4 * step)) for step in range(TIMES)
        ]
        observed = [LabelMaturity.of(history, settings).losses.days for history in pasts]
    for horizon in HORIZON_DAYS:
        row: dict[str, object] = {"horizon, days": horizon}
        waits = {"least": [settings.settle_days] * TIMES, "observed": observed}
        for name, days in waits.items():
            counts = [
                _count(losses, history, horizon, wait, settings)
                for history, wait in zip(pasts, days, strict=True)
            ]
            total, untold = map(sum, zip(*counts, strict=True))
            row[f"{name} wait, days"] = f"{min(days)} to {max(days)}"
            row[f"losses, {name}"] = total
            row[f"untold, {name}, %"] = round(100 * untold / total, 1)
        yield row


def _count(
    losses: pl.DataFrame, history: RawHistory, horizon: int, wait: int, settings: LabelSettings
) -> tuple[int, int]:
    """Losses within the horizon of the newest cut-off, and those of them that are not told yet."""
    span = timedelta(days=settings.gap_days + horizon)
    latest = history.until - timedelta(days=wait) - span
    cutoff = latest - (latest - latest.min.replace(tzinfo=latest.tzinfo)) % timedelta(weeks=1)
    within = losses.filter(
        pl.col("lost_at") > cutoff + timedelta(days=settings.gap_days),
        pl.col("lost_at") <= cutoff + span,
    )
    return within.height, within.filter(pl.col("told_at") > history.until).height


if __name__ == "__main__":
    main()
