"""Ranges of a model's features in its training, kept with its version."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from holdfast.arrays import Floats, Positions
from holdfast.documents import read_document, to_document

RANGES = "ranges.json"
"""Name of the document with the `Range` of each feature."""


@dataclass(frozen=True)
class Range:
    """The smallest and the largest value of a feature, as its encoding has it."""

    minimum: float
    maximum: float


def ranges_of(
    matrix: Floats, features: Sequence[str], rows: Positions | slice = slice(None)
) -> dict[str, dict[str, float]]:
    """The document of the ranges of some rows.

    Parameters
    ----------
    matrix : (n, k) float64
        NaN for missing.
    features : sequence of k str
        Names of the columns.
    rows : positions or slice
        Which rows count.

    Returns
    -------
    dict of str to dict
        By feature, without those that are missing in all rows.

    Examples
    --------
    >>> ranges_of(np.array([[1.0, np.nan], [3.0, np.nan]]), ["tenure", "fee"])
    {'tenure': {'minimum': 1.0, 'maximum': 3.0}}
    """
    ranges = {}
    # Column by column: a copy of all rows may not fit into memory.
    for place, name in enumerate(features):
        values = matrix[rows, place]
        known = values[np.isfinite(values)]
        if len(known):
            ranges[name] = to_document(Range(float(known.min()), float(known.max())))
    return ranges


def read_ranges(document: object) -> dict[str, Range]:
    """Read the document back; none where a version has no such document.

    Raises
    ------
    InputError
        It holds something else.
    """
    return {} if document is None else read_document(dict[str, Range], document, RANGES)
