"""The care list: whom to care for first, as a file that a marketing person can open."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats

REASONS = 3
"""Reasons shown per customer."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True, kw_only=True)
class CareEntry:
    """One customer on the care list.

    Parameters
    ----------
    customer_id : str
        Who.
    probability : float or None
        Probability of leaving, 0 to 1; None where no honest one is known.
    band : str
        ``high``, ``medium`` or ``low``; empty where the probability is None.
    value_at_stake : float or None
        Probability times value, in the value's unit; None where no value is known.
    reasons : tuple of str
        What raises this customer's risk most, strongest first.
    """

    customer_id: str
    probability: float | None
    band: str
    value_at_stake: float | None
    reasons: tuple[str, ...]


def order_of_care(probability: Floats, value: Floats | None) -> NDArray[np.intp]:
    """Positions of customers, the one to care for first at the front.

    Parameters
    ----------
    probability : (n,) float64
        Probability of leaving; NaN, where none is known, comes last.
    value : (n,) float64, optional
        What a customer is worth, in any unit; NaN where not known. With it the order is by expected
        value at stake, and customers of unknown value follow by risk; without it, by risk.

    Returns
    -------
    (n,) intp
        Ties keep the given order.
    """
    if value is None:
        return np.argsort(-probability, kind="stable")
    at_stake = probability * value
    known = ~np.isnan(at_stake)
    return np.lexsort((-probability, np.where(known, -at_stake, 0.0), ~known))


def care_list_csv(entries: Sequence[CareEntry]) -> str:
    """The care list as CSV text, in the order given, with a rank.

    Text that a spreadsheet would take for a formula is escaped with an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream)
    with_value = any(entry.value_at_stake is not None for entry in entries)
    header = [
        "rank",
        "customer_id",
        "probability",
        "band",
        *(["value_at_stake"] if with_value else []),
    ]
    writer.writerow([*header, *(f"reason_{position}" for position in range(1, REASONS + 1))])
    for rank, entry in enumerate(entries, start=1):
        probability = "" if entry.probability is None else f"{entry.probability:.4f}"
        at_stake = "" if entry.value_at_stake is None else f"{entry.value_at_stake:.2f}"
        reasons = [escape_formula(reason) for reason in entry.reasons[:REASONS]]
        writer.writerow(
            [rank, escape_formula(entry.customer_id), probability, entry.band]
            + ([at_stake] if with_value else [])
            + reasons
            + [""] * (REASONS - len(reasons))
        )
    return stream.getvalue()


def escape_formula(text: str) -> str:
    """Text that no spreadsheet computes: an apostrophe goes before what would start a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
