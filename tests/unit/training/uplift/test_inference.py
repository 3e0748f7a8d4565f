"""Figures of rankings and policies: what they are by definition, what must not change them, and how
certain they say they are.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import binom

from holdfast.arrays import Floats
from training.uplift.inference import (
    PointEstimate,
    area,
    average,
    combine,
    gain,
    mean,
    ranks,
    slope,
)

scores = arrays(
    np.float64, st.shared(st.integers(3, 40), key="rows"), elements=st.floats(-5, 5, width=32)
)
rankings = arrays(
    np.float64,
    st.shared(st.integers(3, 40), key="rows"),
    elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0, 3.0]),
)


def alone(rows: Floats) -> NDArray[np.int64]:
    return np.arange(len(rows))


def test_autoc_is_the_mean_advantage_of_the_top_over_all() -> None:
    random = np.random.default_rng(1)
    score, ranking = random.normal(size=400), random.normal(size=400)
    ordered = score[np.argsort(-ranking)]
    by_definition = np.mean([ordered[:top].mean() - score.mean() for top in range(1, 401)])
    assert area(score, ranking, alone(score), "autoc").value == pytest.approx(
        by_definition, abs=0.02
    )
    qini = np.mean([ordered[:top].sum() / 400 - top / 400 * score.mean() for top in range(1, 401)])
    assert area(score, ranking, alone(score), "qini").value == pytest.approx(qini, abs=0.01)


@given(scores, rankings, st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_the_scale_of_a_ranking_matters(
    score: Floats, ranking: Floats, random
) -> None:
    order = list(range(len(score)))
    random.shuffle(order)
    for kind in ("autoc", "qini"):
        plain = area(score, ranking, alone(score), kind)
        moved = area(score[order], np.exp(ranking[order]) + 7, alone(score), kind)
        assert moved.value == pytest.approx(plain.value, abs=1e-9)
        assert moved.standard_error == pytest.approx(plain.standard_error, abs=1e-9)


@given(scores, st.floats(-3, 3), st.floats(0, 1))
def test_a_ranking_that_knows_nothing_is_worth_nothing(
    score: Floats, constant: float, share: float
) -> None:
    ranking = np.full(len(score), constant)
    for kind in ("autoc", "qini"):
        nothing = area(score, ranking, alone(score), kind)
        # Exactly, or rounding errors are taken for a ranking that is better than chance.
        assert (nothing.value, nothing.standard_error) == (0.0, 0.0)
    assert gain(score, ranking, share, alone(score), over_random=True).value == pytest.approx(
        0.0, abs=1e-9
    )
    assert gain(score, ranking, share, alone(score)).value == pytest.approx(
        share * score.mean(), abs=1e-9
    )


@given(scores, rankings)
def test_treating_no_row_gains_nothing_and_all_rows_the_average_effect(
    score: Floats, ranking: Floats
) -> None:
    assert gain(score, ranking, 0.0, alone(score)).value == pytest.approx(0.0, abs=1e-12)
    whole = gain(score, ranking, 1.0, alone(score))
    assert whole.value == pytest.approx(score.mean(), abs=1e-9)
    assert whole.standard_error == pytest.approx(mean(score, alone(score)).standard_error, abs=1e-9)


@given(scores, st.floats(0.01, 0.99))
def test_no_ranking_gains_more_than_the_truth(score: Floats, share: float) -> None:
    random = np.random.default_rng(0).normal(size=len(score))
    assert (
        gain(score, score, share, alone(score)).value
        >= gain(score, random, share, alone(score)).value - 1e-9
    )


@given(scores, rankings)
def test_a_ranking_gains_nothing_over_itself(score: Floats, ranking: Floats) -> None:
    same = gain(score, ranking, 0.3, alone(score), other=ranking)
    assert (same.value, same.standard_error) == (0.0, 0.0)


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_the_error_of_a_difference_of_rankings_is_that_of_samples(share: float) -> None:
    random = np.random.default_rng(4)
    estimates = []
    for _ in range(300):
        one, noise = random.normal(size=(2, 1_000))
        score = one + random.normal(size=1_000) * 2
        other = 0.7 * one + noise
        estimates.append(gain(score, one, share, alone(score), other=other))
    spread = np.std([estimate.value for estimate in estimates])
    told = np.mean([estimate.standard_error for estimate in estimates])
    assert told == pytest.approx(spread, rel=0.15)


@given(scores)
def test_a_row_repeated_in_one_cluster_counts_once(score: Floats) -> None:
    once = mean(score, alone(score))
    twice = mean(np.repeat(score, 2), np.repeat(alone(score), 2))
    assert twice.value == pytest.approx(once.value, abs=1e-9)
    assert twice.standard_error == pytest.approx(once.standard_error, abs=1e-9)
    assert twice.clusters == once.clusters == len(score)


def test_ranks_of_equals_are_shared() -> None:
    np.testing.assert_allclose(ranks(np.array([5.0, 1.0, 1.0, 9.0])), [0.375, 0.75, 0.75, 0.125])


def test_a_slope_is_that_of_least_squares() -> None:
    random = np.random.default_rng(2)
    predicted = random.normal(size=500)
    score = 0.4 * predicted + random.normal(size=500)
    measured = slope(score, predicted, alone(score))
    assert measured.value == pytest.approx(np.polyfit(predicted, score, 1)[0])
    assert slope(score, np.ones(500), alone(score)) == PointEstimate(0.0, 0.0, 500)


def test_parts_are_weighted_by_rows_and_repeats_add_no_observations() -> None:
    part = combine([(PointEstimate(1.0, 0.3, 10), 100), (PointEstimate(4.0, 0.4, 30), 300)])
    assert (part.value, part.clusters) == (pytest.approx(3.25), 40)
    assert part.standard_error == pytest.approx(np.hypot(0.3 * 100, 0.4 * 300) / 400)
    assert average([part, part]) == part


def test_an_interval_widens_with_the_comparisons_it_is_to_hold_for() -> None:
    estimate = PointEstimate(1.0, 0.5, 200)
    one, five = estimate.interval(), estimate.interval(comparisons=5)
    assert five.low < one.low < 1 < one.high < five.high
    assert one.high - 1 == pytest.approx(0.5 * 1.972, rel=1e-3)


@pytest.mark.parametrize("kind", ["mean", "autoc", "qini", "gain", "slope"])
def test_95_per_cent_intervals_hold_the_truth_about_95_times_in_a_hundred(kind: str) -> None:
    """Effects differ a lot here, so that a standard error that forgets how ranks move would
    show.
    """
    draws, rows = 400, 600
    truth = _figure(kind, *_draw(np.random.default_rng(99), 400_000)).value
    held = 0
    for seed in range(draws):
        measured = _figure(kind, *_draw(np.random.default_rng(seed), rows)).interval()
        held += measured.low <= truth <= measured.high
    # Somewhat fewer than 95 are allowed for: the sample is small and the scores have tails.
    assert binom.ppf(0.001, draws, 0.93) <= held <= binom.ppf(0.999, draws, 0.965)


@pytest.mark.parametrize("kind", ["autoc", "qini"])
def test_the_standard_error_of_an_area_is_the_spread_over_samples(kind: str) -> None:
    """The effect falls steeply along the ranking: who is above whom decides the area as much as
    the scores do, and the two partly cancel.
    """
    areas = []
    for seed in range(400):
        random = np.random.default_rng(seed)
        ranking = random.normal(size=1_500)
        score = 2.0 * ranking + 0.5 * random.normal(size=1_500)
        areas.append(_figure(kind, score, ranking, alone(score)))
    spread = np.std([sampled.value for sampled in areas], ddof=1)
    # A spread over 400 samples is itself uncertain by 1 / sqrt(800), 3.5 %.
    assert np.mean([sampled.standard_error for sampled in areas]) == pytest.approx(spread, rel=0.12)


def _draw(random: np.random.Generator, rows: int) -> tuple[Floats, Floats, NDArray[np.int64]]:
    home = np.repeat(np.arange(rows // 2), 2)
    ranking = random.normal(size=rows // 2)[home]
    score = 0.5 * ranking + random.normal(size=rows // 2)[home] + random.normal(size=rows)
    return score, ranking, home


def _figure(kind: str, score: Floats, ranking: Floats, home: NDArray[np.int64]) -> PointEstimate:
    if kind == "mean":
        return mean(score, home)
    if kind == "gain":
        return gain(score, ranking, 0.2, home, over_random=True)
    return slope(score, ranking, home) if kind == "slope" else area(score, ranking, home, kind)
