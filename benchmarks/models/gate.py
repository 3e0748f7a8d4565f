"""Whether the gate passes a correct model and refuses damaged ones, on the simulated operator.

``python -m benchmarks.models.gate [CUSTOMERS] [MONTHS] [SEED...] [--correct]`` trains one correct churn model, and others
with a leaked column, with shuffled labels, with a calibration that is too extreme, and with trees
that take too long to explain. It also prints the calibration of the correct model on its test
period, by stratum, and beside it how much the true risk changed between the training rows and
the test period. No calibration on earlier rows can predict that change.

All are trained as holdfast does by default, without a search. With ``--correct`` the correct model alone is
trained for each seed.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl

from benchmarks.report import show
from features.settings import FeatureSettings
from holdfast.clock import system_clock
from holdfast.home import Home
from models.calibration import PlattCalibration
from models.churn import CHURN
from pipeline.features import build_features
from simulator.engine.simulator import simulate
from training.evaluation.assess import EVERYBODY
from training.fitting import calibrate, horizon_models
from training.fitting.calibrate import CalibrationChoice
from training.labelling.dataset import Dataset, churn_dataset
from training.operator.model import OperatorModel, train_operator_model
from training.release.evidence import ModelEvidence
from training.release.gate import evaluate
from training.release.verdict import Verdict
from training.settings import GateSettings, TrainingConfig

CUSTOMERS, MONTHS, SEED = 20_000, 36, 11
TOO_EXTREME = 1.6
"""What the log-odds of the miscalibrated model are multiplied by."""

AS_IT_SHOULD_BE = "correct"


def main() -> None:
    """Simulate, train the models, and print the verdicts of the gate."""
    numbers = [int(argument) for argument in sys.argv[1:] if argument.isdigit()]
    customers, months = (*numbers, *(CUSTOMERS, MONTHS)[len(numbers) :])[:2]
    only_correct = "--correct" in sys.argv
    for seed in numbers[2:] or [SEED]:
        dataset, risk = simulated(customers, months, seed)
        models = {}
        verdicts = {}
        for name, model, settings in trained(dataset, TrainingConfig.read()):
            models[name], verdicts[name] = model, verdict_of(model, settings)
            if only_correct:
                break
        show(
            f"Calibration on the test period, {customers:,} customers simulated for {months} months, seed {seed}",
            list(_bounds(models[AS_IT_SHOULD_BE], risk)),
        )
        show(
            "Verdicts of the gate",
            [
                {
                    "model": name,
                    "passed": verdicts[name].passed,
                    "AUC in 90 days": model.assessments["90"].metrics["auc"].value,
                    "refused by": ", ".join(
                        sorted(f"{one.rule} {one.where}".strip() for one in verdicts[name].reasons)
                    ),
                }
                for name, model in models.items()
            ],
        )


def simulated(customers: int, months: int, seed: int) -> tuple[Dataset, pl.DataFrame]:
    """Labelled rows of a simulated operator, and its `true_risk`."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        simulate(folder / "operator", customers, months, seed)
        home, config = Home(folder / "home"), TrainingConfig.read()
        build_features(
            home,
            FeatureSettings.read(),
            now=system_clock(),
            source=str(folder / "operator" / "raw"),
        )
        dataset = churn_dataset(home, config.labels, until=system_clock())
        return replace(dataset, matrix=np.array(dataset.matrix)), true_risk(folder / "operator")


def trained(
    dataset: Dataset, config: TrainingConfig
) -> Iterator[tuple[str, OperatorModel, GateSettings]]:
    """Models of the same rows, by name: a correct one, and others by what is wrong with them;
    each with the settings of the gate that it meets.
    """
    settings = config.gate
    train = partial(
        train_operator_model,
        target=CHURN,
        config=config,
        made_at=system_clock(),
    )
    sound = train(dataset)
    yield AS_IT_SHOULD_BE, sound, settings
    yield (
        "a leaked column",
        train(leaked(dataset)),
        settings,
    )
    yield "shuffled labels", train(shuffled(dataset)), settings
    with miscalibrated():
        yield (
            "calibration too extreme",
            train(dataset),
            settings,
        )
    cost = min(sound.facts.explanation_cost.values())
    yield "too slow to explain", sound, settings.model_copy(update={"most_leaves": cost - 1})


def verdict_of(model: OperatorModel, settings: GateSettings) -> Verdict:
    """The verdict of the gate on a model, where there is no champion."""
    version = model.version
    evidence = ModelEvidence(
        name=version.name,
        service=version.service,
        features=version.features,
        documents=version.documents,
        has_strata=version.strata is not None,
    )
    return evaluate(evidence, None, settings)


