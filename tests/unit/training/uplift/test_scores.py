"""Doubly robust scores: right whatever models are worth, positive where it is good, from models
that have not seen the row.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders.experiments import experiment
from training.uplift.learners import Learners
from training.uplift.scores import cluster_folds, cross_fit, score_rows


@given(st.integers(0, 10_000), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=30)
def test_wrong_models_do_not_bias_the_effect(
    seed: int, wrong_untreated: float, wrong_treated: float
) -> None:
    """Where propensities are the arms' shares, constants cancel out: the effect is the difference
    of the arms' means.
    """
    drawn = experiment(rows=600, seed=seed, effect=0.1, stored=False)
    rows = np.arange(600)
    expected = np.stack([np.full(600, wrong_untreated), np.full(600, wrong_treated)])
    score = score_rows(drawn, rows, expected)
    means = [drawn.outcome[drawn.arm == arm].mean() for arm in (0, 1)]
    assert score.effect[0].mean() == pytest.approx(means[1] - means[0], abs=1e-9)
    np.testing.assert_allclose(score.weighted.mean(axis=1), means, atol=1e-9)


def test_models_that_miss_nothing_leave_nothing_to_correct() -> None:
    drawn = experiment(rows=500)
    expected = np.stack([np.where(drawn.arm == arm, drawn.outcome, 0.5) for arm in (0, 1)])
    np.testing.assert_allclose(score_rows(drawn, np.arange(500), expected).arms, expected)


def test_more_who_stay_among_the_treated_is_positive() -> None:
    drawn = experiment(rows=4_000, effect=0.2)
    flat = np.full((2, 4_000), 0.75)
    assert score_rows(drawn, np.arange(4_000), flat).effect[0].mean() == pytest.approx(
        0.2, abs=0.05
    )
    swapped = replace(drawn, arm=1 - drawn.arm, propensity=1 - drawn.propensity)
    assert score_rows(swapped, np.arange(4_000), flat).effect[0].mean() == pytest.approx(
        -0.2, abs=0.05
    )


def test_only_the_propensity_of_the_drawn_arm_counts() -> None:
    two = experiment(rows=400)
    third = replace(two, arms=(*two.arms, "gift"), arm=np.where(np.arange(400) < 100, 2, two.arm))
    expected = np.stack([np.full(400, 0.7), np.full(400, 0.8), np.full(400, 0.9)])
    scores = score_rows(third, np.arange(400), expected)
    np.testing.assert_allclose(scores.effect[0][:100], 0.1)
    np.testing.assert_allclose(
        scores.effect[0][100:], score_rows(two, np.arange(100, 400), expected[:2, 100:]).effect[0]
    )


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=120), st.integers(2, 8), st.integers(0, 99)
)
def test_folds_part_no_household(homes: list[int], count: int, seed: int) -> None:
    fold = cluster_folds(np.array(homes), count, np.random.default_rng(seed))
    assert fold.min() >= 0
    assert fold.max() < count
    assert all(len(set(fold[np.array(homes) == home])) == 1 for home in set(homes))


def test_folds_are_of_about_equal_size() -> None:
    fold = cluster_folds(np.arange(1_000) // 3, 5, np.random.default_rng(1))
    assert np.bincount(fold).tolist() == pytest.approx([200] * 5, abs=6)


def test_no_row_is_scored_by_a_model_that_has_seen_it_or_its_household() -> None:
    """Outcomes that only their own household could reveal are not used."""
    random = np.random.default_rng(3)
    drawn = experiment(rows=1_500, cluster=3)
    secret = random.integers(0, 2, 500)[drawn.cluster].astype(np.float64)
    # Two numbers identify each household, so that a model fitted on it would remember it.
    drawn = replace(
        drawn,
        outcome=secret,
        matrix=np.column_stack(
            [drawn.matrix, drawn.cluster, random.normal(size=500)[drawn.cluster]]
        ),
    )
    drawn = replace(
        drawn,
        features=tuple(f"f{place}" for place in range(8)),
        labels=tuple(f"f{place}" for place in range(8)),
    )
    folds = cluster_folds(drawn.cluster, 3, random)
    expected, models = cross_fit(drawn, Learners(drawn, 1), np.arange(1_500), folds)
    assert abs(np.corrcoef(expected[0], secret)[0, 1]) < 0.15
    assert len(models) == 3
