"""Reasons: how much each feature moved a prediction, by exact SHAP values on the raw margin, and
what that says in words.

They are path-dependent TreeSHAP values (Lundberg et al. 2018) and additive: the base plus a row's
contributions is its raw margin, and so is the base plus their sums over any grouping of the
features, such as by reason key or by driver.

A contribution is one to a prediction. It says what the model saw in a customer, never what makes
customers leave: the words state what is known and claim no cause.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Literal

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from holdfast.errors import InputError
from models.reasons.meaning import FeatureMeaning
from models.reasons.tree_shap import TreeShap, UnsupportedTreesError
from models.words.catalogue import Catalogue, words
from models.words.sentence import fallback, sentence

if TYPE_CHECKING:
    import shap

Effect = Literal["raises", "lowers"]
Decode = Callable[[str, float], str | float | None]
"""Tells a feature's number as its table has it, such as a category's name; by feature name."""

BULK_ROWS = 2000
"""From this many rows on, `TreeShap` has earned the second that its tables take (``python -m
benchmarks.explanation``).
"""

LEAST_CONTRIBUTION = 0.005
"""Log-odds, half a per cent of the odds: what moved a prediction by less is no reason."""

# Groups looked at beyond those asked for, since two may say the same.
_SPARE = 5


@dataclass(frozen=True)
class Explanation:
    """Contributions of every feature to every row's raw margin.

    Parameters
    ----------
    base : (n,) float64
        Expected raw margin (log-odds) over the training rows of the booster that scores the row.
    contributions : (n, k) float64
        Log-odds, one column a feature in the model's order. ``base + contributions.sum(axis=1)`` is
        the raw margin.
    """

    base: Floats
    contributions: Floats

    @property
    def margin(self) -> Floats:
        """The raw margins that the contributions add up to, (n,) float64."""
        return self.base + self.contributions.sum(axis=1)

    def strongest(self, count: int) -> NDArray[np.intp]:
        """Positions of each row's `count` largest contributions in absolute value, largest first.

        Ties go to the feature that comes first, so that equal rows read alike.

        Returns
        -------
        (n, min(count, k)) intp
        """
        return np.argsort(-np.abs(self.contributions), axis=1, kind="stable")[:, :count]

    def to_shap(
        self,
        matrix: Floats,
        meanings: Sequence[FeatureMeaning],
        language: str = "en",
        *,
        decode: "Decode | None" = None,
    ) -> "shap.Explanation":
        """The same explanation for ``shap.plots``; the first call loads `shap`, some seconds.

        Parameters
        ----------
        matrix : (n, k) float64
            The rows' features, NaN for missing.
        meanings : sequence of FeatureMeaning
            What the k features mean, in the order of the columns.
        language : str
            Language of the names, as a BCP 47 tag. Fonts of matplotlib often lack Chinese.
        decode : Decode, optional
            Values to write in a waterfall instead of the numbers of `matrix`. Without it the
            numbers themselves are written.

        Returns
        -------
        shap.Explanation
            Of n rows: contributions, base, `matrix`, and a name in words for each feature.

        Raises
        ------
        InputError
            There are no words in that language, or matrix or meanings are not those of the
            contributions.

        Examples
        --------
        >>> explanation = Explanation(np.zeros(1), np.array([[0.3, -0.1]]))
        >>> meanings = [FeatureMeaning.of_column("tenure"), FeatureMeaning.of_column("fee")]
        >>> explanation.to_shap(np.array([[12.0, 40.0]]), meanings).feature_names
        ['tenure', 'fee']
        """
        _check_meanings(self, meanings)
        if matrix.shape != self.contributions.shape:
            raise InputError(
                "matrix",
                f"must have the shape {self.contributions.shape} of the contributions",
                matrix.shape,
            )
        names = [meaning.label(language) for meaning in meanings]
        import shap  # here alone: it takes seconds to load

        return shap.Explanation(
            values=self.contributions,
            base_values=self.base,
            data=matrix,
            display_data=None
            if decode is None
            else _decoded(matrix, meanings, decode, words(language).phrases["unknown"]),
            feature_names=names,
        )


@dataclass(frozen=True)
class Grouped:
    """Contributions of groups of features, each the sum of its features'.

    Parameters
    ----------
    names : tuple of str
        The g groups, in the order in which the model's features first name them.
    members : tuple of tuple of int
        Positions of each group's features.
    contributions : (n, g) float64
        Log-odds. With the base they add up to the raw margin.
    """

    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]
    contributions: Floats


@dataclass(frozen=True)
class WordedReason:
    """One reason for a prediction, in words.

    Parameters
    ----------
    reason : str
        Key of the reason: the contributions of all features that share it are added up.
    driver : str
        Part of the service that the feature tells of.
    contribution : float
        Log-odds that the reason adds to the raw margin.
    direction : {"raises", "lowers"}
        Which way it moved the predicted risk.
    actionable : bool
        Care can change what the text speaks of.
    feature : str
        The feature that speaks for the reason: of its features that moved the prediction the same
        way, the one that did most, or one beside it that says the same more plainly.
    value : float or None
        The customer's own value of it; None where missing.
    unit : str
        What the value counts.
    text : str
        What is known of the customer, in the language asked for.
    """

    reason: str
    driver: str
    contribution: float
    direction: Effect
    actionable: bool
    feature: str
    value: float | None
    unit: str
    text: str

    def to_json(self) -> dict[str, Any]:
        """The reason as JSON."""
        return asdict(self)


def explain(booster: lgb.Booster, matrix: Floats, threads: int) -> Explanation:
    """Explain raw margins: few rows by LightGBM's own code, many by `TreeShap`, to the same values
    within 1e-9.

    Parameters
    ----------
    booster : lightgbm.Booster
        A booster without linear trees.
    matrix : (n, k) float64
        Features in the booster's order, NaN for missing, n at least 1.
    threads : int
        Threads that may be used; 0 for all. The result does not depend on it.
    """
    if len(matrix) >= BULK_ROWS:
        try:
            trees = TreeShap(booster)
        except UnsupportedTreesError:
            pass
        else:
            return Explanation(
                np.full(len(matrix), trees.base), trees.contributions(matrix, threads)
            )
    values = np.asarray(
        booster.predict(matrix, pred_contrib=True, num_threads=threads), dtype=np.float64
    )
    return Explanation(base=values[:, -1], contributions=values[:, :-1])


def by_reason(explanation: Explanation, meanings: Sequence[FeatureMeaning]) -> Grouped:
    """Contributions by reason key; InputError where the meanings are not those of the columns."""
    return _grouped(explanation, meanings, [meaning.reason for meaning in meanings])


def by_driver(explanation: Explanation, meanings: Sequence[FeatureMeaning]) -> Grouped:
    """Contributions by driver; InputError where the meanings are not those of the columns."""
    return _grouped(explanation, meanings, [meaning.driver for meaning in meanings])


def reasons(
    explanation: Explanation,
    matrix: Floats,
    meanings: Sequence[FeatureMeaning],
    language: str,
    count: int,
    *,
    only: Effect | None = None,
    decode: Decode | None = None,
) -> list[tuple[WordedReason, ...]]:
    """The strongest reasons for each row's prediction, in words.

    Parameters
    ----------
    explanation : Explanation
        Of n rows.
    matrix : (n, k) float64
        The rows' features, NaN for missing.
    meanings : sequence of FeatureMeaning
        What the k features mean, in the order of the columns.
    language : str
        A BCP 47 tag, such as ``en``, ``zh-Hans`` or ``zh-TW``.
    count : int
        Most reasons for a row.
    only : {"raises", "lowers"}, optional
        Leave out what moved the prediction the other way.
    decode : Decode, optional
        How to tell values of features that there are no words for.

    Returns
    -------
    list of n tuples of WordedReason
        Strongest first. Fewer than `count` where fewer moved the prediction by
        `LEAST_CONTRIBUTION`, or where two would say the same.

    Raises
    ------
    InputError
        There are no words in that language, or the meanings are not those of the columns.
    """
    groups, catalogue = by_reason(explanation, meanings), words(language)
    wanted = groups.contributions if only != "lowers" else -groups.contributions
    strength = np.abs(groups.contributions) if only is None else wanted
    order = np.argsort(-strength, axis=1, kind="stable")
    by_name = {meaning.name: meaning for meaning in meanings}
    found = []
    for row, strongest in enumerate(order[:, : count + _SPARE].tolist()):
        known = dict(zip(by_name, matrix[row].tolist(), strict=True))
        moved = explanation.contributions[row].tolist()
        said: dict[str, WordedReason] = {}
        for group in strongest:
            if len(said) == count or strength[row, group] < LEAST_CONTRIBUTION:
                break
            contribution = float(groups.contributions[row, group])
            speaker = meanings[_speaker(moved, groups.members[group], contribution)]
            reason = _reason(speaker, contribution, known, by_name, catalogue, decode)
            said.setdefault(reason.text, reason)
        found.append(tuple(said.values()))
    return found


def _grouped(
    explanation: Explanation, meanings: Sequence[FeatureMeaning], keys: Sequence[str]
) -> Grouped:
    _check_meanings(explanation, meanings)
    members: dict[str, list[int]] = {}
    for position, key in enumerate(keys):
        members.setdefault(key, []).append(position)
    sums = [explanation.contributions[:, positions].sum(axis=1) for positions in members.values()]
    contributions = np.column_stack(sums) if sums else np.empty((len(explanation.contributions), 0))
    return Grouped(
        tuple(members), tuple(tuple(positions) for positions in members.values()), contributions
    )


def _check_meanings(explanation: Explanation, meanings: Sequence[FeatureMeaning]) -> None:
    columns = explanation.contributions.shape[1]
    if len(meanings) != columns:
        raise InputError(
            "meanings",
            f"must be those of the {columns} features that were explained",
            len(meanings),
        )


def _decoded(
    matrix: Floats, meanings: Sequence[FeatureMeaning], decode: Decode, missing: str
) -> NDArray[np.object_]:
    """Every value as its table has it."""
    values = np.full(matrix.shape, missing, dtype=np.object_)
    for row, column in np.argwhere(~np.isnan(matrix)):
        values[row, column] = decode(meanings[column].name, float(matrix[row, column]))
    return values


def _speaker(contributions: Sequence[float], members: Sequence[int], contribution: float) -> int:
    """Of a group's features that moved the prediction the way the group did, the one that did
    most.
    """
    sign = 1.0 if contribution > 0 else -1.0
    return max(members, key=lambda position: sign * contributions[position])


def _reason(
    speaker: FeatureMeaning,
    contribution: float,
    known: dict[str, float],
    meanings: Mapping[str, FeatureMeaning],
    catalogue: Catalogue,
    decode: Decode | None,
) -> WordedReason:
    spoken = sentence(speaker.name, known, catalogue)
    told = speaker if spoken is None else meanings[spoken.feature]
    value = known[told.name] if isfinite(known[told.name]) else None
    if spoken is None:
        decoded = value if value is None or decode is None else decode(told.name, value)
        text = fallback(told.about or told.name, decoded, catalogue)
    else:
        text = spoken.text
    return WordedReason(
        reason=speaker.reason,
        driver=told.driver,
        contribution=contribution,
        direction="raises" if contribution > 0 else "lowers",
        actionable=told.actionable,
        feature=told.name,
        value=value,
        unit=told.unit,
        text=text,
    )
