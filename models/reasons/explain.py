"""Reasons: how much each feature changes a prediction, by exact SHAP values on the raw margin.

The values are path-dependent TreeSHAP values (Lundberg et al. 2018). They are additive: the base
plus a row's contributions is its raw margin, also if contributions are first added up by reason key
or by driver.

A contribution describes the model, not why customers leave.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from holdfast.errors import InputError
from models.boosters.average import mean_of
from models.reasons.groups import group_features
from models.reasons.meaning import FeatureMeaning
from models.reasons.tree_shap import TreeShap
from models.reasons.trees import UnsupportedTreesError
from models.words.catalogue import words

if TYPE_CHECKING:
    import shap

Decode = Callable[[str, float], str | float | None]
"""Gives a feature's value as its table has it, such as a category, from its name and number."""

BULK_ROWS = 2000
"""From this many rows on, `TreeShap` saves more time than the second that its tables take (``python
-m benchmarks.models.explanation``).
"""

LEAST_CONTRIBUTION = 0.005
"""Log-odds, half a per cent of the odds: smaller contributions are not reported."""


@dataclass(frozen=True)
class Explanation:
    """Contributions of every feature to every row's raw margin.

    Parameters
    ----------
    base : (n,) float64
        Expected raw margin (log-odds) over the training rows of the boosters that score the row.
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
        check_meanings(self, meanings)
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


def explain(boosters: Sequence[lgb.Booster], matrix: Floats, threads: int) -> Explanation:
    """Explain mean raw margins: few rows by LightGBM's own code, many by `TreeShap`. The values
    differ by less than 1e-9.

    Parameters
    ----------
    boosters : sequence of lightgbm.Booster
        At least one, without linear trees, with the same features.
    matrix : (n, k) float64
        Features in the boosters' order, NaN for missing, n at least 1.
    threads : int
        Threads that may be used; 0 for all. The result does not depend on it.
    """
    if len(matrix) >= BULK_ROWS:
        try:
            trees = TreeShap(boosters)
        except UnsupportedTreesError:
            pass
        else:
            return Explanation(
                np.full(len(matrix), trees.base), trees.contributions(matrix, threads)
            )
    values = mean_of(
        [
            np.asarray(
                booster.predict(matrix, pred_contrib=True, num_threads=threads), dtype=np.float64
            )
            for booster in boosters
        ]
    )
    return Explanation(base=values[:, -1], contributions=values[:, :-1])


def by_reason(explanation: Explanation, meanings: Sequence[FeatureMeaning]) -> Grouped:
    """Contributions by reason key; InputError if the meanings are not those of the columns."""
    return _grouped(explanation, meanings, [meaning.reason for meaning in meanings])


def by_driver(explanation: Explanation, meanings: Sequence[FeatureMeaning]) -> Grouped:
    """Contributions by driver; InputError if the meanings are not those of the columns."""
    return _grouped(explanation, meanings, [meaning.driver for meaning in meanings])


def _grouped(
    explanation: Explanation, meanings: Sequence[FeatureMeaning], keys: Sequence[str]
) -> Grouped:
    check_meanings(explanation, meanings)
    groups = group_features(keys)
    return Grouped(groups.names, groups.members, groups.sums(explanation.contributions))


def check_meanings(explanation: Explanation, meanings: Sequence[FeatureMeaning]) -> None:
    """Refuse meanings that are not those of the columns; InputError."""
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
