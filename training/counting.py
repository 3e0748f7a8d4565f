"""Evidence, counted by customer: rows of one customer tell of the same outcome.

Cut-offs lie four weeks apart and a label takes up to 90 days, so that one loss makes three or four rows
positive. What they say of the model is said once.
"""

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats, Texts

Whose = Texts | NDArray[np.integer]
"""The customer of each row: its id or a code."""


def customers_with(chosen: NDArray[np.bool_], customers: Whose) -> int:
    """Number of customers with at least one chosen row.

    Parameters
    ----------
    chosen : (n,) bool
        Such as the rows with the outcome.
    customers : (n,) str or int
        Whose rows they are.

    Examples
    --------
    >>> lost = np.array([True, True, False, True])
    >>> customers_with(lost, np.array(["0004711", "0004711", "0004711", "0004712"]))
    2
    """
    return len(np.unique(customers[chosen]))


def fewest_of_a_class(label: Floats, customers: Whose) -> int:
    """Customers with a positive, or with a negative, whichever are fewer.

    Parameters
    ----------
    label : (n,) float64
        0 or 1.
    customers : (n,) str or int
        Whose rows they are.
    """
    return min(customers_with(label == value, customers) for value in (1.0, 0.0))


def effective_number(weight: Floats, whose: Whose) -> float:
    """Kish's effective number of customers, or of answers: fewer, the more unequal their weights are.

    Parameters
    ----------
    weight : (n,) float64
        At least 0. Those of a customer's rows are added up.
    whose : (n,) str or int
        Whose rows they are.

    Examples
    --------
    >>> effective_number(np.ones(6), np.array([1, 1, 2, 2, 3, 3]))
    3.0
    """
    if not weight.any():
        return 0.0
    total = np.bincount(np.unique(whose, return_inverse=True)[1], weights=weight)
    return float(total.sum() ** 2 / (total @ total))
