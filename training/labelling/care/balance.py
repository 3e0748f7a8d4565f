"""Balance: whether chosen rows, with their weights, are like all rows that they represent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats

BALANCED = 0.1
"""Standardised difference up to which chosen rows and all rows count as similar."""


@dataclass(frozen=True, kw_only=True)
class Balance:
    """Difference between chosen rows and all rows in one column.

    Parameters
    ----------
    column : str
        A feature, or ``<feature> missing`` for whether it is missing.
    asked : float
        Mean over all rows, by design weights: all who were invited, or all at risk.
    before, after : float
        Standardised difference of the chosen rows: by design weights alone, and by their weights.
        0 means no difference.
    """

    column: str
    asked: float
    before: float
    after: float


def balance(
    matrix: Floats,
    features: Sequence[str],
    chosen: NDArray[np.bool_],
    design: Floats,
    weights: Floats,
) -> list[Balance]:
    """Compare chosen rows with all rows by column, before and after weighting.

    Parameters
    ----------
    matrix : (n, k) float64
        Columns of all rows, NaN for missing.
    features : sequence of str
        Their names.
    chosen : (n,) bool
        Which rows are there: answered, or untouched by care.
    design : (n,) float64
        How many each row represents without further weights, in any unit.
    weights : (m,) float64
        How many each chosen row represents with them, in any unit.

    Returns
    -------
    list of Balance
        Columns that vary, with the largest difference before weighting first. Being missing is a
        column of its own; means are of the values that are there.
    """
    balances = []
    for position, name in enumerate(features):
        values = matrix[:, position]
        missing = np.isnan(values)
        columns = [(name, values, ~missing)]
        if missing.any():
            columns.append(
                (
                    f"{name} missing",
                    missing.astype(np.float64),
                    np.ones(len(values), dtype=np.bool_),
                )
            )
        for column, of, present in columns:
            compared = _compared(column, of, present, chosen, design, weights)
            if compared is not None:
                balances.append(compared)
    return sorted(balances, key=lambda one: (-abs(one.before), one.column))


def _compared(
    column: str,
    values: Floats,
    present: NDArray[np.bool_],
    chosen: NDArray[np.bool_],
    design: Floats,
    weights: Floats,
) -> Balance | None:
    compared = present & chosen
    if not compared.any():
        return None
    mean = float(np.average(values[present], weights=design[present]))
    spread = float(np.sqrt(np.average((values[present] - mean) ** 2, weights=design[present])))
    if spread <= 0:
        return None
    after = np.zeros(len(values))
    after[chosen] = weights
    before_mean, after_mean = (
        float(np.average(values[compared], weights=weight[compared])) for weight in (design, after)
    )
    return Balance(
        column=column,
        asked=mean,
        before=(before_mean - mean) / spread,
        after=(after_mean - mean) / spread,
    )
