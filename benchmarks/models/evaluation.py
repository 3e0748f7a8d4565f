"""How long evaluating a model takes: all of `training.evaluation.assess` on a large test period,
and its steps.

``python -m benchmarks.models.evaluation [ROWS] [POSITIVE_PERCENT]``
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.special import expit, logit

from benchmarks.report import show
from holdfast.cores import core_count
from training.evaluation.assess import Predictions, assess
from training.evaluation.bootstrap import resample
from training.evaluation.metrics import Evaluator
from training.evaluation.slices import SliceColumn
from training.settings import AssessmentSettings

ROWS, POSITIVE_PERCENT = 200_000, 5
MOST_SECONDS = 30


def main() -> None:
    """Measure and print."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    rows, percent = (*numbers, *(ROWS, POSITIVE_PERCENT)[len(numbers) :])
    predictions = _predictions(rows, percent / 100)
    settings = AssessmentSettings.read()
    everyone = np.ones(rows)
    codes = np.unique(predictions.customer, return_inverse=True)[1]
    customers = int(codes.max()) + 1
    parts = (predictions.label, predictions.probability, everyone, codes, customers)
    measured_rows: list[dict[str, object]] = []

    def stage(name: str, work: Callable[[], object]) -> None:
        started, busy = time.perf_counter(), time.process_time()
        work()
        measured_rows.append(
            {
                "stage": name,
                "seconds": time.perf_counter() - started,
                "CPU seconds": time.process_time() - busy,
                "at most": "",
            }
        )

    evaluator = Evaluator(*parts)
    column = SliceColumn(predictions.slices["region"], *parts, evaluator.ranking)
    size = 4 * evaluator.ranking.size
    stage("sort and group, once per model", lambda: Evaluator(*parts))
    stage(
        "draw customers",
        lambda: resample(customers, settings.draws, 1, lambda counts: {"x": counts[:1]}, size, ""),
    )
    stage(
        "all figures of one model",
        lambda: resample(
            customers,
            settings.draws,
            1,
            lambda counts: evaluator.figures(counts, settings),
            size,
            "",
        ),
    )
    stage(
        "one column of slices",
        lambda: resample(
            customers,
            settings.draws,
            1,
            lambda counts: column.figures(counts, evaluator.ranking.masses(counts)),
            size,
            "",
        ),
    )
    stage(
        "everything: 3 baselines, 3 strata, 6 columns of slices, months, holdout",
        lambda: assess(predictions, settings, seed=1),
    )
    measured_rows[-1]["at most"] = MOST_SECONDS
    what = f"{rows:,} rows, {int(predictions.label.sum()):,} positives, {customers:,} customers"
    show(f"Evaluating {what}, {settings.draws} draws, {core_count()} cores", measured_rows)


def _predictions(rows: int, rate: float) -> Predictions:
    random = np.random.default_rng(1)
    customer = np.sort(random.integers(0, rows // 3, rows))
    signal = random.normal(0, 1, rows)
    probability = expit(signal + logit(rate) - 0.4)
    label = (random.random(rows) < probability).astype(np.float64)

    def values(count: int) -> np.ndarray:
        return random.integers(0, count, rows // 3).astype(np.str_)[customer]

    slices = {
        "billing_type": 3,
        "segment": 4,
        "region": 8,
        "tenure": 5,
        "language": 3,
        "age_band": 6,
    }
    return Predictions(
        horizon_days=90,
        label=label,
        probability=probability,
        weight=np.ones(rows),
        customer=customer,
        strata=values(3),
        slices={name: values(count) for name, count in slices.items()},
        cutoffs=np.datetime64("2026-03-02") + random.integers(1, 7, rows) * np.timedelta64(28, "D"),
        trained_until=np.datetime64("2026-03-02"),
        holdout=(random.random(rows // 3) < 0.1)[customer],
        baselines={
            "constant": np.full(rows, rate),
            "logistic": expit(0.8 * signal + random.normal(0, 0.3, rows) + logit(rate)),
            "champion": expit(0.9 * signal + random.normal(0, 0.2, rows) + logit(rate)),
        },
    )


if __name__ == "__main__":
    main()
