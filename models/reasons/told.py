"""Explanations as a person is told them, by the basis of a version (`models.reasons.basis`)."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats, Texts
from models.reasons.basis import ReasonBasis
from models.reasons.explain import Explanation
from models.strata import EVERYONE
from models.words.forms import FORMS

LEAST_TYPICAL_ROWS = 100
"""A stratum with fewer rows has no typical contributions; everybody's are used."""

_DECIMALS = 6

_REPEATS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "zero_use_days_7d": (7, ("minutes_7d", "data_gb_7d")),
    "zero_use_days_28d": (
        28,
        (
            "minutes_28d",
            "minutes_28d_vs_own",
            "minutes_28d_vs_region",
            "data_gb_28d",
            "data_gb_28d_vs_own",
            "data_gb_28d_vs_region",
        ),
    ),
}
"""Days without any use, with as many as their window has, and features that are then 0 for no other
reason: who hears that a line was not used on any day need not hear that it made no calls.
"""


def typical_contributions(
    explanation: Explanation, strata: Texts, weight: Floats, everyone: str
) -> dict[str, tuple[float, ...]]:
    """Mean contributions of the rows of each stratum.

    Parameters
    ----------
    explanation : Explanation
        Of n rows, at least one.
    strata : (n,) str
        Their strata.
    weight : (n,) float64
        How many rows each stands for, above 0.
    everyone : str
        Key for the mean over all rows.

    Returns
    -------
    dict of str to tuple of k floats
        Strata with at least `LEAST_TYPICAL_ROWS` rows, and `everyone`. Rounded, so that the order of
        sums does not show.
    """
    rows = {name: strata == name for name in np.unique(strata).tolist()}
    kept = {name: mask for name, mask in rows.items() if mask.sum() >= LEAST_TYPICAL_ROWS}
    return {
        name: _mean(explanation.contributions[mask], weight[mask])
        for name, mask in {everyone: np.ones(len(strata), dtype=np.bool_), **kept}.items()
    }


def told(
    explanation: Explanation,
    matrix: Floats,
    features: Sequence[str],
    basis: ReasonBasis,
    strata: Texts,
    typical: Mapping[str, Sequence[float]],
) -> Explanation:
    """An explanation as a person is told it.

    Parameters
    ----------
    explanation : Explanation
        Of n rows.
    matrix : (n, k) float64
        Their features, NaN for missing.
    features : sequence of k str
        Names of the columns.
    basis : ReasonBasis
        What applies to whom, and what a missing value means.
    strata : (n,) str
        Stratum of each row, `models.strata.EVERYONE` for none.
    typical : mapping of str to sequence of k floats
        Typical contributions by stratum; a row of a stratum that is not there has those of
        ``""`` (everyone), or none.

    Returns
    -------
    Explanation
        Contributions beyond what is typical; 0 where nothing can be told. The base takes the rest.
        Of values that state one fact, one has the contributions of all.
    """
    contributions = explanation.contributions.copy()
    for name, rows in _rows_by_stratum(strata):
        usual = typical.get(name, typical.get("", None))
        if usual is not None:
            contributions[rows] -= np.asarray(usual)
    says = tellable(matrix, features, basis, strata)
    contributions[~says] = 0.0
    _add_repeats(contributions, matrix, says, tuple(features))
    return Explanation(
        base=explanation.margin - contributions.sum(axis=1), contributions=contributions
    )


def tellable(
    matrix: Floats, features: Sequence[str], basis: ReasonBasis, strata: Texts
) -> NDArray[np.bool_]:
    """Which values say something about their rows.

    Parameters
    ----------
    matrix, features, basis, strata
        As in `told`.

    Returns
    -------
    (n, k) bool
        False where the feature cannot apply to the row's stratum, and where its value is missing
        without being a fact: a fact about events is none where the count that it is known by is
        missing too, since the table was not there.

    Examples
    --------
    >>> basis = ReasonBasis(strata={"fee": ("postpaid",)}, null_facts=("fee",))
    >>> rows = np.array([[np.nan, 1.0], [5.0, np.nan], [5.0, 2.0]])
    >>> strata = np.array(["postpaid", "postpaid", "prepaid"])
    >>> tellable(rows, ("fee", "drops"), basis, strata).tolist()
    [[True, True], [True, False], [False, True]]
    """
    known = ~np.isnan(matrix)
    says = known.copy()
    always, facts, known_by = _null_facts(tuple(features), basis.null_facts)
    says[:, always] = True
    says[:, facts] |= known[:, known_by]
    features, applies_to = tuple(features), tuple(basis.strata.items())
    if applies_to:
        for name, rows in _rows_by_stratum(strata):
            says[rows] &= _applies(features, applies_to, name)
    return says


def _add_repeats(
    contributions: Floats, matrix: Floats, says: NDArray[np.bool_], features: tuple[str, ...]
) -> None:
    """Add contributions of values that only repeat a fact to those of the fact, in place."""
    for fact, days, repeats in _repeats(features):
        idle = says[:, fact] & (matrix[:, fact] >= days)
        if not idle.any():
            continue
        for repeat in repeats:
            rows = idle & (matrix[:, repeat] == 0)
            contributions[rows, fact] += contributions[rows, repeat]
            contributions[rows, repeat] = 0.0


@lru_cache(maxsize=64)
def _repeats(features: tuple[str, ...]) -> list[tuple[int, int, list[int]]]:
    """Positions of facts and of their repeats, with the days of the facts' windows."""
    column = {name: place for place, name in enumerate(features)}
    return [
        (column[fact], days, [column[name] for name in repeats if name in column])
        for fact, (days, repeats) in _REPEATS.items()
        if fact in column
    ]


def _rows_by_stratum(strata: Texts) -> Iterator[tuple[str, NDArray[np.bool_] | slice]]:
    """Strata with their rows; all rows at once where they are of one stratum, as a single row is."""
    names = sorted(set(strata.tolist()))
    for name in names:
        yield name, slice(None) if len(names) == 1 else strata == name


@lru_cache(maxsize=64)
def _null_facts(
    features: tuple[str, ...], null_facts: tuple[str, ...]
) -> tuple[list[int], list[int], list[int]]:
    """Positions of features whose missing value is always a fact; of the others; and of the features
    that each of the others is known by.
    """
    column = {name: place for place, name in enumerate(features)}
    always, facts, known_by = [], [], []
    for name in null_facts:
        by = FORMS[name].known_by if name in FORMS else None
        if name in column and by in column:
            facts.append(column[name])
            known_by.append(column[by])
        elif name in column:
            always.append(column[name])
    return always, facts, known_by


@lru_cache(maxsize=64)
def _applies(
    features: tuple[str, ...], strata: tuple[tuple[str, tuple[str, ...]], ...], stratum: str
) -> NDArray[np.bool_]:
    """Which features apply to a stratum, (k,) bool: all of them to `EVERYONE`."""
    applies_to = dict(strata)
    return np.array(
        [
            stratum == EVERYONE or stratum in applies_to.get(feature, (stratum,))
            for feature in features
        ]
    )


def _mean(contributions: Floats, weight: Floats) -> tuple[float, ...]:
    means = np.average(contributions, axis=0, weights=weight)
    # Adding 0 turns a negative zero into a zero.
    return tuple((np.round(means, _DECIMALS) + 0.0).tolist())
