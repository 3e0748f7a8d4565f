"""The care list of a table: everybody who has not left, whom to care for first, with what raises
their risk, and the list as a file for a spreadsheet.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.encoding.encoding import Encoding
from features.flat.customers import CustomerTable
from holdfast.arrays import Floats, Positions
from holdfast.files import escape_formula
from holdfast.logging import progress
from models.reasons.explain import Explanation
from models.scorer import Scorer
from models.words.catalogue import words
from reports.words.texts import ENGLISH, Texts
from training.flat.scores import CustomerScores

REASONS = 3
"""Reasons shown per customer."""

_CHUNK_ROWS = 5_000


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


def care_entries(
    customers: CustomerTable,
    encoding: Encoding,
    matrix: Floats,
    scorer: Scorer,
    scores: CustomerScores,
    texts: Texts = ENGLISH,
) -> list[CareEntry]:
    """Everybody whose target is not positive, whom to care for first at the front.

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
    texts : Texts
        In which language the reasons are.
    """
    staying = np.flatnonzero(customers.label != 1)
    value = None if customers.value is None else customers.value[staying]
    order = staying[order_of_care(scores.probability[staying], value)]
    entries = []
    with progress("Finding reasons", len(order)) as advance:
        for start in range(0, len(order), _CHUNK_ROWS):
            rows = order[start : start + _CHUNK_ROWS]
            explanation = scorer.explain_told(matrix[rows])
            reasons = raising_reasons(explanation, encoding, matrix[rows], texts)
            entries += [
                _entry(customers, scores, int(row), why)
                for row, why in zip(rows, reasons, strict=True)
            ]
            advance(len(rows))
    return entries


def raising_reasons(
    explanation: Explanation, encoding: Encoding, matrix: Floats, texts: Texts = ENGLISH
) -> list[tuple[str, ...]]:
    """For each of n rows the features that raise its risk most, as ``column: value``, strongest
    first. A value that is not known is no reason.

    Parameters
    ----------
    explanation : Explanation
        Of the same rows.
    encoding : Encoding
        How the k features read.
    matrix : (n, k) float64
        The rows' features.
    texts : Texts
        In which language what is not known is told.
    """
    template = words(texts.language).phrases["fallback"]
    strongest = np.argsort(-explanation.contributions, axis=1, kind="stable")[:, :REASONS]
    return [
        tuple(
            template.format(
                name=encoding.columns[feature].name,
                value=readable(encoding.columns[feature].decode(row[feature]), texts),
            )
            for feature in features
            if contributions[feature] > 0
        )
        for row, features, contributions in zip(
            matrix, strongest, explanation.contributions, strict=True
        )
    ]


def readable(value: float | str | None, texts: Texts = ENGLISH) -> str:
    """A feature's value for a person."""
    if value is None:
        return texts.gettext("not known")
    return value if isinstance(value, str) else f"{value:,.6g}"


def order_of_care(probability: Floats, value: Floats | None) -> Positions:
    """Positions of customers, whom to care for first at the front.

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


def care_list_csv(entries: Sequence[CareEntry], texts: Texts = ENGLISH) -> str:
    """The care list as CSV text, in the order given, with a rank.

    Text that a spreadsheet would take for a formula is escaped with an apostrophe. In another
    language than English, its header and bands are for people; programs read `scores.parquet`.
    """
    stream = io.StringIO()
    writer = csv.writer(stream)
    with_value = any(entry.value_at_stake is not None for entry in entries)
    header = [
        texts.gettext("rank"),
        texts.gettext("customer_id"),
        texts.gettext("probability"),
        texts.gettext("band"),
        *([texts.gettext("value_at_stake")] if with_value else []),
    ]
    reason, bands = texts.gettext("reason_{place}"), words(texts.language).bands
    places = range(1, REASONS + 1)
    writer.writerow([*header, *(reason.format(place=place) for place in places)])
    for rank, entry in enumerate(entries, start=1):
        probability = "" if entry.probability is None else f"{entry.probability:.4f}"
        at_stake = "" if entry.value_at_stake is None else f"{entry.value_at_stake:.2f}"
        reasons = [escape_formula(reason) for reason in entry.reasons[:REASONS]]
        writer.writerow(
            [
                rank,
                escape_formula(entry.customer_id),
                probability,
                bands[entry.band] if entry.band else "",
            ]
            + ([at_stake] if with_value else [])
            + reasons
            + [""] * (REASONS - len(reasons))
        )
    return stream.getvalue()


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
