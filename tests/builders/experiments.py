"""Experiments whose truth is known, to try evaluations on."""

import numpy as np

from training.settings import LeakWatchSettings
from training.uplift.estimate import EvaluatedExperiment, evaluate_experiment
from training.uplift.evaluation import UpliftConfig
from training.uplift.experiment import Experiment
from training.uplift.settings import UpliftSettings
from training.uplift.stakes import NO_STAKES, Stakes
from training.uplift.verdicts import with_verdicts

QUICK = UpliftConfig(settings=UpliftSettings(folds=3, repeats=1), leaks=LeakWatchSettings())
"""An evaluation in few steps."""


def evaluate(
    drawn: Experiment, settings: UpliftSettings, stakes: Stakes = NO_STAKES
) -> EvaluatedExperiment:
    """An experiment's estimates with their verdicts; its arms were drawn at random."""
    (evaluated,) = with_verdicts([(evaluate_experiment(drawn, settings), "randomised")], stakes)
    return evaluated


def experiment(
    rows: int = 3_000,
    seed: int = 1,
    effect: float = 0.0,
    spread: float = 0.0,
    treated: float = 0.5,
    features: int = 6,
    cluster: int = 1,
    stored: bool = True,
) -> Experiment:
    """An experiment on staying: a quarter leave, more where ``f0`` is high.

    The action keeps `effect` of everybody, and `spread` more, or fewer, of those whose ``f1`` lies
    above, or below, the middle. Of `cluster` rows each, households are treated together and have
    their luck in common."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(rows, features))
    home = np.arange(rows) // cluster
    homes = int(home.max()) + 1
    arm = (random.random(homes) < treated).astype(np.int64)[home]
    stays = (
        0.75 - 0.08 * np.clip(matrix[:, 0], -2, 2) + arm * (effect + spread * np.sign(matrix[:, 1]))
    )
    outcome = (random.random(homes)[home] < stays).astype(np.float64)
    names = tuple(f"f{place}" for place in range(features))
    return Experiment(
        name="made up",
        arms=("control", "call"),
        arm=arm,
        outcome=outcome,
        outcome_name="retained",
        propensity=np.where(arm == 1, treated, 1 - treated)
        if stored
        else np.bincount(arm)[arm] / rows,
        source="stored" if stored else "shares",
        cluster=home,
        matrix=matrix,
        features=names,
        labels=names,
        drawn_at_random="caller",
    )
