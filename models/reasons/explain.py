"""Reasons: how much each feature changes a prediction, by exact SHAP values on the raw margin, and
the same in words.

The values are path-dependent TreeSHAP values (Lundberg et al. 2018). They are additive: the base
plus a row's contributions is its raw margin, also if contributions are first added up by reason key
or by driver.

A contribution describes the model, not why customers leave. The words state what is known about a
customer and claim no cause.
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
"""Gives a feature's value as its table has it, such as a category, from its name and number."""

BULK_ROWS = 2000
"""From this many rows on, `TreeShap` saves more time than the second that its tables take (``python
-m benchmarks.models.explanation``).
"""

LEAST_CONTRIBUTION = 0.005
"""Log-odds, half a per cent of the odds: smaller contributions are not reported."""

# Groups tried in addition to those asked for, since two may have the same text.
_SPARE = 5


@dataclass(frozen=True)
class Explanation:
    """Contributions of every feature to every row's raw margin.

    Parameters
    ----------
    base : (n,) float64
        Expected raw margin (log-odds) over the training rows of the booster that scores the row.
    contributions : (n, k) float64
        Log-odds, one column per feature in the model's order. ``base + contributions.sum(axis=1)`` is
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

        Of equal contributions the first feature's comes first, so that equal rows get equal
        reasons.

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
        The g groups, in the order of their first features.
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
        Part of the service that the feature is about.
    contribution : float
        Log-odds that the reason adds to the raw margin.
    direction : {"raises", "lowers"}
        Whether it raises or lowers the predicted risk.
    actionable : bool
        Care can change what the text is about.
    feature : str
        The feature that the text is about: of the reason's features the one that contributes most
        in its direction, or a related feature that is easier to understand.
    value : float or None
        The customer's value of it; None if missing.
    unit : str
        Unit of the value.
    text : str
        What is known about the customer, in the language asked for.
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
    """Explain raw margins: few rows by LightGBM's own code, many by `TreeShap`. The values differ by
    less than 1e-9.

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
    """Contributions by reason key; InputError if the meanings are not those of the columns."""
    return _grouped(explanation, meanings, [meaning.reason for meaning in meanings])


def by_driver(explanation: Explanation, meanings: Sequence[FeatureMeaning]) -> Grouped:
    """Contributions by driver; InputError if the meanings are not those of the columns."""
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
        Leave out reasons of the other direction.
    decode : Decode, optional
        How to write values of features without words.

    Returns
    -------
    list of n tuples of WordedReason
        Strongest first. Fewer than `count` if fewer contribute at least `LEAST_CONTRIBUTION`, or if
        two have the same text.

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
    reasons_by_row = []
    for row, strongest in enumerate(order[:, : count + _SPARE].tolist()):
        values = dict(zip(by_name, matrix[row].tolist(), strict=True))
        contributions = explanation.contributions[row].tolist()
        by_text: dict[str, WordedReason] = {}
        for group in strongest:
            if len(by_text) == count or strength[row, group] < LEAST_CONTRIBUTION:
                break
            contribution = float(groups.contributions[row, group])
            largest = _largest(contributions, groups.members[group], contribution)
            reason = _reason(meanings[largest], contribution, values, by_name, catalogue, decode)
            by_text.setdefault(reason.text, reason)
        reasons_by_row.append(tuple(by_text.values()))
    return reasons_by_row


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


def _largest(contributions: Sequence[float], members: Sequence[int], contribution: float) -> int:
    """The feature of a group that contributes most in the direction of the group."""
    sign = 1.0 if contribution > 0 else -1.0
    return max(members, key=lambda position: sign * contributions[position])


def _reason(
    largest: FeatureMeaning,
    contribution: float,
    values: dict[str, float],
    meanings: Mapping[str, FeatureMeaning],
    catalogue: Catalogue,
    decode: Decode | None,
) -> WordedReason:
    worded = sentence(largest.name, values, catalogue)
    shown = largest if worded is None else meanings[worded.feature]
    value = values[shown.name] if isfinite(values[shown.name]) else None
    if worded is None:
        decoded = value if value is None or decode is None else decode(shown.name, value)
        text = fallback(shown.about or shown.name, decoded, catalogue)
    else:
        text = worded.text
    return WordedReason(
        reason=largest.reason,
        driver=shown.driver,
        contribution=contribution,
        direction="raises" if contribution > 0 else "lowers",
        actionable=shown.actionable,
        feature=shown.name,
        value=value,
        unit=shown.unit,
        text=text,
    )
