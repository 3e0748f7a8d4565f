"""Views of reasons over many customers: what changes predictions overall, and how a cohort differs
from the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from holdfast.errors import InputError
from models.reasons.explain import Explanation, Grouped, by_driver, by_reason
from models.reasons.meaning import FeatureMeaning


@dataclass(frozen=True)
class Strength:
    """How much a reason, or a driver, changes predictions.

    Parameters
    ----------
    key : str
        The reason key or the driver.
    driver : str
        The driver; for a reason, that of its feature with the largest mean absolute contribution.
    mean : float
        Mean absolute contribution over the rows, log-odds.
    share : float
        The mean as a share of the sum over all reasons, or drivers.
    raising : float
        Share of the rows whose predicted risk it raises.
    actionable : float
        Share of its features' mean absolute contributions from features that care can change.
    """

    key: str
    driver: str
    mean: float
    share: float
    raising: float
    actionable: float


@dataclass(frozen=True)
class GlobalView:
    """What changes predictions overall, strongest first.

    Parameters
    ----------
    rows : int
        Number of rows.
    reasons, drivers : tuple of Strength
        By reason key and by driver.
    """

    rows: int
    reasons: tuple[Strength, ...]
    drivers: tuple[Strength, ...]


@dataclass(frozen=True)
class Contrast:
    """How much more, or less, a reason adds to a cohort's predicted risk than to the rest's.

    Parameters
    ----------
    key, driver : str
        As in `Strength`.
    cohort, rest : float
        Mean contribution, log-odds.
    feature : str
        The feature of the reason that differs most in its contributions.
    unit : str
        Unit of the feature.
    cohort_value, rest_value : float
        Median of the feature without missing values; NaN if all are missing.
    cohort_missing, rest_missing : float
        Share of rows without a value.
    """

    key: str
    driver: str
    cohort: float
    rest: float
    feature: str
    unit: str
    cohort_value: float
    rest_value: float
    cohort_missing: float
    rest_missing: float

    @property
    def difference(self) -> float:
        """Mean contribution in the cohort minus that in the rest, log-odds."""
        return self.cohort - self.rest


@dataclass(frozen=True)
class CohortView:
    """A cohort compared with the rest.

    Parameters
    ----------
    cohort_rows, rest_rows : int
        Rows of each.
    cohort_margin, rest_margin : float
        Mean raw margin, log-odds. With equal bases, the differences of the contrasts add up to the
        difference of the two.
    contrasts : tuple of Contrast
        One per reason, largest absolute difference first.
    """

    cohort_rows: int
    rest_rows: int
    cohort_margin: float
    rest_margin: float
    contrasts: tuple[Contrast, ...]


def global_view(explanation: Explanation, meanings: Sequence[FeatureMeaning]) -> GlobalView:
    """What changes predictions overall.

    Parameters
    ----------
    explanation : Explanation
        Of n rows, n at least 1.
    meanings : sequence of FeatureMeaning
        What the features mean, in the order of the columns.

    Raises
    ------
    InputError
        There are no rows, or the meanings are not those of the columns.
    """
    rows = len(explanation.contributions)
    if rows == 0:
        raise InputError("explanation", "must be of at least one row", rows)
    weights = np.abs(explanation.contributions).mean(axis=0)
    return GlobalView(
        rows=rows,
        reasons=_strengths(by_reason(explanation, meanings), weights, meanings),
        drivers=_strengths(by_driver(explanation, meanings), weights, meanings),
    )


def cohort_view(
    explanation: Explanation,
    matrix: Floats,
    meanings: Sequence[FeatureMeaning],
    mask: NDArray[np.bool_],
) -> CohortView:
    """How a cohort differs from the rest.

    Parameters
    ----------
    explanation : Explanation
        Of n rows.
    matrix : (n, k) float64
        The rows' features, NaN for missing.
    meanings : sequence of FeatureMeaning
        What the features mean, in the order of the columns.
    mask : (n,) bool
        True for the cohort.

    Raises
    ------
    InputError
        The mask does not have one value per row, all rows are on one side of it, or the meanings
        are not those of the columns.
    """
    if mask.shape != (len(matrix),):
        raise InputError("mask", f"must have one value per row, of {len(matrix)} rows", mask.shape)
    if mask.all() or not mask.any():
        raise InputError("mask", "must leave rows on both sides", int(mask.sum()))
    groups = by_reason(explanation, meanings)
    cohort, rest = (groups.contributions[side].mean(axis=0) for side in (mask, ~mask))
    difference = explanation.contributions[mask].mean(axis=0) - explanation.contributions[
        ~mask
    ].mean(axis=0)
    contrasts = []
    for group in np.argsort(-np.abs(cohort - rest), kind="stable"):
        sign = 1.0 if cohort[group] > rest[group] else -1.0
        largest = max(groups.members[group], key=lambda position: sign * difference[position])
        inside, outside = matrix[mask, largest], matrix[~mask, largest]
        contrasts.append(
            Contrast(
                key=groups.names[group],
                driver=meanings[largest].driver,
                cohort=float(cohort[group]),
                rest=float(rest[group]),
                feature=meanings[largest].name,
                unit=meanings[largest].unit,
                cohort_value=_median(inside),
                rest_value=_median(outside),
                cohort_missing=float(np.isnan(inside).mean()),
                rest_missing=float(np.isnan(outside).mean()),
            )
        )
    margin = explanation.margin
    return CohortView(
        cohort_rows=int(mask.sum()),
        rest_rows=int((~mask).sum()),
        cohort_margin=float(margin[mask].mean()),
        rest_margin=float(margin[~mask].mean()),
        contrasts=tuple(contrasts),
    )


def _strengths(
    groups: Grouped, weights: Floats, meanings: Sequence[FeatureMeaning]
) -> tuple[Strength, ...]:
    means = np.abs(groups.contributions).mean(axis=0)
    strengths = []
    for group in np.argsort(-means, kind="stable"):
        members = groups.members[group]
        largest = max(members, key=lambda position: weights[position])
        changeable = sum(
            float(weights[position]) for position in members if meanings[position].actionable
        )
        strengths.append(
            Strength(
                key=groups.names[group],
                driver=meanings[largest].driver,
                mean=float(means[group]),
                share=_share(float(means[group]), float(means.sum())),
                raising=float((groups.contributions[:, group] > 0).mean()),
                actionable=_share(changeable, float(weights[list(members)].sum())),
            )
        )
    return tuple(strengths)


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _median(values: Floats) -> float:
    present = values[~np.isnan(values)]
    return float(np.median(present)) if len(present) else float("nan")
