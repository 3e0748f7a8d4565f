"""Reasons as codes: which reasons are the strongest, without words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from holdfast.arrays import Floats, Positions
from models.reasons.explain import LEAST_CONTRIBUTION, Explanation, by_reason
from models.reasons.meaning import FeatureMeaning

Effect = Literal["raises", "lowers"]


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
    groups = by_reason(explanation, meanings)
    wanted = groups.contributions if only != "lowers" else -groups.contributions
    strength = np.abs(groups.contributions) if only is None else wanted
    order = np.argsort(-strength, axis=1, kind="stable")[:, :count]
    contributions = np.take_along_axis(groups.contributions, order, axis=1)
    is_reason = np.take_along_axis(strength, order, axis=1) >= LEAST_CONTRIBUTION
    features = np.full(order.shape, -1, dtype=np.intp)
    for group, members in enumerate(groups.members):
        rows, places = np.nonzero((order == group) & is_reason)
        if len(rows):
            sign = np.sign(contributions[rows, places])[:, None]
            of_members = explanation.contributions[np.ix_(rows, np.asarray(members))] * sign
            features[rows, places] = np.asarray(members)[of_members.argmax(axis=1)]
    return StrongestReasons(features, np.where(is_reason, contributions, np.nan))


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
