import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.isotonic import isotonic_regression

from models.horizons import never_decreasing

probabilities = arrays(
    np.float64,
    array_shapes(min_dims=2, max_dims=2, max_side=5),
    elements=st.floats(0, 1, allow_subnormal=False),
)


@given(probabilities)
def test_it_is_isotonic_regression_within_each_row(probability: np.ndarray) -> None:
    corrected = never_decreasing(probability)
    assert np.all(np.diff(corrected, axis=0) >= 0)
    assert np.all((corrected >= 0) & (corrected <= 1))
    for row in range(probability.shape[1]):
        assert corrected[:, row] == pytest.approx(
            isotonic_regression(probability[:, row]), abs=1e-12
        )


@given(probabilities)
def test_what_fits_is_left_alone_bit_for_bit(probability: np.ndarray) -> None:
    fitting = np.sort(probability, axis=0)
    together = np.concatenate([fitting, probability], axis=1)
    assert np.array_equal(never_decreasing(fitting), fitting)
    assert np.array_equal(never_decreasing(together)[:, : fitting.shape[1]], fitting)
