"""How well `quickstart` predicts who leaves the simulated operator, by billing type.

``python -m benchmarks.models.flat_table [CUSTOMERS] [SEED]`` takes the features of one Monday. The target
is voluntary churn in the 90 days after it.
"""

import sys
import tempfile
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from benchmarks.report import show
from features.contracts.vocabulary import BILLING_TYPES
from features.settings import FeatureSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from pipeline.quickstart import quickstart
from pipeline.simulated_operator import ROLES, simulated_operator
from training.settings import TrainingConfig

CUSTOMERS, MONTHS, SEED = 30_000, 12, 1


def main() -> None:
    """Measure and print."""
    numbers = [int(argument) for argument in sys.argv[1:]]
    customers, seed = (*numbers, *(CUSTOMERS, SEED)[len(numbers) :])
    rows = []
    config = TrainingConfig.read()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        operator = simulated_operator(
            Home(folder / "operator"),
            customers,
            MONTHS,
            seed,
            config.labels,
            FeatureSettings.read(),
        )
        table = pa_csv.read_csv(operator.table)
        for code, line in enumerate(BILLING_TYPES):
            path = folder / f"{line}.csv"
            pa_csv.write_csv(table.filter(pc.equal(table["billing_type_code"], code)), path)
            home = Home(folder / line)
            training = quickstart(path, ROLES, home, config, clock=system_clock).training
            evaluation = training.evaluation
            flags = ", ".join(f"{flag.kind} {flag.column or ''}" for flag in training.flags)
            rows.append(
                {
                    "line": line,
                    "subscriptions": evaluation.rows,
                    "left": evaluation.positive_rate,
                    "AUC": evaluation.auc,
                    "lift": evaluation.lift_top_decile,
                    "calibration error": evaluation.ece,
                    "flags": flags,
                }
            )
    show(
        f"Voluntary churn in 90 days after {operator.cutoff:%Y-%m-%d}, {customers:,} customers simulated, seed {seed}",
        rows,
    )


if __name__ == "__main__":
    main()
