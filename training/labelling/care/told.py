"""Care exposure of the rows that a version was made from, as it is told to people.

It is read from the facts of the dataset, see `training.labelling.care.weights.CareWeights`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.labelling.care.balance import BALANCED
from training.labelling.care.weights import LEAST_PROBABILITY, MOST_BELOW


@dataclass(frozen=True, kw_only=True)
class HorizonCare:
    """What care did to the rows of one horizon, and what the weights of the others make of it.

    Parameters
    ----------
    days : int
        The horizon.
    by_draw, by_rule : int
        Rows left out, by what their first treatment followed.
    rows : int
        Rows that are left.
    effective_rows : float
        Kish's effective number of them.
    customers : int or None
        Customers that these rows are of; None in versions from before this was kept.
    effective_customers : float or None
        Kish's effective number of them, by the sum of the weights of each one's rows; None likewise.
    largest_weight : float
        Of these rows.
    rule : str or None
        How care by a rule is corrected: ``features``, ``strata``, or None where there was none.
    below : float or None
        Share of all rows that such care leaves untouched with a probability below
        `training.labelling.care.weights.LEAST_PROBABILITY`; None where there was none.
    columns, apart_before, apart_after : int
        Columns compared with all rows, and how many were apart without and with weights.
    largest_before, largest_after : float
        Largest standardised difference.
    worst : str
        The column with the largest difference after weighting; empty where there is none.
    shown : bool
        Overlap and balance are good enough to say that the rows left represent all.
    """

    days: int
    by_draw: int
    by_rule: int
    rows: int
    effective_rows: float
    customers: int | None
    effective_customers: float | None
    largest_weight: float
    rule: str | None
    below: float | None
    columns: int
    apart_before: int
    apart_after: int
    largest_before: float
    largest_after: float
    worst: str
    shown: bool

    @property
    def overlaps(self) -> bool:
        """Whether nearly every row could have been left untouched."""
        return self.below is None or self.below <= MOST_BELOW


def care_of(choices: Mapping[str, Any]) -> tuple[HorizonCare, ...]:
    """Care exposure by horizon, shortest first; empty where there was no care, for surveys, and for
    versions made before it was kept by horizon.

    Parameters
    ----------
    choices : mapping of str to JSON
        `training.release.facts.TrainingFacts.choices`.
    """
    document: dict[str, Any] = choices.get("dataset", {}).get("care", {})
    return tuple(
        HorizonCare(
            days=int(days),
            by_draw=one["touched_randomised"],
            by_rule=one["touched_otherwise"],
            rows=one["rows"],
            effective_rows=one["effective_rows"],
            customers=one.get("customers"),
            effective_customers=one.get("effective_customers"),
            largest_weight=one["largest_weight"],
            rule=one["rule"],
            below=None if one["overlap"] is None else one["overlap"]["share"],
            **{
                name: one["balance"][name]
                for name in (
                    *("columns", "apart_before", "apart_after"),
                    *("largest_before", "largest_after"),
                )
            },
            worst=next((worst["column"] for worst in one["balance"]["worst"]), ""),
            shown=one["shown"],
        )
        for days, one in document.items()
        if isinstance(one, dict) and "shown" in one
    )


def care_rows(choices: Mapping[str, Any]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Names and rows of a table for the model card."""
    names = (
        *("within", "left out, drawn", "left out, by rule", "rows left", "effective rows"),
        *("customers left", "effective customers", "largest weight"),
        f"all rows with a probability below {LEAST_PROBABILITY:g}",
        *("columns apart, before", "after", "largest difference, before", "after", "represent all"),
    )
    rows: list[tuple[str, ...]] = [
        (
            f"{one.days} days",
            f"{one.by_draw:,}",
            f"{one.by_rule:,}",
            f"{one.rows:,}",
            f"{one.effective_rows:,.0f}",
            "–" if one.customers is None else f"{one.customers:,}",
            "–" if one.effective_customers is None else f"{one.effective_customers:,.0f}",
            f"{one.largest_weight:.1f}",
            "–" if one.below is None else f"{one.below:.1%}",
            f"{one.apart_before} of {one.columns}",
            f"{one.apart_after} of {one.columns}",
            f"{one.largest_before:.2f}",
            f"{one.largest_after:.2f}",
            "yes" if one.shown else "**not shown**",
        )
        for one in care_of(choices)
    ]
    return names, rows


CARE_WORDS = (
    "Rows that care touched within a horizon are left out of it, and the others are weighted to"
    " represent them. To be left untouched by care that followed a rule must have been possible for"
    " nearly all rows, and with their weights the rows left must be like all rows in every column:"
    f" no standardised difference above {BALANCED:g}. Columns that exceed this are counted as apart,"
    " before and after the rows left are weighted. Where one of both is not so, it is not shown that"
    " the figures are of the risk without care."
)
"""What the table means."""
