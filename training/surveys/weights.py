"""Survey weights: how many customers each answer stands for, by design and by who answers, and how
much to trust that.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from holdfast.errors import InputError
from training.surveys.settings import SurveySettings

BALANCED = 0.1
"""Standardised difference up to which answers are said to look like those who were asked."""


@dataclass(frozen=True, kw_only=True)
class SurveyWeights:
    """Weights of the rows that answered.

    Parameters
    ----------
    design : (n,) float64
        How many customers each invitation stands for by what was drawn at random, mean one.
    response : (n,) float64
        One over the probability of answering when invited, at least 1, clipped.
    combined : (n,) float64
        Their product, mean one: what models are fitted and judged with.
    clip : float
        The largest response weight allowed.
    clipped : (n,) bool
        Response weights that were larger.
    """

    design: Floats
    response: Floats
    combined: Floats
    clip: float
    clipped: NDArray[np.bool_]

    @property
    def effective_rows(self) -> float:
        """Rows with equal weights that would tell as much (Kish): fewer, the more unequal the
        combined weights are.
        """
        return float(self.combined.sum() ** 2 / (self.combined**2).sum())

    def diagnostics(self) -> "WeightDiagnostics":
        """What there is to say about the weights."""
        return WeightDiagnostics(
            rows=len(self.combined),
            effective_rows=self.effective_rows,
            least=float(self.combined.min()),
            median=float(np.median(self.combined)),
            most=float(self.combined.max()),
            clip=self.clip,
            clipped_share=float(self.clipped.mean()),
            design_effective_rows=float(self.design.sum() ** 2 / (self.design**2).sum()),
        )


@dataclass(frozen=True, kw_only=True)
class WeightDiagnostics:
    """How unequal weights are.

    Parameters
    ----------
    rows : int
        Answers.
    effective_rows, design_effective_rows : float
        Rows with equal weights that would tell as much: by the combined weights, and by the design
        weights alone.
    least, median, most : float
        Combined weights; their mean is one.
    clip, clipped_share : float
        The largest response weight allowed, and the share of answers that was larger.
    """

    rows: int
    effective_rows: float
    design_effective_rows: float
    least: float
    median: float
    most: float
    clip: float
    clipped_share: float

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Balance:
    """How far those who answered look like all who were asked, in one column.

    Parameters
    ----------
    column : str
        A feature, or ``<feature> missing`` for whether it is missing.
    asked : float
        Mean over all who were invited, by design weights.
    before, after : float
        Standardised difference of those who answered: by design weights alone, and by combined
        weights. 0 is alike.
    """

    column: str
    asked: float
    before: float
    after: float


def survey_weights(
    design: Floats, answering_probability: Floats, settings: SurveySettings
) -> SurveyWeights:
    """Weights of answers.

    Parameters
    ----------
    design : (n,) float64
        How many customers each invitation stands for, positive, in any unit: one over the
        probability of being invited.
    answering_probability : (n,) float64
        With which each was to answer when invited, in (0, 1].
    settings : SurveySettings
        Where response weights are clipped.

    Raises
    ------
    InputError
        There are no answers, or a weight or probability is out of range.
    """
    if len(design) == 0:
        raise InputError("answers", "there must be at least one")
    if (wrong := ~((design > 0) & np.isfinite(design))).any():
        raise InputError("design", "must be positive", float(design[wrong][0]))
    if (wrong := ~((answering_probability > 0) & (answering_probability <= 1))).any():
        raise InputError(
            "answering_probability", "must lie in (0, 1]", float(answering_probability[wrong][0])
        )
    unclipped = 1.0 / answering_probability
    clip = max(
        1.0, min(settings.weight_most, float(np.quantile(unclipped, settings.weight_quantile)))
    )
    response = np.minimum(unclipped, clip)
    combined = design * response
    return SurveyWeights(
        design=design / design.mean(),
        response=response,
        combined=combined / combined.mean(),
        clip=clip,
        clipped=unclipped > clip,
    )


def balance(
    matrix: Floats,
    features: Sequence[str],
    answered: NDArray[np.bool_],
    design: Floats,
    weights: SurveyWeights,
) -> list[Balance]:
    """Compare those who answered with all who were invited, column by column, before and after
    response weights.

    Parameters
    ----------
    matrix : (n, k) float64
        Columns of the invited rows, NaN for missing.
    features : sequence of str
        Their names.
    answered : (n,) bool
        Which rows answered; `weights` are theirs.
    design : (n,) float64
        How many customers each row stands for, in any unit.

    Returns
    -------
    list of Balance
        Columns that vary, the farthest apart before weighting first. That values are missing is a
        column too; means are of the rest.
    """
    found = []
    for position, name in enumerate(features):
        values = matrix[:, position]
        missing = np.isnan(values)
        columns = [(name, values, ~missing)]
        if missing.any():
            columns.append(
                (
                    f"{name} missing",
                    missing.astype(np.float64),
                    np.ones(len(values), dtype=np.bool_),
                )
            )
        for column, of, known in columns:
            compared = _compared(column, of, known, answered, design, weights.combined)
            if compared is not None:
                found.append(compared)
    return sorted(found, key=lambda one: (-abs(one.before), one.column))


def _compared(
    column: str,
    values: Floats,
    known: NDArray[np.bool_],
    answered: NDArray[np.bool_],
    design: Floats,
    combined: Floats,
) -> Balance | None:
    told = known & answered
    if not told.any():
        return None
    asked = float(np.average(values[known], weights=design[known]))
    spread = float(np.sqrt(np.average((values[known] - asked) ** 2, weights=design[known])))
    if spread <= 0:
        return None
    after = np.zeros(len(values))
    after[answered] = combined
    before_mean, after_mean = (
        float(np.average(values[told], weights=weight[told])) for weight in (design, after)
    )
    return Balance(
        column=column,
        asked=asked,
        before=(before_mean - asked) / spread,
        after=(after_mean - asked) / spread,
    )
