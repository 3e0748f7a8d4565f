"""Two versions are compared on enough customers, however many rows they have."""

import numpy as np
import pytest

from training.evaluation.predictions import TestPredictions, compare_predictions
from training.settings import AssessmentSettings

SETTINGS = AssessmentSettings(draws=50)


def predictions(customers: int, rows_each: int) -> TestPredictions:
    """Half of the customers are lost, at every cut-off."""
    customer = np.repeat(np.arange(customers, dtype=np.uint64), rows_each)
    random = np.random.default_rng(2)
    return TestPredictions(
        row=np.arange(len(customer), dtype=np.uint64),
        customer=customer,
        weight=np.ones(len(customer)),
        label={"90": (customer % 2).astype(np.float64)},
        probability={"90": random.uniform(0.1, 0.9, len(customer))},
    )


@pytest.mark.parametrize(
    ("customers", "rows_each", "compared"), [(20, 4, False), (58, 1, False), (60, 1, True)]
)
def test_a_horizon_is_compared_on_thirty_customers_with_and_without_the_outcome(
    customers: int, rows_each: int, compared: bool
) -> None:
    ours = predictions(customers, rows_each)
    assert set(compare_predictions(ours, ours, SETTINGS, 1)) == ({"90"} if compared else set())
