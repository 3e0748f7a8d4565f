"""Assessments, facts and a model of the operator's features, made up for tests: figures that agree
with each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import lightgbm as lgb
import numpy as np

from models.bands import BandBounds
from models.calibration import PlattCalibration
from models.reasons.explain import Explanation
from models.reasons.meaning import FeatureMeaning
from models.strata import EVERYONE, Strata
from models.version import HorizonModel, ModelVersion, StratumModel
from training.evaluation.assessment import (
    ANSWER_RANKINGS,
    ANSWERED,
    INVITED,
    AnswerRanking,
    Assessment,
    BaselineComparison,
    CalibrationFigures,
    Decile,
    Estimate,
    Month,
    Slice,
    horizon_name,
)
from training.evaluation.leaks import Flag
from training.evaluation.predictions import TestPredictions
from training.fitting.tune import TrialRecord, Tuned
from training.operator.model import ExplainedRows, OperatorModel
from training.release.facts import ChampionComparison, TrainingFacts
from training.settings import TrainingConfig

HORIZONS = (30, 60, 90)
STRATA = ("postpaid", "prepaid", "fixed")
SLICES: dict[str, tuple[str, ...]] = {
    "billing_type": STRATA,
    "segment": ("consumer", "sole_trader", "sme"),
    "region": ("north", "south", "east", "west", "islands"),
    "tenure": ("under 1 year", "1 to 3 years", "over 3 years", "unknown"),
    "language": ("en", "zh-CN", "zh-TW"),
    "age_band": ("18-24", "25-34", "35-49", "50-64", "65+", "unknown"),
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def estimate(value: float, half: float) -> Estimate:
    """A figure in the middle of its interval."""
    return Estimate(value, value - half, value + half)


def calibration(
    rows: int, rate: float, slope: float = 1.0, ratio: float = 1.0, off: float = 0.0
) -> CalibrationFigures:
    """Deciles around a rate; `off` moves the share observed in the top one."""
    predicted = rate * np.array([0.1, 0.2, 0.3, 0.4, 0.55, 0.7, 0.95, 1.3, 1.9, 3.6])
    deciles = []
    for place, share in enumerate(predicted.tolist()):
        half = 2.2 * float(np.sqrt(share * (1 - share) / (rows / 10)))
        observed = max(
            0.0, share * ratio + (0.4 if place % 2 else -0.4) * half + (off if place == 9 else 0.0)
        )
        deciles.append(
            Decile(
                rows=rows // 10,
                predicted=share,
                observed=observed,
                low=max(0.0, observed - half),
                high=observed + half,
                joint_low=max(0.0, share - 1.5 * half),
                joint_high=share + 1.5 * half,
            )
        )
    half = 2 / float(np.sqrt(rows * rate))
    return CalibrationFigures(
        rows=rows,
        positives=round(rows * rate),
        positive_customers=round(rows * rate / 3),
        slope=estimate(slope, 0.7 * half),
        observed_over_expected=estimate(ratio, half),
        deciles=tuple(deciles),
    )


def metrics(auc: float, rate: float, lift: float) -> dict[str, Estimate]:
    """Every figure of `training.evaluation.metrics.METRICS`."""
    entropy = -(rate * np.log(rate) + (1 - rate) * np.log(1 - rate))
    return {
        "auc": estimate(auc, 0.012),
        "average_precision": estimate(rate * lift / 1.6, 0.02),
        "log_loss": estimate(float(entropy) * (1 - 0.6 * (auc - 0.5)), 0.004),
        "brier": estimate(rate * (1 - rate) * (1 - 0.3 * (auc - 0.5)), 0.002),
        "slope": estimate(0.98, 0.06),
        "observed_over_expected": estimate(1.01, 0.05),
        "ece": estimate(0.004, 0.002),
        "lift_top_decile": estimate(0.8 * lift, 0.2),
        "precision_top_decile": estimate(0.8 * lift * rate, 0.2 * rate),
        "lift_capacity": estimate(lift, 0.3),
        "precision_capacity": estimate(lift * rate, 0.3 * rate),
        "empc": estimate(0.4 * lift * rate, 0.02),
        "empc_share": estimate(0.1 * lift, 0.03),
    }


def baseline(
    ours: Mapping[str, Estimate], auc: float, rate: float, lift: float, half: float = 0.006
) -> BaselineComparison:
    """Another way to predict, whose figures differ from ours by what their AUC and lift make of
    them.
    """
    theirs = metrics(auc, rate, lift)
    difference = {
        name: estimate(
            ours[name].value - theirs[name].value, half * (0.3 if name == "log_loss" else 1.0)
        )
        for name in theirs
    }
    return BaselineComparison(metrics=theirs, difference=difference)


def assessment(
    horizon_days: int | None = 90,
    *,
    auc: float = 0.78,
    champion: float | None = 0.765,
    flagged: Sequence[tuple[str, str]] = (),
    months: int = 4,
    slices: Mapping[str, Sequence[str]] = SLICES,
    strata: Sequence[str] = STRATA,
    top_decile_off: float = 0.0,
) -> Assessment:
    """The assessment of one horizon.

    Parameters
    ----------
    horizon_days : int or None
        Its horizon; the longer, the more positives.
    auc, champion : float
        AUC of the model and of the champion; None where there is none to compare with.
    flagged : sequence of (column, value)
        Slices where the model is clearly worse.
    months : int
        Months of decay.
    top_decile_off : float
        How much larger the share observed in the top decile is than it may be.
    """
    rows, rate, lift = 24_000, 0.0004 * (horizon_days or 90), 4.2
    ours = metrics(auc, rate, lift)
    baselines = {
        "constant": baseline(ours, 0.5, rate, 1.0),
        "logistic": baseline(ours, auc - 0.02, rate, lift - 0.5),
    }
    if champion is not None:
        baselines["champion"] = baseline(ours, champion, rate, lift - 0.2)
    ahead = {name: compared.difference["log_loss"].value for name, compared in baselines.items()}
    sizes = [rows, *(int(rows * share) for share in (0.5, 0.3, 0.2)[: len(strata)])]
    return Assessment(
        horizon_days=horizon_days,
        rows=rows,
        customers=9_500,
        positives=round(rows * rate),
        metrics=ours,
        baselines=baselines,
        strata={
            name: calibration(
                size, rate * (1 + 0.3 * place), 1 - 0.03 * place, 1 + 0.02 * place, top_decile_off
            )
            for place, (name, size) in enumerate(zip(("all", *strata), sizes, strict=True))
        },
        slices={
            column: {
                value: _slice(
                    rows // len(values), rate, auc, place, (column, value) in flagged, ahead
                )
                for place, value in enumerate(values)
            }
            for column, values in slices.items()
        },
        decay=tuple(
            Month(
                months_after=month + 4,
                rows=rows // months,
                positives=round(rows * rate / months),
                metrics={
                    "auc": estimate(auc - 0.004 * month, 0.02),
                    "log_loss": estimate(0.15 + 0.001 * month, 0.01),
                    "observed_over_expected": estimate(1 + 0.03 * month, 0.09),
                },
            )
            for month in range(months)
        ),
        holdout=metrics(auc - 0.004, 1.1 * rate, lift),
    )


def survey_assessment() -> Assessment:
    """That of a survey target, which has no strata and ranks answers for two groups."""
    ours = assessment(90, strata=())
    aucs = {ANSWERED: estimate(0.81, 0.02), INVITED: ours.metrics["auc"]}
    return replace(
        ours,
        answers={
            name: AnswerRanking(auc=auc, about=ANSWER_RANKINGS[name]) for name, auc in aucs.items()
        },
    )


def _slice(
    rows: int, rate: float, auc: float, place: int, flagged: bool, better: Mapping[str, float]
) -> Slice:
    if rows * rate < 30 or place == 5:
        return Slice(
            rows=140,
            positives=4,
            positive_customers=2,
            metrics={},
            gap=None,
            flagged=False,
            difference={},
        )
    gap = estimate(-0.09, 0.04) if flagged else estimate(0.012 * (-1) ** place, 0.03)
    return Slice(
        rows=rows,
        positives=round(rows * rate),
        positive_customers=round(rows * rate / 3),
        metrics={
            "auc": estimate(auc + gap.value, 0.03),
            "log_loss": estimate(0.15, 0.01),
            "observed_over_expected": estimate(1 + 0.03 * (-1) ** place, 0.08),
        },
        gap=gap,
        flagged=flagged,
        difference={name: estimate(shift - 0.004 * place, 0.005) for name, shift in better.items()},
    )


def facts(
    *,
    target: str = "churn",
    horizons_days: tuple[int, ...] = HORIZONS,
    features: tuple[str, ...] = ("f0",),
    champion: ChampionComparison | None = None,
    flags: Sequence[Flag] = (),
    **changes: Any,
) -> TrainingFacts:
    """How the model was made; by default it was compared with version 2."""
    horizons = [horizon_name(days) for days in horizons_days] or [""]
    fitted = tuple(f"2025-{month:02d}-06T00:00:00+00:00" for month in range(1, 7))
    known: dict[str, Any] = {
        "target": target,
        "service": "churn_v1",
        "features": features,
        "dataset_sha256": "ab" * 32,
        "rows": {"fit": 80_000, "tune": 20_000, "test": 24_000},
        "cutoffs": {
            **dict.fromkeys(("fit", "tune"), fitted),
            "test": tuple(f"2025-{month:02d}-06T00:00:00+00:00" for month in (10, 11, 12)),
        },
        "gap_days": 7,
        "horizons_days": horizons_days,
        "excluded": {
            "iot": 310,
            "test": 0,
            "employee": 120,
            "suspended": 900,
            "new": 2_400,
            "cancelling": 700,
            "in_gap": 150,
        }
        | {"censored": 40, "care": 1_200, "odd_reason": 3},
        "weights": "",
        "strata": STRATA,
        "slices": tuple(SLICES),
        "parameters": {"learning_rate": 0.05, "num_leaves": 24, "feature_fraction": 0.6},
        "rounds": {**dict.fromkeys(horizons, 180), f"{horizons[-1]}/prepaid": 90},
        "flags": tuple(flags),
        "champion": champion or ChampionComparison(number="2", comparable=True, why=""),
        "explanation_cost": dict.fromkeys(horizons, 4_300),
        "additivity_error": dict.fromkeys(horizons, 2e-12),
        "seed": 20260101,
        "git_commit": COMMIT,
        "environment_sha256": "cd" * 32,
        "made_at": "2026-01-15T10:00:00+00:00",
        "choices": {
            "monotone": {
                "constrained_features": 21,
                "with": {"auc": 0.779, "log_loss": 0.1421, "rounds": 180},
                "without": {"auc": 0.781, "log_loss": 0.1419, "rounds": 170},
            },
            "dataset": {"care": {days: care_facts(days == "30") for days in horizons if days}},
            "cross_fitted_folds": dict.fromkeys(horizons, 5),
            "boosters": {
                f"{horizon}/{stratum}": {
                    "shared_log_loss": 0.150,
                    "own_log_loss": 0.149 if stratum == "prepaid" else 0.152,
                    "own_wins": stratum == "prepaid",
                }
                for horizon in horizons
                for stratum in STRATA
            },
            "calibrations": {
                "/".join(filter(None, (horizon, stratum))): {
                    "chosen": "beta" if stratum == "prepaid" else "platt",
                    "log_loss": {"platt": 0.15, "beta": 0.1497},
                }
                for horizon in horizons
                for stratum in ("", *STRATA)
            },
        },
    }
    return TrainingFacts(**(known | changes))


def care_facts(shown: bool) -> dict[str, Any]:
    """What care did within a horizon: its weights make up for it, or are not shown to."""
    return {
        "touched_randomised": 1_200 if shown else 4_300,
        "touched_otherwise": 800,
        "weighted": 90_000,
        "clipped": 0 if shown else 3,
        "rows": 122_000,
        "effective_rows": 110_500.4,
        "customers": 41_000,
        "effective_customers": 36_200.4,
        "largest_weight": 2.75 if shown else 20.0,
        "rule": "features",
        "overlap": {"below": 0.05, "share": 0.0 if shown else 0.034},
        "balance": {
            "columns": 140,
            "apart_before": 6,
            "apart_after": 0 if shown else 2,
            "largest_before": 0.31,
            "largest_after": 0.04 if shown else 0.17,
            "worst": [{"column": "contacts_28d", "before": 0.31, "after": 0.04}],
        },
        "shown": shown,
    }


def meanings(count: int = 14) -> tuple[FeatureMeaning, ...]:
    """Features of all sorts; the first tells the stratum."""
    drivers = ("contract", "network", "price", "service", "usage", "relationship")
    units = ("code", "days", "ratio", "share", "yes or no", "currency per month")
    return tuple(
        FeatureMeaning(
            name=f"f{place}",
            about=f"What feature {place} says",
            unit=units[place % 6],
            driver=drivers[place % 6],
            actionable=place % 2 == 1,
            direction=("none", "increasing", "decreasing")[place % 3],
            reason=f"reason_{place // 2}",
        )
        for place in range(count)
    )


def explained(features: int, rows: int = 300, seed: int = 1) -> ExplainedRows:
    """Explained rows whose first features move predictions most."""
    random = np.random.default_rng(seed)
    matrix = np.round(random.gamma(2.0, 1.5, (rows, features)), 2)
    matrix[:, 0] = random.integers(0, 3, rows)
    matrix[:40, -1] = np.nan
    contributions = (
        np.nan_to_num(matrix - np.nanmean(matrix, axis=0)) / np.arange(3, features + 3) ** 1.5
    )
    return ExplainedRows(
        matrix=matrix,
        explanation=Explanation(base=np.full(rows, -3.0), contributions=contributions),
        stratum=np.array(STRATA)[matrix[:, 0].astype(int)],
        probability=1 / (1 + np.exp(3.0 - contributions.sum(axis=1))),
    )


def trials(count: int = 12) -> tuple[TrialRecord, ...]:
    """Trials, the default parameters first, each third one pruned, the fifth the best."""
    return tuple(
        TrialRecord(
            number=number,
            parameters={"learning_rate": 0.03 + 0.005 * number, "num_leaves": 8 + number},
            pruned=pruned,
            value=None if pruned else loss * (1 + 0.000_2 * number),
            log_loss=None if pruned else loss,
            rounds=None if pruned else 150 + 5 * number,
            leaves=None if pruned else 2_000 + 600 * number,
            seconds=1.5,
        )
        for number, (pruned, loss) in enumerate(
            (number % 3 == 2, 0.1440 if number != 4 else 0.1421) for number in range(count)
        )
    )


def operator_model(
    assessments: Mapping[str, Assessment] | None = None,
    known: TrainingFacts | None = None,
    *,
    documents: Mapping[str, Any] | None = None,
    described: tuple[FeatureMeaning, ...] | None = None,
) -> OperatorModel:
    """A model whose boosters know nothing, with whatever is to be known about it."""
    described = described or meanings()
    names = tuple(meaning.name for meaning in described)
    known = known or facts(features=names)
    horizons = known.horizons_days or (None,)
    if assessments is None:
        assessments = {
            horizon_name(days): assessment(
                days, champion=0.765 if known.champion.comparable else None
            )
            for days in horizons
        }
    stratum_model = StratumModel((_booster(names),), PlattCalibration(slope=1.0, intercept=0.0))
    horizon_models = tuple(
        HorizonModel(
            horizon_days=days,
            stratum_models=dict.fromkeys((EVERYONE, *STRATA), stratum_model),
            bands=BandBounds(high=0.1, medium=0.05),
        )
        for days in horizons
    )
    tried = trials()
    return OperatorModel(
        version=ModelVersion(
            name=known.target,
            service=known.service,
            features=names,
            horizon_models=horizon_models,
            strata=Strata(names[0], STRATA),
            documents=dict(documents or {}),
        ),
        assessments=dict(assessments),
        facts=known,
        meanings=described,
        tuned=Tuned(parameters=dict(known.parameters), rounds=180, value=0.1422, trials=tried),
        sample=explained(len(names)),
        predictions=TestPredictions(
            row=np.arange(2, dtype=np.uint64),
            customer=np.arange(2, dtype=np.uint64),
            weight=np.ones(2),
            label={horizon: np.array([0.0, 1.0]) for horizon in assessments},
            probability={horizon: np.array([0.1, 0.2]) for horizon in assessments},
        ),
        test=np.arange(2),
        config=TrainingConfig(),
    )


def _booster(names: Sequence[str]) -> lgb.Booster:
    rows = np.zeros((4, len(names)))
    data = lgb.Dataset(
        rows, [0.0, 1.0, 0.0, 1.0], feature_name=list(names), params={"verbosity": -1}
    )
    return lgb.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1}, data, num_boost_round=1
    )
