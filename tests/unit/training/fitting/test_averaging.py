from dataclasses import dataclass

import numpy as np
import pytest

from training.fitting.averaging import Averaging, priced
from training.fitting.fit import EarlyStopped, TrainingTable

ROWS = 400
RANDOM = np.random.default_rng(1)
TRUTH = RANDOM.normal(size=ROWS)
VALID = TrainingTable(
    matrix=TRUTH[:, None],
    label=(RANDOM.random(ROWS) < 1 / (1 + np.exp(-TRUTH))).astype(float),
    group=None,
    features=("truth",),
    categorical=(),
)


@dataclass
class Booster:
    """Stands in for LightGBM's: the true margin plus its own error, in a number of leaves."""

    error: np.ndarray
    leaves: int
    best_iteration: int = 0

    def predict(self, matrix: np.ndarray, **options: object) -> np.ndarray:
        return matrix[:, 0] + self.error

    def model_to_string(self, num_iteration: int | None) -> str:
        return f"num_leaves={self.leaves}\n"


def _averaging(
    boosters: list[Booster], price: float = 0.002, most_leaves: int = 20_000
) -> Averaging:
    return Averaging(
        lambda parameters: EarlyStopped(boosters[int(str(parameters["number"]))], 1, 0.0),  # type: ignore[arg-type]
        VALID,
        price,
        most_leaves,
        threads=1,
    )


def _worth(boosters: list[Booster], most: float = np.inf, **options: float) -> list[int]:
    reported: list[int] = []
    parameter_sets = [{"number": number} for number in range(len(boosters))]
    worth = _averaging(boosters, **options).worth(parameter_sets, most, reported.append)  # type: ignore[arg-type]
    assert 0 < len(reported) <= len(boosters)
    return worth


def _erring(count: int, leaves: int) -> list[Booster]:
    return [Booster(RANDOM.normal(size=ROWS), leaves) for _ in range(count)]


def test_boosters_that_err_apart_are_averaged() -> None:
    assert _worth(_erring(5, leaves=100)) == [0, 1, 2, 3, 4]


def test_boosters_that_say_the_same_are_not() -> None:
    (one,) = _erring(1, leaves=100)
    assert _worth([one, one, one, one]) == [0]


def test_leaves_must_be_earned() -> None:
    boosters = _erring(5, leaves=4000)
    assert _worth(boosters, price=0.0) == [0, 1, 2, 3, 4]
    assert _worth(boosters, price=1.0) == [0]


@pytest.mark.parametrize(
    "most_leaves, expected", [(10_000, [0, 1, 2, 3, 4]), (700, [0, 1, 3]), (100, [0])]
)
def test_the_gate_s_leaves_are_never_exceeded(most_leaves: int, expected: list[int]) -> None:
    boosters = _erring(5, leaves=300)
    boosters[3].leaves = 100
    assert _worth(boosters, most_leaves=most_leaves) == expected


def test_an_average_worse_than_the_default_parameters_is_not_kept() -> None:
    assert _worth(_erring(5, leaves=100), most=0.1) == [0]


def test_it_stops_fitting_where_two_in_a_row_do_not_pay() -> None:
    (one,) = _erring(1, leaves=100)
    reported: list[int] = []
    _averaging([one] * 8).worth(
        [{"number": number} for number in range(8)], np.inf, reported.append
    )
    assert len(reported) == 3


def test_the_price_is_a_share_of_log_loss() -> None:
    assert priced(0.4, 10_000, 0.002) == pytest.approx(0.4 * 1.002)
