"""Reasons as codes: which reasons are the strongest, without words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from holdfast.arrays import Floats, Positions
from models.reasons.explain import LEAST_CONTRIBUTION, Explanation, check_meanings
from models.reasons.groups import FeatureGroups, group_features
from models.reasons.meaning import FeatureMeaning

Effect = Literal["raises", "lowers"]

_BLOCK_ROWS = 10_000  # of which the members of all reasons fit in some megabytes


@dataclass(frozen=True)
class StrongestReasons:
    """The c strongest reasons for each of n predictions, strongest first.

    Parameters
    ----------
    features : (n, c) intp
        Of the features that share the reason, the position of the one that contributes most in its
        direction; -1 where a row has fewer reasons.
    contributions : (n, c) float64
        Log-odds that all of them together add to the raw margin; NaN where there is none.
    """

    features: Positions
    contributions: Floats


def strongest_reasons(
    explanation: Explanation,
    meanings: Sequence[FeatureMeaning],
    count: int,
    *,
    only: Effect | None = None,
) -> StrongestReasons:
    """The strongest reasons for each row's prediction.

    Parameters
    ----------
    explanation : Explanation
        Of n rows.
    meanings : sequence of FeatureMeaning
        What the k features mean, in the order of the columns.
    count : int
        Most reasons for a row.
    only : {"raises", "lowers"}, optional
        Leave out reasons of the other direction.

    Returns
    -------
    StrongestReasons
        Those that contribute at least `LEAST_CONTRIBUTION`. Of equal ones the reason comes first
        whose first feature does.

    Raises
    ------
    InputError
        The meanings are not those of the columns.
    """
    check_meanings(explanation, meanings)
    groups = group_features([meaning.reason for meaning in meanings])
    blocks = [
        _strongest(explanation.contributions[start : start + _BLOCK_ROWS], groups, count, only)
        for start in range(0, max(len(explanation.contributions), 1), _BLOCK_ROWS)
    ]
    return StrongestReasons(
        np.concatenate([block.features for block in blocks]),
        np.concatenate([block.contributions for block in blocks]),
    )


def _strongest(
    contributions: Floats, groups: FeatureGroups, count: int, only: Effect | None
) -> StrongestReasons:
    sums = groups.sums(contributions)
    strength = np.abs(sums) if only is None else sums if only == "raises" else -sums
    order = np.argsort(-strength, axis=1, kind="stable")[:, :count]
    rows = np.arange(len(sums))[:, None]
    chosen, is_reason = sums[rows, order], strength[rows, order] >= LEAST_CONTRIBUTION
    members = groups.padded[order]
    in_direction = contributions[rows[:, :, None], members] * np.sign(chosen)[:, :, None]
    # Of equal ones the first, so that what pads a group is never the largest.
    largest = in_direction.argmax(axis=2)
    features = members[rows, np.arange(order.shape[1]), largest]
    return StrongestReasons(np.where(is_reason, features, -1), np.where(is_reason, chosen, np.nan))


def actionable_share(explanation: Explanation, meanings: Sequence[FeatureMeaning]) -> Floats:
    """Share of each row's absolute contributions that comes from features that care can change.

    Parameters
    ----------
    explanation, meanings
        As in `strongest_reasons`.

    Returns
    -------
    (n,) float64
        0 to 1; NaN where nothing contributes.
    """
    strength = np.abs(explanation.contributions)
    total = strength.sum(axis=1)
    changeable = strength[:, [meaning.actionable for meaning in meanings]].sum(axis=1)
    return np.divide(changeable, total, out=np.full(len(total), np.nan), where=total > 0)
