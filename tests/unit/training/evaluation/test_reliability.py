from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.models.coverage import PROMISED, covered, population, true_figures
from training.evaluation.reliability import Deciles, customer_correlation
from training.settings import AssessmentSettings


def test_bounds_of_single_rows_are_binomial_quantiles() -> None:
    rows = 10_000
    label, probability = np.zeros(rows), np.repeat(np.linspace(0.05, 0.5, 10), 1000)
    deciles = Deciles(label, probability, np.ones(rows), np.arange(rows), rows)
    low, high = deciles.joint_bounds(0.0, 0.99)
    tail = (1 - 0.99**0.1) / 2
    chances = np.linspace(0.05, 0.5, 10)
    assert low == pytest.approx(binom.ppf(tail, 1000, chances) / 1000)
    assert high == pytest.approx(binom.isf(tail, 1000, chances) / 1000)
    inside = binom.cdf(high * 1000, 1000, chances) - binom.cdf(low * 1000 - 1, 1000, chances)
    assert 0.99 <= np.prod(inside) < 0.995


def test_the_same_rows_three_times_tell_no_more() -> None:
    result = population(3000, 1, right=True)
    customer = np.arange(len(result.label))
    once = _bounds(result.label, result.probability, result.weight, customer)
    thrice = _bounds(
        *(np.tile(part, 3) for part in (result.label, result.probability, result.weight, customer))
    )
    assert thrice == pytest.approx(once, abs=0.01)
    strangers = _bounds(
        *(np.tile(part, 3) for part in (result.label, result.probability, result.weight)),
        np.arange(3 * len(customer)),
    )
    assert np.all(strangers[1] - strangers[0] < 0.7 * (once[1] - once[0]))


def test_rows_of_a_customer_are_as_alike_as_they_were_made() -> None:
    random = np.random.default_rng(1)
    customer = np.repeat(np.arange(20_000), 3)
    probability = random.uniform(0.1, 0.4, 20_000)[customer]
    shared = random.random(20_000)[customer] < probability
    own = random.random(60_000) < probability
    # With probability 0.6 each a row shows what all rows of its customer share: two of them do with
    # 0.36.
    label = np.where(random.random(60_000) < 0.6, shared, own).astype(float)
    assert customer_correlation(label, probability, np.ones(60_000), customer) == pytest.approx(
        0.36, abs=0.02
    )
    assert customer_correlation(
        own.astype(float), probability, np.ones(60_000), customer
    ) == pytest.approx(0, abs=0.01)
    assert customer_correlation(label, probability, np.ones(60_000), np.arange(60_000)) == 0


def _bounds(*rows: np.ndarray) -> np.ndarray:
    deciles = Deciles(*rows, int(rows[3].max()) + 1)
    return np.stack(deciles.joint_bounds(customer_correlation(*rows), 0.99))


@pytest.mark.proof
def test_right_predictions_keep_their_joint_bounds_and_wrong_ones_do_not(
    proof_draws: Callable[[int], int],
) -> None:
    samples = proof_draws(400)
    kept, caught = 0, 0
    for sample in range(samples):
        result = population(8000, [2, sample], right=True)
        once = np.ones((8000, 1))
        for factor in (1.0, 0.75):
            rows = (result.label, result.probability * factor, result.weight, result.customer)
            low, high = _bounds(*rows)
            observed = Deciles(*rows, 8000).observed(once)[:, 0]
            inside = np.all((low <= observed) & (observed <= high))
            kept += inside and factor == 1.0
            caught += not inside and factor != 1.0
    # At a true share of 99 % fewer are kept once in a thousand times.
    assert kept >= binom.ppf(0.001, samples, 0.99)
    assert caught >= 0.9 * samples


@pytest.mark.proof
def test_joint_bounds_allow_for_rows_that_say_the_same(proof_draws: Callable[[int], int]) -> None:
    samples, customers = proof_draws(400), 3000
    customer = np.repeat(np.arange(customers), 4)
    kept, kept_by_strangers = 0, 0
    for sample in range(samples):
        random = np.random.default_rng([3, sample])
        risk = np.clip(
            random.beta(1, 12, customers)[customer] * random.uniform(0.6, 1.4, len(customer)), 0, 1
        )
        shared, own = random.random(customers)[customer], random.random(len(customer))
        label = (np.where(random.random(len(customer)) < 0.8, shared, own) < risk).astype(float)
        weight = np.where(random.random(customers) < 0.05, 8.0, 1.0)[customer]
        deciles = Deciles(label, risk, weight, customer, customers)
        observed = deciles.observed(np.ones((customers, 1)))[:, 0]
        for correlation in (customer_correlation(label, risk, weight, customer), 0.0):
            low, high = deciles.joint_bounds(correlation, 0.99)
            inside = np.all((low <= observed) & (observed <= high))
            kept += inside and correlation > 0
            kept_by_strangers += inside and correlation == 0
    assert kept >= binom.ppf(0.001, samples, 0.99)
    assert kept_by_strangers < kept


@pytest.mark.proof
def test_intervals_cover_the_truth_as_often_as_they_say(proof_draws: Callable[[int], int]) -> None:
    samples = proof_draws(200)
    settings = AssessmentSettings(draws=500 if samples == 200 else 200)
    result = covered(
        samples,
        2000,
        lambda number: population(2000, [1, number]),
        true_figures(settings),
        settings,
    )
    least, most = 0.85 * samples, 0.95 * samples
    if samples < 200:
        # So few samples leave the range by chance; these borders are crossed once in a thousand
        # times from its ends.
        least, most = binom.ppf(0.001, samples, 0.85), binom.isf(0.001, samples, 0.95)
    assert {
        name: int(result[name][0].sum())
        for name in PROMISED
        if not least <= result[name][0].sum() <= most
    } == {}
