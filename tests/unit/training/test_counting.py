"""Evidence is counted by customer."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.counting import customers_with, effective_number, fewest_of_a_class

ROWS = st.lists(
    st.tuples(st.integers(0, 9), st.booleans(), st.floats(0.1, 20.0)), min_size=1, max_size=60
)


@given(ROWS, st.integers(1, 4))
def test_rows_repeated_add_no_evidence(rows: list[tuple[int, bool, float]], times: int) -> None:
    customers = np.array([f"c{customer}" for customer, _, _ in rows])
    lost = np.array([lost for _, lost, _ in rows])
    weight = np.array([weight for _, _, weight in rows])
    again = np.repeat(np.arange(len(rows)), times)
    assert customers_with(lost, customers) == len({row[0] for row in rows if row[1]})
    assert customers_with(lost[again], customers[again]) == customers_with(lost, customers)
    assert fewest_of_a_class(lost[again].astype(float), customers[again]) == min(
        len({row[0] for row in rows if row[1] == value}) for value in (True, False)
    )
    assert effective_number(weight[again], customers[again]) == pytest.approx(
        effective_number(weight, customers)
    )
    assert effective_number(weight, customers) <= len(np.unique(customers)) + 1e-9


def test_the_effective_number_falls_with_unequal_weights() -> None:
    customers = np.array([1, 1, 2, 3])
    assert effective_number(np.array([1.0, 1.0, 2.0, 2.0]), customers) == pytest.approx(3)
    assert effective_number(np.array([4.0, 4.0, 1.0, 1.0]), customers) == pytest.approx(100 / 66)
    assert effective_number(np.zeros(4), customers) == 0.0
    assert effective_number(np.array([]), np.array([], dtype=np.int64)) == 0.0
