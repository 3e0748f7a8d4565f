"""The care list of a table: everyone not already gone, with what raises their risk."""

import numpy as np

from features.encoding.encoding import Encoding
from features.flat.customers import CustomerTable
from holdfast.arrays import Floats
from holdfast.logging import progress
from models.reasons.explain import Explanation
from models.scorer import Scorer
from reports.quickstart.care_file import REASONS, CareEntry, order_of_care
from training.flat.scores import CustomerScores

_CHUNK_ROWS = 5_000


def care_entries(
    customers: CustomerTable,
    encoding: Encoding,
    matrix: Floats,
    scorer: Scorer,
    scores: CustomerScores,
) -> list[CareEntry]:
    """Everyone whose target is not positive, the one to care for first at the front.

    Parameters
    ----------
    customers : CustomerTable
        The table.
    encoding : Encoding
        How its features read.
    matrix : (n, k) float64
        Features of all its rows.
    scorer : Scorer
        Explains them.
    scores : CustomerScores
        Scores of all its rows.
    """
    staying = np.flatnonzero(customers.label != 1)
    value = None if customers.value is None else customers.value[staying]
    order = staying[order_of_care(scores.probability[staying], value)]
    entries = []
    with progress("Finding reasons", len(order)) as advance:
        for start in range(0, len(order), _CHUNK_ROWS):
            rows = order[start : start + _CHUNK_ROWS]
            explanation = scorer.explain(matrix[rows])
            reasons = raising_reasons(explanation, encoding, matrix[rows])
            entries += [
                _entry(customers, scores, int(row), why)
                for row, why in zip(rows, reasons, strict=True)
            ]
            advance(len(rows))
    return entries


def raising_reasons(
    explanation: Explanation, encoding: Encoding, matrix: Floats
) -> list[tuple[str, ...]]:
    """For each of n rows the features that raise its risk most, as ``column: value``, strongest
    first.

    Parameters
    ----------
    explanation : Explanation
        Of the same rows.
    encoding : Encoding
        How the k features read.
    matrix : (n, k) float64
        The rows' features.
    """
    strongest = np.argsort(-explanation.contributions, axis=1, kind="stable")[:, :REASONS]
    return [
        tuple(
            f"{encoding.columns[feature].name}: {readable(encoding.columns[feature].decode(row[feature]))}"
            for feature in features
            if contributions[feature] > 0
        )
        for row, features, contributions in zip(
            matrix, strongest, explanation.contributions, strict=True
        )
    ]


def readable(value: float | str | None) -> str:
    """A feature's value for a person; a missing one is a reason too."""
    if value is None:
        return "not known"
    return value if isinstance(value, str) else f"{value:,.6g}"


def _entry(
    customers: CustomerTable, scores: CustomerScores, row: int, reasons: tuple[str, ...]
) -> CareEntry:
    probability = float(scores.probability[row])
    worth = None if customers.value is None else float(customers.value[row])
    at_stake = None if worth is None or np.isnan(probability * worth) else probability * worth
    return CareEntry(
        customer_id=customers.ids[row],
        probability=None if np.isnan(probability) else probability,
        band=str(scores.band[row]),
        value_at_stake=at_stake,
        reasons=reasons,
    )
