"""Weights of rows that care left untouched, and whether they make up for those that it touched.

The weight of an untouched row is that of the draws that put it into control, times one over the
probability that care by a rule had not reached it by then (inverse probability of censoring): the
product over the steps of its hazard of ``exp(-r h)``, see `training.labelling.care.rates`. It is
*assumed* that rows with the same features, cut-off and billing type are otherwise alike. Where care
reached too few customers to learn from their features, rates are those of the stratum alone.

Weights are not divided by the share of untouched rows of a cut-off: every cut-off and billing type
keeps the part that it has of all rows at risk. Figures are weighted means, which the common size of
weights does not change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from holdfast.arrays import Floats, Positions, Texts, Times
from training.counting import customers_with, effective_number
from training.labelling.care.balance import BALANCED, Balance, balance
from training.labelling.care.exposure import CareExposure, HorizonExposure
from training.labelling.care.rates import RelativeRates, StratumHazards

GREATEST_WEIGHT = 20.0
"""Larger weights are clipped, so that a few rows do not dominate the others."""

LEAST_PROBABILITY = 1 / GREATEST_WEIGHT
"""Rows that care by a rule leaves untouched with a smaller probability are represented by too few, if
any.
"""

MOST_BELOW = 0.01
"""Share of rows below `LEAST_PROBABILITY` up to which the untouched overlap with the touched."""

FEWEST_REACHED = 100
"""Customers that care by a rule must have reached for its rates to be learnt from features."""

EXAMINED_ROWS = 50_000
"""Rows, touched ones included, that rates are fitted on and balance is looked at, at most."""

WORST_COLUMNS = 5
"""Columns of the balance that are kept."""

_DIGITS = 9
"""Weights are rounded to these decimals: sums and products over several threads differ in the last
bits, which must not decide what is clipped.
"""


@dataclass(frozen=True)
class RowsAtRisk:
    """The n rows at risk, and how their features are read.

    Parameters
    ----------
    stratum : (n,) int64
        Codes of cut-off and billing type.
    customers : (n,) str
        Their customers.
    features : tuple of str
        Names of the k features.
    kept : (m,) intp
        Positions of the rows that some horizon keeps, in order.
    matrix : (m, k) float64
        Their features.
    read : callable
        Gives the (r, k) features of rows at some positions.
    """

    stratum: NDArray[np.int64]
    customers: Texts
    features: tuple[str, ...]
    kept: Positions
    matrix: Floats
    read: Callable[[Positions], Floats]

    @classmethod
    def of(
        cls,
        rows: pl.DataFrame,
        features: tuple[str, ...],
        kept: Positions,
        matrix: Floats,
        read: Callable[[list[str], Times], Floats],
    ) -> "RowsAtRisk":
        """The lines at risk.

        Parameters
        ----------
        rows : DataFrame
            ``subscription_id``, ``customer_id``, ``cutoff`` and ``billing_type`` of n rows.
        features, kept, matrix
            As of this class.
        read : callable
            Gives features of lines at cut-offs.
        """
        cutoffs = rows["cutoff"].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
        ids = rows["subscription_id"].to_numpy()
        kinds = rows["billing_type"].to_numpy().astype(np.str_)
        kind_names, kind = np.unique(kinds, return_inverse=True)
        cutoff = np.unique(cutoffs, return_inverse=True)[1]
        return cls(
            stratum=(cutoff * len(kind_names) + kind).astype(np.int64),
            customers=rows["customer_id"].to_numpy().astype(np.str_),
            features=features,
            kept=kept,
            matrix=matrix,
            read=lambda positions: read(ids[positions].tolist(), cutoffs[positions]),
        )


@dataclass(frozen=True)
class CareWeights:
    """Weights of the rows that some horizon keeps.

    Parameters
    ----------
    weight : dict of int to (m,) float64
        By horizon in days: above 0 and at most `GREATEST_WEIGHT`; of no meaning where the horizon
        leaves the row out. Empty where there was no care.
    facts : dict of str to JSON
        By horizon in days: `exposure_counts`; ``rows`` that are left and ``effective_rows`` (Kish);
        the ``customers`` that they are of and ``effective_customers``; ``largest_weight``; ``rule``
        (how care by a rule is corrected: ``features``, ``strata``, or null where there was none);
        ``overlap`` (``below`` and ``share``, see `LEAST_PROBABILITY`; null without such care);
        ``balance`` (of features, see `_balance_facts`); and ``shown``, whether
        overlap and balance are good enough to say that the rest represents all.
    """

    weight: dict[int, Floats]
    facts: dict[str, Any]


def care_weights(exposure: CareExposure, rows: RowsAtRisk) -> CareWeights:
    """Weight the untouched rows, so that they represent all rows at risk.

    Parameters
    ----------
    exposure : CareExposure
        What care did to all n rows.
    rows : RowsAtRisk
        The rows.
    """
    if not exposure.is_any:
        return CareWeights({}, {})
    examined = _examined(rows.customers)
    is_kept = np.zeros(len(rows.customers), dtype=np.bool_)
    is_kept[rows.kept] = True
    gone = np.flatnonzero(examined & ~is_kept)
    there = np.flatnonzero(examined[rows.kept])
    sample = np.concatenate([rows.kept[there], gone])
    matrix = np.concatenate([rows.matrix[there], rows.read(gone)])
    rule = _Rule(exposure, rows, sample, matrix)
    unclipped = rule.weights(rows.kept, rule.rates(rows.kept, rows.matrix))
    rates = rule.rates(sample, matrix)
    of_sample = rule.weights(sample, rates)
    by_end = rule.untouched(sample, rates, by_end=True)
    customers = np.unique(rows.customers[rows.kept], return_inverse=True)[1]
    weight, facts = {}, {}
    for number, (days, one) in enumerate(exposure.horizons.items()):
        weight[days] = np.minimum(unclipped[:, number], GREATEST_WEIGHT)
        told = np.flatnonzero(one.complete[sample])
        left = ~one.touched[sample[told]]
        balances = balance(
            matrix if len(told) == len(matrix) else matrix[told],
            rows.features,
            left,
            np.ones(len(told)),
            np.minimum(of_sample[told[left], number], GREATEST_WEIGHT),
        )
        of_horizon = one.complete[rows.kept] & ~one.touched[rows.kept]
        facts[str(days)] = _facts(
            one,
            unclipped[of_horizon, number],
            customers[of_horizon],
            rule.kind,
            float(np.mean(by_end[told, number] < LEAST_PROBABILITY)),
            balances,
        )
    return CareWeights(weight, facts)


def exposure_counts(exposure: HorizonExposure, unclipped: Floats) -> dict[str, int]:
    """Counts of rows within one horizon.

    Parameters
    ----------
    exposure : HorizonExposure
        Of all rows. Those whose label is not complete do not count.
    unclipped : (m,) float64
        Weights of the untouched ones.

    Returns
    -------
    dict of str to int
        ``touched_randomised`` and ``touched_otherwise`` (left out); ``weighted`` and ``clipped``
        (of those that stay).
    """
    return {
        "touched_randomised": int((exposure.complete & exposure.touched & ~exposure.by_rule).sum()),
        "touched_otherwise": int((exposure.complete & exposure.by_rule).sum()),
        "weighted": int((unclipped != 1).sum()),
        "clipped": int((unclipped > GREATEST_WEIGHT).sum()),
    }


class _Rule:
    """Care by a rule: the hazards of its strata, and relative rates where enough were reached."""

    def __init__(
        self, exposure: CareExposure, rows: RowsAtRisk, sample: Positions, matrix: Floats
    ) -> None:
        *_, longest = exposure.horizons.values()
        self._exposure = exposure
        self._rows = rows
        self._relative: RelativeRates | None = None
        self.kind = "strata" if longest.by_rule.any() else None
        by_rule, until = longest.by_rule, exposure.until
        self._hazards = StratumHazards(rows.stratum, until, by_rule, np.ones(until.shape))
        customers = rows.customers[sample]
        if customers_with(by_rule[sample], customers) < FEWEST_REACHED:
            return
        self.kind = "features"
        of_sample = rows.stratum[sample], until[sample]
        reached = np.column_stack([one.by_rule[sample] for one in exposure.horizons.values()])
        reached[:, 1:] &= ~reached[:, :-1]
        hazard, before = (
            self._hazards.by_window(*of_sample, before=before) for before in (False, True)
        )
        self._relative = RelativeRates.fit(
            matrix,
            customers,
            np.where(reached, before, hazard),
            np.where(reached, hazard - before, 0.0),
        )
        # Who is soon reached is soon gone: the hazard of those who are left is found again.
        self._hazards = StratumHazards(*of_sample, by_rule[sample], self.rates(sample, matrix))

    def rates(self, positions: Positions, matrix: Floats) -> Floats:
        """Relative rates of rows in each window."""
        windows = len(self._exposure.horizons)
        if self._relative is None:
            return np.ones((len(positions), windows))
        return self._relative.of(matrix, self._rows.customers[positions], windows)

    def weights(self, positions: Positions, rates: Floats) -> Floats:
        """Weights of rows within each horizon, not clipped."""
        control = np.column_stack(
            [one.control_weight[positions] for one in self._exposure.horizons.values()]
        )
        return np.round(control / self.untouched(positions, rates), _DIGITS)

    def untouched(self, positions: Positions, rates: Floats, *, by_end: bool = False) -> Floats:
        """Probability that care by a rule had not reached rows, within each horizon: by the time
        that they were followed, or by the label's end, as if nothing else ended that time.
        """
        until = self._exposure.end if by_end else self._exposure.until
        hazard = self._hazards.by_window(self._rows.stratum[positions], until[positions])
        return np.asarray(np.exp(-np.cumsum(hazard * rates, axis=1)), dtype=np.float64)


def _examined(customers: Texts) -> NDArray[np.bool_]:
    """All rows, or those of so many customers at random that `EXAMINED_ROWS` are about reached."""
    if len(customers) <= EXAMINED_ROWS:
        return np.ones(len(customers), dtype=np.bool_)
    ids, place = np.unique(customers, return_inverse=True)
    chosen = np.random.default_rng(0).random(len(ids)) < EXAMINED_ROWS / len(customers)
    return np.asarray(chosen[place], dtype=np.bool_)


def _facts(
    exposure: HorizonExposure,
    unclipped: Floats,
    customers: NDArray[np.intp],
    rule: str | None,
    below: float,
    balances: list[Balance],
) -> dict[str, Any]:
    weight = np.minimum(unclipped, GREATEST_WEIGHT)
    columns = _balance_facts(balances)
    overlap = None if rule is None else {"below": LEAST_PROBABILITY, "share": below}
    overlaps = overlap is None or below <= MOST_BELOW
    return {
        **exposure_counts(exposure, unclipped),
        "rows": len(weight),
        "effective_rows": effective_number(weight, np.arange(len(weight))),
        "customers": len(np.unique(customers)),
        "effective_customers": effective_number(weight, customers),
        "largest_weight": float(weight.max(initial=0.0)),
        "rule": rule,
        "overlap": overlap,
        "balance": columns,
        "shown": bool(len(weight)) and overlaps and columns["apart_after"] == 0,
    }


def _balance_facts(balances: list[Balance]) -> dict[str, Any]:
    """Standardised differences between untouched rows and all rows: the number of ``columns``, how
    many are ``apart_before`` and ``apart_after`` weighting by more than `BALANCED`, the
    ``largest_before`` and ``largest_after``, and the ``worst`` after weighting.
    """
    before, after = ([abs(getattr(one, name)) for one in balances] for name in ("before", "after"))
    worst = sorted(balances, key=lambda one: (-abs(one.after), one.column))[:WORST_COLUMNS]
    return {
        "columns": len(balances),
        "apart_before": sum(value > BALANCED for value in before),
        "apart_after": sum(value > BALANCED for value in after),
        "largest_before": max(before, default=0.0),
        "largest_after": max(after, default=0.0),
        "worst": [
            {"column": one.column, "before": one.before, "after": one.after} for one in worst
        ],
    }
