"""Experiments: rows, the arm that each is in, with what probability, and their outcomes.

The outcome is *retained*, or another one for which more is better. Every effect is the change in
the outcome because of an action, and positive is good.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats, Positions
from holdfast.errors import InputError
from training.counting import fewest_of_a_class

FEWEST_IN_AN_ARM = 100
"""Rows that an arm needs for the interval of its mean to be valid."""

FEWEST_CLUSTERS = 50
"""Customers or households that an experiment needs, for the same reason."""

FEWEST_IN_AN_ARM_FOR_A_VERDICT = 20
"""Customers or households that each arm needs for a verdict, by their effective number: with fewer, an
interval of their mean misses the truth too often where they differ much from each other.
"""

LARGEST_CLUSTER = 0.1
"""Largest share of the rows in one of them; with more, the rows cannot be split into parts."""

FEWEST_OF_A_CLASS = 20
"""Customers or households with a good outcome, and with another, that an experiment needs."""

Source = Literal["stored", "shares"]
Claim = Literal["caller", "table"]


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """An experiment with n rows.

    Parameters
    ----------
    name : str
        Its name, to be shown.
    arms : tuple of str
        Names; the first is control.
    arm : (n,) int64
        Position of each row's arm.
    outcome : (n,) float64
        More is better, so that a positive effect is good; 1 for retained and 0 for lost where it is
        binary. No NaN.
    outcome_name : str
        Name of the outcome, to be shown.
    propensity : (n,) float64
        Probability with which the row's own arm was drawn, above 0 and below 1.
    source : {"stored", "shares"}
        Whether propensities were stored when arms were drawn, or are estimated from the arms'
        shares.
    cluster : (n,) int64
        Household or customer of each row: rows of one cluster depend on each other, and are never
        on both sides of a split.
    matrix : (n, k) float64
        Features as known before the arm was drawn, NaN for missing.
    features : tuple of str
        Names of the k features.
    labels : tuple of str
        Names of the k features, to be shown.
    categories : mapping of int to tuple of str
        By position, the categories behind the codes of categorical features.
    left_out : dict of str to int
        Rows left out, by reason.
    marks : dict of str to (n,) bool
        Rows to report, such as those treated by another action before the outcome was known.
    drawn_at_random : {"caller", "table"} or None
        Who says that arms were drawn at random: the person who asked, or the table itself. None
        where nobody does.
    treatment : str
        Column or table that names the arms.
    """

    name: str
    arms: tuple[str, ...]
    arm: NDArray[np.int64]
    outcome: Floats
    outcome_name: str
    propensity: Floats
    source: Source
    cluster: NDArray[np.int64]
    matrix: Floats
    features: tuple[str, ...]
    labels: tuple[str, ...]
    categories: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    marks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    drawn_at_random: Claim | None = None
    treatment: str = ""

    @property
    def binary(self) -> bool:
        """Whether the outcome is 1 or 0."""
        return bool(np.isin(self.outcome, (0.0, 1.0)).all())

    def marked(self) -> dict[str, dict[str, float]]:
        """Share of marked rows in each arm, by mark."""
        return {
            name: {
                arm: float(mark[self.arm == place].mean()) for place, arm in enumerate(self.arms)
            }
            for name, mark in self.marks.items()
        }

    def clusters(self, arm: int) -> tuple[int, float]:
        """Clusters of an arm, and their effective number: as many of one size would tell as much.

        A cluster with rows in several arms counts in each of them, by its rows there.

        Parameters
        ----------
        arm : int
            Position of the arm.
        """
        inside = self.arm == arm
        _, code = np.unique(self.cluster[inside], return_inverse=True)
        weight = np.bincount(code, weights=1 / self.propensity[inside])
        return len(weight), float(weight.sum() ** 2 / (weight**2).sum())

    @property
    def is_ranked(self) -> bool:
        """Whether any feature differs between rows, so that they can be ranked."""
        missing = np.isnan(self.matrix)
        values = np.where(missing, np.inf, self.matrix)
        return bool((values != values[:1]).any())

    def with_a_feature(self) -> "Experiment":
        """The experiment itself, or one with a feature that is the same for everybody, where it has
        none: its average effect is then the plain difference of means.
        """
        if self.features:
            return self
        return replace(
            self,
            matrix=np.zeros((len(self.outcome), 1)),
            features=("nothing",),
            labels=("nothing",),
        )

    def without(self, labels: Collection[str]) -> "Experiment":
        """The same experiment without some features, by their labels."""
        kept = [k for k, label in enumerate(self.labels) if label not in labels]
        return replace(
            self,
            matrix=self.matrix[:, kept],
            features=tuple(self.features[k] for k in kept),
            labels=tuple(self.labels[k] for k in kept),
            categories={
                place: self.categories[k] for place, k in enumerate(kept) if k in self.categories
            },
        )

    def rows(self, positions: Positions) -> "Experiment":
        """The same experiment with only these rows, in this order."""
        return replace(
            self,
            arm=self.arm[positions],
            outcome=self.outcome[positions],
            propensity=self.propensity[positions],
            cluster=np.unique(self.cluster[positions], return_inverse=True)[1].astype(np.int64),
            matrix=self.matrix[positions],
            marks={name: mark[positions] for name, mark in self.marks.items()},
        )

    def checked(self) -> "Experiment":
        """Return the experiment itself, if effects can be estimated from it.

        Raises
        ------
        InputError
            There is no control or nothing but control, an arm is too small, a propensity is not a
            probability between 0 and 1, or the outcome hardly varies.
        """
        counts = np.bincount(self.arm, minlength=len(self.arms))
        if len(self.arms) < 2:
            raise InputError(
                "--treatment",
                "needs at least two arms, control and one that was treated",
                list(self.arms),
            )
        for name, count in zip(self.arms, counts, strict=True):
            if count < FEWEST_IN_AN_ARM:
                raise InputError(
                    "--treatment",
                    f"needs at least {FEWEST_IN_AN_ARM} rows in arm {name!r}; "
                    "remove its rows, or name the arm in which they were drawn",
                    int(count),
                )
        wrong = ~((self.propensity > 0) & (self.propensity < 1))
        if wrong.any():
            raise InputError(
                "--propensity", "must lie above 0 and below 1", float(self.propensity[wrong][0])
            )
        if np.ptp(self.outcome) == 0:
            raise InputError(
                "--outcome", "must not be the same in all rows", float(self.outcome[0])
            )
        fewest = fewest_of_a_class(self.outcome, self.cluster) if self.binary else FEWEST_OF_A_CLASS
        if fewest < FEWEST_OF_A_CLASS:
            raise InputError(
                "--outcome",
                f"needs at least {FEWEST_OF_A_CLASS} customers or groups with each outcome",
                fewest,
            )
        sizes = np.bincount(np.unique(self.cluster, return_inverse=True)[1])
        if len(sizes) < FEWEST_CLUSTERS:
            raise InputError(
                "--group", f"needs at least {FEWEST_CLUSTERS} customers or groups", len(sizes)
            )
        if sizes.max() > LARGEST_CLUSTER * len(self.cluster):
            raise InputError(
                "--group",
                f"must not hold more than {LARGEST_CLUSTER:.0%} of all rows in one group",
                int(sizes.max()),
            )
        return self
