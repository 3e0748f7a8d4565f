"""Shifts: what cut-offs say of the level."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from training.level.shifts import FEWEST_EXPECTED, shift_of, shifts_of


def drawn(rows: int, shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and outcomes at another level."""
    random = np.random.default_rng(seed)
    probability = expit(random.normal(-2.5, 1.0, rows))
    label = (random.random(rows) < expit(logit(probability) + shift)).astype(np.float64)
    return probability, label


@given(shift=st.floats(-1, 1), seed=st.integers(0, 2**32))
@settings(max_examples=15)
def test_a_shift_is_found_within_its_error(shift: float, seed: int) -> None:
    probability, label = drawn(4_000, shift, seed)
    found, error = shift_of(probability, label, np.ones(4_000), np.arange(4_000))
    assert abs(found - shift) < 5 * error
    assert error < 0.2


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_where_nobody_or_everybody_has_the_outcome_there_is_a_shift(outcome: float) -> None:
    probability = np.full(100, 0.1)
    found, error = shift_of(probability, np.full(100, outcome), np.ones(100), np.arange(100))
    assert np.sign(found) == (1 if outcome else -1)
    assert abs(found) < 10
    assert error > 0.3


def test_rows_of_one_customer_err_together() -> None:
    probability, label = drawn(5_000, 0.0, 3)
    four = [np.repeat(values, 4) for values in (probability, label)]
    _, apart = shift_of(*four, np.ones(20_000), np.arange(20_000))
    _, together = shift_of(*four, np.ones(20_000), np.repeat(np.arange(5_000), 4))
    assert together == pytest.approx(2 * apart, rel=0.1)


def test_a_row_that_stands_for_others_counts_as_they_do() -> None:
    probability, label = drawn(4_000, 0.4, 4)
    once, _ = shift_of(probability, label, np.full(4_000, 3.0), np.arange(4_000))
    thrice, _ = shift_of(
        *(np.repeat(values, 3) for values in (probability, label)),
        np.ones(12_000),
        np.repeat(np.arange(4_000), 3),
    )
    assert once == pytest.approx(thrice)


def test_there_is_a_shift_by_cutoff_and_line_unless_too_little_is_predicted() -> None:
    probability, label = drawn(6_000, 0.0, 5)
    cutoffs = np.repeat(np.array(["2025-03-03", "2025-03-31"], "datetime64[us]"), 3_000)
    lines = np.tile(["postpaid", "prepaid", "fixed"], 2_000)
    is_rare = (lines == "fixed") & (cutoffs == cutoffs[0])
    probability[is_rare] *= 0.9 * FEWEST_EXPECTED / probability[is_rare].sum()
    found = shifts_of(cutoffs, lines, probability, label, np.ones(6_000), np.arange(6_000))
    assert [(one.cutoff[:10], one.line) for one in found] == [
        *(("2025-03-03", "postpaid"), ("2025-03-03", "prepaid")),
        *(("2025-03-31", line) for line in ("fixed", "postpaid", "prepaid")),
    ]
    chosen = (lines == "fixed") & ~is_rare
    alone = shift_of(
        probability[chosen], label[chosen], np.ones(chosen.sum()), np.arange(chosen.sum())
    )
    assert (found[2].shift, found[2].error) == alone
    assert found[2].expected == pytest.approx(probability[chosen].sum())
