"""Whether a model predicts at all: noise does not, and an AUC's interval covers as it says."""

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import roc_auc_score

from training.evaluation.assessment import Estimate
from training.evaluation.folds import Split
from training.evaluation.signal import signal_of
from training.flat.crossval import OutOfFold
from training.flat.evaluation import Evaluation, evaluate

GOOD, UNCLEAR, POOR = Estimate(0.7, 0.6, 0.8), Estimate(0.58, 0.45, 0.71), Estimate(0.5, 0.45, 0.55)
LIFT, NO_LIFT = Estimate(2.0, 1.2, 3.1), Estimate(1.4, 0.7, 2.3)


@pytest.mark.parametrize(
    ("figures", "verdict", "enough_data"),
    [
        ([(GOOD, LIFT)], "model", True),
        ([(GOOD, NO_LIFT)], "nothing_found", False),
        ([(UNCLEAR, LIFT)], "nothing_found", False),
        ([(POOR, NO_LIFT)], "nothing_found", True),
        ([(Estimate(0.4, 0.25, 0.55), NO_LIFT)], "nothing_found", False),
        ([(POOR, NO_LIFT), (GOOD, LIFT)], "model", True),
        ([(POOR, NO_LIFT), (UNCLEAR, NO_LIFT)], "nothing_found", False),
        ([(None, LIFT)], "nothing_found", False),
        ([(GOOD, None)], "nothing_found", False),
        ([], "nothing_found", False),
    ],
)
def test_nothing_is_found_where_an_interval_reaches_a_random_order(
    figures: list[tuple[Estimate | None, Estimate | None]], verdict: str, enough_data: bool
) -> None:
    found = signal_of(figures)
    assert (found.verdict, found.enough_data) == (verdict, enough_data)


def evaluation(
    rows: int, seed: int, strength: float = 0.0, cluster: int = 1, repeats: int = 1
) -> Evaluation:
    """Predictions that go with the outcome by a given strength, in five folds."""
    random = np.random.default_rng(seed)
    home = np.arange(rows) // cluster
    score = random.normal(size=rows)[home]
    left = random.random(rows)[home] < 1 / (1 + np.exp(1.5 - strength * score))
    margin = np.tile(score, (repeats, 1))
    splits = []
    for repeat in range(repeats):
        homes = random.permutation(home.max() + 1)
        fold = (homes % 5)[home]
        splits += [
            Split(repeat, np.flatnonzero(fold != part), np.flatnonzero(fold == part))
            for part in range(5)
        ]
    out_of_fold = OutOfFold(tuple(splits), margin=margin, calibrated=1 / (1 + np.exp(1.5 - margin)))
    return evaluate(left.astype(float), out_of_fold, home if cluster > 1 else None)


@pytest.mark.parametrize("cluster", (1, 4))
def test_the_interval_of_auc_covers(cluster: int) -> None:
    draws, strength = 200, 0.6
    random = np.random.default_rng(0)
    score = random.normal(size=400_000)
    left = random.random(400_000) < 1 / (1 + np.exp(1.5 - strength * score))
    truth = roc_auc_score(left, score)
    held = 0
    for seed in range(draws):
        seen = evaluation(600 * cluster, seed, strength, cluster)
        held += seen.auc_low <= truth <= seen.auc_high
    assert binom.ppf(0.001, draws, 0.95) <= held


def test_repeats_make_no_new_evidence() -> None:
    one, three = evaluation(800, 3, 0.6), evaluation(800, 3, 0.6, repeats=3)
    widths = [seen.auc_high - seen.auc_low for seen in (one, three)]
    assert widths[1] == pytest.approx(widths[0], rel=0.05)


def test_noise_is_hardly_ever_a_model() -> None:
    draws = 200
    found = sum(evaluation(600, seed).signal.found for seed in range(draws))
    assert found <= binom.ppf(0.999, draws, 0.025)


def test_few_customers_are_told_apart_from_no_signal() -> None:
    assert not evaluation(80, 1).signal.enough_data
    assert evaluation(20_000, 1).signal.enough_data


def test_log_loss_beside_that_of_a_constant() -> None:
    seen = evaluation(5_000, 2, strength=1.5)
    assert seen.log_loss < seen.log_loss_of_constant
    assert seen.figures()["log_loss"] == seen.log_loss