def true_risk(operator: Path) -> pl.DataFrame:
    """Mean true hazard per week of lines that have not decided to leave: columns ``at``,
    ``stratum`` (also ``all``) and ``risk``.
    """
    lines = pl.read_parquet(operator / "raw" / "subscriptions" / "*.parquet").group_by(
        "subscription_id"
    )
    states = pl.read_parquet(operator / "truth" / "states" / "*.parquet").filter(~pl.col("leaving"))
    known = states.join(
        lines.agg(pl.col("billing_type").last().cast(pl.String).alias("stratum")),
        on="subscription_id",
    )
    both = pl.concat([known, known.with_columns(stratum=pl.lit(EVERYBODY))])
    return both.group_by(pl.col("happened_at").alias("at"), "stratum").agg(
        pl.col("hazard_a_week").mean().alias("risk")
    )


def risk_moved(
    risk: pl.DataFrame,
    learnt: Sequence[datetime],
    test: Sequence[datetime],
    stratum: str,
    gap_days: int,
    horizon_days: int,
) -> float:
    """Mean true risk within the horizon after the test cut-offs, divided by that after the
    training cut-offs.
    """
    known = risk.filter(pl.col("stratum") == stratum)

    def level(cutoffs: Sequence[datetime]) -> float:
        days = [cutoff + timedelta(days=gap_days) for cutoff in cutoffs]
        end = timedelta(days=horizon_days)
        means = [
            known.filter(pl.col("at").is_between(day, day + end))["risk"].mean() for day in days
        ]
        return float(np.mean([mean for mean in means if isinstance(mean, float)]))

    return level(test) / level(learnt)


def _bounds(model: OperatorModel, risk: pl.DataFrame) -> Iterator[dict[str, object]]:
    learnt, test = (
        [datetime.fromisoformat(cutoff) for cutoff in model.facts.cutoffs[part]]
        for part in ("fit", "test")
    )
    for horizon, assessment in model.assessments.items():
        for stratum, reliability in assessment.strata.items():
            slope, ratio = reliability.slope, reliability.observed_over_expected
            yield {
                "days": horizon,
                "stratum": stratum,
                "rows": reliability.rows,
                "positives": reliability.positives,
                "slope": f"{slope.value:.3f} ({slope.low:.3f} to {slope.high:.3f})",
                "observed over expected": f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})",
                "true risk, test over training": risk_moved(
                    risk, learnt, test, stratum, model.facts.gap_days, int(horizon)
                ),
                "top deciles out of bounds": sum(
                    not decile.joint_low <= decile.observed <= decile.joint_high
                    for decile in reliability.deciles[-3:]
                ),
            }


def leaked(dataset: Dataset) -> Dataset:
    """The same rows, with a column that was filled in afterwards for most of those who left."""
    random = np.random.default_rng(1)
    matrix = np.array(dataset.matrix)
    place = dataset.features.index("loyalty_points")
    matrix[:, place] = np.where(
        random.random(len(matrix)) < 0.9, dataset.labels[90], 0
    ) + 0.1 * random.normal(size=len(matrix))
    return replace(dataset, matrix=matrix)


def shuffled(dataset: Dataset) -> Dataset:
    """The same rows, those whose labels are not complete left out, with their labels shuffled."""
    dataset = dataset.rows(np.flatnonzero(dataset.complete))
    order = np.random.default_rng(2).permutation(len(dataset.ids))
    return replace(dataset, labels={days: label[order] for days, label in dataset.labels.items()})


@contextmanager
def miscalibrated(too_extreme: float = TOO_EXTREME) -> Iterator[None]:
    """Replace the calibration by one whose log-odds are too extreme around their mean."""
    right = calibrate.choose_calibration

    def wrong(margin: np.ndarray, *rest: object) -> CalibrationChoice:
        calibrated = right(margin, *rest)  # type: ignore[arg-type]
        platt = PlattCalibration.fit(margin, *rest[:2])  # type: ignore[arg-type]
        middle = platt.slope * float(np.mean(margin)) + platt.intercept
        return replace(
            calibrated,
            calibration=PlattCalibration(
                slope=too_extreme * platt.slope,
                intercept=too_extreme * platt.intercept + (1 - too_extreme) * middle,
            ),
        )

    with mock.patch.object(horizon_models, "choose_calibration", wrong):
        yield


if __name__ == "__main__":
    main()
