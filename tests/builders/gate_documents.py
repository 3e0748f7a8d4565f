"""Documents of a version that passes the gate, made by hand, for tests to spoil."""

import json
from typing import Any

from scipy.stats import norm

from holdfast.documents import to_document
from training.evaluation.assessment import (
    ASSESSMENT,
    Assessment,
    BaselineComparison,
    CalibrationFigures,
    Decile,
    Estimate,
    Month,
    Slice,
)
from training.evaluation.metrics import METRICS
from training.release.facts import PARTS, TRAINING, ChampionComparison, TrainingFacts

FEATURES = ("tenure_days", "billing_type_code", "dropped_calls_28d")
SERVICE = "churn_v1"
HORIZONS = (30, 90)
STRATA = {"postpaid": 6000, "prepaid": 3000, "fixed": 1000}
ROWS = sum(STRATA.values())

_VALUES = {
    "auc": 0.74,
    "log_loss": 0.12,
    "slope": 1.0,
    "observed_over_expected": 1.0,
    "lift_top_decile": 3.1,
    "lift_capacity": 2.9,
}


def around(value: float, half: float) -> Estimate:
    """A figure in the middle of its interval."""
    return Estimate(value, value - half, value + half)


def calibration(rows: int) -> CalibrationFigures:
    """Calibration that is as it should be."""
    deciles = []
    for number in range(10):
        share = 0.004 * (number + 1)
        deciles.append(
            Decile(
                rows=rows // 10,
                predicted=share,
                observed=share * 1.05,
                low=share * 0.8,
                high=share * 1.3,
                joint_low=share * 0.7,
                joint_high=share * 1.4,
            )
        )
    return CalibrationFigures(
        rows=rows,
        positives=rows // 40,
        slope=around(0.97, 0.1),
        observed_over_expected=around(1.02, 0.08),
        deciles=tuple(deciles),
    )


def assessment(days: int | None, champion: bool = True) -> Assessment:
    """A horizon model that is better than a constant and no worse than the champion."""
    metrics = {name: around(_VALUES.get(name, 0.3), 0.02) for name in METRICS}

    def baseline(auc: float, log_loss: float) -> BaselineComparison:
        return BaselineComparison(
            metrics=metrics,
            difference={"auc": around(auc, 0.01), "log_loss": around(log_loss, 0.002)},
        )

    baselines = {"constant": baseline(0.24, -0.02), "logistic": baseline(0.02, -0.004)}
    if champion:
        baselines["champion"] = baseline(0.005, -0.001)
    known_metrics = {name: metrics[name] for name in ("auc", "log_loss", "observed_over_expected")}

    beside = {name: around(-0.002, 0.002) for name in baselines}

    def part(rows: int) -> Slice:
        return Slice(
            rows=rows,
            positives=rows // 40,
            metrics=known_metrics,
            gap=around(-0.01, 0.02),
            flagged=False,
            difference=beside,
        )

    return Assessment(
        horizon_days=days,
        rows=ROWS,
        customers=ROWS // 3,
        positives=ROWS // 40,
        metrics=metrics,
        baselines=baselines,
        strata={"all": calibration(ROWS)}
        | {name: calibration(rows) for name, rows in STRATA.items()},
        slices={
            "billing_type": {name: part(rows) for name, rows in STRATA.items()},
            "region": {"north": part(7000), "south": part(3000)},
        },
        decay=(Month(months_after=1, rows=ROWS, positives=ROWS // 40, metrics=known_metrics),),
        holdout=None,
    )


def facts(
    name: str = "churn",
    features: tuple[str, ...] = FEATURES,
    champion: ChampionComparison | None = None,
    **changes: Any,
) -> TrainingFacts:
    """Facts of a training, compared with version 3 unless told otherwise."""
    horizons = tuple(map(str, HORIZONS))
    values: dict[str, Any] = {
        "target": name,
        "service": SERVICE,
        "features": features,
        "dataset_sha256": "5" * 64,
        "rows": dict.fromkeys(PARTS, ROWS),
        "cutoffs": dict.fromkeys(PARTS, ("2025-03-03T00:00:00", "2025-03-31T00:00:00")),
        "gap_days": 7,
        "horizons_days": HORIZONS,
        "excluded": {"enterprise": 40, "iot": 3},
        "weights": "",
        "strata": tuple(STRATA),
        "slices": ("billing_type", "region"),
        "parameters": {"num_leaves": 16, "learning_rate": 0.05},
        "rounds": dict.fromkeys(horizons, 120),
        "flags": (),
        "champion": champion or ChampionComparison(number="3", comparable=True, why=""),
        "explanation_cost": dict.fromkeys(horizons, 1900),
        "additivity_error": dict.fromkeys(horizons, 1e-13),
        "seed": 1,
        "git_commit": "unknown",
        "environment_sha256": "e" * 64,
        "made_at": "2026-01-01T00:00:00+00:00",
        "choices": {},
    }
    return TrainingFacts(**{**values, **changes})


def documents(known: TrainingFacts | None = None, champion: bool = True) -> dict[str, Any]:
    """Documents that travel with the version."""
    known = known or facts()
    stored = {
        TRAINING: to_document(known),
        ASSESSMENT: {
            str(days): to_document(assessment(days, champion)) for days in known.horizons_days
        },
    }
    return json.loads(json.dumps(stored))


def jointly(low: float, high: float) -> dict[str, float]:
    """A figure whose interval is this one when it is widened for the sixteen slopes and ratios that
    are asked about.
    """
    arm = norm.ppf((1 + 0.95 ** (1 / 16)) / 2) / norm.ppf(0.975)
    half = (high - low) / 2 / arm
    return {
        "value": (low + high) / 2,
        "low": (low + high) / 2 - half,
        "high": (low + high) / 2 + half,
    }
