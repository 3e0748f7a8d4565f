"""Single rows through LightGBM's prepared calls: the margins of `predict`, to the bit."""

from concurrent.futures import ThreadPoolExecutor

import lightgbm as lgb
import numpy as np
import pytest

from models.boosters.single_row import SingleRow


def trained(best: int, seed: int = 1) -> tuple[lgb.Booster, np.ndarray]:
    """A booster with a category and missing values, and rows."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(400, 6))
    matrix[:, 5] = random.integers(0, 4, 400)
    matrix[random.random(matrix.shape) < 0.1] = np.nan
    label = (np.nan_to_num(matrix[:, 0]) + random.normal(size=400) > 0).astype(float)
    data = lgb.Dataset(matrix, label, categorical_feature=[5])
    booster = lgb.train(
        {"objective": "binary", "num_leaves": 7, "verbosity": -1, "num_threads": 1}, data, 20
    )
    booster.best_iteration = best
    return booster, matrix


@pytest.mark.parametrize("best", [-1, 8])
def test_margins_are_those_of_predict(best: int) -> None:
    booster, matrix = trained(best)
    one = SingleRow(booster)
    expected = booster.predict(matrix, raw_score=True, num_threads=1)
    assert [one.margin(row) for row in matrix] == expected.tolist()


def test_two_boosters_and_many_threads_do_not_mix() -> None:
    pairs = [trained(-1, seed) for seed in (1, 2)]
    expected = [booster.predict(matrix, raw_score=True) for booster, matrix in pairs]
    shared = [SingleRow(booster) for booster, _ in pairs]

    def score(place: int) -> list[float]:
        return [shared[place % 2].margin(row) for row in pairs[place % 2][1]]

    with ThreadPoolExecutor(4) as pool:
        for place, margins in enumerate(pool.map(score, range(8))):
            assert margins == expected[place % 2].tolist()
