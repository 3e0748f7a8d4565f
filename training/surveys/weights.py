"""Survey weights: how many customers each answer represents, and how unequal the weights are."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holdfast.arrays import Floats
from holdfast.errors import InputError
from training.counting import effective_number
from training.settings import SurveySettings


@dataclass(frozen=True, kw_only=True)
class SurveyWeights:
    """Weights of the answered rows.

    Parameters
    ----------
    design : (n,) float64
        How many customers each invitation represents by what was drawn at random, mean one.
    response : (n,) float64
        One over the probability of answering when invited, at least 1, clipped.
    combined : (n,) float64
        Their product, mean one: for fitting and evaluation.
    clip : float
        The largest response weight allowed.
    clipped : (n,) bool
        Response weights that were larger.
    answer : (n,) int64
        Codes: rows of one answer have the same.
    """

    design: Floats
    response: Floats
    combined: Floats
    clip: float
    clipped: NDArray[np.bool_]
    answer: NDArray[np.int64]

    @property
    def effective_answers(self) -> float:
        """Kish's effective sample size: fewer answers, the more unequal their combined weights are.
        Rows of one answer, at several cut-offs, are one answer.
        """
        return effective_number(self.combined, self.answer)

    def diagnostics(self) -> "WeightDiagnostics":
        """Summarise how unequal the weights are."""
        return WeightDiagnostics(
            rows=len(self.combined),
            answers=len(np.unique(self.answer)),
            effective_rows=self.effective_answers,
            least=float(self.combined.min()),
            median=float(np.median(self.combined)),
            most=float(self.combined.max()),
            clip=self.clip,
            clipped_share=float(self.clipped.mean()),
            design_effective_rows=effective_number(self.design, self.answer),
        )


@dataclass(frozen=True, kw_only=True)
class WeightDiagnostics:
    """How unequal weights are.

    Parameters
    ----------
    rows, answers : int
        Rows, and the distinct answers that they are of.
    effective_rows, design_effective_rows : float
        Kish's effective sample size, in answers: by the combined weights, and by the design weights
        alone.
    least, median, most : float
        Combined weights; their mean is one.
    clip, clipped_share : float
        The largest response weight allowed, and the share of answers that was larger.
    """

    rows: int
    answers: int
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


def survey_weights(
    design: Floats,
    answering_probability: Floats,
    settings: SurveySettings,
    answer: NDArray[np.int64] | None = None,
) -> SurveyWeights:
    """Compute the weights of answers.

    Parameters
    ----------
    design : (n,) float64
        How many customers each invitation represents, positive, in any unit: one over the
        probability of being invited.
    answering_probability : (n,) float64
        Probability of answering when invited, in (0, 1].
    settings : SurveySettings
        Where response weights are clipped.
    answer : (n,) int64, optional
        Codes: rows of one answer have the same; by default each row is an answer.

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
        answer=np.arange(len(design)) if answer is None else answer,
    )
